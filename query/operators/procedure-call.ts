/** Calls a procedure for each row: one row for each of its results. */
import { Batch, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import type { ProcedureCall } from '../plan/operator.ts';
import { runtimeError } from '../query-error.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { store } from './project.ts';

export class ProcedureCallOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #plan: ProcedureCall;
  readonly #arguments: readonly Evaluate[];
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  #rows: Iterator<readonly RuntimeValue[]> | undefined;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      plan,
      args,
      kinds,
      copies,
    }: {
      readonly plan: ProcedureCall;
      readonly args: readonly Evaluate[];
      readonly kinds: readonly SlotKind[];
      readonly copies: readonly number[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#plan = plan;
    this.#arguments = args;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, [...copies, ...plan.results.map(({ slot }) => slot)]);
  }

  open(): void {
    this.#input.open();
    this.#rows = undefined;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#rows = undefined;
    this.#out.clear();
  }

  next(): Batch | undefined {
    const { results, isVoid } = this.#plan;
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      this.#rows ??= this.#call(batch, this.#input.row)[Symbol.iterator]();
      const found = isVoid ? undefined : this.#rows.next();
      if (found === undefined || found.done === true) {
        if (isVoid) this.#copies.row(batch.columns, this.#input.row, out.columns, out.size++);
        this.#rows = undefined;
        this.#input.advance();
        continue;
      }
      this.#copies.row(batch.columns, this.#input.row, out.columns, out.size);
      for (const { index, slot } of results) store(out, slot, out.size, found.value[index] ?? null);
      out.size++;
      this.#run.tick(1);
    }
    return out.deliver();
  }

  #call(batch: Batch, row: number): Iterable<readonly RuntimeValue[]> {
    const { name } = this.#plan;
    const procedure = this.#run.procedure(name);
    if (procedure === undefined) {
      throw runtimeError('ProcedureError', 'ProcedureNotFound', `there is no procedure \`${name}\``);
    }
    return procedure.call(
      this.#arguments.map((argument) => argument(batch.columns, row)),
      this.#run,
    );
  }
}
