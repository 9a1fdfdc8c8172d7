/**
 * What the engine offers to the layers above it (HTTP, command line, tests). Interfaces only; `engine.ts` implements
 * them. Every call that can fail rejects with a `WeftError` whose code says whether it definitely did not happen.
 */
import type { EdgeId, GraphName, NodeId, PartitionId, ReplicaId } from '../base/ids.ts';
import type { DefaultExpiry } from '../crdt/default-expiry.ts';
import type { IndexDifference } from '../crdt/index-check.ts';
import type { PlacedText } from '../crdt/sync-frame.ts';
import type { Usage } from '../crdt/usage.ts';
import type { ConstraintViolations } from '../crdt/violation-scan.ts';
import type { Direction, Edge, GraphSettings, Node, Operation, OperationResult } from '../graph/model.ts';
import type { PolicyChange } from '../graph/policy.ts';
import type { Quota } from '../graph/quota.ts';
import type { Value } from '../graph/value.ts';
import type { StatementAnswer, StatementRows } from '../query/execution/statement-answer.ts';

export type { OperationResult } from '../graph/model.ts';

export interface Engine {
  readonly name: string;
  readonly replicaId: ReplicaId;
  /** All graphs by name, `_system` included. */
  listGraphs(): readonly GraphDescription[];
  /**
   * At level `strong` every call of the graph is linearizable, and fails with `quorum-unavailable` (definite) or, for writes,
   * `quorum-indeterminate` without a majority. @throws WeftError `graph-not-found`, definite
   * @param trace `traceparent` of the request that is served, for whoever decides it
   */
  graph(name: GraphName, level?: 'strong', trace?: string): Graph;
  /**
   * Creates a graph durably; creating it again with the same settings changes nothing. At level `strong` of two servers that
   * create one name with different settings one is refused; at any other both graphs stay (CAT-3).
   * @throws WeftError `graph-exists` if it exists with other settings, definite
   */
  createGraph(
    name: GraphName,
    settings: GraphRequest,
    level?: 'strong',
  ): Promise<{ readonly created: boolean; readonly graph: GraphDescription }>;
  /**
   * Changes what a graph may hold and how long its elements live, durably; what it holds already stays as it is. At level
   * `strong` every strong write after it knows.
   * @throws WeftError `graph-not-found`, `graph-protected`, `invalid-request`; definite
   */
  changePolicy(name: GraphName, change: PolicyChange, level?: 'strong'): Promise<GraphDescription>;
  /** Resolves once this server knows of every strong creation and deletion of a graph that was acknowledged. */
  seeCatalog(): Promise<void>;
  /** Deletes a graph and all that it holds. @throws WeftError `graph-not-found`, `graph-protected` */
  deleteGraph(name: GraphName, level?: 'strong'): Promise<void>;
  /** A graph as offline replicas sync with it. @throws WeftError `graph-not-found`, `graph-protected`; definite */
  sync(name: GraphName): GraphSync;
  /** Runs `request` at most once per key: a repeated key gets the first outcome, and waits for it if it is running. */
  once<T>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ readonly replayed: boolean; readonly outcome: T }>;
  /**
   * A signed token: whoever presents it, to any server of the cluster, sees at least what is visible here now and what
   * the presented tokens cover. Opaque. @throws WeftError `invalid-session-token`, definite
   * @param shown what was seen, in place of what is visible now
   */
  sessionToken(presented?: readonly string[], shown?: ReadonlyMap<ReplicaId, number>): string;
  /**
   * Resolves once all that the tokens cover is visible here; at once if it is.
   * @throws WeftError `session-not-reached` (with `wanted` and `held`), `too-many-requests`, `invalid-session-token`
   */
  reachSession(tokens: readonly string[]): Promise<void>;
  /** Runs `task` once, when the next commit of any graph has become visible, unless what it returns is called before. */
  onceCommitted(task: () => void): () => void;
  cluster(): ClusterDescription;
  /** Whether strong operations are served now. */
  quorum(): QuorumDescription;
  /**
   * Makes a server a voter, or one no longer, by a decision of those who vote now; resolves with what is then in force. Idempotent.
   * @throws WeftError `peer-not-found`, `voters-conflict`, `quorum-unavailable`, definite; `quorum-indeterminate`
   */
  changeVoters(change: VoterChange): Promise<QuorumDescription>;
  /**
   * All graphs as they are at one moment, as an archive in pieces; with `since` only the commits after an earlier one. The
   * caller reads to the end or calls `return`. Fails at the first piece, or cuts the archive off.
   * @param keep name of a hold: the log is kept for the next incremental backup, from the moment of this one on
   * @throws WeftError `must-refetch` if the log no longer reaches back, `invalid-request`, `replica-recovering`, definite
   */
  backup(since?: BackupMark, keep?: string): AsyncGenerator<Uint8Array>;
  /** By name. */
  backupHolds(): readonly BackupHold[];
  /** Keeps the log no longer for backups of this name. Idempotent, durable. */
  releaseBackupHold(name: string): Promise<void>;
  health(): Health;
  metrics(): EngineMetrics;
  /** Stops taking writes, makes everything durable, closes the store. Idempotent. */
  close(): Promise<void>;
}

