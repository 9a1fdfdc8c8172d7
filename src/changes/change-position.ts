/**
 * How far a reader of changes has come: of each stream the last commit of which it knows. Streams that ended are not named one
 * by one, or a position would grow with every restart of a server; it says how many it has passed, and a sum over them. A
 * server knows in which order it saw them end, so it can tell which ones those were; where it cannot, the reader starts anew.
 *
 * Bytes: version, length and text of the graph's key, number and sum (6 bytes) of streams that ended, then the vector.
 */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { fromUtf8, hashText, toUtf8 } from '../../base/text.ts';
import { pushVarint, pushVector, readVarint, readVector } from '../commits/vector-bytes.ts';
import { joined, type VersionVector } from '../commits/version-vector.ts';
import { SignedBytes } from '../sessions/signed-bytes.ts';

const VERSION = 1;
const SUM_BYTES = 6;
const SUM_RANGE = 2 ** 48;

export class ChangePositions {
  readonly #signed: SignedBytes;

  /** @param secret the same on all servers between which a reader may change */
  constructor(secret: Uint8Array) {
    this.#signed = new SignedBytes(secret, 'weft change position 1');
  }

  /** @param retired the streams that ended and that the reader knows whole, in the order in which this server saw them end */
  encode(graphKey: string, retired: readonly Ended[], vector: VersionVector): string {
    const key = toUtf8(graphKey);
    const bytes = [VERSION, key.length, ...key];
    pushVarint(bytes, retired.length);
    let sum = sumOf(retired);
    for (let i = 0; i < SUM_BYTES; i++, sum = Math.floor(sum / 0x100)) bytes.push(sum % 0x100);
    pushVector(bytes, vector);
    return this.#signed.sign(Uint8Array.from(bytes));
  }

  /**
   * What the reader has of all streams.
   * @param retired all streams that ended, in the order in which this server saw them end
   * @throws WeftError `invalid-request`; `must-refetch` if it is of another graph, or of ends that this server does not know
   */
  decode(text: string, graphKey: string, retired: readonly Ended[]): VersionVector {
    const body = text.length > LIMITS.sessionTokenCharsMax ? 'it is too long' : this.#signed.verify(text);
    const why = typeof body === 'string' ? body : body[0] === VERSION ? undefined : `it has version ${body[0]}`;
    if (why !== undefined || typeof body === 'string') {
      throw new WeftError('invalid-request', `\`since\` is not valid: ${why}`, { field: 'since' });
    }
    const keyEnd = 2 + body.readUInt8(1);
    if (fromUtf8(body.subarray(2, keyEnd)) !== graphKey) {
      throw mustRefetch('the graph was deleted since, and made again');
    }
    const { value: count, end } = readVarint(body, keyEnd);
    const sum = body.readUIntLE(end, SUM_BYTES);
    const passed = retired.slice(0, count);
    if (passed.length < count || sumOf(passed) !== sum) {
      throw mustRefetch('this server cannot tell which streams it covers');
    }
    return joined(new Map(passed), readVector(body, end + SUM_BYTES));
  }
}

/** A stream that ended, with its last seq. */
export type Ended = VersionVector extends ReadonlyMap<infer Origin, number> ? readonly [Origin, number] : never;

/** The same for the same streams in any order. */
function sumOf(retired: readonly Ended[]): number {
  let sum = 0;
  for (const [origin, seq] of retired) {
    const text = `${origin}/${seq}`;
    sum = (sum + hashText(text) * 0x1_0000 + (hashText(`${text}/`) % 0x1_0000)) % SUM_RANGE;
  }
  return sum;
}

export function mustRefetch(why: string): WeftError {
  return new WeftError(
    'must-refetch',
    `changes cannot be continued from here: ${why}. Ask for \`since=now\`, export the graph, and continue from that \`since\``,
  );
}
