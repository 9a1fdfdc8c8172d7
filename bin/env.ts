/**
 * The real `Env`: the machine's clock, random source, timers and standard error. This is the only place that touches
 * them; everything else receives the value that `buildEnv` returns.
 */
import type { Clock, Env, Log, LogLevel, Random, Scheduler, Timer } from '../base/env.ts';

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
export const LOG_LEVELS = Object.keys(LEVELS) as readonly LogLevel[];

/** `setTimeout` fires at once beyond this delay, so longer ones are set in parts. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Random numbers drawn from the system at a time: a call costs more than the numbers of some requests. */
const RANDOM_POOL_WORDS = 2048;

/** @param writeLine receives whole log lines without the line break; standard error unless a test says otherwise */
export function buildEnv(
  logLevel: LogLevel,
  writeLine: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Env {
  const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  return { clock, random: systemRandom(), scheduler: systemScheduler(), log: jsonLines(clock, logLevel, writeLine) };
}

function systemRandom(): Random {
  const pool = new Uint32Array(RANDOM_POOL_WORDS);
  let used = RANDOM_POOL_WORDS;
  return {
    uint32() {
      if (used === RANDOM_POOL_WORDS) {
        crypto.getRandomValues(pool);
        used = 0;
      }
      return pool[used++] as number;
    },
  };
}

function systemScheduler(): Scheduler {
  return {
    after(delayMs, task): Timer {
      let left = delayMs;
      let handle: NodeJS.Timeout;
      const arm = () => {
        const part = Math.min(left, TIMER_MS_MAX);
        left -= part;
        handle = setTimeout(left > 0 ? arm : task, part);
      };
      arm();
      return { cancel: () => clearTimeout(handle) };
    },
    yield: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** One JSON object a line: `time`, `level`, `message`, then the fields of the event. */
export function jsonLines(clock: Clock, logLevel: LogLevel, writeLine: (line: string) => void): Log {
  return {
    write(level, message, fields) {
      if (LEVELS[level] < LEVELS[logLevel]) return;
      writeLine(JSON.stringify({ time: new Date(clock.wallMs()).toISOString(), level, message, ...fields }, jsonSafe));
    },
  };
}

/** Errors become their parts, and integers beyond the safe range text, because JSON has neither. */
function jsonSafe(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, ...ownFields(value), stack: value.stack, cause: value.cause };
}

function ownFields(error: Error): Record<string, unknown> {
  return Object.fromEntries(Object.entries(error).filter(([key]) => key !== 'cause'));
}
