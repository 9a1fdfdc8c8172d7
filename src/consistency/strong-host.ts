/**
 * The engine as strong operations see it (`src/consistency/`): decides writes on drafts that change nothing, and makes chosen
 * patches commits.
 *
 * Strong patches are stamped with a writer id of their own: between its decision and its commit a patch is not in the view,
 * and a counter keeps a running total for each writer, so totals of the two kinds of writes of this server must not mix.
 */
import { present } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { Draft } from '../../crdt/draft.ts';
import type { DraftedPatch } from '../../crdt/drafted-patch.ts';
import { decodeOperations, encodeResults } from '../../crdt/operation-codec.ts';
import { clockOfPatch } from '../../crdt/patch-codec.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import { findNode, nodeAt } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import type { Adoption } from '../adoption/adoption.ts';
import type { GraphCatalog } from '../catalog/graph-catalog.ts';
import type { Committer } from '../commits/committer.ts';
import type { EngineReplica } from '../commits/engine-replica.ts';
import type { Progress } from '../commits/progress.ts';
import { seqOf, type VersionVector } from '../commits/version-vector.ts';
import { decodeSchemaChange, isSchemaChange } from '../constraints/schema-change.ts';
import type { IdempotencyKey, OperationResult } from '../engine-port.ts';
import type { EngineGraph } from '../graphs/graph.ts';
import type { GraphWriter } from '../graphs/graph-writer.ts';
import { PartitionHold } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { KeptOutcomes } from '../sessions/kept-outcomes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { CoordinationHost, Decision, WriteRequest } from './coordination.ts';
import { refusalOf } from './failures.ts';
import type { ProvisionalPatch } from './message.ts';
import { outcomeOperations, repeated } from './outcome.ts';
import type { StrongHost } from './strong-operations.ts';
import { configurationNode, decidedText } from './voter-change.ts';