/** An earlier backup, as its header names it. */
export interface BackupMark {
  readonly id: string;
  readonly vector: ReadonlyMap<ReplicaId, number>;
}

/** The log is kept for the next incremental backup of a name. */
export interface BackupHold {
  readonly name: string;
  /** The backup that was last made under the name, and when it was begun. */
  readonly id: string;
  readonly madeMs: number;
  /** The log grew too long, so that it was cut all the same: the next backup has to be a full one. */
  readonly isBroken: boolean;
}

/** `ephemeral`: in the memory of this server only, and gone with its process; fixed at creation. */
export type Lifecycle = 'persistent' | 'ephemeral';

export interface GraphRequest extends Partial<GraphSettings> {
  readonly lifecycle?: Lifecycle;
}

export interface GraphDescription {
  readonly name: GraphName;
  readonly settings: GraphSettings;
  /** Absent for a persistent graph. */
  readonly lifecycle?: 'ephemeral';
  /** What it may hold, as this server knows it; absent if nothing limits it. */
  readonly quota?: Quota;
  /** How long elements live that are made without `expiresAt`; absent if for good. */
  readonly expiry?: DefaultExpiry;
}

/** An element with its version, which serves as ETag: equal versions mean equal content, on every replica. */
export interface Versioned<T> {
  readonly element: T;
  readonly version: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Continues after the last item; absent at the end. Opaque. */
  readonly cursor?: string;
}

/** Nodes with a label, and with exactly these values. */
export interface NodeFilter {
  readonly label?: string;
  readonly properties?: readonly (readonly [name: string, value: Value])[];
}

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
}

/** An Idempotency-Key, and what tells its request from others. */
export interface IdempotencyKey {
  readonly key: string;
  readonly fingerprint: string;
}

export interface QueryStatement {
  readonly text: string;
  readonly parameters: Readonly<Record<string, Value>>;
}

/** Results of statements, without plans. */
export interface KeptAnswers {
  readonly answers: readonly StatementRows[];
  /** Whether an earlier request with the same key got them first. */
  readonly replayed: boolean;
}

export interface QueryOptions {
  /** `read` refuses statements that write. */
  readonly accessMode: 'read' | 'write';
  /** How long the statement may take, in milliseconds; undefined for as long as it takes. */
  readonly timeoutMs?: number;
  /** Rows beyond which it fails. */
  readonly rowsMax?: number;
  /** Asked again and again while the statement runs. */
  readonly isCancelled: () => boolean;
  /** Asked before a statement changes elements (`write`) or indexes and constraints (`schema`); throws to refuse it. */
  readonly permit?: (right: 'write' | 'schema') => void;
}

/** Reads show only what is durable here. Lists return an element that exists throughout exactly once. */
export interface Graph {
  readonly description: GraphDescription;
  /** Tells it from graphs that had its name before, or will have it. */
  readonly key: string;

