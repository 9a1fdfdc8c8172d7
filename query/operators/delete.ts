/** Deletes nodes, relationships and paths for each row and passes the batch on. */
import type { Batch } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { runtimeError } from '../query-error.ts';
import { NodeValue, PathValue, RelationshipValue, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { PlanOperator } from './plan-operator.ts';

export class DeleteOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #values: readonly Evaluate[];
  readonly #detach: boolean;
  #batch: Batch | undefined;
  #row = 0;

  constructor(run: Run, input: PlanOperator, values: readonly Evaluate[], detach: boolean) {
    super();
    this.#run = run;
    this.#input = input;
    this.#values = values;
    this.#detach = detach;
  }

  open(): void {
    this.#input.open();
    this.#batch = undefined;
  }

  override clear(): void {
    this.#input.clear();
    this.#batch = undefined;
  }

  next(): Batch | undefined {
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      if (this.#batch === undefined) return undefined;
      this.#row = 0;
    }
    const batch = this.#batch;
    // Deleting again changes nothing, so a row that throws half way is repeated from its start.
    for (; this.#row < batch.size; this.#row++) {
      const values = this.#values.map((value) => value(batch.columns, this.#row));
      for (const value of values) this.#delete(value);
    }
    this.#batch = undefined;
    return batch;
  }

  #delete(value: RuntimeValue): void {
    if (value === null) return;
    const { writes } = this.#run;
    if (value instanceof NodeValue) writes.deleteNode(value.node, this.#detach);
    else if (value instanceof RelationshipValue) writes.deleteEdge(value.edge);
    else if (value instanceof PathValue) {
      for (const edge of value.edges) writes.deleteEdge(edge);
      for (const node of value.nodes) writes.deleteNode(node, this.#detach);
    } else {
      const message = `only nodes, relationships and paths can be deleted, not a value of type ${typeName(value)}`;
      throw runtimeError('TypeError', 'InvalidArgumentType', message);
    }
  }
}
