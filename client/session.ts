/**
 * What a client has seen, as the session tokens that servers gave it. An answer's token covers what its request presented, so
 * it takes the place of those; requests that ran side by side leave one each, and the next request presents them all.
 */
import * as LIMITS from '../base/limits.ts';

export class Session {
  #tokens: readonly string[] = [];

  /** What a request presents. Pass it to `seen` with the token of the answer. */
  get tokens(): readonly string[] {
    return this.#tokens;
  }

  seen(presented: readonly string[], token: string): void {
    const others = this.#tokens.filter((held) => held !== token && !presented.includes(held));
    // Beyond what a request may present the oldest go: they are most likely covered by what came after.
    this.#tokens = [...others, token].slice(-LIMITS.sessionTokensMax);
  }

  /** Sees what somebody else has seen: `tokens` of another client's session. */
  join(tokens: readonly string[]): void {
    for (const token of tokens) this.seen([], token);
  }

  /** Begins anew. */
  clear(): void {
    this.#tokens = [];
  }
}
