/**
 * Writes with an Idempotency-Key below `strong`: what they answered is kept in the commit that they make, as a node of
 * `_outcomes` (`consistency/outcome.ts`). So a retry finds it after any crash, on this server at once and on others as soon as
 * the write itself is there.
 *
 * - KEY-1 An outcome and what it stands for are in one commit.
 *
 * Two servers that get one key at the same time do not hear of each other: then both write.
 */
import { BugError } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import type { PartitionId } from '../../base/ids.ts';
import { decodeResults, encodeResults } from '../../crdt/operation-codec.ts';
import { findNode, nodeAt } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import type { Decision } from '../consistency/coordination.ts';
import { refusalFrom } from '../consistency/failures.ts';
import { decodeOutcome, outcomeId, outcomeOperations } from '../consistency/outcome.ts';
import type { IdempotencyKey, OperationResult } from '../engine-port.ts';
import type { GraphWriter } from '../graphs/graph-writer.ts';
import { DocumentsNeeded, PartitionHold } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';

/** A graph as far as writing to it goes. */
export interface WritableGraph {
  readonly resident: ResidentGraph;
  readonly writer: GraphWriter;
}

export interface KeptOutcomesOptions {
  readonly env: Env;
  readonly residency: Residency;
  /** The graph `_outcomes`, which the catalog has once it is loaded. */
  readonly outcomes: () => WritableGraph;
}

export class KeptOutcomes {
  readonly #options: KeptOutcomesOptions;

  constructor(options: KeptOutcomesOptions) {
    this.#options = options;
  }

  /** What requests with these keys were answered the first time. */
  async find(
    graphKey: string,
    keys: readonly (IdempotencyKey | undefined)[],
  ): Promise<readonly (Decision | undefined)[]> {
    if (keys.every((key) => key === undefined)) return keys.map(() => undefined);
    const { resident } = this.#options.outcomes();
    const { view } = resident;
    const ids = keys.map((key) => (key === undefined ? undefined : outcomeId(graphKey, key.key)));
    const needed = ids.filter((id) => id !== undefined).map((id) => view.partitionOf(id));
    return this.#options.residency.run(resident, needed, () =>
      keys.map((key, i) => {
        const id = ids[i];
        const node = id === undefined ? undefined : findNode(view, id);
        return node === undefined ? undefined : decodeOutcome(nodeAt(view, node), key as IdempotencyKey);
      }),
    );
  }

  /**
   * What a request with this key was answered, as text.
   * @throws WeftError `idempotency-key-reused`, or the refusal that it was
   */
  async recall(graphKey: string, key: IdempotencyKey): Promise<string | undefined> {
    const [known] = await this.find(graphKey, [key]);
    if (known?.kind === 'failed') throw refusalFrom(known.error);
    return known?.results;
  }

  /** Applies the operations, unless they were before. @throws as `GraphWriter.write` and `recall` */
  async write(
    graph: WritableGraph,
    operations: readonly Operation[],
    key: IdempotencyKey,
  ): Promise<readonly OperationResult[]> {
    const known = await this.recall(graph.resident.key, key);
    if (known !== undefined) return decodeResults(known).map((result) => ({ ...result, replayed: true }));
    return this.commit(graph, operations, key, encodeResults);
  }

  /** Applies the operations and keeps what `answerOf` makes of their results, in one commit. */
  async commit(
    graph: WritableGraph,
    operations: readonly Operation[],
    key: IdempotencyKey,
    answerOf: (results: readonly OperationResult[]) => string,
  ): Promise<readonly OperationResult[]> {
    const { env, residency } = this.#options;
    const { resident, writer } = this.#options.outcomes();
    const graphKey = graph.resident.key;
    const hold = new PartitionHold(residency, resident);
    try {
      await openForWriting({ resident, writer }, resident.view.partitionOf(outcomeId(graphKey, key.key)), hold);
      return await graph.writer.write(operations, undefined, (results) => {
        const draft = writer.draft();
        const decision = { kind: 'written', results: answerOf(results), replayed: false } as const;
        const atMs = Math.floor(env.clock.wallMs());
        for (const operation of outcomeOperations(graphKey, key, decision, atMs)) draft.apply(operation);
        return () => {
          // It is held open, and nothing can be refused any more.
          if (writer.commit(draft.patches) === undefined) throw new BugError('an outcome has patches');
        };
      });
    } finally {
      hold.release();
    }
  }
}

/** Opens a partition with its document, in the hold. */
async function openForWriting(
  { resident, writer }: WritableGraph,
  id: PartitionId,
  hold: PartitionHold,
): Promise<void> {
  await hold.open(id);
  for (;;) {
    try {
      writer.needDocuments([{ home: resident.view.need(id).ordinal }]);
      return;
    } catch (error) {
      if (!(error instanceof DocumentsNeeded)) throw error;
      await hold.provide(error);
    }
  }
}
