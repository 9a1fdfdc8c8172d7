/**
 * Which of the servers that could coordinate a graph is asked: the first in order, unless it decides nothing. Whoever can be
 * reached and decides nothing, since its disk stands still or it takes over a state, would hold up graphs that others could
 * decide about; so the next in order is asked for a while.
 */
import * as LIMITS from '../../base/limits.ts';

/** How long a coordinator that decides nothing is passed over, in milliseconds. */
export const PASSED_OVER_MS = 10_000;

/** Whoever had less time says nothing by having no answer: some elections. */
const PATIENCE_MS_MIN = LIMITS.strongWaitMs / 2;

export class CoordinatorChoice {
  /** By server: until when others are asked, and when it last decided something for this one. */
  readonly #passedOver = new Map<string, number>();
  readonly #decidedMs = new Map<string, number>();

  /** Undefined if there is nobody to ask. */
  of(order: readonly string[], nowMs: number): string | undefined {
    return order.find((name) => (this.#passedOver.get(name) ?? 0) <= nowMs) ?? order[0];
  }

  /** It answered with a decision, a refusal of what was asked among them. */
  decided(name: string, nowMs: number): void {
    this.#decidedMs.set(name, nowMs);
  }

  /** It was asked then, with so much patience, and decided nothing. */
  decidedNothing(name: string, asked: { readonly atMs: number; readonly patienceMs: number }, nowMs: number): void {
    const hadTime = asked.patienceMs >= PATIENCE_MS_MIN && nowMs - asked.atMs >= PATIENCE_MS_MIN;
    const decidedMs = this.#decidedMs.get(name) ?? Number.NEGATIVE_INFINITY;
    if (hadTime && decidedMs < asked.atMs) this.#passedOver.set(name, nowMs + PASSED_OVER_MS);
  }
}
