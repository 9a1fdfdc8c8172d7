/** What happens in one direction of a slow link: everything a while later, nothing ever out of order. */
import type { Env, Timer } from '../../base/env.ts';

interface Delayed {
  readonly atMs: number;
  readonly bytes: number;
  readonly task: () => void;
}

export class DelayLine {
  readonly #env: Env;
  #queue: Delayed[] = [];
  #timer: Timer | undefined;
  #bytes = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Runs `task` after the delay, and after all that was put in before; at once if there is neither. */
  put(task: () => void, { delayMs, bytes = 0 }: { readonly delayMs: number; readonly bytes?: number }): void {
    if (this.#queue.length === 0 && delayMs === 0) {
      task();
      return;
    }
    this.#queue.push({ atMs: this.#env.clock.monotonicMs() + delayMs, bytes, task });
    this.#bytes += bytes;
    this.#arm();
  }

  /** Lets everything that waits pass now, still later than this call. */
  release(): void {
    const nowMs = this.#env.clock.monotonicMs();
    this.#queue = this.#queue.map((delayed) => ({ ...delayed, atMs: Math.min(delayed.atMs, nowMs) }));
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#arm();
  }

  /** Drops everything that waits. */
  clear(): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#timer !== undefined) return;
    const delayMs = Math.max(0, first.atMs - this.#env.clock.monotonicMs());
    this.#timer = this.#env.scheduler.after(delayMs, () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    const nowMs = this.#env.clock.monotonicMs();
    for (let [next] = this.#queue; next !== undefined && next.atMs <= nowMs; [next] = this.#queue) {
      this.#queue.shift();
      this.#bytes -= next.bytes;
      next.task();
    }
    this.#arm();
  }
}
