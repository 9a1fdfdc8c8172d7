/**
 * Tokens that are listed: the one of `--token`, which may do everything, and those of a file, which has their digests, so
 * that reading the file is not enough to use them. `{"tokens": [{"name", "sha256" or "token", "grants"}]}`.
 */
import { timingSafeEqual } from 'node:crypto';
import * as LIMITS from '../../base/limits.ts';
import { type Authenticator, tokenDigest, tokenMissing, tokenWrong } from './authenticator.ts';
import { objectFields, parseGrants } from './parse-grants.ts';
import { type Principal, principalOf, unlimitedPrincipal } from './principal.ts';

export interface StaticToken {
  readonly digest: Buffer;
  readonly principal: Principal;
}

/** The principal that `--token` stands for. */
export function adminToken(token: string): StaticToken {
  return { digest: tokenDigest(token), principal: unlimitedPrincipal('admin') };
}

export class StaticTokens implements Authenticator {
  readonly #tokens: readonly StaticToken[];

  constructor(tokens: readonly StaticToken[]) {
    this.#tokens = tokens;
  }

  authenticate(bearer: string | undefined): Principal {
    if (bearer === undefined) throw tokenMissing();
    const found = this.find(bearer);
    if (found === undefined) throw tokenWrong();
    return found;
  }

  /** Compares with all of them, so that the time tells nothing about which is close. */
  find(bearer: string): Principal | undefined {
    const digest = tokenDigest(bearer);
    let found: Principal | undefined;
    for (const token of this.#tokens) {
      if (timingSafeEqual(token.digest, digest)) found = token.principal;
    }
    return found;
  }
}

const FILE_FIELDS: ReadonlySet<string> = new Set(['tokens']);
const TOKEN_FIELDS: ReadonlySet<string> = new Set(['name', 'sha256', 'token', 'grants']);

/** @throws Error that says which part of the text is wrong, and never repeats a token */
export function parseTokenFile(text: string): readonly StaticToken[] {
  const { tokens } = objectFields(parseJsonText(text), FILE_FIELDS, 'the file');
  if (!Array.isArray(tokens)) throw new Error('`tokens` must be a list');
  if (tokens.length > LIMITS.staticTokensMax) throw new Error(`there are more than ${LIMITS.staticTokensMax} tokens`);
  return tokens.map((token, index) => parseToken(token, `tokens[${index}]`));
}

function parseToken(tree: unknown, where: string): StaticToken {
  const { name, sha256, token, grants } = objectFields(tree, TOKEN_FIELDS, where);
  if (typeof name !== 'string' || name === '') throw new Error(`${where}.name must be text`);
  const principal = principalOf(name, parseGrants(grants, `${where}.grants`));
  if ((sha256 === undefined) === (token === undefined))
    throw new Error(`${where} needs one of \`sha256\` and \`token\``);
  if (sha256 !== undefined) {
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) {
      throw new Error(`${where}.sha256 must be 64 hexadecimal digits`);
    }
    return { digest: Buffer.from(sha256, 'hex'), principal };
  }
  if (typeof token !== 'string' || token.length < LIMITS.tokenCharsMin) {
    throw new Error(`${where}.token must be text of at least ${LIMITS.tokenCharsMin} characters`);
  }
  return { digest: tokenDigest(token), principal };
}

/** The parser's own message quotes the text, and with it perhaps a token. @throws Error */
export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
