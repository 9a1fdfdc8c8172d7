/**
 * Session tokens as text: a version vector, signed, in base64url. The signature is no secret-keeping, it keeps clients
 * from making up vectors, and tokens of another cluster from being waited for in vain.
 *
 * Bytes: version, then for each stream its origin (32 bits, little endian) and seq (varint), then 16 bytes of HMAC.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { VersionVector } from './version-vector.ts';

const VERSION = 1;
const MAC_BYTES = 16;
/** Keeps this use of the cluster secret apart from all others. */
const DOMAIN = 'weft session token 1';
/** Clients present the same few tokens again and again. */
const REMEMBERED = 256;

export class SessionTokens {
  readonly #key: Uint8Array;
  readonly #known = new Map<string, VersionVector>();

  /** @param secret the same on all servers that shall understand each other's tokens */
  constructor(secret: Uint8Array) {
    this.#key = createHmac('sha256', secret).update(DOMAIN).digest();
  }

  encode(vector: VersionVector): string {
    const bytes = [VERSION];
    for (const [origin, seq] of Array.from(vector).sort(([a], [b]) => a - b)) {
      if (seq === 0) continue;
      for (let shift = 0; shift < 32; shift += 8) bytes.push((origin >>> shift) & 0xff);
      let rest = seq;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
      bytes.push(rest);
    }
    const body = Buffer.from(bytes);
    return Buffer.concat([body, this.#mac(body)]).toString('base64url');
  }

  /** @throws WeftError `invalid-session-token`, definite */
  decode(token: string): VersionVector {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    const vector = this.#verify(token);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(token, vector);
    return vector;
  }

  #verify(token: string): VersionVector {
    if (token.length > LIMITS.sessionTokenCharsMax) throw invalid('it is too long');
    const bytes = Buffer.from(token, 'base64url');
    // Node passes over characters that are none of base64url: only the one text that we make is valid.
    if (bytes.length < 1 + MAC_BYTES || bytes.toString('base64url') !== token) throw invalid('it is damaged');
    const body = bytes.subarray(0, -MAC_BYTES);
    if (!timingSafeEqual(this.#mac(body), bytes.subarray(-MAC_BYTES))) {
      throw invalid('it was changed, or made by another cluster');
    }
    if (body[0] !== VERSION) throw invalid(`it has version ${body[0]}; this server understands version ${VERSION}`);
    return decodeEntries(body);
  }

  #mac(body: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(body).digest().subarray(0, MAC_BYTES);
  }
}

/** The body is signed, so it has the form that we gave it. */
function decodeEntries(body: Buffer): VersionVector {
  const vector = new Map<ReplicaId, number>();
  for (let at = 1; at < body.length; ) {
    const origin = replicaId(body.readUInt32LE(at));
    at += 4;
    let seq = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = body.readUInt8(at++);
      seq += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    vector.set(origin, seq);
  }
  return vector;
}

function invalid(why: string): WeftError {
  return new WeftError('invalid-session-token', `the session token is not valid: ${why}`);
}
