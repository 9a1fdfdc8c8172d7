/**
 * What y-websocket sends and understands: a number for the kind of message, then y-protocols' encoding of it. Read here, not
 * by y-protocols, which applies what it reads at once and reads past the end of its bytes.
 */
import { WeftError } from '../base/errors.ts';
import { ByteReader } from '../crdt/byte-reader.ts';
import { ByteWriter } from '../crdt/byte-writer.ts';

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const QUERY_AWARENESS = 3;
const STEP_1 = 0;
const STEP_2 = 1;
const UPDATE = 2;
const PERMISSION_DENIED = 0;

/** What one client says of itself; `state` is JSON, `null` once it has left. */
export interface AwarenessEntry {
  readonly client: number;
  readonly clock: number;
  readonly state: string;
}

export type YjsFrame =
  /** What the sender has; it wants the rest. */
  | { readonly kind: 'have'; readonly stateVector: Uint8Array }
  /** The answer to that: all that the other lacks, which may be nothing, and all deletions ever. */
  | { readonly kind: 'difference'; readonly update: Uint8Array }
  | { readonly kind: 'update'; readonly update: Uint8Array }
  | { readonly kind: 'awareness'; readonly entries: readonly AwarenessEntry[] }
  | { readonly kind: 'query-awareness' };

/** @throws WeftError `malformed-request`, definite */
export function decodeYjsFrame(bytes: Uint8Array): YjsFrame {
  try {
    const reader = new ByteReader(bytes);
    const frame = readFrame(reader);
    if (!reader.ended) throw new RangeError('bytes follow its end');
    return frame;
  } catch (cause) {
    throw new WeftError('malformed-request', `the message cannot be read: ${(cause as Error).message}`, {}, cause);
  }
}

function readFrame(reader: ByteReader): YjsFrame {
  const kind = reader.varUint();
  if (kind === AWARENESS) return { kind: 'awareness', entries: readEntries(new ByteReader(reader.bytes())) };
  if (kind === QUERY_AWARENESS) return { kind: 'query-awareness' };
  if (kind !== SYNC) throw new RangeError(`it is of kind ${kind}`);
  const step = reader.varUint();
  if (step === STEP_1) return { kind: 'have', stateVector: reader.bytes() };
  if (step === STEP_2) return { kind: 'difference', update: reader.bytes() };
  if (step === UPDATE) return { kind: 'update', update: reader.bytes() };
  throw new RangeError(`it is a step ${step} of syncing`);
}

function readEntries(reader: ByteReader): AwarenessEntry[] {
  const entries: AwarenessEntry[] = [];
  for (let left = reader.varUint(); left > 0; left--) {
    entries.push({ client: reader.varUint(), clock: reader.varUint(), state: reader.text() });
  }
  if (!reader.ended) throw new RangeError('bytes follow the states');
  return entries;
}

export function encodeYjsFrame(frame: YjsFrame): Uint8Array {
  const writer = new ByteWriter();
  switch (frame.kind) {
    case 'have':
      return writer.varUint(SYNC).varUint(STEP_1).bytes(frame.stateVector).finish();
    case 'difference':
      return writer.varUint(SYNC).varUint(STEP_2).bytes(frame.update).finish();
    case 'update':
      return writer.varUint(SYNC).varUint(UPDATE).bytes(frame.update).finish();
    case 'awareness': {
      const inner = new ByteWriter().varUint(frame.entries.length);
      for (const { client, clock, state } of frame.entries) inner.varUint(client).varUint(clock).text(state);
      return writer.varUint(AWARENESS).bytes(inner.finish()).finish();
    }
    case 'query-awareness':
      return writer.varUint(QUERY_AWARENESS).finish();
  }
}

/** Tells a client that what it wrote was not taken. */
export function permissionDenied(reason: string): Uint8Array {
  return new ByteWriter().varUint(AUTH).varUint(PERMISSION_DENIED).text(reason).finish();
}

/** By Yjs client, the clock after all that somebody has of it. */
export function encodeStateVector(vector: ReadonlyMap<number, number>): Uint8Array {
  const writer = new ByteWriter().varUint(vector.size);
  for (const [client, clock] of Array.from(vector).sort(([a], [b]) => b - a)) writer.varUint(client).varUint(clock);
  return writer.finish();
}

/** The other way round. @throws WeftError `malformed-request`, definite */
export function decodeStateVector(bytes: Uint8Array): Map<number, number> {
  try {
    const reader = new ByteReader(bytes);
    const vector = new Map<number, number>();
    for (let left = reader.varUint(); left > 0; left--) vector.set(reader.varUint(), reader.varUint());
    if (!reader.ended) throw new RangeError('bytes follow its end');
    return vector;
  } catch (cause) {
    throw new WeftError('malformed-request', `the state vector cannot be read: ${(cause as Error).message}`, {}, cause);
  }
}
