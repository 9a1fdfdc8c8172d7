/**
 * What a run leaves behind for the checkers: what clients did and saw, what stores were told to keep, and what all
 * servers held in the end. Plain data: a checker can be tested with a history that was written by hand.
 */

import type { RegisterCall } from './checkers/order-search.ts';
import type { Transaction } from './checkers/transaction.ts';

export type Outcome = 'ok' | 'failed' | 'unknown';

/** One call of a client. */
export interface OperationRecord {
  readonly id: number;
  readonly workload: string;
  readonly kind: 'read' | 'write';
  /** What it did, for people. */
  readonly what: string;
  readonly server: string;
  readonly invokedMs: number;
  readonly endedMs: number;
  /** `failed`: it definitely did not happen. `unknown`: it may take effect at any time. */
  readonly outcome: Outcome;
  /** Code of the error, or why the outcome is not known. */
  readonly reason?: string;
  /** The commit that holds the write, or a later one of the same stream. */
  readonly commit?: CommitName;
  /** How long its server was not running or its disk was stalled meanwhile. */
  readonly stalledMs: number;
}

export interface CommitName {
  readonly origin: number;
  readonly seq: number;
}

export type Vector = ReadonlyMap<number, number>;

/** A commit as its origin wrote it. */
export interface CommitRecord extends CommitName {
  readonly after: readonly (readonly [origin: number, seq: number])[];
}

/** A store was opened with what `base` says, and then was told to keep `entries`, in this order. */
export interface LogRecord {
  readonly server: string;
  readonly incarnation: number;
  readonly base: Vector;
  readonly entries: LogEntry[];
}

export type LogEntry =
  | { readonly kind: 'commit'; readonly commit: CommitName }
  /** The state of another server was taken over, and what it covers with it. */
  | { readonly kind: 'adoption'; readonly vector: Vector };

/** A read or write of one register by a session that carries its token along. */
export interface SessionEvent {
  readonly session: string;
  readonly kind: 'read' | 'write';
  readonly key: string;
  /** Unique for each write; undefined if a read found nothing. */
  readonly value: string | undefined;
  readonly outcome: Outcome;
  readonly server: string;
  readonly atMs: number;
}

/** The stamp of the patch that wrote a register value, and the commit that it came in. */
export interface WrittenValue extends CommitName {
  readonly clock: number;
  readonly replica: number;
}

/** An observer read the effect, and after it, on the same incarnation of a server, its cause. Both only grow. */
export interface CausalObservation {
  readonly chain: string;
  readonly effect: number;
  readonly cause: number;
  readonly server: string;
  readonly atMs: number;
}

/** What one answer, or several between which nothing moved, showed of markers that are always written together. */
export interface AtomicObservation {
  readonly group: string;
  readonly values: readonly (number | undefined)[];
  readonly server: string;
  readonly atMs: number;
}

/** An edge that was shown, and whether its ends were there; nothing moved in between. */
export interface EdgeObservation {
  readonly edge: string;
  readonly from: string;
  readonly to: string;
  readonly fromExists: boolean;
  readonly toExists: boolean;
  readonly server: string;
  readonly atMs: number;
}

/** An element that a server showed, whose clock had said `nowMs` before it was asked. */
export interface ShownLease {
  readonly id: string;
  readonly expiresAt: unknown;
  readonly server: string;
  readonly nowMs: number;
}

/** A node that a server deleted because it had expired. */
export interface ExpiredDeletion {
  readonly id: string;
  readonly commit: CommitName;
  /** By its stamp. */
  readonly atMs: number;
  /** What it said of its expiry, by all that the server knew. */
  readonly expiresAt: unknown;
  /** How long before it must have expired. */
  readonly graceMs: number;
}

/** A strong read of all accounts at once, among which strong batches move money. */
export interface BankObservation {
  readonly balances: readonly number[];
  readonly total: number;
  readonly server: string;
  readonly atMs: number;
}

/** What a write with an Idempotency-Key answered, and what its repetition on some server did. */
export interface RepetitionObservation {
  readonly key: string;
  readonly first: string;
  readonly again: string;
  readonly server: string;
  readonly atMs: number;
}

/** Who could take part in strong operations once everything was healed, and what they then did. */
export interface StrongEnd {
  readonly voters: readonly { readonly server: string; readonly votes: boolean }[];
  /** Servers on which a strong write did not succeed in time; empty if there was no majority to ask. */
  readonly stuck: readonly string[];
}

export interface CounterEvent {
  readonly counter: string;
  readonly by: number;
  readonly operation: number;
}

export interface MemberEvent {
  readonly set: string;
  readonly member: string;
  readonly change: 'add' | 'remove';
  readonly operation: number;
}

