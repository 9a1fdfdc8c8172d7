/**
 * Cuts the bytes of one direction of a WebSocket (RFC 6455) into its frames, so that a proxy can let some of them pass and
 * others not, and the rest is still well-formed. Nothing is changed: all pieces together are what was pushed.
 */

export interface FramePiece {
  /** As they came, mask included. */
  readonly bytes: Buffer;
  /** What a binary frame carries, unmasked. Absent in all else: the HTTP head, pings, and what is compressed or in several frames, as weft sends nothing. */
  readonly message?: Uint8Array;
}

const HEAD_END = '\r\n\r\n';
const HEAD_BYTES_MAX = 64 * 1024;
/** The first byte of a frame that is all of a binary message. */
const WHOLE_BINARY = 0x82;

export class WebSocketCutter {
  #part: 'head' | 'frames' | 'other' = 'head';
  #held: Buffer = Buffer.alloc(0);

  /** The pieces that are whole by now; what is left of the last one comes with it later. */
  push(bytes: Buffer): FramePiece[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const pieces: FramePiece[] = [];
    for (;;) {
      const piece = this.#next();
      if (piece === undefined) return pieces;
      this.#held = this.#held.subarray(piece.bytes.length);
      pieces.push(piece);
    }
  }

  /** What was pushed last and is no whole piece. */
  get rest(): Buffer {
    return this.#held;
  }

  #next(): FramePiece | undefined {
    const held = this.#held;
    if (held.length === 0) return undefined;
    if (this.#part === 'other') return { bytes: held };
    return this.#part === 'head' ? this.#head(held) : frameOf(held);
  }

  /** Of the request or of the answer. Whatever is no WebSocket passes as it comes. */
  #head(held: Buffer): FramePiece | undefined {
    const end = held.indexOf(HEAD_END);
    if (end < 0 && held.length < HEAD_BYTES_MAX) return undefined;
    const head = held.subarray(0, Math.max(0, end)).toString('latin1');
    const isUpgrade = /^(?:GET |HTTP\/1\.1 101 )/.test(head) && /\r\nupgrade: *websocket/i.test(head);
    this.#part = isUpgrade ? 'frames' : 'other';
    return isUpgrade ? { bytes: held.subarray(0, end + HEAD_END.length) } : { bytes: held };
  }
}

function frameOf(held: Buffer): FramePiece | undefined {
  if (held.length < 2) return undefined;
  const [first, second] = [held.readUInt8(0), held.readUInt8(1)];
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const isMasked = (second & 0x80) !== 0;
  const start = 2 + lengthBytes + (isMasked ? 4 : 0);
  if (held.length < start) return undefined;
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
  if (held.length < start + length) return undefined;
  const bytes = held.subarray(0, start + length);
  if (first !== WHOLE_BINARY) return { bytes };
  const payload = bytes.subarray(start);
  return { bytes, message: isMasked ? unmasked(payload, bytes.subarray(start - 4, start)) : payload };
}

function unmasked(payload: Buffer, mask: Buffer): Uint8Array {
  return payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0));
}