export interface EngineStrongHostOptions {
  readonly env: Env;
  readonly replica: EngineReplica;
  /** Whose stamps strong patches bear. */
  readonly writer: ReplicaId;
  readonly clock: HybridClock;
  readonly progress: Progress;
  readonly sessions: Sessions;
  readonly committer: Committer;
  readonly residency: Residency;
  readonly catalog: GraphCatalog;
  readonly adoption: Adoption;
  readonly kept: KeptOutcomes;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class EngineStrongHost implements StrongHost {
  readonly replica: ReplicaId;
  readonly #options: EngineStrongHostOptions;
  #onMoved: () => void = () => undefined;

  constructor(options: EngineStrongHostOptions) {
    this.replica = options.replica.replicaId;
    this.#options = options;
  }

  get vector(): VersionVector {
    return this.#options.progress.vector;
  }

  get clockReading(): number {
    return this.#options.clock.last;
  }

  get isWhole(): boolean {
    return !this.#options.adoption.isActive;
  }

  covers(wanted: VersionVector): boolean {
    return this.#options.progress.covers(wanted);
  }

  readNote(name: string): Promise<Uint8Array | undefined> {
    return this.#options.replica.readNote(name);
  }

  writeNote(name: string, value: Uint8Array): Promise<void> {
    return this.#options.replica.writeNote(name, value);
  }

  onMoved(listener: () => void): void {
    this.#onMoved = listener;
  }

  /** The vector moved, or an adoption ended. */
  moved(): void {
    this.#onMoved();
  }

  decidedConfiguration(number: number): string | undefined {
    const { view } = this.#options.catalog.system.resident;
    const node = findNode(view, configurationNode(number));
    return node === undefined ? undefined : decidedText(nodeAt(view, node).properties);
  }

  whenCovered(wanted: VersionVector, patienceMs: number): Promise<boolean> {
    return this.#options.sessions.whenCovered(wanted, patienceMs);
  }

  seeClock(reading: number): void {
    this.#options.clock.see(reading);
  }

  async durable(): Promise<void> {
    await this.#options.committer.barrier();
    this.#options.adoption.check();
  }

  async decide(graphKey: string, requests: readonly WriteRequest[]): ReturnType<CoordinationHost['decide']> {
    // One that is repeated while it waits stands beside itself in the batch; no outcome is kept yet that would tell.
    const writes = requests.filter((request) => firstOf(requests, request) === request);
    const { decisions, patches } = await this.#decideOnce(graphKey, writes);
    const decided = new Map(writes.map((write, i) => [write, present(decisions[i], 'every write is decided')]));
    const all = requests.map((request) => {
      const first = firstOf(requests, request);
      const decision = present(decided.get(first), 'the first is decided');
      return request === first ? decision : repeated(decision, first.key, request.key);
    });
    return { decisions: all, patches };
  }

  async #decideOnce(graphKey: string, writes: readonly WriteRequest[]): ReturnType<CoordinationHost['decide']> {
    const { catalog, committer, bugs } = this.#options;
    const graph = catalog.findByKey(graphKey);
    if (graph === undefined) {
      const gone = refusalOf(new WeftError('graph-not-found', 'the graph was deleted'));
      return { decisions: writes.map(() => ({ kind: 'failed', error: gone })), patches: [] };
    }
    try {
      committer.admit();
      const [first] = writes;
      if (first !== undefined && isSchemaChange(first.operations)) return await this.#decideSchema(graph, first);
      const remembered = await this.#options.kept.find(
        graphKey,
        writes.map(({ key }) => key),
      );
      const decided = await this.#draft(graph, writes, remembered);
      if (isPlanted(bugs, 'outcome-without-patches')) return decided;
      const decisions = decided.decisions.map((decision, i): Decision => {
        const outcome = remembered[i] === undefined ? writes[i]?.outcome : undefined;
        return decision.kind === 'written' && outcome !== undefined ? { ...decision, results: outcome } : decision;
      });
      const outcomes = await this.#draftOutcomes(graphKey, writes, remembered, decisions);
      return { decisions, patches: [...decided.patches, ...outcomes] };
    } catch (error) {
      if (!(error instanceof WeftError) || error.code === 'storage-failed') throw error;
      const refusal = refusalOf(error);
      return { decisions: writes.map(() => ({ kind: 'failed', error: refusal })), patches: [] };
    }
  }

  /** It comes alone. */
  async #decideSchema(graph: EngineGraph, { operations }: WriteRequest): ReturnType<CoordinationHost['decide']> {
    const { key: graphKey, view } = this.#options.catalog.system.resident;
    const change = decodeSchemaChange(operations);
    const patches = await graph.declarations.drafting(
      change,
      (draft) => draft.patches.map(({ home, text }) => ({ graphKey, partition: view.partitionAt(home), text })),
      this.#options.writer,
    );
    return { decisions: [{ kind: 'written', results: encodeResults([]), replayed: false }], patches };
  }

  async remembered(graphKey: string, key: IdempotencyKey): Promise<Decision | undefined> {
    const [decision] = await this.#options.kept.find(graphKey, [key]);
    return decision;
  }

  /** Runs the writes on one draft, in order; one that fails leaves nothing in it. */
  async #draft(
    graph: EngineGraph,
    writes: readonly WriteRequest[],
    remembered: readonly (Decision | undefined)[],
  ): Promise<{ readonly decisions: Decision[]; readonly patches: ProvisionalPatch[] }> {
    const requests = writes.map(({ operations }, i) =>
      remembered[i] === undefined ? decodeOperations(operations) : [],
    );
    const { key: graphKey, view } = graph.resident;
    const keepsConstraints = !isPlanted(this.#options.bugs, 'constraints-undecided');
    const run = (first: Draft): { decisions: Decision[]; draft: Draft } => {
      const failed = new Map<number, WeftError>();
      for (let draft = first; ; draft = first.fresh()) {
        const decisions = tryAll(draft, { requests, remembered, failed, keepsConstraints });
        if (decisions !== undefined) return { decisions, draft };
      }
    };
    return graph.writer.drafting(
      requests.flat(),
      false,
      (first) => {
        const { decisions, draft } = run(first);
        const patches = draft.patches.map(({ home, text }) => ({ graphKey, partition: view.partitionAt(home), text }));
        return { decisions, patches };
      },
      this.#options.writer,
    );
  }

  async #draftOutcomes(
    graphKey: string,
    writes: readonly WriteRequest[],
    remembered: readonly (Decision | undefined)[],
    decisions: readonly Decision[],
  ): Promise<ProvisionalPatch[]> {
    const { catalog, env, writer } = this.#options;
    const atMs = Math.floor(env.clock.wallMs());
    const operations: Operation[] = [];
    writes.forEach(({ key }, i) => {
      const decision = decisions[i];
      if (key === undefined || decision === undefined || remembered[i] !== undefined) return;
      operations.push(...outcomeOperations(graphKey, key, decision, atMs));
    });
    if (operations.length === 0) return [];
    const { outcomes } = catalog;
    const { key, view } = outcomes.resident;
    return outcomes.writer.drafting(
      operations,
      false,
      (draft) => {
        for (const operation of operations) draft.apply(operation);
        return draft.patches.map(({ home, text }) => ({ graphKey: key, partition: view.partitionAt(home), text }));
      },
      writer,
    );
  }

  async commit(
    patches: readonly ProvisionalPatch[],
    judging?: Judging,
  ): Promise<readonly [origin: number, seq: number]> {
    const { clock, catalog, residency } = this.#options;
    for (const { text } of patches) clock.see(clockOfPatch(text));
    const byGraph = new Map<EngineGraph, PlacedText[]>();
    for (const { graphKey, partition, text } of patches) {
      const graph = catalog.findByKey(graphKey);
      // A graph that was deleted meanwhile takes nothing more.
      if (graph === undefined) continue;
      const own = byGraph.get(graph);
      if (own === undefined) byGraph.set(graph, [{ partition, text }]);
      else own.push({ partition, text });
    }
    const graphs = Array.from(byGraph);
    const holds = graphs.map(([{ resident }]) => new PartitionHold(residency, resident));
    try {
      // All stay open together, or opening one could passivate another for ever.
      for (const [i, [graph, own]] of graphs.entries())
        await openFor(graph, own, present(holds[i], 'one for each'), judging);
      // What is taken over jumps past all that is on its way; whoever votes has it, and another coordinator finishes it.
      this.#options.adoption.check();
      // In one step, which makes them one commit.
      const commits = graphs.map(([{ resident, writer }, own]) =>
        resident.deleted ? undefined : writer.commit(prepared(writer, own, judging)),
      );
      judging?.onDecided();
      await Promise.all(commits);
    } finally {
      for (const hold of holds) hold.release();
    }
    if (byGraph.has(catalog.system)) catalog.reconcile();
    return [this.replica, seqOf(this.vector, this.replica)];
  }
}

