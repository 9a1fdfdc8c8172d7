/** A deterministic environment for tests: a manual clock, a seeded generator, immediate turns, a silent log. */
import type { Env } from '../base/env.ts';
import { SeededRandom } from '../base/seeded-random.ts';

export interface TestEnv extends Env {
  /** Moves wall and monotonic time forward; timers that are due fire, in order of time. */
  advance(ms: number): void;
}

export function testEnv(seed = 1, startMs = 1_750_000_000_000): TestEnv {
  let wall = startMs;
  let monotonic = 0;
  const timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  return {
    clock: { wallMs: () => wall, monotonicMs: () => monotonic },
    random: new SeededRandom(seed),
    scheduler: {
      after: (delayMs, task) => {
        const timer = { atMs: monotonic + delayMs, task };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
      yield: () => new Promise((resolve) => setImmediate(resolve)),
    },
    log: { write: () => undefined },
    advance: (ms) => {
      wall += ms;
      monotonic += ms;
      const due = Array.from(timers).filter(({ atMs }) => atMs <= monotonic);
      for (const timer of due.sort((a, b) => a.atMs - b.atMs)) if (timers.delete(timer)) timer.task();
    },
  };
}
