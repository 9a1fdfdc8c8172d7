/**
 * JSON Web Tokens: signed by an identity provider whose keys stand in a file in the form of a JWK Set. The claim `weft` of a
 * token holds the grants, `sub` the name. A key is used with the algorithm that the file gives it and no other, whatever
 * the token says, so nobody passes a public key off as a shared secret.
 */
import { type CryptoKey, decodeProtectedHeader, errors, importJWK, type JWK, jwtVerify } from 'jose';
import type { Clock } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';
import { type Authenticator, tokenDigest, tokenMissing, tokenWrong } from './authenticator.ts';
import { objectFields, parseGrants } from './parse-grants.ts';
import { type Principal, principalOf } from './principal.ts';
import { parseJsonText } from './static-tokens.ts';

const ALGORITHMS: ReadonlySet<string> = new Set([
  ...['HS256', 'HS384', 'HS512', 'EdDSA', 'Ed25519'],
  ...['ES256', 'ES384', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
]);

export interface WebTokenKey {
  readonly id: string | undefined;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

export interface WebTokenOptions {
  readonly keys: readonly WebTokenKey[];
  /** What `iss` and `aud` must be; not looked at if undefined. */
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clock: Clock;
}

interface Verified {
  readonly principal: Principal;
  readonly expiresMs: number;
}

/** Whether a bearer token has the form of a JSON Web Token. */
export function isWebToken(bearer: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(bearer);
}

export class WebTokens implements Authenticator {
  readonly #options: WebTokenOptions;
  /** Tokens that were verified, by digest: checking a signature costs more than reading a node. Oldest first. */
  readonly #verified = new Map<string, Verified>();

  constructor(options: WebTokenOptions) {
    this.#options = options;
  }

  authenticate(bearer: string | undefined): Principal | Promise<Principal> {
    if (bearer === undefined) throw tokenMissing();
    if (bearer.length > LIMITS.webTokenCharsMax) throw tokenWrong();
    const digest = tokenDigest(bearer).toString('base64');
    const known = this.#verified.get(digest);
    if (known === undefined) return this.#verify(bearer, digest);
    if (known.expiresMs > this.#options.clock.wallMs()) return known.principal;
    this.#verified.delete(digest);
    throw tokenWrong();
  }

  async #verify(bearer: string, digest: string): Promise<Principal> {
    const { issuer, audience, clock } = this.#options;
    let verified: Verified;
    try {
      const { key, algorithm } = this.#keyOf(bearer);
      const { payload } = await jwtVerify(bearer, key, {
        algorithms: [algorithm],
        currentDate: new Date(clock.wallMs()),
        requiredClaims: ['exp', 'sub'],
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      const name = String(payload.sub);
      const principal = principalOf(name, parseGrants(payload.weft, '`weft`'), `sub ${name}`);
      verified = { principal, expiresMs: (payload.exp as number) * 1000 };
    } catch (cause) {
      throw Object.assign(tokenWrong(), { cause });
    }
    if (this.#verified.size >= LIMITS.webTokensKeptMax) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(digest, verified);
    return verified.principal;
  }

  #keyOf(bearer: string): WebTokenKey {
    const { kid, alg } = decodeProtectedHeader(bearer);
    const fits = this.#options.keys.filter(
      ({ id, algorithm }) => algorithm === alg && (kid === undefined || id === undefined || id === kid),
    );
    const [only] = fits;
    if (only === undefined || fits.length > 1) throw new errors.JWKSNoMatchingKey();
    return only;
  }
}

/** @throws Error that says which key is wrong, and never repeats it */
export async function parseKeyFile(text: string): Promise<readonly WebTokenKey[]> {
  const { keys } = objectFields(parseJsonText(text), new Set(['keys']), 'the file');
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('`keys` must be a list of JSON Web Keys');
  if (keys.length > LIMITS.webTokenKeysMax) throw new Error(`there are more than ${LIMITS.webTokenKeysMax} keys`);
  return Promise.all(keys.map((key, index) => parseKey(key, `keys[${index}]`)));
}

async function parseKey(tree: unknown, where: string): Promise<WebTokenKey> {
  if (typeof tree !== 'object' || tree === null) throw new Error(`${where} must be an object`);
  const jwk = tree as JWK;
  const { alg, kid } = jwk;
  if (typeof alg !== 'string' || !ALGORITHMS.has(alg)) {
    throw new Error(`${where}.alg must be one of ${[...ALGORITHMS].join(', ')}`);
  }
  if ((jwk.kty === 'oct') !== alg.startsWith('HS')) throw new Error(`${where}: kty and alg do not fit`);
  if (jwk.kty === 'oct' && Buffer.from(jwk.k ?? '', 'base64url').length < LIMITS.webTokenSecretBytesMin) {
    throw new Error(`${where}.k must have at least ${LIMITS.webTokenSecretBytesMin} bytes`);
  }
  try {
    return { id: kid, algorithm: alg, key: await importJWK(jwk, alg) };
  } catch {
    throw new Error(`${where} is not a valid key for ${alg}`);
  }
}
