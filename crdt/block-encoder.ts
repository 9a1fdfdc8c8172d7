/**
 * Encodes Yjs updates as Yjs does, byte for byte, but blocks as a whole: lib0 copies texts of their length one byte at a time,
 * which took most of the time of an append, and allocates several buffers for each update.
 */
import * as Y from 'yjs';
import { assert } from '../base/assert.ts';
import { toUtf8, utf8Into } from '../base/text.ts';

/** What `lib0` writes in front of a text that may be of any type. */
const TEXT_TAG = 119;
const UNIT = 128;
const VAR_UINT_BYTES_MAX = 8;
/** Here an update is put together before it is copied, one after the other: memory outside the heap takes long to get. */
const SCRATCH = new Uint8Array(64 * 1024);

class BlockEncoder extends Y.UpdateEncoderV1 {
  override writeAny(value: unknown): void {
    if (typeof value !== 'string') {
      super.writeAny(value);
      return;
    }
    this.writeInfo(TEXT_TAG);
    this.writeBuf(toUtf8(value));
  }
}

/** As `Y.encodeStateAsUpdate`. */
export function encodeDocument(doc: Y.Doc, stateVector?: Uint8Array): Uint8Array {
  return Y.encodeStateAsUpdateV2(doc, stateVector, new BlockEncoder());
}

/** As much of Yjs's encoder as structs use that were appended to an array. */
class AppendEncoder
  implements
    Pick<
      Y.UpdateEncoderV1,
      'writeInfo' | 'writeLeftID' | 'writeParentInfo' | 'writeString' | 'writeTypeRef' | 'writeLen' | 'writeAny'
    >
{
  #bytes = SCRATCH;
  #length = 0;

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  writeInfo(byte: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = byte;
  }

  writeLen(value: number): void {
    this.#room(VAR_UINT_BYTES_MAX);
    let rest = value;
    while (rest >= UNIT) {
      this.#bytes[this.#length++] = (rest % UNIT) + UNIT;
      rest = Math.floor(rest / UNIT);
    }
    this.#bytes[this.#length++] = rest;
  }

  writeTypeRef(type: number): void {
    this.writeLen(type);
  }

  writeLeftID({ client, clock }: Y.ID): void {
    this.writeLen(client);
    this.writeLen(clock);
  }

  writeParentInfo(isRoot: boolean): void {
    this.writeLen(isRoot ? 1 : 0);
  }

  writeString(text: string): void {
    this.#room(VAR_UINT_BYTES_MAX + 3 * text.length);
    // Where it begins if each unit is a byte, as is mostly so. Else its length may take more bytes, and the text moves.
    const begin = this.#length + varUintBytes(text.length);
    const written = utf8Into(text, this.#bytes.subarray(begin));
    const moved = this.#length + varUintBytes(written);
    if (moved !== begin) this.#bytes.copyWithin(moved, begin, begin + written);
    this.writeLen(written);
    this.#length += written;
  }

  writeAny(block: unknown): void {
    assert(typeof block === 'string', 'a segment holds texts');
    this.writeInfo(TEXT_TAG);
    this.writeString(block);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

function varUintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= UNIT; rest = Math.floor(rest / UNIT)) bytes++;
  return bytes;
}

/**
 * One struct of blocks that `client` appends at `clock` to an array in which what it wrote last stands last.
 * As Yjs has it of a transaction that does so.
 */
export function encodeBlocks(blocks: string[], client: number, clock: number): Uint8Array {
  const left = Y.createID(client, clock - 1);
  const struct = new Y.Item(Y.createID(client, clock), null, left, null, null, null, null, new Y.ContentAny(blocks));
  return encodeStructs([struct], client, clock);
}

/** What this client wrote from `clock` on, of a document that holds more than that, in transactions that only appended. */
export function encodeAppended(doc: Y.Doc, client: number, clock: number): Uint8Array {
  const structs = doc.store.clients.get(client) ?? [];
  return encodeStructs(structs.slice(Y.findIndexSS(structs, clock)), client, clock);
}

/** @param clock from which on; the first struct may begin earlier */
function encodeStructs(structs: readonly (Y.Item | Y.GC)[], client: number, clock: number): Uint8Array {
  const encoder = new AppendEncoder();
  const clients = 1;
  const deletions = 0;
  encoder.writeLen(clients);
  encoder.writeLen(structs.length);
  encoder.writeLen(client);
  encoder.writeLen(clock);
  for (const struct of structs) {
    struct.write(encoder as unknown as Y.UpdateEncoderV1, Math.max(0, clock - struct.id.clock));
  }
  encoder.writeLen(deletions);
  return encoder.finish();
}
