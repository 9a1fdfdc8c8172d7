/** The rows of a replica in its local store, and their text. */
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import { decodeOperations, encodeOperations } from '../crdt/operation-codec.ts';
import type { PlacedText } from '../crdt/sync-frame.ts';
import type { Operation } from '../graph/model.ts';
import type { LocalChange, LocalRow, LocalStore } from './local-store.ts';

/** What a replica knows of itself. */
export interface ReplicaMeta {
  /** Of the layout of these rows. */
  readonly format: 1;
  readonly replica: number;
  /** Of the graph that it holds a part of; empty before it first met a server. */
  readonly generation: string;
  readonly partitions: number;
  readonly restoringTypes: readonly string[];
  /** When it was last in step, by the servers' clock, in milliseconds. */
  readonly syncedMs: number;
  /** What must be added to the own wall clock to have the servers'. */
  readonly offsetMs: number;
  /** The outbox must be made anew on what the next server says, before any of it is sent. */
  readonly replays: boolean;
  /** The id that it takes when it begins anew, as it must, on a server that lacks nothing of what is known here; 0 if it need not. */
  readonly successor: number;
  /** State vectors, in base64, of what was known before it began anew, as long as not all of that is here again. */
  readonly known: readonly (readonly [partition: string, stateVector: string])[];
}

/** A batch that was written here: its operations, and the patches that they are as long as nothing before them is refused. */
export interface OutboxEntry {
  readonly number: number;
  readonly operations: readonly Operation[];
  readonly patches: readonly PlacedText[];
}

/** A batch that a server refused, or that cannot be done after one that was. It stays until the application dismisses it. */
export interface Refusal {
  readonly number: number;
  readonly operations: readonly Operation[];
  readonly code: string;
  readonly detail: string;
}

/** What rows of earlier versions lack. */
const NOT_ANEW: Pick<ReplicaMeta, 'successor' | 'known'> = { successor: 0, known: [] };
const META = 'meta';
const DOCUMENTS = 'd/';
const OUTBOX = 'o/';
const REFUSALS = 'r/';
const DIGITS = 12;

const padded = (number: number) => String(number).padStart(DIGITS, '0');

export const rows = {
  meta: (meta: ReplicaMeta): LocalChange => ({ kind: 'put', key: META, value: json(meta) }),
  update: (partition: PartitionId, number: number, value: Uint8Array): LocalChange => {
    return { kind: 'put', key: `${DOCUMENTS}${partition}/${padded(number)}`, value };
  },
  noUpdate: (partition: PartitionId, number: number): LocalChange => {
    return { kind: 'delete', key: `${DOCUMENTS}${partition}/${padded(number)}` };
  },
  entry: ({ number, operations, patches }: OutboxEntry): LocalChange => {
    return {
      kind: 'put',
      key: OUTBOX + padded(number),
      value: json({ operations: encodeOperations(operations), patches }),
    };
  },
  noEntry: (number: number): LocalChange => ({ kind: 'delete', key: OUTBOX + padded(number) }),
  refusal: ({ number, operations, code, detail }: Refusal): LocalChange => {
    const value = json({ operations: encodeOperations(operations), code, detail });
    return { kind: 'put', key: REFUSALS + padded(number), value };
  },
  noRefusal: (number: number): LocalChange => ({ kind: 'delete', key: REFUSALS + padded(number) }),
} as const;

export interface StoredReplica {
  readonly meta: ReplicaMeta | undefined;
  readonly updates: ReadonlyMap<PartitionId, readonly { readonly number: number; readonly value: Uint8Array }[]>;
  readonly outbox: readonly OutboxEntry[];
  readonly refusals: readonly Refusal[];
}

/** @throws WeftError `data-format`, `data-corrupt` */
export async function readReplica(store: LocalStore): Promise<StoredReplica> {
  const [held] = (await store.read(META)).filter(({ key }) => key === META);
  const meta = held && { ...NOT_ANEW, ...parsed<Omit<ReplicaMeta, keyof typeof NOT_ANEW>>(held) };
  if (meta !== undefined && meta.format !== 1) {
    throw new WeftError('data-format', `the replica was written by another version (format ${meta.format})`);
  }
  const updates = new Map<PartitionId, { number: number; value: Uint8Array }[]>();
  for (const { key, value } of await store.read(DOCUMENTS)) {
    const end = key.length - DIGITS;
    const partition = key.slice(DOCUMENTS.length, end - 1) as PartitionId;
    const list = updates.get(partition) ?? [];
    updates.set(partition, list);
    list.push({ number: Number(key.slice(end)), value });
  }
  const numbered = <T>(row: LocalRow, prefix: string) => {
    const { operations, ...rest } = parsed<{ readonly operations: string }>(row);
    return { number: Number(row.key.slice(prefix.length)), operations: decodeOperations(operations), ...rest } as T;
  };
  return {
    meta,
    updates,
    outbox: (await store.read(OUTBOX)).map((row) => numbered<OutboxEntry>(row, OUTBOX)),
    refusals: (await store.read(REFUSALS)).map((row) => numbered<Refusal>(row, REFUSALS)),
  };
}

function json(value: unknown): Uint8Array {
  return toUtf8(JSON.stringify(value));
}

function parsed<T>({ key, value }: LocalRow): T {
  try {
    return JSON.parse(fromUtf8(value)) as T;
  } catch (cause) {
    throw new WeftError('data-corrupt', `row ${key} of the local store cannot be read`, {}, cause);
  }
}
