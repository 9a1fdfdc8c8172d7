/**
 * Bytes that clients keep for us, as text: base64url, with a signature. That is no secret-keeping; it keeps clients from making
 * up what only a server can know, and what another cluster gave out from being taken for ours.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 16;
/** Of SHA-256. */
const BLOCK_BYTES = 64;

export class SignedBytes {
  /** The key, as HMAC puts it before what is hashed (RFC 2104). */
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  /**
   * @param secret the same on all servers that shall understand each other
   * @param domain keeps this use of the secret apart from all others
   */
  constructor(secret: Uint8Array, domain: string) {
    const key = createHmac('sha256', secret).update(domain).digest();
    this.#inner = padded(key, 0x36);
    this.#outer = padded(key, 0x5c);
  }

  sign(body: Uint8Array): string {
    return Buffer.concat([body, this.#mac(body)]).toString('base64url');
  }

  /** What was signed, or why the text is not valid: a part of a sentence. */
  verify(text: string): Buffer | string {
    const bytes = Buffer.from(text, 'base64url');
    // Node passes over characters that are none of base64url: only the one text that we make is valid.
    if (bytes.length < 1 + MAC_BYTES || bytes.toString('base64url') !== text) return 'it is damaged';
    const body = bytes.subarray(0, -MAC_BYTES);
    if (timingSafeEqual(this.#mac(body), bytes.subarray(-MAC_BYTES))) return body;
    return 'it was changed, or made by another cluster';
  }

  /** HMAC-SHA-256. Every answer of a write has one: by `createHmac`, an object and its digest, a small answer took 7 µs longer. */
  #mac(body: Uint8Array): Buffer {
    const inner = sha256(Buffer.concat([this.#inner, body]));
    return sha256(Buffer.concat([this.#outer, inner])).subarray(0, MAC_BYTES);
  }
}

function padded(key: Buffer, byte: number): Buffer {
  const pad = Buffer.alloc(BLOCK_BYTES, byte);
  for (const [at, of] of key.entries()) pad[at] = byte ^ of;
  return pad;
}

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');
