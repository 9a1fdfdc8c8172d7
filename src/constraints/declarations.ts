/**
 * Declares and drops indexes and constraints of one graph. A constraint must be kept by everything that is decided after it,
 * and by all that is there: so it is decided like a strong write of the graph that it is about, looks through the data in
 * the same step, and its patches are those of a node in `_system`. An index promises nothing and is an ordinary write.
 */

import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { ConstraintSet } from '../../crdt/constraint-set.ts';
import type { Draft } from '../../crdt/draft.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import { checkDeclaration, closedPartitions, violationsOf } from '../../crdt/violation-scan.ts';
import type { SchemaEntry } from '../../graph/query-graph.ts';
import type { GraphSchema } from '../catalog/graph-schema.ts';
import type { StrongOperations } from '../consistency/strong-operations.ts';
import type { GraphWriter } from '../graphs/graph-writer.ts';
import { PartitionHold } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { encodeSchemaChange, type SchemaChange } from './schema-change.ts';

export interface DeclarationsOptions {
  readonly graph: ResidentGraph;
  readonly schema: GraphSchema;
  readonly residency: Residency;
  readonly clock: HybridClock;
  /** Of `_system`. */
  readonly system: () => GraphWriter;
  /** Decides for all servers; absent on one that stands alone. @throws WeftError `quorum-unavailable` before it can */
  readonly strong: () => StrongOperations | undefined;
}

export class Declarations {
  readonly #options: DeclarationsOptions;

  constructor(options: DeclarationsOptions) {
    this.#options = options;
  }

  entries(): readonly SchemaEntry[] {
    return this.#options.schema.entries();
  }

  constraints(): ConstraintSet | undefined {
    return this.#options.schema.constraints();
  }

  /** How many elements break a constraint, of what is in memory. @throws Unhydrated */
  violations(entry: SchemaEntry): number {
    return violationsOf(this.#options.graph, entry).elements;
  }

  /** Resolves when it is durable and kept. @throws WeftError `schema-conflict`, `constraint-violated`, definite */
  async declare(entry: SchemaEntry): Promise<void> {
    if (entry.kind === 'index') {
      const { schema, system, clock } = this.#options;
      await system().write([schema.declaration(entry, clock.last)]);
    } else await this.#decide({ op: 'declare', entry });
  }

  /** False if there is none of the name. */
  async drop(name: string): Promise<boolean> {
    const { schema, system } = this.#options;
    const entry = schema.find(name);
    if (entry === undefined) return false;
    if (entry.kind === 'index') await system().write([schema.dropping(name)]);
    else await this.#decide({ op: 'drop', name });
    return true;
  }

  async #decide(change: SchemaChange): Promise<void> {
    const { graph, strong, system } = this.#options;
    const decider = strong();
    if (decider !== undefined) {
      await decider.write(graph.key, encodeSchemaChange(change), undefined, {
        patienceMs: LIMITS.strongWaitMs,
        trace: '',
      });
      return;
    }
    const writer = system();
    const { durable } = await this.drafting(change, (draft) => ({ durable: writer.commit(draft.patches) }));
    await durable;
  }

  /** Decides a change on the graph as it is here, in one step with `finish`, which gets the draft of `_system`. */
  async drafting<T>(change: SchemaChange, finish: (draft: Draft) => T, strongWriter?: ReplicaId): Promise<T> {
    const { graph, schema, residency, clock, system } = this.#options;
    const hold = new PartitionHold(residency, graph);
    try {
      for (;;) {
        if (change.op === 'declare') for (const id of closedPartitions(graph)) await hold.open(id);
        const outcome = await system().drafting(
          [],
          false,
          (draft) => {
            if (change.op === 'drop') {
              if (schema.find(change.name) !== undefined) draft.apply(schema.dropping(change.name));
            } else {
              // A partition may have come with a commit of others meanwhile.
              if (!graph.whole) return undefined;
              draft.apply(schema.declaration(change.entry, clock.last));
              checkDeclaration(graph, change.entry);
            }
            return { value: finish(draft) };
          },
          strongWriter,
        );
        if (outcome !== undefined) return outcome.value;
      }
    } finally {
      hold.release();
    }
  }
}
