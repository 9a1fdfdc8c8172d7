/** Tells from a bearer token who asks. */
import { createHash } from 'node:crypto';
import { WeftError } from '../../base/errors.ts';
import type { Principal } from './principal.ts';

export interface Authenticator {
  /**
   * @param bearer the token, undefined if the request brings none
   * @throws WeftError `unauthorized`, definite; as a rejection if it is not known at once
   */
  authenticate(bearer: string | undefined): Principal | Promise<Principal>;
}

/** The token of an `Authorization` header of the scheme `Bearer`. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** Digests have one length, so that comparing them takes the same time whatever was sent. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export const tokenMissing = (): WeftError => new WeftError('unauthorized', 'the token is missing');
/** Never says in what way: only its owner needs to know. */
export const tokenWrong = (): WeftError => new WeftError('unauthorized', 'the token is wrong or has expired');