  /** @throws WeftError `node-not-found` */
  node(id: NodeId): Promise<Versioned<Node>>;
  /** What `node` answers, or undefined where that has to wait for something. @throws WeftError as `node` */
  nodeNow(id: NodeId): Versioned<Node> | undefined;
  /** @throws WeftError `edge-not-found` */
  edge(id: EdgeId): Promise<Versioned<Edge>>;
  nodes(filter: NodeFilter, page: PageRequest): Promise<Page<Node>>;
  /** Edges of a node, with both endpoints visible. A self-loop appears once. @throws WeftError `node-not-found` */
  edgesOf(
    id: NodeId,
    filter: { readonly direction: Direction; readonly type?: string },
    page: PageRequest,
  ): Promise<Page<Edge>>;
  /** Distinct nodes within `depth` hops, without the start. @throws WeftError `node-not-found` */
  neighbors(
    id: NodeId,
    filter: { readonly direction: Direction; readonly type?: string; readonly depth: number },
    page: PageRequest,
  ): Promise<Page<Node>>;
  /** A path with the fewest edges, or null if none has at most `maxDepth`. @throws WeftError `node-not-found` */
  shortestPath(request: {
    readonly from: NodeId;
    readonly to: NodeId;
    readonly type?: string;
    readonly direction: Direction;
    readonly maxDepth: number;
  }): Promise<{ readonly nodes: readonly Node[]; readonly edges: readonly Edge[] } | null>;

  /**
   * Applies the operations in order as one atomic commit and resolves when it is durable. If one fails nothing of the
   * batch happens, and the error's context has its index under `operation`. At level `strong` the outcome is kept with the
   * write under `key`, so that a repetition gets it on any server.
   */
  write(operations: readonly Operation[], key?: IdempotencyKey): Promise<readonly OperationResult[]>;

  /**
   * Begins an openCypher statement; its rows come as they are asked for, and `close` must be called. One that writes has
   * committed, durably, before this resolves. Waits for other statements that write, not for other writes.
   * @throws QueryError, definite; what `write` throws
   */
  query(statement: QueryStatement, options: QueryOptions): Promise<StatementAnswer>;
  /** Runs a statement to its end; no promise unless something had to be waited for. @throws as `query` */
  queryRows(statement: QueryStatement, options: QueryOptions): StatementRows | Promise<StatementRows>;
  /** Runs statements one after the other, each seeing what those before it wrote, as one commit. @throws as `query` */
  transaction(statements: readonly QueryStatement[], options: QueryOptions): Promise<readonly StatementAnswer[]>;
  /**
   * As `transaction`, for a request with an Idempotency-Key: the result is complete, and at level `strong` it is kept with
   * what was written, so that a repetition gets it on any server. Statements that write nothing leave nothing to find.
   * @throws as `query`; WeftError `query-limit`, before anything is written, if the result is too large to be kept
   */
  transactionOnce(
    statements: readonly QueryStatement[],
    options: QueryOptions,
    key: IdempotencyKey,
  ): Promise<KeptAnswers>;

  /**
   * Applies operations of an import in commits of its own choice, in order. Resolves when all are durable.
   * With `stopAtFirst` nothing after the first failed one is applied.
   * Failures come with the index of the operation in `operations`; `ended` is what ended it before the operation at that index,
   * after some were applied.
   */
  load(
    operations: readonly Operation[],
    options: { readonly stopAtFirst: boolean },
  ): Promise<{
    readonly applied: number;
    readonly failures: readonly { readonly index: number; readonly error: unknown }[];
    readonly ended?: { readonly at: number; readonly error: unknown };
  }>;

  /**
   * The graph at one moment, which writers do not wait for; the caller reads to the end or closes it.
   * @throws WeftError `too-many-requests` while too many are open, `replica-recovering`; definite
   */
  export(): Promise<GraphExport>;

  /**
   * What was written after `since`, from the oldest on, `deleted` included. Ends after the commit with which `limit` is reached.
   * @param since a position from an earlier page, of any server of the cluster; `now` for all that comes; undefined for the
   * beginning of the graph
   * @throws WeftError `must-refetch` if the log does not reach back that far; `invalid-request` for what is no position
   */
  changes(since: string | undefined, options: ChangeOptions): Promise<ChangePage>;

