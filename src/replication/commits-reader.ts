/**
 * Reads the commits of a frame in one pass over its bytes, in the form in which `encodeCommit` writes them: what a server
 * that catches up does most. Whatever has another form, if only a name beyond ASCII, it leaves to the decoder in
 * `frame-codec.ts`, which also says what is wrong with it. So this one must not take anything that the other refuses, or
 * take it for something else: a test compares the two.
 */
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { fromUtf8 } from '../../base/text.ts';
import type { Commit, CommitPart } from '../../storage/store.ts';
import { isGraphKey } from './field-reader.ts';

/** A frame of them is an array of this form, with a count in 32 bits, and begins with the number of its kind. */
const ARRAY_32 = 0xdd;
const HEAD_BYTES = 6;
const COMMITS_MAX = 1_000_000;
/** Parts and streams of a commit that are compared each with each; more are left to the other decoder. */
const COMPARED_MAX = 16;
/** Texts of up to so many bytes come again and again: names of graphs and partitions. */
const KEPT_CHARS = 64;
const KEPT_TEXTS = 1024;

const NOTHING: readonly never[] = [];
/** Stands for a number, a count or an end that is not there in the form that is read here. */
const OTHER = -1;

/** The commits of a frame that begins with the number `kind`; undefined if the frame is not all of the usual form. */
export function readCommits(bytes: Uint8Array, kind: number): Commit[] | undefined {
  return bytes[0] === ARRAY_32 && bytes[5] === kind ? new CommitsReader(bytes).all() : undefined;
}

/** By hash of their bytes; one takes the place of another. */
const keptTexts: (string | undefined)[] = new Array(KEPT_TEXTS);

class CommitsReader {
  readonly #bytes: Uint8Array;
  #at = HEAD_BYTES;
  /** The one that was checked last: most commits are of one graph. */
  #graphKey: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  all(): Commit[] | undefined {
    const count = uint32(this.#bytes, 1) - 1;
    if (count < 0 || count >= COMMITS_MAX) return undefined;
    const commits: Commit[] = [];
    for (let i = 0; i < count; i++) {
      const commit = this.#commit();
      if (commit === undefined) return undefined;
      commits.push(commit);
    }
    return this.#at === this.#bytes.length ? commits : undefined;
  }

