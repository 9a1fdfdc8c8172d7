/**
 * MessagePack with two number types. `@msgpack/msgpack` decodes the float 2.0 and the integer 2 to the same number,
 * rejects a key `__proto__`, trusts the lengths that a body claims and accepts broken UTF-8; none of it is an option.
 * So its two classes are subclassed at the methods that decide this, which TypeScript calls private: a test pins that
 * they exist and are called.
 */
import { isUtf8 } from 'node:buffer';
import { Decoder, Encoder } from '@msgpack/msgpack';
import { WeftError } from '../base/errors.ts';
import { wireDocument } from '../graph/json-values.ts';
import { Float, float, integer } from '../graph/value.ts';
import { RecentTexts } from './recent-texts.ts';

/** The members of `Decoder` that the subclass calls or replaces. */
interface DecoderParts {
  bytes: Uint8Array;
  pos: number;
  readonly stack: { top(): { map?: object } | undefined };
  decode(bytes: Uint8Array): unknown;
  reinitializeState(): void;
  setBuffer(bytes: Uint8Array): void;
  doDecodeSync(): unknown;
  readF32(): number;
  readF64(): number;
  readU64AsBigInt(): bigint;
  readI64AsBigInt(): bigint;
  decodeBinary(byteLength: number, headerBytes: number): Uint8Array;
  decodeUtf8String(byteLength: number, headerBytes: number): string;
  pushArrayState(size: number): void;
  pushMapState(size: number): void;
}

/** The members of `Encoder` that the subclass calls or replaces. */
interface EncoderParts {
  pos: number;
  readonly bytes: Uint8Array;
  encode(tree: unknown): Uint8Array;
  doEncode(tree: unknown, depth: number): void;
  encodeNumberAsFloat(value: number): void;
  writeU8(value: number): void;
  writeBigInt64(value: bigint): void;
}

const OpenDecoder = Decoder as unknown as new (options: object) => DecoderParts;
const OpenEncoder = Encoder as unknown as new (options: object) => EncoderParts;

/** Stands for the key `__proto__`, which the decoder refuses as text. */
const PROTO_KEY = Object('__proto__');

const recentTexts = new RecentTexts();

class ExactDecoder extends OpenDecoder {
  /** Values that the lengths seen so far promise; each takes a byte at least. */
  #promised = 0;
  /** The bytes, as what decodes text without a view for each. */
  #buffer: Buffer = Buffer.alloc(0);
  readonly #decodeText = (start: number, end: number): string => {
    const text = this.#buffer.toString('utf8', start, end);
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, end))) {
      throw new Error('a text is no valid UTF-8');
    }
    return text;
  };

  constructor() {
    super({
      useBigInt64: true,
      // A key is decoded here without its cache, only to recognise `__proto__`.
      keyDecoder: null,
      mapKeyConverter: (key: unknown): string => {
        if (typeof key === 'string') return key;
        if (key !== PROTO_KEY) throw new Error(`a map key must be text, not ${key === null ? 'nil' : typeof key}`);
        // The decoder assigns `map['__proto__']`, which without a prototype makes an ordinary member.
        Object.setPrototypeOf(this.stack.top()?.map, null);
        return '__proto__';
      },
      extensionCodec: {
        tryToEncode: () => null,
        decode: (_bytes: Uint8Array, type: number) => {
          throw new Error(`extension type ${type} is not supported; times are maps such as {"$type": "DateTime"}`);
        },
      },
    });
  }

  override decode(bytes: Uint8Array): unknown {
    this.#promised = 0;
    return super.decode(bytes);
  }

  /** The document that follows in the same bytes. */
  continued(): unknown {
    this.#promised = 0;
    return this.doDecodeSync();
  }

  override setBuffer(bytes: Uint8Array): void {
    super.setBuffer(bytes);
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  override readF32(): number {
    return float(super.readF32()) as number;
  }

  override readF64(): number {
    return float(super.readF64()) as number;
  }

  override readU64AsBigInt(): bigint {
    return integer(super.readU64AsBigInt()) as bigint;
  }

  override readI64AsBigInt(): bigint {
    return integer(super.readI64AsBigInt()) as bigint;
  }

  /** A copy: the decoder would share the memory of the body, and a Node Buffer is no property value. */
  override decodeBinary(byteLength: number, headerBytes: number): Uint8Array {
    return new Uint8Array(super.decodeBinary(byteLength, headerBytes));
  }

  override decodeUtf8String(byteLength: number, headerBytes: number): string {
    const start = this.pos + headerBytes;
    const end = start + byteLength;
    if (end > this.bytes.byteLength) throw new RangeError('Insufficient data');
    const text = recentTexts.text(this.bytes, start, end, this.#decodeText);
    this.pos = end;
    return text === '__proto__' && this.stack.top()?.map !== undefined ? this.#keyOrText(text) : text;
  }

  override pushArrayState(size: number): void {
    this.#promise(size);
    super.pushArrayState(size);
  }

  override pushMapState(size: number): void {
    this.#promise(2 * size);
    super.pushMapState(size);
  }

  #keyOrText(text: string): string {
    const state = this.stack.top() as { type?: string };
    return state.type === 'map_key' ? (PROTO_KEY as string) : text;
  }

  #promise(values: number): void {
    this.#promised += values;
    if (this.#promised > this.bytes.byteLength) throw new RangeError('a length exceeds the body');
  }
}

