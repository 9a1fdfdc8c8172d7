/** Turns operations into commits: draft, fold into the view, hand over to the group commit. */
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId, PartitionId, ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { Draft, type Drafted } from '../../crdt/draft.ts';
import { type ConstraintRules, constraintsFor } from '../../crdt/draft-constraints.ts';
import { DraftedPatch } from '../../crdt/drafted-patch.ts';
import { decodePatch } from '../../crdt/patch-codec.ts';
import { checkConstraints } from '../../crdt/patch-constraints.ts';
import { checkPatches } from '../../crdt/quota-check.ts';
import { QuotaMeter, type QuotaRules } from '../../crdt/quota-meter.ts';
import { checkTargets } from '../../crdt/replica-patches.ts';
import { needsLocator, partitionNamedByEdge } from '../../crdt/routing.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { Usage } from '../../crdt/usage.ts';
import { edgeAt, edgeVersion, findEdge, findNode, nodeAt, nodeVersion } from '../../crdt/view-reads.ts';
import { closedPartitions } from '../../crdt/violation-scan.ts';
import type { Operation, PropertyChange } from '../../graph/model.ts';
import { QUOTA_LIMITS } from '../../graph/quota.ts';
import type { Store } from '../../storage/store.ts';
import type { GraphPolicy } from '../catalog/graph-policy.ts';
import type { GraphSchema } from '../catalog/graph-schema.ts';
import type { Committer } from '../commits/committer.ts';
import type { OperationResult } from '../engine-port.ts';
import { countUsage } from '../residency/count-usage.ts';
import { DocumentsNeeded } from '../residency/partition-hold.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import type { ResidentPartition } from '../residency/resident-partition.ts';

export interface GraphWriterOptions {
  readonly graph: ResidentGraph;
  readonly residency: Residency;
  readonly committer: Committer;
  readonly store: Store;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  readonly schema: GraphSchema;
  readonly policy: GraphPolicy;
  readonly onQuotaRefused: () => void;
  /** Whether this server decides for all, since there are no others. */
  readonly isAlone: boolean;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  /** Throws while this replica can answer nobody. */
  readonly checkReadable: () => void;
}

export class GraphWriter {
  readonly #graph: ResidentGraph;
  readonly #residency: Residency;
  readonly committer: Committer;
  readonly #store: Store;
  readonly #clock: HybridClock;
  readonly #replica: ReplicaId;
  readonly #schema: GraphSchema;
  readonly #policy: GraphPolicy;
  readonly #onQuotaRefused: () => void;
  readonly #isAlone: boolean;
  readonly #bugs: GraphWriterOptions['bugs'];
  readonly #checkReadable: () => void;

  constructor(options: GraphWriterOptions) {
    const { graph, residency, committer, store, clock, replica, schema, policy, isAlone, bugs, checkReadable } =
      options;
    this.#schema = schema;
    this.#policy = policy;
    this.#onQuotaRefused = options.onQuotaRefused;
    this.#isAlone = isAlone;
    this.#bugs = bugs;
    this.#checkReadable = checkReadable;
    this.#graph = graph;
    this.#residency = residency;
    this.committer = committer;
    this.#store = store;
    this.#clock = clock;
    this.#replica = replica;
  }

  /** Not before any patch that was drafted here so far. */
  get clockReading(): number {
    return this.#clock.last;
  }

