/** Sub-queries in expressions: a plan that runs for the row at hand, to its end, within the evaluation. */
import type { Evaluate } from '../expressions/evaluate.ts';
import type { ArgumentRow, PlanOperator } from '../operators/plan-operator.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { HeldValues } from './held-values.ts';
import type { Run } from './run.ts';

export function compileSubquery(
  run: Run,
  root: PlanOperator,
  {
    argument,
    mode,
    value,
  }: {
    readonly argument: ArgumentRow;
    readonly mode: 'exists' | 'count' | 'collect';
    readonly value: Evaluate | undefined;
  },
): Evaluate {
  const held = new HeldValues(run);
  return (columns, row) => {
    argument.set(columns, row);
    root.open();
    // A pause would lose what was found so far: the evaluation begins again after it.
    run.unpausable++;
    held.begin();
    try {
      if (mode === 'exists') return root.next() !== undefined;
      let count = 0;
      const items: RuntimeValue[] = [];
      for (;;) {
        const batch = root.next();
        if (batch === undefined) return mode === 'count' ? count : items;
        count += batch.size;
        if (value === undefined) continue;
        for (let i = 0; i < batch.size; i++) {
          const item = value(batch.columns, i);
          held.add(item);
          items.push(item);
        }
      }
    } finally {
      held.begin();
      run.unpausable--;
    }
  };
}
