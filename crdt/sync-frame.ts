/**
 * What an offline replica and a server say to each other, protocol version 1: MessagePack arrays that begin with the number of
 * their kind. `docs/protocol.md` has the table; whoever decodes checks every field before it believes any.
 */
import { decode, encode } from '@msgpack/msgpack';
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';

export const SYNC_VERSION = 1;
export const SYNC_PROTOCOL = 'weft.sync.v1';

/** Bytes of one partition: a Yjs state vector or update. */
export interface PartitionBytes {
  readonly partition: PartitionId;
  readonly bytes: Uint8Array;
}

export interface PlacedText {
  readonly partition: PartitionId;
  /** A patch. */
  readonly text: string;
}

/** From the replica. */
export type ReplicaFrame =
  | {
      readonly kind: 'hello';
      readonly version: number;
      readonly replica: number;
      /** Of the graph whose state it holds; empty if it holds nothing. */
      readonly generation: string;
      /** When it was last in step, by the servers' clock, in milliseconds; 0 for never. */
      readonly syncedMs: number;
      /** State vectors of the partitions that it opens. */
      readonly partitions: readonly PartitionBytes[];
      /** Of one that begins anew: state vectors of what it knew before. A server that lacks any of this is behind. */
      readonly known?: readonly PartitionBytes[];
    }
  /** A batch of the outbox. Batches come in order; after a refusal nothing of the same epoch counts. */
  | { readonly kind: 'write'; readonly epoch: number; readonly number: number; readonly patches: readonly PlacedText[] }
  | { readonly kind: 'ping' };

/** From the server. */
export type ServerFrame =
  | {
      readonly kind: 'welcome';
      readonly generation: string;
      readonly partitions: number;
      readonly restoringTypes: readonly string[];
      readonly wallMs: number;
      readonly clock: number;
    }
  /** What the replica lacked when it came, of one partition. */
  | { readonly kind: 'state'; readonly state: PartitionBytes }
  /** All states were sent: from here on updates follow as they happen. */
  | { readonly kind: 'live' }
  /** A commit, as far as it concerns the replica: all or nothing of it becomes visible. */
  | { readonly kind: 'update'; readonly updates: readonly PartitionBytes[] }
  /** The batch is durable on so many of the servers; more may follow. */
  | {
      readonly kind: 'receipt';
      readonly epoch: number;
      readonly number: number;
      readonly durableOn: number;
      readonly of: number;
    }
  | {
      readonly kind: 'refused';
      readonly epoch: number;
      readonly number: number;
      readonly code: string;
      readonly detail: string;
    }
  /** The replica's state is of no use: it begins anew, with its unsent writes as new ones. */
  | { readonly kind: 'must-refetch'; readonly reason: 'generation' | 'too-old' | 'replica-id' }
  /** The server lacks some of what the replica knew: another one may have it, or this one later. */
  | { readonly kind: 'behind' }
  | { readonly kind: 'pong'; readonly wallMs: number };

const HELLO = 1;
const WRITE = 2;
const PING = 3;
const WELCOME = 10;
const STATE = 11;
const LIVE = 12;
const UPDATE = 13;
const RECEIPT = 14;
const REFUSED = 15;
const MUST_REFETCH = 16;
const PONG = 17;
const BEHIND = 18;

export function encodeReplicaFrame(frame: ReplicaFrame): Uint8Array {
  switch (frame.kind) {
    case 'hello': {
      const { version, replica, generation, syncedMs, partitions, known } = frame;
      // Earlier servers take no hello that has it.
      const last = known === undefined ? [] : [flatBytes(known)];
      return encode([HELLO, version, replica, generation, syncedMs, flatBytes(partitions), ...last]);
    }
    case 'write':
      return encode([
        WRITE,
        frame.epoch,
        frame.number,
        frame.patches.flatMap(({ partition, text }) => [partition, text]),
      ]);
    case 'ping':
      return encode([PING]);
  }
}

export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  switch (frame.kind) {
    case 'welcome': {
      const { generation, partitions, restoringTypes, wallMs, clock } = frame;
      return encode([WELCOME, generation, partitions, restoringTypes, wallMs, clock]);
    }
    case 'state':
      return encode([STATE, frame.state.partition, frame.state.bytes]);
    case 'live':
      return encode([LIVE]);
    case 'update':
      return encode([UPDATE, flatBytes(frame.updates)]);
    case 'receipt':
      return encode([RECEIPT, frame.epoch, frame.number, frame.durableOn, frame.of]);
    case 'refused':
      return encode([REFUSED, frame.epoch, frame.number, frame.code, frame.detail]);
    case 'must-refetch':
      return encode([MUST_REFETCH, frame.reason]);
    case 'behind':
      return encode([BEHIND]);
    case 'pong':
      return encode([PONG, frame.wallMs]);
  }
}

