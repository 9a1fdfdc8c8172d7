/**
 * Session tokens as text: a version vector, signed, so that nobody is waited for in vain. Bytes: version, then the vector.
 */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { pushVector, readVector } from '../commits/vector-bytes.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { SignedBytes } from './signed-bytes.ts';

const VERSION = 1;
/** Clients present the same few tokens again and again. */
const REMEMBERED = 256;

export class SessionTokens {
  readonly #signed: SignedBytes;
  readonly #known = new Map<string, VersionVector>();

  /** @param secret the same on all servers that shall understand each other's tokens */
  constructor(secret: Uint8Array) {
    this.#signed = new SignedBytes(secret, 'weft session token 1');
  }

  encode(vector: VersionVector): string {
    const bytes = [VERSION];
    pushVector(bytes, vector);
    return this.#signed.sign(Uint8Array.from(bytes));
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
    const body = this.#signed.verify(token);
    if (typeof body === 'string') throw invalid(body);
    if (body[0] !== VERSION) throw invalid(`it has version ${body[0]}; this server understands version ${VERSION}`);
    return readVector(body, 1);
  }
}

function invalid(why: string): WeftError {
  return new WeftError('invalid-session-token', `the session token is not valid: ${why}`);
}