  /** Digest of the canonical state: equal on replicas that hold the same graph. Hexadecimal. */
  digest(): Promise<{ readonly digest: string; readonly partitions: Readonly<Record<PartitionId, string>> }>;
  /**
   * Compares edges with their stubs, indexes with elements, elements with constraints; in slices, with others in between.
   * What it reports was so at one moment. @throws WeftError `query-cancelled`
   */
  integrity(options?: IntegrityOptions): Promise<IntegrityReport>;
  /** The same, and puts right what it finds as it goes, but for duplicates and broken constraints. Idempotent. */
  repair(options?: IntegrityOptions): Promise<IntegrityReport>;
  /** How much it holds, hidden and expired elements included; undefined if no quota asks and it was not counted yet. */
  usage(): Promise<Usage | undefined>;
  /** Counts of visible elements; hydrates every partition. */
  counts(): Promise<{ readonly nodes: number; readonly edges: number }>;
}

export type GraphElement =
  | { readonly kind: 'node'; readonly node: Node }
  | { readonly kind: 'edge'; readonly edge: Edge };

/** All visible nodes, then all visible edges, in an order that two equal graphs share. Memory for one partition at a time. */
export interface GraphExport extends AsyncIterable<GraphElement> {
  /**
   * What it shows, and nothing else: of each stream the number of the last commit. Undefined for an ephemeral graph, of which no
   * session token speaks.
   */
  readonly vector: ReadonlyMap<ReplicaId, number> | undefined;
  /** Lets go of what the moment keeps on disk. Idempotent. */
  close(): Promise<void>;
}

export interface ChangeOptions {
  readonly limit: number;
  /** Adds to each change what its element was before it, as this server had it, as far as that is known. */
  readonly withBefore?: boolean;
  /** Adds to each change what its element is now. */
  readonly withAfter: boolean;
  /** Only nodes with the label, or edges of the type; of what is gone now nobody knows it any more, so that passes too. */
  readonly label?: string;
  readonly type?: string;
  /** Only elements of this scope. */
  readonly scope?: string;
}

/** What one patch did to one element. Applying the changes of a graph in order gives its elements, but for `merged`. */
export interface Change {
  readonly kind: 'node' | 'edge';
  /** A `create` has the whole element, also in place of an earlier one. */
  readonly change: 'create' | 'update' | 'delete';
  readonly id: string;
  /** Of the stamp: when, by the clock of the writer in milliseconds since the Unix epoch, and by whom. */
  readonly timeMs: number;
  readonly replica: number;
  readonly labels?: readonly string[];
  readonly labelsAdded?: readonly string[];
  readonly labelsRemoved?: readonly string[];
  readonly type?: string;
  readonly from?: string;
  readonly to?: string;
  readonly properties?: Node['properties'];
  readonly propertiesRemoved?: readonly string[];
  /** Counters and sets that changed: what they are now depends on what others did at the same time, see `after`. */
  readonly merged?: readonly string[];
  /**
   * The element before the change; null if there was none. Absent where it is not known any more. Of an edge, whether its endpoints
   * existed is not looked at.
   */
  readonly before?: Node | Edge | null;
  /** The element now, which may be later than the change; null if there is none that readers see. */
  readonly after?: Node | Edge | null;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where commits end: after so many of `changes`, with the position there. */
  readonly ends: readonly { readonly changes: number; readonly since: string }[];
  /** Continues after all that was read. */
  readonly since: string;
  /** Whether there was more to read. */
  readonly more: boolean;
}

