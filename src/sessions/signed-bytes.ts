/**
 * Bytes that clients keep for us, as text: base64url, with a signature. That is no secret-keeping; it keeps clients from making
 * up what only a server can know, and what another cluster gave out from being taken for ours.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 16;

export class SignedBytes {
  /** As an object: from bytes Node 24 takes five times as long for each signature. */
  readonly #key: KeyObject;

  /**
   * @param secret the same on all servers that shall understand each other
   * @param domain keeps this use of the secret apart from all others
   */
  constructor(secret: Uint8Array, domain: string) {
    this.#key = createSecretKey(createHmac('sha256', secret).update(domain).digest());
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

  #mac(body: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(body).digest().subarray(0, MAC_BYTES);
  }
}
