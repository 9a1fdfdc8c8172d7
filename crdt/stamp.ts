/**
 * A stamp orders all patches: a hybrid logical clock reading, ties broken by replica id.
 * The clock is one safe integer: milliseconds since 2020-01-01 times 4096 plus a counter, so it compares with `<`.
 *
 * Source: Kulkarni et al., Logical Physical Clocks (HLC), 2014.
 */
import type { Clock } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';

/** Readings per millisecond. */
export const TICKS_PER_MS = 4096;
/** 2020-01-01T00:00:00Z in milliseconds since the Unix epoch. */
const EPOCH_MS = 1_577_836_800_000;

export interface Stamp {
  readonly clock: number;
  readonly replica: ReplicaId;
}

/** Before every stamp. */
export const NEVER = -1;

/** True if stamp (clockA, replicaA) is later than (clockB, replicaB). Takes numbers because stamps live in columns. */
export function isLater(clockA: number, replicaA: number, clockB: number, replicaB: number): boolean {
  return clockA > clockB || (clockA === clockB && replicaA > replicaB);
}

export function clockOfWallMs(wallMs: number): number {
  return Math.max(0, Math.floor(wallMs) - EPOCH_MS) * TICKS_PER_MS;
}

export function wallMsOfClock(clock: number): number {
  return Math.floor(clock / TICKS_PER_MS) + EPOCH_MS;
}

/** Refuses a foreign clock reading that lies too far ahead. @throws WeftError `clock-ahead`, definite */
export function checkDrift(clock: number, wallMs: number): void {
  const aheadMs = wallMsOfClock(clock) - wallMs;
  if (aheadMs > LIMITS.clockDriftMsMax) {
    throw new WeftError(
      'clock-ahead',
      `the stamp lies ${Math.round(aheadMs)} ms ahead; at most ${LIMITS.clockDriftMsMax} ms are allowed`,
    );
  }
}

/** The clock of one replica: every reading is later than all that it gave or saw before, whatever wall time does. */
export class HybridClock {
  readonly #clock: Clock;
  #last = 0;

  constructor(clock: Clock, last = 0) {
    this.#clock = clock;
    this.#last = last;
  }

  /** Wall time as a reading. */
  wall(): number {
    return clockOfWallMs(this.#clock.wallMs());
  }

  /** A fresh reading. @param wall what it was in this step: asking for the time takes longer than all else here */
  tick(wall = this.wall()): number {
    this.#last = wall > this.#last ? wall : this.#last + 1;
    return this.#last;
  }

  /** Moves past a reading that was seen elsewhere. */
  see(clock: number): void {
    if (clock > this.#last) this.#last = clock;
  }

  /**
   * The time as readers are told it, in milliseconds since the Unix epoch: not before any stamp that was seen, and not after
   * one that is given from now on, whatever wall time does.
   */
  nowMs(): number {
    this.see(this.wall());
    return wallMsOfClock(this.#last);
  }

  get last(): number {
    return this.#last;
  }
}
