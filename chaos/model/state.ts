/**
 * A small world for exhaustive exploration: three servers, production acceptors and coordinators, one register. What is around
 * them is as simple as it can be: streams of commits, a network that may lose, repeat, delay and reorder (a set of messages
 * ever sent, any of which may arrive at any time, any number of times or never), and servers that may crash.
 */
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { VersionVector } from '../../src/commits/version-vector.ts';
import { NOTHING_ACCEPTED } from '../../src/consistency/acceptor.ts';
import type { Ballot } from '../../src/consistency/ballot.ts';
import { type CoordinatorState, IDLE } from '../../src/consistency/coordinator.ts';
import type {
  Accept,
  AcceptorState,
  Message,
  Prepare,
  ProvisionalPatch,
  Settled,
} from '../../src/consistency/message.ts';

export type Operation =
  | { readonly kind: 'cas'; readonly from: number; readonly to: number }
  | { readonly kind: 'read' };

/** What somebody is told of an operation. */
export type Result = 'ok' | 'failed' | number;

export interface OperationState {
  /** The operations that had ended when it was first decided: it is asked for as late as can be. Undefined before. */
  readonly after: readonly number[] | undefined;
  readonly result: Result | 'unknown' | undefined;
}

/** One assignment of the register: the latest stamp wins. */
export interface Write {
  readonly stamp: number;
  readonly value: number;
}

/** What the driver of a coordinator is about. */
export type Driving =
  | { readonly kind: 'nothing' }
  /** An operation was decided by this ballot; it is proposed, or was when the ballot was lost. */
  | { readonly kind: 'proposed'; readonly ballot: Ballot; readonly result: Result; readonly isLost: boolean }
  /** A value was read, and a majority is asked. */
  | { readonly kind: 'probing'; readonly result: Result; readonly seen: VersionVector }
  /** A majority accepted patches, which are no commit yet. */
  | {
      readonly kind: 'chosen';
      readonly patches: readonly ProvisionalPatch[];
      readonly of: Ballot;
      /** What had been decided, and is told with it if it is of the same ballot. */
      readonly decided: Extract<Driving, { kind: 'proposed' }> | undefined;
    };

export interface ServerState {
  readonly vector: VersionVector;
  readonly clock: number;
  readonly acceptor: AcceptorState;
  readonly coordinator: CoordinatorState;
  readonly driving: Driving;
  readonly incarnation: number;
  /** How many more times it may begin to lead. */
  readonly begins: number;
}

export interface Commit {
  readonly writes: readonly Write[];
  readonly after: VersionVector;
}

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly message: Exclude<Message, { kind: 'outdated' | 'join' | 'joined' | 'ask' | 'answer' }>;
}

/** Messages that may arrive at a server, by `numberOf`. */
export type Inbox = ReadonlyMap<number, Sent>;

/** What belongs to no server. */
export interface Shared {
  /** By origin, in order of seq. */
  readonly streams: ReadonlyMap<ReplicaId, readonly Commit[]>;
  readonly operations: readonly OperationState[];
  readonly crashesLeft: number;
  /** Plain writes that are still to come. */
  readonly plainLeft: number;
}

export interface World {
  readonly servers: readonly ServerState[];
  /** By receiver. */
  readonly inboxes: readonly Inbox[];
  readonly shared: Shared;
}

export interface Plan {
  readonly name: string;
  /** By coordinator (servers 0 and 1), one after the other. */
  readonly operations: readonly { readonly server: number; readonly operation: Operation }[];
  /** How often each server may begin to lead. */
  readonly begins: readonly number[];
  /** The last ballot counter that each server has heard of: ballots of a later one beat those of the others. */
  readonly latest: readonly number[];
  readonly crashes: number;
  /** Whether a server that crashed may begin once more. */
  readonly leadsAgain: boolean;
  /** A write at level `eventual` of this value by the last server. */
  readonly plainWrite: number | undefined;
}

export const SERVERS = 3;
export const GRAPH = 'g';

export const nameOf = (server: number): string => 'abc'[server] as string;
export const VOTERS: ReadonlySet<string> = new Set(Array.from({ length: SERVERS }, (_, server) => nameOf(server)));

export function firstWorld(plan: Plan): World {
  return {
    servers: Array.from({ length: SERVERS }, (_, i) =>
      theServer({
        vector: new Map(),
        clock: 0,
        acceptor: NOTHING_ACCEPTED,
        coordinator: { ...IDLE, latest: { counter: plan.latest[i] ?? 0, replica: 0 as ReplicaId } },
        driving: { kind: 'nothing' },
        incarnation: 0,
        begins: plan.begins[i] ?? 0,
      }),
    ),
    inboxes: Array.from({ length: SERVERS }, () => inboxOf([])),
    shared: theShared({
      streams: new Map(),
      operations: plan.operations.map(() => ({ after: undefined, result: undefined })),
      crashesLeft: plan.crashes,
      plainLeft: plan.plainWrite === undefined ? 0 : 1,
    }),
  };
}

