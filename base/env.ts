/**
 * Everything non-deterministic enters through one constructed value. Real implementations are built in `bin/`,
 * simulated ones in tests and `chaos/`; no default argument anywhere reaches for the real thing.
 */

import type { Tracer } from './tracer.ts';

export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May jump in both directions. */
  wallMs(): number;
  /** Time in milliseconds since an arbitrary start. Never goes back. */
  monotonicMs(): number;
}

export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
}

/** A timer that was set; `cancel` is idempotent and harmless after it fired. */
export interface Timer {
  cancel(): void;
}

export interface Scheduler {
  /** Runs `task` once after at least `delayMs` milliseconds. */
  after(delayMs: number, task: () => void): Timer;
  /** Resolves after other work that is ready (sockets, timers) had its turn. */
  yield(): Promise<void>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  /** Writes one event: a constant message and its variable fields, never a secret. */
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log: Log;
  /** Absent unless somebody collects traces. */
  readonly tracer?: Tracer;
}