/** The first of the batch with the same key. */
function firstOf(requests: readonly WriteRequest[], request: WriteRequest): WriteRequest {
  const { key } = request;
  return key === undefined ? request : (requests.find((other) => other.key?.key === key.key) ?? request);
}

/** Of patches that nobody has decided yet: where who made them may write. */
interface Judging {
  readonly onDecided: () => void;
  readonly mayWrite: (partition: PartitionId) => boolean;
}

type PlacedText = Pick<ProvisionalPatch, 'partition' | 'text'>;

/** Opens the partitions and documents that a commit of the patches needs, in the hold. */
async function openFor(
  { resident, writer }: EngineGraph,
  patches: readonly PlacedText[],
  hold: PartitionHold,
  judging: Judging | undefined,
): Promise<void> {
  for (const { partition } of patches) if (!resident.deleted) await hold.open(partition);
  while (!resident.deleted) {
    try {
      prepared(writer, patches, judging);
      return;
    } catch (error) {
      await hold.provide(error);
    }
  }
}

/** @throws as `GraphWriter.prepared` and, of patches that nobody has decided yet, `GraphWriter.judge` */
function prepared(
  writer: GraphWriter,
  patches: readonly PlacedText[],
  judging: Judging | undefined,
): readonly DraftedPatch[] {
  const drafted = writer.prepared(patches);
  if (judging !== undefined) writer.judge(drafted, judging.mayWrite);
  return drafted;
}

/** Undefined if a write failed after it had changed the draft: it was noted, and all must be tried again without it. */
function tryAll(
  draft: Draft,
  {
    requests,
    remembered,
    failed,
    keepsConstraints,
  }: {
    readonly requests: readonly (readonly Operation[])[];
    readonly remembered: readonly (Decision | undefined)[];
    readonly failed: Map<number, WeftError>;
    readonly keepsConstraints: boolean;
  },
): Decision[] | undefined {
  const decisions: Decision[] = [];
  for (const [i, operations] of requests.entries()) {
    const known = remembered[i];
    const refusal = failed.get(i);
    if (known !== undefined || refusal !== undefined) {
      decisions.push(known ?? { kind: 'failed', error: refusalOf(refusal as WeftError) });
      continue;
    }
    const results: OperationResult[] = [];
    const before = draft.patches.length;
    try {
      for (const operation of operations) results.push(draft.apply(operation));
      if (keepsConstraints) draft.check();
      const completed = results.map((result) => draft.completed(result));
      decisions.push({ kind: 'written', results: encodeResults(completed), replayed: false });
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      const { length } = results;
      // What they do together, such as an answer that is too long, is of none of them.
      const isOfOne = operations.length > 1 && length < operations.length;
      const context = isOfOne ? { operation: length, ...error.context } : error.context;
      const refused = new WeftError(error.code, error.message, context);
      failed.set(i, refused);
      if (draft.patches.length > before) return undefined;
      decisions.push({ kind: 'failed', error: refusalOf(refused) });
    }
  }
  return decisions;
}