/** A crash gives a server another replica id, as production does. */
export function replicaOf(server: number, { incarnation }: ServerState): ReplicaId {
  return (1 + server + 10 * incarnation) as ReplicaId;
}

export function patchOf({ stamp, value }: Write): ProvisionalPatch {
  return { graphKey: GRAPH, partition: '0' as PartitionId, text: `${stamp} ${value}` };
}

export function writeOf({ text }: ProvisionalPatch): Write {
  const [stamp, value] = text.split(' ').map(Number) as [number, number];
  return { stamp, value };
}

/** What the register holds where a server is; 0 before every write. */
export function valueAt(streams: Shared['streams'], vector: VersionVector): number {
  let last: Write = { stamp: -1, value: 0 };
  for (const [origin, seq] of vector) {
    for (const { writes } of (streams.get(origin) ?? []).slice(0, seq)) {
      for (const write of writes) if (write.stamp > last.stamp) last = write;
    }
  }
  return last.value;
}

/**
 * Numbers for parts of worlds, equal for equal parts. Worlds share most of their parts, so nearly every look-up is one by
 * identity.
 */
class Interned<T extends object> {
  readonly #byIdentity = new WeakMap<T, number>();
  readonly #byText = new Map<string, number>();
  readonly #parts: T[] = [];
  readonly #textOf: (part: T) => string;

  constructor(textOf: (part: T) => string) {
    this.#textOf = textOf;
  }

  of(part: T): number {
    const known = this.#byIdentity.get(part);
    if (known !== undefined) return known;
    const text = this.#textOf(part);
    let number = this.#byText.get(text);
    if (number === undefined) {
      number = this.#byText.size;
      this.#byText.set(text, number);
      this.#parts.push(part);
    }
    this.#byIdentity.set(part, number);
    return number;
  }

  /** The one that stands for all that are equal to it. */
  first(part: T): T {
    return this.#parts[this.of(part)] as T;
  }
}

const parts = new Interned<object>((part) => JSON.stringify(part, ordered));
const servers = new Interned<ServerState>(({ vector, clock, acceptor, coordinator, driving, incarnation, begins }) =>
  [...[vector, acceptor, coordinator, driving].map(numberOf), clock, incarnation, begins].join(),
);
const inboxes = new Interned<Inbox>((inbox) => Array.from(inbox.keys()).join());
const shared = new Interned<Shared>(({ streams, operations, crashesLeft, plainLeft }) =>
  [numberOf(streams), numberOf(operations), crashesLeft, plainLeft].join(),
);

/** Equal for equal parts of worlds. */
export function numberOf(part: object): number {
  return parts.of(part);
}

export function theServer(state: ServerState): ServerState {
  return servers.first(state);
}

export function theShared(around: Shared): Shared {
  return shared.first(around);
}

export function theSent(sent: Sent): Sent {
  return parts.first(sent) as Sent;
}

export function inboxOf(messages: Iterable<Sent>): Inbox {
  const byNumber = Array.from(messages, (sent) => [numberOf(sent), sent] as const);
  return inboxes.first(new Map(byNumber.sort(([a], [b]) => a - b)));
}

const grown = new WeakMap<Inbox, Map<Sent, Inbox>>();

/** An inbox with one more message. */
export function withSent(inbox: Inbox, sent: Sent): Inbox {
  const known = grown.get(inbox) ?? new Map<Sent, Inbox>();
  grown.set(inbox, known);
  const found = known.get(sent) ?? inboxOf([...inbox.values(), sent]);
  known.set(sent, found);
  return found;
}

/** Equal for what one server may do next, where these are equal. */
export function placeKey(server: ServerState, inbox: Inbox, around: Shared): string {
  return `${servers.of(server)} ${inboxes.of(inbox)} ${shared.of(around)}`;
}

/** Equal for worlds that are equal but for the messages that may arrive. */
export function keyOf({ servers: states, shared: around }: World): string {
  return `${states.map((state) => servers.of(state)).join()} ${shared.of(around)}`;
}

/** Maps and sets as sorted arrays. */
function ordered(_key: string, value: unknown): unknown {
  if (value instanceof Map) {
    return Array.from(value as Map<string | number, unknown>).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
  return value instanceof Set ? Array.from(value as Set<string>).sort() : value;
}

export function isForAcceptor(message: Sent['message']): message is Prepare | Accept | Settled {
  return message.kind === 'prepare' || message.kind === 'accept' || message.kind === 'settled';
}