/** A batch that an offline replica wrote. */
export interface OfflineBatch {
  readonly device: string;
  /** What it adds to a set, and no other does. */
  readonly member: string;
  /** It also writes where nobody may. */
  readonly isBad: boolean;
  /** `ok`: durable on the device. */
  outcome: Outcome;
  /** It was waiting while its replica had to begin anew, so it may have taken effect already, or count twice. */
  repeats: boolean;
  readonly commits: (CommitName & { readonly server: string })[];
  receipts: number;
}

/** An offline replica when everything had been healed and left in peace. */
export interface OfflineEnd {
  readonly device: string;
  readonly state: string;
  readonly pending: number;
  /** Members of batches that were handed back. */
  readonly refused: readonly string[];
  readonly digest: string;
  /** Of a server, for the partitions that the replica opens. */
  readonly expected: string;
}

export interface OfflineHistory {
  readonly batches: readonly OfflineBatch[];
  /** What was seen on the way that must not be. */
  readonly evidence: readonly string[];
  readonly ends: readonly OfflineEnd[];
  /** Disks of servers were lost or damaged, so that what a batch rests on may be missing. */
  readonly disksAreLost: boolean;
  /** Members and their number, as a server shows them in the end; undefined if the node that has them is not there. */
  readonly members: readonly string[] | undefined;
  readonly count: number;
}

/** What a server held when the cluster had been left in peace. */
export interface FinalState {
  readonly server: string;
  readonly vector: Vector;
  /** By graph name. */
  readonly graphs: ReadonlyMap<string, FinalGraph>;
  readonly counters: ReadonlyMap<string, number>;
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** Constraints of the default graph that are broken, in words. */
  readonly broken: readonly string[];
}

export interface FinalGraph {
  readonly digest: string;
  /** One element a line, as `describeGraph` prints it. */
  readonly contents: string;
}

export interface QueueObservation {
  readonly queue: string;
  readonly peak: number;
  readonly limit: number;
}

export interface History {
  readonly operations: readonly OperationRecord[];
  readonly sessions: readonly SessionEvent[];
  readonly values: ReadonlyMap<string, WrittenValue>;
  readonly causal: readonly CausalObservation[];
  readonly atomic: readonly AtomicObservation[];
  readonly edges: readonly EdgeObservation[];
  readonly leases: readonly ShownLease[];
  readonly deletions: readonly ExpiredDeletion[];
  readonly counters: readonly CounterEvent[];
  readonly members: readonly MemberEvent[];
  /** Calls on registers at level `strong`, and writes to the same registers at `session`. */
  readonly registers: readonly RegisterCall[];
  /** Strong reads of lists, and strong batches that append to some if others are as they were read. */
  readonly lists: readonly Transaction[];
  readonly bank: readonly BankObservation[];
  readonly repetitions: readonly RepetitionObservation[];
  /** Absent if no workload asks for strong operations. */
  readonly strongEnd?: StrongEnd | undefined;
  /** Absent if there are no offline replicas. */
  readonly offline?: OfflineHistory | undefined;
  readonly commits: ReadonlyMap<string, CommitRecord>;
  readonly logs: readonly LogRecord[];
  /** Two different commits of one name, in words. */
  readonly conflicts: readonly string[];
  /** Commits that were lost with every disk that held them, which no setting promised to survive. */
  readonly destroyed: ReadonlySet<string>;
  /** Disks that were lost with all that was on them. */
  readonly lostDisks: number;
  readonly queues: readonly QueueObservation[];
  /** Broken invariants of the code itself, unhandled rejections, throws out of events. */
  readonly bugs: readonly string[];
  /** Virtual time from the end of all faults to convergence; undefined if it did not come. */
  readonly convergedAfterMs: number | undefined;
  readonly final: readonly FinalState[];
  /** The graphs by name, as a model that folds every commit there is says they must be. */
  readonly expected: ReadonlyMap<string, string>;
}

export function commitKey({ origin, seq }: CommitName): string {
  return `${origin}/${seq}`;
}

export const EMPTY_HISTORY: History = {
  operations: [],
  sessions: [],
  values: new Map(),
  causal: [],
  atomic: [],
  edges: [],
  leases: [],
  deletions: [],
  counters: [],
  members: [],
  registers: [],
  lists: [],
  bank: [],
  repetitions: [],
  commits: new Map(),
  logs: [],
  conflicts: [],
  destroyed: new Set(),
  lostDisks: 0,
  queues: [],
  bugs: [],
  convergedAfterMs: 0,
  final: [],
  expected: new Map(),
};
