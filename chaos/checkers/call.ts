/**
 * One call of a client, for the checkers that judge answers alone: plain data, so that a simulation, a run with real
 * processes and a test can all be judged by the same functions.
 */

export interface Call<Operation> {
  readonly id: number;
  /** The client: it begins nothing new before it knows how its last call ended. */
  readonly process: string;
  /** What was asked and, if the outcome is `ok`, what was answered. */
  readonly operation: Operation;
  readonly invokedMs: number;
  /** Present if the outcome is `ok`; otherwise it says nothing. */
  readonly endedMs?: number;
  /** `fail`: it never takes effect. `info`: it may take effect once, at any time after its call, or never. */
  readonly outcome: 'ok' | 'fail' | 'info';
  /** It asked for less than `strong`: a write may show at any later time, a read promises nothing here. */
  readonly isEventual?: true;
}

/** Whether an operation must have happened within its call, or may have happened at any time after its beginning. */
export type Force = 'must' | 'may' | 'never';

export function forceOf({ outcome, isEventual }: Call<unknown>): Force {
  if (outcome === 'fail') return 'never';
  return outcome === 'ok' && isEventual !== true ? 'must' : 'may';
}

/** The moment by which it has taken effect; never for one that only may. */
export function latestMs(call: Call<unknown>): number {
  return forceOf(call) === 'must' ? (call.endedMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
}

const round = (ms: number) => String(Math.round(ms * 1_000) / 1_000);

export const describeMs = (ms: number) => `${round(ms)} ms`;

/** `12.5..31 ms`, or with an open end. */
export function describeTimes(call: Call<unknown>): string {
  const end = latestMs(call);
  return `${round(call.invokedMs)}..${Number.isFinite(end) ? round(end) : ''} ms`;
}