  #commit(): Commit | undefined {
    const fields = this.#count();
    if (fields !== 5 && fields !== 6) return undefined;
    const origin = this.#replica();
    const seq = this.#uint();
    const clock = this.#uint();
    if (origin === OTHER || seq <= 0 || clock === OTHER) return undefined;
    const after = this.#after();
    const parts = this.#parts();
    const locators = fields === 6 ? this.#locators() : NOTHING;
    if (after === undefined || parts === undefined || locators === undefined) return undefined;
    return { origin: origin as ReplicaId, seq, clock, parts, locators, after };
  }

  #after(): Commit['after'] | undefined {
    const count = this.#count();
    if (count === 0) return NOTHING;
    if (count === OTHER || count % 2 !== 0 || count > 2 * COMPARED_MAX) return undefined;
    const after: (readonly [ReplicaId, number])[] = [];
    for (let i = 0; i < count; i += 2) {
      const origin = this.#replica();
      const seq = this.#uint();
      if (origin === OTHER || seq === OTHER || after.some(([other]) => other === origin)) return undefined;
      after.push([origin as ReplicaId, seq]);
    }
    return after;
  }

  #parts(): readonly CommitPart[] | undefined {
    const count = this.#count();
    if (count === OTHER || count % 3 !== 0 || count > 3 * COMPARED_MAX) return undefined;
    const parts: CommitPart[] = [];
    for (let i = 0; i < count; i += 3) {
      const graphKey = this.#graph();
      const partition = this.#partition();
      if (graphKey === undefined || partition === undefined) return undefined;
      if (parts.some((part) => part.partition === partition && part.graphKey === graphKey)) return undefined;
      const update = this.#binary();
      if (update === undefined) return undefined;
      parts.push({ graphKey, partition, update });
    }
    return parts;
  }

  #locators(): Commit['locators'] | undefined {
    const count = this.#count();
    if (count === OTHER || count % 3 !== 0) return undefined;
    const locators: Commit['locators'][number][] = [];
    for (let i = 0; i < count; i += 3) {
      const graphKey = this.#graph();
      const edge = this.#text();
      const partition = this.#partition();
      if (graphKey === undefined || edge === undefined || edge === '' || partition === undefined) return undefined;
      locators.push({ graphKey, edge, partition });
    }
    return locators;
  }

  #graph(): string | undefined {
    const graphKey = this.#text();
    if (graphKey === undefined || graphKey === this.#graphKey) return graphKey;
    if (!isGraphKey(graphKey)) return undefined;
    this.#graphKey = graphKey;
    return graphKey;
  }

  #partition(): PartitionId | undefined {
    const partition = this.#text();
    const isOne = partition !== undefined && partition !== '' && partition.length <= LIMITS.nameBytesMax + 1;
    return isOne ? (partition as PartitionId) : undefined;
  }

  #replica(): number {
    const value = this.#uint();
    return value === 0 || value > 0xffff_ffff ? OTHER : value;
  }

  /** A safe integer that is not negative, or `OTHER`. */
  #uint(): number {
    const bytes = this.#bytes;
    const head = bytes[this.#at++];
    if (head === undefined) return OTHER;
    if (head < 0x80) return head;
    const at = this.#at;
    switch (head) {
      case 0xcc:
        this.#at += 1;
        return bytes[at] ?? OTHER;
      case 0xcd:
        this.#at += 2;
        return this.#at > bytes.length ? OTHER : uint16(bytes, at);
      case 0xce:
        this.#at += 4;
        return this.#at > bytes.length ? OTHER : uint32(bytes, at);
      case 0xcf: {
        this.#at += 8;
        if (this.#at > bytes.length) return OTHER;
        const value = uint32(bytes, at) * 0x1_0000_0000 + uint32(bytes, at + 4);
        return Number.isSafeInteger(value) ? value : OTHER;
      }
      default:
        return OTHER;
    }
  }

  /** Elements of an array, or `OTHER`. */
  #count(): number {
    const head = this.#bytes[this.#at++] ?? 0;
    if (head >= 0x90 && head < 0xa0) return head & 0x0f;
    const at = this.#at;
    if (head !== 0xdc || at + 2 > this.#bytes.length) return OTHER;
    this.#at += 2;
    return uint16(this.#bytes, at);
  }

  #binary(): Uint8Array | undefined {
    const bytes = this.#bytes;
    const head = bytes[this.#at];
    const width = head === 0xc4 ? 1 : head === 0xc5 ? 2 : head === 0xc6 ? 4 : 0;
    const start = this.#at + 1 + width;
    if (width === 0 || start > bytes.length) return undefined;
    const at = this.#at + 1;
    const length = width === 1 ? (bytes[at] as number) : width === 2 ? uint16(bytes, at) : uint32(bytes, at);
    this.#at = start + length;
    // Not `subarray`: of a buffer that gives another buffer, which costs more.
    return this.#at > bytes.length ? undefined : new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
  }

  /** A text of ASCII. */
  #text(): string | undefined {
    const bytes = this.#bytes;
    const head = bytes[this.#at++] ?? 0;
    let length = head & 0x1f;
    if (head === 0xd9) length = bytes[this.#at++] ?? bytes.length;
    else if (head === 0xda) {
      length = this.#at + 2 > bytes.length ? bytes.length : uint16(bytes, this.#at);
      this.#at += 2;
    } else if (head < 0xa0 || head >= 0xc0) return undefined;
    const start = this.#at;
    this.#at += length;
    return this.#at > bytes.length ? undefined : asciiText(bytes, start, length);
  }
}

/** The same text for the same bytes while it is kept. Undefined if it is not of ASCII alone. */
function asciiText(bytes: Uint8Array, start: number, length: number): string | undefined {
  let hash = length;
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return undefined;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (length > KEPT_CHARS) return fromUtf8(bytes.subarray(start, start + length));
  const slot = hash & (KEPT_TEXTS - 1);
  const kept = keptTexts[slot];
  if (kept !== undefined && isText(kept, bytes, start, length)) return kept;
  const text = fromUtf8(bytes.subarray(start, start + length));
  keptTexts[slot] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x1_0000 + uint16(bytes, at + 2);
}
