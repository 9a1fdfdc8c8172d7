import { describe, expect, test, vi } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { buildEnv } from './env.ts';

function logged(level: 'debug' | 'info' | 'warn' | 'error'): { lines: string[]; env: ReturnType<typeof buildEnv> } {
  const lines: string[] = [];
  return { lines, env: buildEnv(level, (line) => lines.push(line)) };
}

describe('log', () => {
  test('event -> one line of JSON with time, level, message and fields', () => {
    const { lines, env } = logged('info');
    env.log.write('warn', 'slow\ndisk', { delayMs: 12, path: '/data' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\n');
    const { time, ...rest } = JSON.parse(lines[0] ?? '');
    expect(rest).toEqual({ level: 'warn', message: 'slow\ndisk', delayMs: 12, path: '/data' });
    expect(Date.parse(time)).not.toBeNaN();
  });

  test('event below the level -> nothing', () => {
    const { lines, env } = logged('warn');
    env.log.write('info', 'ready');
    env.log.write('debug', 'detail');
    env.log.write('error', 'broken');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['broken']);
  });

  test('error with a cause and an integer beyond the safe range -> all of it in the line', () => {
    const { lines, env } = logged('info');
    const error = new WeftError('storage-failed', 'write failed', { lsn: 7 }, new Error('disk full'));
    env.log.write('error', 'stopped', { error, seq: 2n ** 60n });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      seq: '1152921504606846976',
      error: {
        message: 'write failed',
        code: 'storage-failed',
        context: { lsn: 7 },
        stack: expect.stringContaining('env.test'),
        cause: { message: 'disk full' },
      },
    });
  });
});

describe('scheduler', () => {
  test('delay beyond what one timer can hold -> fires once, not at once', () => {
    vi.useFakeTimers();
    try {
      const task = vi.fn();
      buildEnv('error').scheduler.after(2 ** 31 + 1000, task);
      vi.advanceTimersByTime(2 ** 31);
      expect(task).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1000);
      expect(task).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(2 ** 32);
      expect(task).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test('timer that was cancelled, before and after it fired -> never fires, no error', async () => {
    const { scheduler } = buildEnv('error');
    const task = vi.fn();
    const cancelled = scheduler.after(0, task);
    cancelled.cancel();
    await new Promise<void>((resolve) => {
      const fired = scheduler.after(1, () => resolve());
      void fired;
    });
    cancelled.cancel();
    expect(task).not.toHaveBeenCalled();
  });

  test('yield -> timers and other work that is ready had their turn', async () => {
    const order: string[] = [];
    void Promise.resolve().then(() => order.push('microtask'));
    await buildEnv('error').scheduler.yield();
    order.push('yielded');
    expect(order).toEqual(['microtask', 'yielded']);
  });
});

test('random: more numbers than one pool holds -> all 32 bits are used and numbers do not repeat', () => {
  const { random } = buildEnv('error');
  const numbers = Array.from({ length: 1000 }, () => random.uint32());
  expect(new Set(numbers).size).toBeGreaterThan(990);
  expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 32)).toBe(true);
  expect(numbers.reduce((bits, number) => bits | number, 0) >>> 0).toBe(2 ** 32 - 1);
});

test('clock: two readings -> monotonic time never goes back, wall time is now', () => {
  const { clock } = buildEnv('error');
  const first = clock.monotonicMs();
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(first);
  expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(60_000);
});
