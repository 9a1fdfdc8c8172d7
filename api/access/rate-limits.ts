/**
 * How often a principal may ask: a bucket of tokens each, which fills at the rate and holds one second's worth. It is asked
 * for every request, over HTTP and on channels alike, so it is a few numbers and no timer.
 */
import type { Clock } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Principal } from './principal.ts';

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class RateLimits {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Counts a request of the principal. @throws WeftError `too-many-requests` with `retryAfterMs`, definite */
  take({ name, identity }: Principal): void {
    const bucket = this.#bucketOf(identity);
    const nowMs = this.#clock.monotonicMs();
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + ((nowMs - bucket.filledMs) / 1000) * this.#perSecond);
    bucket.filledMs = nowMs;
    if (bucket.tokens < 1) {
      throw new WeftError(
        'too-many-requests',
        `${name} may make ${this.#perSecond} requests a second (--rate-limit), and made more`,
        { limit: 'requests per second', retryAfterMs: Math.ceil(((1 - bucket.tokens) / this.#perSecond) * 1000) },
      );
    }
    bucket.tokens--;
  }

  #bucketOf(identity: string): Bucket {
    const known = this.#buckets.get(identity);
    if (known !== undefined) return known;
    // The oldest was most likely full again; at worst somebody gets another second's worth.
    if (this.#buckets.size >= LIMITS.ratedPrincipalsMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    const made = { tokens: this.#perSecond, filledMs: this.#clock.monotonicMs() };
    this.#buckets.set(identity, made);
    return made;
  }
}