class ExactEncoder extends OpenEncoder {
  constructor() {
    super({ ignoreUndefined: true, maxDepth: 1000 });
  }

  override doEncode(tree: unknown, depth: number): void {
    if (tree instanceof Float) {
      this.encodeNumberAsFloat(tree.value);
    } else if (typeof tree === 'bigint' || (typeof tree === 'number' && tree > 0xffff_ffff && Number.isInteger(tree))) {
      this.writeU8(0xd3);
      this.writeBigInt64(BigInt(tree));
    } else {
      super.doEncode(tree, depth);
    }
  }
}

/** Reads messages that hold documents one after the other. Not to be entered again while it reads. */
export class MessagePackReader extends ExactDecoder {
  /** Where the document begins that was read last. */
  start = 0;

  /** Begins with another message. */
  open(bytes: Uint8Array): void {
    this.reinitializeState();
    this.setBuffer(bytes);
    this.start = 0;
  }

  get isAtEnd(): boolean {
    return this.pos >= this.bytes.byteLength;
  }

  /** Bytes of the document that was read last. */
  get length(): number {
    return this.pos - this.start;
  }

  /** What comes after the documents that were read. */
  get rest(): Uint8Array {
    return this.bytes.subarray(this.pos);
  }

  /** The next document. @throws WeftError as `parseMessagePack`; where the next one begins is then not known */
  next(): unknown {
    this.start = this.pos;
    return decoding(this, () => this.continued());
  }
}

/** Documents one after the other, taken together. */
export class MessagePackWriter extends ExactEncoder {
  get length(): number {
    return this.pos;
  }

  append(tree: unknown): void {
    const before = this.pos;
    try {
      this.doEncode(tree, 1);
    } catch (error) {
      this.pos = before;
      throw error;
    }
  }

  /** A copy of what was appended since the last time. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.pos);
    this.pos = 0;
    return taken;
  }
}

const decoder = new ExactDecoder();
const encoder = new ExactEncoder();

/**
 * The wire tree of a MessagePack body, with exact Integers, Floats and bytes.
 * @throws WeftError `malformed-request` that says at which byte, or `invalid-value`; definite
 */
export function parseMessagePack(bytes: Uint8Array): unknown {
  return decoding(decoder, () => decoder.decode(bytes));
}

function decoding<T>(at: ExactDecoder, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WeftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new WeftError('malformed-request', `the MessagePack body is malformed at byte ${at.pos}: ${reason}`);
  }
}

/** The MessagePack bytes of a document. */
export function printMessagePack(document: unknown): Uint8Array {
  return encoder.encode(wireDocument(document));
}

/** The MessagePack bytes of a tree that holds wire values already. */
export function encodeMessagePack(tree: unknown): Uint8Array {
  return encoder.encode(tree);
}
