/** An update: reads the graph, and has what it writes decided, on one state. */
import type { IdempotencyKey } from '../engine-port.ts';

/** @param outcome what a repetition with the same key is answered; without a key it goes nowhere */
export type DecideUpdate = (operations: string, outcome: string) => Promise<void>;

/** How an update is found that was decided before. */
export interface Kept<T> {
  readonly key: IdempotencyKey;
  readonly recall: (outcome: string) => T;
}

/** What an update rests on has changed: it must read again. Nothing happened. */
export class Stale extends Error {
  override readonly name = 'Stale';
}