/** @throws WeftError `malformed-request`, definite */
export function decodeReplicaFrame(bytes: Uint8Array): ReplicaFrame {
  const fields = fieldsOf(bytes);
  const kind = fields.integer();
  switch (kind) {
    case HELLO:
      return fields.end({
        kind: 'hello',
        version: fields.integer(),
        replica: fields.integer(),
        generation: fields.text(),
        syncedMs: fields.integer(),
        partitions: fields.partitionBytes(),
        ...(fields.ended ? {} : { known: fields.partitionBytes() }),
      });
    case WRITE:
      return fields.end({
        kind: 'write',
        epoch: fields.integer(),
        number: fields.integer(),
        patches: pairs(fields.list()).map(([partition, text]) => {
          return { partition: asText(partition) as PartitionId, text: asText(text) };
        }),
      });
    case PING:
      return fields.end({ kind: 'ping' });
    default:
      throw malformed(`kind ${kind} is not known`);
  }
}

const REASONS = ['generation', 'too-old', 'replica-id'] as const;

/** @throws WeftError `malformed-request`, definite */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame {
  const fields = fieldsOf(bytes);
  const kind = fields.integer();
  switch (kind) {
    case WELCOME:
      return fields.end({
        kind: 'welcome',
        generation: fields.text(),
        partitions: fields.integer(),
        restoringTypes: fields.list().map(asText),
        wallMs: fields.integer(),
        clock: fields.integer(),
      });
    case STATE:
      return fields.end({ kind: 'state', state: { partition: fields.text() as PartitionId, bytes: fields.bytes() } });
    case LIVE:
      return fields.end({ kind: 'live' });
    case UPDATE:
      return fields.end({ kind: 'update', updates: fields.partitionBytes() });
    case RECEIPT:
      return fields.end({
        kind: 'receipt',
        epoch: fields.integer(),
        number: fields.integer(),
        durableOn: fields.integer(),
        of: fields.integer(),
      });
    case REFUSED:
      return fields.end({
        kind: 'refused',
        epoch: fields.integer(),
        number: fields.integer(),
        code: fields.text(),
        detail: fields.text(),
      });
    case MUST_REFETCH: {
      const text = fields.text();
      const reason = REASONS.find((known) => known === text);
      if (reason === undefined) throw malformed(`reason ${text} is not known`);
      return fields.end({ kind: 'must-refetch', reason });
    }
    case BEHIND:
      return fields.end({ kind: 'behind' });
    case PONG:
      return fields.end({ kind: 'pong', wallMs: fields.integer() });
    default:
      throw malformed(`kind ${kind} is not known`);
  }
}

function flatBytes(partitions: readonly PartitionBytes[]): unknown[] {
  return partitions.flatMap(({ partition, bytes }): unknown[] => [partition, bytes]);
}

function malformed(what: string): WeftError {
  return new WeftError('malformed-request', `the frame is malformed: ${what}`);
}

function asText(field: unknown): string {
  if (typeof field !== 'string') throw malformed('a text is wanted');
  return field;
}

function pairs(list: readonly unknown[]): [unknown, unknown][] {
  if (list.length % 2 !== 0) throw malformed('a list of pairs is wanted');
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]);
}

function fieldsOf(bytes: Uint8Array): Fields {
  let decoded: unknown;
  try {
    decoded = decode(bytes);
  } catch (cause) {
    throw malformed(`no MessagePack: ${(cause as Error).message}`);
  }
  if (!Array.isArray(decoded)) throw malformed('an array is wanted');
  return new Fields(decoded);
}

class Fields {
  readonly #fields: readonly unknown[];
  #at = 0;

  constructor(fields: readonly unknown[]) {
    this.#fields = fields;
  }

  integer(): number {
    const field = this.#fields[this.#at++];
    if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0) throw malformed('an integer is wanted');
    return field;
  }

  text(): string {
    return asText(this.#fields[this.#at++]);
  }

  bytes(): Uint8Array {
    const field = this.#fields[this.#at++];
    if (!(field instanceof Uint8Array)) throw malformed('bytes are wanted');
    return field;
  }

  list(): readonly unknown[] {
    const field = this.#fields[this.#at++];
    if (!Array.isArray(field)) throw malformed('a list is wanted');
    return field;
  }

  partitionBytes(): PartitionBytes[] {
    return pairs(this.list()).map(([partition, bytes]) => {
      if (!(bytes instanceof Uint8Array)) throw malformed('bytes are wanted');
      return { partition: asText(partition) as PartitionId, bytes };
    });
  }

  get ended(): boolean {
    return this.#at >= this.#fields.length;
  }

  /** The frame, if there are no fields left. */
  end<T>(frame: T): T {
    if (!this.ended) throw malformed('fields too many');
    return frame;
  }
}