/** What offline replicas get of a graph, and give to it. */
export interface GraphSync {
  /** Names this graph for ever: one that is created again under the same name has another. */
  readonly generation: string;
  /** False once it was deleted: nothing comes of it any more. */
  readonly isThere: boolean;
  readonly settings: GraphSettings;
  /** A reading of the hybrid clock. */
  readonly clock: number;
  /**
   * What a replica with this Yjs state vector lacks of a partition, as one update; nothing that is not durable.
   * @throws WeftError `malformed-request`, `partition-recovering`, `storage-failed`; definite
   */
  diff(partition: PartitionId, stateVector: Uint8Array): Promise<Uint8Array>;
  /** The Yjs state vector of a partition, of what is durable. @throws WeftError as `diff` */
  stateVector(partition: PartitionId): Promise<Uint8Array>;
  /** Hears of commits, each once and in order, as they become visible. Returns how to stop. */
  listen(listener: (updates: readonly PartitionUpdate[]) => void): () => void;
  /**
   * Takes stamped patches that were checked as one commit, and resolves when it is durable with its place in the stream.
   * Taking patches twice changes nothing.
   * @param onDecided called once they are certain to be taken, long before they are durable
   * @param mayWrite where who made them may write; absent: everywhere
   * @throws WeftError `constraint-violated`, `forbidden`: nothing of them was taken; `graph-not-found`, `too-many-requests`,
   * `storage-failed`
   */
  accept(
    patches: readonly PlacedText[],
    onDecided?: () => void,
    mayWrite?: (partition: PartitionId) => boolean,
  ): Promise<{ readonly origin: number; readonly seq: number }>;
}

export interface PartitionUpdate {
  readonly partition: PartitionId;
  /** A Yjs update. */
  readonly bytes: Uint8Array;
}

export interface IntegrityOptions {
  /** Ids of each kind that the report names. */
  readonly idsMax?: number;
  /** Looks at this partition only, and at what its edges and stubs need of others. */
  readonly partition?: PartitionId;
  /** Asked between slices. */
  readonly isCancelled?: () => boolean;
}

/** Of each kind the first ids that were met, in canonical order; `found` counts all. */
export interface IntegrityReport {
  readonly nodes: number;
  readonly edges: number;
  /** Edges that no reader sees because an endpoint does not exist. */
  readonly hiddenEdges: readonly EdgeId[];
  /** Incoming stubs without a matching edge. */
  readonly orphanStubs: readonly EdgeId[];
  /** Edges whose incoming stub is missing in the partition of their target. */
  readonly missingStubs: readonly EdgeId[];
  /** Edge ids that exist in more than one partition. */
  readonly duplicateEdges: readonly EdgeId[];
  /** Indexes that do not answer what the elements say. */
  readonly indexDifferences: readonly IndexDifference[];
  /** Constraints that what merged does not keep; those that are kept are left out. Nothing repairs these by itself. */
  readonly constraintViolations: readonly ConstraintViolations[];
  readonly found: {
    readonly hiddenEdges: number;
    readonly orphanStubs: number;
    readonly missingStubs: number;
    readonly duplicateEdges: number;
    readonly indexDifferences: number;
  };
  readonly checked: {
    readonly partitions: number;
    readonly stubs: number;
    readonly constraints: number;
  };
  readonly repaired: number;
}

export interface VoterChange {
  readonly kind: 'add' | 'remove';
  /** Name of a server. */
  readonly name: string;
}

export interface QuorumDescription {
  readonly isReachable: boolean;
  /** Voters that this server reaches, itself included if it is one, and how many are a majority. */
  readonly reachable: number;
  readonly majority: number;
  /** False while this server may not vote: it is no voter, or the others have not told it yet what it must know. */
  readonly votes: boolean;
  /** Number and voters of the configuration that is in force, as far as this server knows; 0 before the voters have met. */
  readonly configuration: number;
  readonly voters: readonly string[];
}

export type MemberState = 'alive' | 'suspect' | 'dead';

export interface ClusterDescription {
  readonly self: { readonly name: string; readonly replicaId: number };
  /** All servers that this one was told of or has met, itself included, by name. */
  readonly members: readonly Member[];
  readonly quorum: QuorumDescription;
  /** Version vector: origin -> last contiguous seq durably applied here. */
  readonly vector: Readonly<Record<string, number>>;
}

export interface Member {
  /** Its URL until the server was met. */
  readonly name: string;
  /** As this server reaches it; for itself, what it advertises. */
  readonly url: string;
  readonly state: MemberState;
  readonly self: boolean;
  /** Absent until the server was met. */
  readonly replicaId?: number;
  readonly vector?: Readonly<Record<string, number>>;
  /** Milliseconds since the last frame from it. */
  readonly heardMsAgo?: number;
  /** Commits that are here and not known to be there. */
  readonly lagCommits: number;
  /** For how long something has been missing there, in milliseconds; 0 if nothing is. */
  readonly lagMs: number;
  readonly link: LinkDescription;
}

