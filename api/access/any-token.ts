/** Takes listed tokens and JSON Web Tokens alike. What it takes may be replaced while the server runs. */
import { type Authenticator, tokenMissing, tokenWrong } from './authenticator.ts';
import type { Principal } from './principal.ts';
import { type StaticToken, StaticTokens } from './static-tokens.ts';
import { isWebToken, type WebTokenOptions, WebTokens } from './web-tokens.ts';

export interface AcceptedTokens {
  readonly listed: readonly StaticToken[];
  readonly web: WebTokenOptions | undefined;
}

export class AnyToken implements Authenticator {
  #listed: StaticTokens;
  #web: WebTokens | undefined;

  constructor(accepted: AcceptedTokens) {
    this.#listed = new StaticTokens(accepted.listed);
    this.#web = accepted.web && new WebTokens(accepted.web);
  }

  /** From now on only these are taken. */
  replace({ listed, web }: AcceptedTokens): void {
    this.#listed = new StaticTokens(listed);
    this.#web = web && new WebTokens(web);
  }

  authenticate(bearer: string | undefined): Principal | Promise<Principal> {
    if (bearer === undefined) throw tokenMissing();
    const found = this.#listed.find(bearer);
    if (found !== undefined) return found;
    if (this.#web === undefined || !isWebToken(bearer)) throw tokenWrong();
    return this.#web.authenticate(bearer);
  }
}
