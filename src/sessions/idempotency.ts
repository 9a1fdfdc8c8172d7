/**
 * Requests with an Idempotency-Key run once: a repeated key gets the first outcome, and waits for it while it runs.
 * Outcomes are kept in memory, bounded in number and time once they are there; an indefinite failure is not kept, so it can be retried.
 */
import type { Clock } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';

interface Remembered {
  readonly fingerprint: string;
  readonly outcome: Promise<unknown>;
  readonly atMs: number;
  isUnderWay: boolean;
}

export class IdempotentRequests {
  readonly #clock: Clock;
  /** In order of insertion, so the oldest come first. */
  readonly #requests = new Map<string, Remembered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws WeftError `idempotency-key-reused` if the key came with another request, definite */
  async once<T>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ readonly replayed: boolean; readonly outcome: T }> {
    this.#expire();
    const known = this.#requests.get(key);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) {
        throw new WeftError('idempotency-key-reused', 'the Idempotency-Key was used with another request');
      }
      return { replayed: true, outcome: (await known.outcome) as T };
    }
    const outcome = request();
    const remembered = { fingerprint, outcome, atMs: this.#clock.monotonicMs(), isUnderWay: true };
    this.#requests.set(key, remembered);
    try {
      return { replayed: false, outcome: await outcome };
    } catch (error) {
      this.#requests.delete(key);
      throw error;
    } finally {
      remembered.isUnderWay = false;
    }
  }

  #expire(): void {
    const oldest = this.#clock.monotonicMs() - LIMITS.idempotencyTtlMs;
    for (const [key, { atMs, isUnderWay }] of this.#requests) {
      // Forgotten now, it would be run a second time beside itself. There are no more of these than the server serves at once.
      if (isUnderWay) continue;
      if (atMs >= oldest && this.#requests.size < LIMITS.idempotencyKeysMax) return;
      this.#requests.delete(key);
    }
  }
}