export interface LinkDescription {
  readonly state: 'up' | 'connecting' | 'down' | 'refused';
  /** Why it is not up, if there is a reason. */
  readonly reason?: string;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly unacknowledgedBytes: number;
}

/** Faults on the links of this server, for experiments; only a server that was started with `--chaos` has it. */
export interface LinkFaults {
  /**
   * Puts a fault on the link to a peer, in place of one that is there.
   * @param peer its name, or its URL as this server has it
   * @throws WeftError `peer-not-found`
   */
  set(peer: string, fault: LinkFault): void;
  /** Removes the fault, if there is one. @throws WeftError `peer-not-found` */
  heal(peer: string): void;
  /** The faults that are in place, by peer: its name if it was met, else its URL. */
  list(): readonly { readonly peer: string; readonly fault: LinkFault }[];
}

export interface LinkFault {
  /** Nothing passes. */
  readonly cut: boolean;
  /** What of the traffic the fault concerns, as this server sees it. */
  readonly direction: 'in' | 'out' | 'both';
  readonly delayMs: number;
  /** Part of the frames that is lost, from 0 to 1. */
  readonly dropRate: number;
}

/** The wall clock of this server, put wrong for experiments; only a server that was started with `--chaos` has it. */
export interface ClockFault {
  readonly offsetMs: number;
  /** Adds this to the wall time from now on, in place of what was added. */
  shift(offsetMs: number): void;
}

export interface Health {
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Why not, in words; empty if both hold. */
  readonly reasons: readonly string[];
}

/** Monotone counters and gauges, read when metrics are scraped. Units are in the names. */
export interface EngineMetrics {
  readonly commitsTotal: number;
  readonly patchesTotal: number;
  readonly requestsInCommitsTotal: number;
  readonly hydrationsTotal: number;
  readonly passivationsTotal: number;
  /** Elements that were deleted because their time had come. */
  readonly expiredPurgedTotal: number;
  /** Operations and batches of replicas that a quota turned away. */
  readonly quotaRefusalsTotal: number;
  /** Elements that broke a constraint when the integrity of their graph was last looked through, all graphs together. */
  readonly constraintViolations: number;
  readonly compactionsTotal: number;
  readonly hydratedPartitions: number;
  readonly hydratedDocuments: number;
  readonly residentBytes: number;
  readonly memoryBudgetBytes: number;
  readonly pendingBytes: number;
  readonly logBytes: number;
  /** Absent on a server that runs alone. */
  readonly replication?: ReplicationMetrics;
  readonly strong?: StrongMetrics;
}

/** Strong operations that this server asked for, coordinated and voted on. */
export interface StrongMetrics {
  readonly strongWritesTotal: number;
  readonly strongReadsTotal: number;
  /** Proposals of this server that a majority accepted. */
  readonly roundsTotal: number;
  /** Times that this server began to lead a graph. */
  readonly electionsTotal: number;
  readonly refusedTotal: number;
  readonly indeterminateTotal: number;
  /** Voters that this server reaches, itself included. */
  readonly votersReachable: number;
}

/** What the links of this server did and hold, all peers together. */
export interface ReplicationMetrics {
  readonly framesSentTotal: number;
  readonly framesReceivedTotal: number;
  readonly bytesSentTotal: number;
  readonly bytesReceivedTotal: number;
  /** Commits of others that became durable here, and those that came again. */
  readonly commitsReceivedTotal: number;
  readonly commitsDuplicateTotal: number;
  /** Commits that wait for others which they build on, and their size. */
  readonly commitsHeld: number;
  readonly heldBytes: number;
  /** Commits that were sent again because nobody acknowledged them in time. */
  readonly resendsTotal: number;
  /** Frames that were damaged, unknown or too large; each closed its link. */
  readonly refusedFramesTotal: number;
  readonly linksUp: number;
  readonly stateTransfersTotal: number;
  readonly digestComparisonsTotal: number;
  /** Partitions that anti-entropy found different and repaired. */
  readonly repairsTotal: number;
}
