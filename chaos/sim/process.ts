/**
 * One incarnation of a server process: what it hears of time and chance. When it is killed all its events are dropped,
 * so its closures never run again; while it is paused they wait, as signals, timers and sockets do under SIGSTOP.
 */
import type { Env, LogLevel } from '../../base/env.ts';
import type { SimRandom } from './random.ts';
import type { EventOwner, SimEvent, Timeline } from './timeline.ts';

/** The clock of a machine, which outlives its processes. */
export class MachineClock {
  readonly #timeline: Timeline;
  readonly #startMs: number;
  /** How much faster than true time it runs. */
  drift = 0;
  skewMs: number;
  #wallMs: number;
  #wallAtMs: number;

  constructor(timeline: Timeline, startMs: number, skewMs: number) {
    this.#timeline = timeline;
    this.#startMs = startMs;
    this.skewMs = skewMs;
    this.#wallMs = startMs;
    this.#wallAtMs = timeline.nowMs;
  }

  /** Without skew: true time, but for drift. */
  #advance(): number {
    const { nowMs } = this.#timeline;
    this.#wallMs += (nowMs - this.#wallAtMs) * (1 + this.drift);
    this.#wallAtMs = nowMs;
    return this.#wallMs;
  }

  wallMs(): number {
    return Math.floor(this.#advance() + this.skewMs);
  }

  setDrift(drift: number): void {
    this.#advance();
    this.drift = drift;
  }

  /** As time synchronisation does once the machine is healthy. */
  correct(): void {
    this.skewMs = 0;
    this.drift = 0;
    this.#wallMs = this.#startMs + this.#timeline.nowMs;
    this.#wallAtMs = this.#timeline.nowMs;
  }
}

/** What others do in a turn of the loop takes time, in which something can happen elsewhere. */
const TURN_MS_MAX = 0.3;

export interface SimProcessOptions {
  readonly timeline: Timeline;
  readonly name: string;
  readonly clock: MachineClock;
  readonly random: SimRandom;
  readonly onLog: (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class SimProcess implements EventOwner {
  readonly name: string;
  readonly env: Env;
  readonly #timeline: Timeline;
  readonly #deaths = new Set<() => void>();
  #isAlive = true;
  #pausedAtMs: number | undefined;
  #pausedMs = 0;
  #waiting: SimEvent[] = [];

  constructor({ timeline, name, clock, random, onLog }: SimProcessOptions) {
    this.name = name;
    this.#timeline = timeline;
    const turns = random.fork('turns');
    this.env = {
      clock: { wallMs: () => clock.wallMs(), monotonicMs: () => timeline.nowMs },
      random,
      scheduler: {
        after: (delayMs, task) => this.after(delayMs, task),
        yield: () => this.sleep(turns.between(0, TURN_MS_MAX)),
      },
      log: {
        write: (level, message, fields = {}) => {
          if (this.#isAlive) onLog(level, message, fields);
        },
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#pausedAtMs !== undefined;
  }

  /** How long it has been paused so far, in all. */
  get pausedMs(): number {
    return this.#pausedMs + (this.#pausedAtMs === undefined ? 0 : this.#timeline.nowMs - this.#pausedAtMs);
  }

  after(delayMs: number, task: () => void): SimEvent {
    return this.#timeline.after(delayMs, task, this);
  }

  /** Never resolves if the process dies before. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  admits(event: SimEvent): boolean {
    if (!this.#isAlive) return false;
    if (this.#pausedAtMs === undefined) return true;
    this.#waiting.push(event);
    return false;
  }

  /** `task` runs when the process dies, however it dies. Returns how to call that off. */
  onDeath(task: () => void): () => void {
    this.#deaths.add(task);
    return () => void this.#deaths.delete(task);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.resume();
    this.#isAlive = false;
    for (const task of this.#deaths) task();
    this.#deaths.clear();
  }

  pause(): void {
    this.#pausedAtMs ??= this.#timeline.nowMs;
  }

  resume(): void {
    if (this.#pausedAtMs === undefined) return;
    this.#pausedMs = this.pausedMs;
    this.#pausedAtMs = undefined;
    for (const event of this.#waiting.splice(0)) {
      // A timer that is cancelled between now and its turn must stay cancelled.
      this.after(0, () => {
        if (!event.isCancelled) event.task();
      });
    }
  }
}
