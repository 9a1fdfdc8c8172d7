/**
 * What voters and coordinators of strong operations say to each other. Any message may be lost, late or repeated.
 * `message-codec.ts` turns them into bytes; SPEC.md says who does what upon which.
 */
import type { PartitionId } from '../../base/ids.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { IdempotencyKey } from '../engine-port.ts';
import type { Configuration } from '../replication/configuration.ts';
import type { Ballot } from './ballot.ts';

/** A patch that a majority may have accepted; nobody sees it before it is in a commit. */
export interface ProvisionalPatch {
  /** Storage name of its graph: the graph of the ballot, or that of the outcomes. */
  readonly graphKey: string;
  readonly partition: PartitionId;
  /** As in a document, stamp included. */
  readonly text: string;
}

/** What an acceptor has promised and accepted for one graph. */
export interface AcceptorState {
  /** It takes part in no ballot before this one. */
  readonly promised: Ballot;
  /** The last ballot whose proposal it accepted. */
  readonly accepted: Ballot;
  /** What it had to hold before it accepted. */
  readonly cover: VersionVector;
  /** What it accepted; empty for a proposal that changes nothing. */
  readonly patches: readonly ProvisionalPatch[];
  /** The commit that holds the patches, once that is known: whoever has it has them. */
  readonly settled?: readonly [origin: number, seq: number];
}

/**
 * Which memory a voter answers from. One that lost its disk begins a new memory, and votes again only when the others know
 * (SPEC.md, "A voter that lost its memory").
 */
export type Memory = string;

/** What every vote says beside its content. */
export interface Vote {
  readonly memory: Memory;
  /** The last memories of other voters that this one knows of, by name. */
  readonly known: ReadonlyMap<string, Memory>;
  /** What is durable and visible at the voter. */
  readonly vector: VersionVector;
  /** Reading of its hybrid clock. */
  readonly clock: number;
}

export interface Prepare {
  readonly kind: 'prepare';
  readonly graph: string;
  readonly ballot: Ballot;
  /** Number of the configuration whose voters are asked: the ballot belongs to it. */
  readonly configuration: number;
  /** Drawn by the coordinator for each question, so that an answer to an earlier one does not count. */
  readonly round: number;
  /** The voter answers once it holds this: what a reader saw, when a coordinator asks whether it still leads. */
  readonly cover: VersionVector;
}

/** The voter takes part in no earlier ballot from now on, and this is what it has accepted. */
export interface Promised extends Vote {
  readonly kind: 'promised';
  readonly graph: string;
  readonly ballot: Ballot;
  readonly round: number;
  readonly state: AcceptorState;
}

export interface Accept {
  readonly kind: 'accept';
  readonly graph: string;
  readonly ballot: Ballot;
  readonly configuration: number;
  /** The coordinator's next ballot, which an acceptance promises at once: a stable coordinator needs no second round. */
  readonly next: Ballot;
  readonly cover: VersionVector;
  readonly patches: readonly ProvisionalPatch[];
}

export interface Accepted extends Vote {
  readonly kind: 'accepted';
  readonly graph: string;
  readonly ballot: Ballot;
  /** False if a later ballot was promised to somebody else meanwhile. */
  readonly promisedNext: boolean;
}

/** The voter has promised a later ballot. */
export interface Refused {
  readonly kind: 'refused';
  readonly graph: string;
  readonly ballot: Ballot;
  readonly promised: Ballot;
}

/** The ballot belongs to a configuration that is over. */
export interface Outdated {
  readonly kind: 'outdated';
  readonly graph: string;
  readonly ballot: Ballot;
  readonly configuration: Configuration;
}

/** The patches of this ballot are in this commit. */
export interface Settled {
  readonly kind: 'settled';
  readonly graph: string;
  readonly ballot: Ballot;
  readonly commit: readonly [origin: number, seq: number];
}

/** A server says which memory it has, and asks the same of another one. */
export interface Join {
  readonly kind: 'join';
  readonly memory: Memory;
  readonly configuration: Configuration;
  /** Whether it needs what the other has promised and accepted, to begin to vote. */
  readonly asksState: boolean;
}

/** Its vector is what the sender holds: `states` rest on it. */
export interface Joined extends Vote {
  readonly kind: 'joined';
  /** The memory that was told, which the sender now knows for good. */
  readonly of: Memory;
  /** The sender takes part in no ballot of an earlier one. */
  readonly configuration: Configuration;
  /** Of the last configuration in which the sender voted; 0 if it has lost its memory, or never had one. */
  readonly votesIn: number;
  /** Names of all servers that the sender has met, its own among them. */
  readonly met: readonly string[];
  /** Whether `states` is all that it has promised and accepted. */
  readonly tellsState: boolean;
  readonly states: readonly { readonly graph: string; readonly state: AcceptorState }[];
}

/** A request for the coordinator, from a server that has a client waiting. */
export interface Ask {
  readonly kind: 'ask';
  /** Drawn by the sender; the answer repeats it. */
  readonly id: number;
  readonly graph: string;
  /** How long the sender waits. */
  readonly patienceMs: number;
  readonly trace: string;
  readonly request: Request;
}

export type Request =
  /** Operations to decide, as text of `operation-codec.ts`. */
  | {
      readonly kind: 'write';
      readonly operations: string;
      readonly key?: IdempotencyKey;
      readonly basis?: Basis;
      /** What is kept under the key in place of the results of the operations; not empty. */
      readonly outcome?: string;
    }
  /** Where the coordinator is: everything that strong operations acknowledged so far is covered by it. */
  | { readonly kind: 'position' }
  /** Whether what a reader saw holds: the coordinator led without break since it told its position. */
  | {
      readonly kind: 'confirm';
      readonly place: Place;
      /** The reader saw all of this. Empty if it does not say: before version 3 of the protocol. */
      readonly held: VersionVector;
      /** It saw nothing beyond this. */
      readonly seen: VersionVector;
    };

/** Where a coordinator is. */
export interface Place {
  /** Of this coordinator alone: another one, which counts for itself, knows nothing of the place. */
  readonly era: number;
  /** How many proposals changed the graph so far. */
  readonly changes: number;
}

/** What a write rests on that was read elsewhere: it is decided only if no other strong write came in between. */
export interface Basis {
  readonly place: Place;
  readonly seen: VersionVector;
}

export interface Answer {
  readonly kind: 'answer';
  readonly id: number;
  readonly reply: Reply;
}

export type Reply =
  | { readonly kind: 'written'; readonly results: string; readonly replayed: boolean; readonly vector: VersionVector }
  /** `vector` covers what the refusal rests on. */
  | { readonly kind: 'failed'; readonly error: string; readonly vector: VersionVector }
  | { readonly kind: 'position'; readonly place: Place; readonly vector: VersionVector }
  /** The basis of the write is out of date; nothing happened. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'confirmed'; readonly holds: boolean };

export type Message =
  | Prepare
  | Promised
  | Accept
  | Accepted
  | Refused
  | Outdated
  | Settled
  | Join
  | Joined
  | Ask
  | Answer;