  /** COM-2: waits until all that the caller may have seen of this graph is durable. */
  durable(): Promise<void> | undefined {
    if (this.#graph.deleted) throw this.#graph.notFound();
    if (this.committer.failure !== undefined) throw this.committer.failure;
    this.#checkReadable();
    return this.#graph.pendingCommits > 0 ? this.committer.barrier() : undefined;
  }

  /**
   * Applies all operations as one commit, or none.
   * @param onDecided called as soon as later drafts see what was written, or it is certain that nothing will be
   * @param alongside makes of the results what else is to be in the commit; what it returns submits it
   */
  async write(
    operations: readonly Operation[],
    onDecided?: () => void,
    alongside?: (results: readonly OperationResult[]) => () => void,
  ): Promise<readonly OperationResult[]> {
    this.committer.admit();
    const planned = isPlanted(this.#bugs, 'text-replaced') ? operations.map(replacingTexts) : operations;
    const apply = (draft: Draft) => {
      const drafted: Drafted[] = [];
      try {
        for (const operation of planned) drafted.push(draft.apply(operation));
        draft.check();
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        return { refusal: operations.length > 1 ? atOperation(error, drafted.length) : error };
      }
      let submitMore: (() => void) | undefined;
      if (alongside !== undefined) {
        this.needDocuments(draft.patches);
        submitMore = alongside(drafted.map((result) => draft.completed(result)));
      }
      const durable = this.commit(draft.patches);
      // In the same step, which makes them one commit.
      submitMore?.();
      return { results: drafted.map((result) => this.#completed(result, draft)), durable };
    };
    const outcome = this.#draftNow(apply) ?? (await this.drafting(operations, false, apply));
    onDecided?.();
    // A refusal, or a write that changes nothing, may rest on what is not durable yet.
    await (outcome.durable ?? this.durable());
    if (outcome.refusal !== undefined) throw outcome.refusal;
    return outcome.results;
  }

  /**
   * As `drafting`, without waiting, if the whole graph is in memory and so counted: as it usually is, and several promises fewer.
   * Undefined if not; then nothing was done.
   */
  #draftNow<T extends object>(apply: (draft: Draft) => T): T | undefined {
    if (!this.#graph.whole) return undefined;
    return this.#residency.runNow(this.#graph, () => {
      this.#checkReadable();
      return apply(this.draft());
    });
  }

  /**
   * Runs `apply` on a draft with all that it needs open. `apply` is synchronous; if it needs more partitions it is run
   * again with a fresh draft, so it must have no other effect before it commits.
   * @param strongWriter whose stamps the patches bear if they are decided for all; below `strong`, this replica's
   */
  async drafting<T>(
    operations: readonly Operation[],
    skipEqual: boolean,
    apply: (draft: Draft) => T,
    strongWriter?: ReplicaId,
  ): Promise<T> {
    const replica = strongWriter ?? this.#replica;
    const isDecisive = this.#isAlone || strongWriter !== undefined;
    const chosen = chosenEdgeIds(operations);
    if (chosen.length === 0) return this.#drafting({ operations, chosen, skipEqual, replica, isDecisive }, apply);
    const arrived = new Set<string>();
    const tell = (edge: string) => void arrived.add(edge);
    this.#graph.lookups.add(tell);
    try {
      return await this.#drafting({ operations, chosen, skipEqual, replica, isDecisive }, apply, arrived);
    } finally {
      this.#graph.lookups.delete(tell);
    }
  }

  async #drafting<T>(
    given: {
      readonly operations: readonly Operation[];
      readonly chosen: readonly EdgeId[];
      readonly skipEqual: boolean;
      readonly replica: ReplicaId;
      readonly isDecisive: boolean;
    },
    apply: (draft: Draft) => T,
    arrived?: Set<string>,
  ): Promise<T> {
    const { operations, chosen, skipEqual, replica, isDecisive } = given;
    await this.counted();
    let isLookedUp = false;
    for (;;) {
      const needed = new Set<PartitionId>();
      arrived?.clear();
      const { passivations, endedCommits } = this.#graph;
      isLookedUp ||= !this.#graph.whole;
      if (isLookedUp) {
        for (const operation of operations) for (const id of partitionsOf(this.#graph, operation)) needed.add(id);
        for (const id of await this.locate(chosen)) needed.add(id);
      }
      const outcome = await this.#residency.run(this.#graph, needed, () => {
        // All was in memory, and no longer is after a wait: an edge by its id may be in what is missing.
        if (!isLookedUp && !this.#graph.whole) return undefined;
        // An edge may have been committed and then passivated since the look-up: then look again. Passivation alone is
        // no reason: our own attempts bring it about when memory is short, and would go on for ever.
        const missed = this.#graph.passivations !== passivations && this.#graph.endedCommits !== endedCommits;
        if (missed && !this.#graph.whole) return undefined;
        // One of the ids may have come from another replica since.
        if (arrived !== undefined && arrived.size > 0 && chosen.some((id) => arrived.has(id))) return undefined;
        this.#checkReadable();
        return { value: apply(this.#draft(replica, isDecisive, skipEqual)) };
      });
      if (outcome !== undefined) return outcome.value;
    }
  }

  #draft(replica: ReplicaId, isDecisive: boolean, skipEqual: boolean): Draft {
    const quota = this.#quotaRules();
    const isConstrained = this.#schema.constraints() !== undefined;
    return new Draft({
      view: this.#graph.view,
      clock: this.#clock,
      replica,
      skipEqual,
      constraints: isConstrained ? constraintsFor(this.#graph.view, this.#rules(isDecisive)) : undefined,
      quota: quota && ((draft) => new QuotaMeter(quota, draft)),
      expiry: this.#policy.expiry,
    });
  }

  #rules(isDecisive: boolean): ConstraintRules {
    return {
      set: this.#schema.constraints(),
      isDecisive,
      idsFollow: !isPlanted(this.#bugs, 'ids-not-derived'),
      closedPartitions: () => closedPartitions(this.#graph),
    };
  }

  /**
   * Whether patches of an offline replica keep rights, constraints and quota, as a write here must.
   * @throws WeftError `forbidden`, `constraint-violated`, `quota-exceeded`; Unhydrated
   */
  judge(drafted: readonly DraftedPatch[], mayWrite: (partition: PartitionId) => boolean): void {
    checkTargets(this.#graph.view, drafted, mayWrite);
    checkConstraints(this.#graph.view, drafted, this.#rules(this.#isAlone));
    const quota = this.#quotaRules();
    if (quota !== undefined) checkPatches(this.#graph.view, quota, drafted);
  }

  /** Undefined for a graph without a quota. */
  #quotaRules(): QuotaRules | undefined {
    const { quota } = this.#policy;
    if (!QUOTA_LIMITS.some((limit) => quota[limit] !== undefined)) return undefined;
    const { view } = this.#graph;
    return {
      quota,
      used: () => this.#graph.usage,
      usedIn: (scope) => view.usage(view.need(scope as PartitionId).ordinal),
      refused: this.#onQuotaRefused,
    };
  }

  /** Waits until it is known how much the graph holds, if a quota asks. */
  counted(): Promise<void> | undefined {
    const { quota } = this.#policy;
    if (quota.elements === undefined && quota.bytes === undefined) return undefined;
    const { uncounted, stale } = this.#graph;
    return uncounted.size === 0 && stale.size === 0 ? undefined : countUsage(this.#residency, this.#graph);
  }

  /** How much the graph holds; undefined if nobody needed to know and it was not in memory as a whole. */
  async usage(): Promise<Usage | undefined> {
    await this.counted();
    const { uncounted, stale, usage } = this.#graph;
    return this.#quotaRules() === undefined && uncounted.size + stale.size > 0 ? undefined : usage;
  }

  /** A draft of what is open now. */
  draft(): Draft {
    return this.#draft(this.#replica, this.#isAlone, false);
  }

  /** Partitions in which these edge ids may be, beside those that their ids name. */
  async locate(ids: readonly EdgeId[]): Promise<PartitionId[]> {
    if (ids.length === 0) return [];
    return Array.from(new Set((await this.#store.locate(this.#graph.key, ids)).flat()));
  }

  /** For each id the partitions in which the store's locators place it; of durable writes only. */
  places(ids: readonly EdgeId[]): Promise<readonly (readonly PartitionId[])[]> {
    return ids.length === 0 ? Promise.resolve([]) : this.#store.locate(this.#graph.key, ids);
  }

  /**
   * Folds drafted patches into the view and submits them: from here on later drafts see them, readers once durable.
   * Returns undefined if there is nothing to commit.
   * @throws DocumentsNeeded before anything was folded
   */
  commit(drafted: readonly DraftedPatch[]): Promise<void> | undefined {
    if (drafted.length === 0) return undefined;
    this.needDocuments(drafted);
    this.#graph.changes++;
    const { view, settings } = this.#graph;
    const locators: { edge: string; partition: PartitionId }[] = [];
    for (const { home, patch, text, chosenId, row, toRow } of drafted) {
      const partition = view.needAt(home);
      view.fold(partition, patch, text.length, row, toRow);
      if (chosenId && needsLocator(patch.id, partition.id, settings.partitions)) {
        locators.push({ edge: patch.id, partition: partition.id });
      }
    }
    return this.committer.submit({ graph: this.#graph, patches: drafted, locators });
  }

  /**
   * The patches as this graph's view takes them. @throws Unhydrated, DocumentsNeeded unless they can be committed in this
   * step
   */
  prepared(patches: readonly { readonly partition: PartitionId; readonly text: string }[]): readonly DraftedPatch[] {
    const { view } = this.#graph;
    const drafted = patches.map(({ partition, text }) => {
      const patch = decodePatch(text);
      return new DraftedPatch(view.need(partition).ordinal, patch, text, patch.kind === 'edge-create');
    });
    this.needDocuments(drafted);
    return drafted;
  }

  /** @throws DocumentsNeeded unless patches of these partitions can be committed in this step */
  needDocuments(drafted: readonly Pick<DraftedPatch, 'home'>[]): void {
    let missing: Set<ResidentPartition> | undefined;
    for (const { home } of drafted) {
      const partition = this.#graph.partitionAt(home);
      if (partition.document !== undefined) continue;
      missing ??= new Set();
      missing.add(partition);
    }
    if (missing !== undefined) throw new DocumentsNeeded(Array.from(missing));
  }

  /** The result with the element as the whole batch left it. */
  #completed(result: Drafted, draft: Draft): OperationResult {
    if (result.element !== undefined && !draft.lookedBack) return result;
    const { op, id, created } = result;
    const { view } = this.#graph;
    if (op === 'deleteNode' || op === 'deleteEdge') return { op, id, created };
    if (op === 'createNode' || op === 'putNode' || op === 'patchNode') {
      const node = findNode(view, id as NodeId, result.row);
      if (node === undefined) return { op, id, created };
      return { op, id, created, element: nodeAt(view, node), version: nodeVersion(view, node) };
    }
    const edge = findEdge(view, id as EdgeId);
    if (edge === undefined) return { op, id, created };
    return { op, id, created, element: edgeAt(view, edge), version: edgeVersion(view, edge) };
  }
}

function atOperation(error: WeftError, operation: number): WeftError {
  return new WeftError(error.code, error.message, { operation, ...error.context }, error);
}

/** The partitions that an operation names; deletions may need more. */
export function partitionsOf(graph: ResidentGraph, operation: Operation): PartitionId[] {
  const { view, settings } = graph;
  /** An edge with this id may be there without a locator. */
  const named = (id: EdgeId | undefined): PartitionId[] => {
    const partition = id === undefined ? undefined : partitionNamedByEdge(id, settings.partitions);
    return partition === undefined ? [] : [partition];
  };
  switch (operation.op) {
    case 'createNode':
      return operation.id === undefined ? [] : [view.partitionOf(operation.id)];
    case 'putNode':
    case 'patchNode':
    case 'deleteNode':
      return [view.partitionOf(operation.id)];
    case 'createEdge':
    case 'putEdge':
      return [view.partitionOf(operation.from), view.partitionOf(operation.to), ...named(operation.id)];
    case 'patchEdge':
    case 'deleteEdge':
      return named(operation.id);
  }
}

/** Edge ids in the operations that were not made here, or may not have been. */
function chosenEdgeIds(operations: readonly Operation[]): EdgeId[] {
  const ids: EdgeId[] = [];
  for (const operation of operations) {
    if (operation.op === 'patchEdge' || operation.op === 'deleteEdge') ids.push(operation.id);
    else if ((operation.op === 'createEdge' || operation.op === 'putEdge') && operation.id !== undefined) {
      ids.push(operation.id);
    }
  }
  return ids;
}

/** Of the planted bug `text-replaced`. */
function replacingTexts(operation: Operation): Operation {
  if (operation.op !== 'patchNode' || operation.properties === undefined) return operation;
  const changes = Object.entries(operation.properties).map(([name, change]): [string, PropertyChange] => [
    name,
    change.kind === 'text' ? { kind: 'set', value: change.text } : change,
  ]);
  return { ...operation, properties: Object.fromEntries(changes) };
}
