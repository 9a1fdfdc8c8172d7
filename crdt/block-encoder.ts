/**
 * Encodes Yjs updates as Yjs does, byte for byte, but writes blocks as a whole: lib0 copies texts of their length one byte at
 * a time, which took most of the time of an append.
 */
import * as Y from 'yjs';
import { toUtf8 } from '../base/text.ts';

/** What `lib0` writes in front of a text that may be of any type. */
const TEXT_TAG = 119;

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

/** What this client wrote from `clock` on, of a document that holds more than that, in transactions that deleted nothing. */
export function encodeAppended(doc: Y.Doc, client: number, clock: number): Uint8Array {
  const structs = doc.store.clients.get(client) ?? [];
  const first = Y.findIndexSS(structs, clock);
  const encoder = new BlockEncoder();
  const clients = 1;
  const deletions = 0;
  encoder.writeLen(clients);
  encoder.writeLen(structs.length - first);
  encoder.writeClient(client);
  encoder.writeLen(clock);
  for (let at = first; at < structs.length; at++) {
    const struct = structs[at] as Y.Item;
    struct.write(encoder, Math.max(0, clock - struct.id.clock));
  }
  encoder.writeLen(deletions);
  return encoder.toUint8Array();
}
