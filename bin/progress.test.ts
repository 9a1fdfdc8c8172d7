import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { count, describe, duration, startProgress } from './progress.ts';

test('progress: half of a known size -> share, rate and time left', () => {
  expect(describe(50_000_000, 100_000_000, 250_000, 5000)).toBe(
    '50 %, 250,000 elements, 50,000/s, 10.0 MB/s, 5.0 s left',
  );
});

test('progress: a pipe of unknown size -> rate only', () => {
  expect(describe(1_000_000, undefined, 10, 1000)).toBe('10 elements, 10/s, 1.0 MB/s');
});

test('progress: nothing sent, empty file -> no division by zero', () => {
  expect(describe(0, 0, 0, 0)).toBe('0 elements, 0/s, 0.0 MB/s');
  expect(describe(0, 10, 0, 0)).toBe('0 %, 0 elements, 0/s, 0.0 MB/s');
});

test('progress: chunks that split lines -> every line counted once', () => {
  const progress = startProgress('importing', undefined, new PassThrough());
  progress.add(Buffer.from('{"a":1}\n{"b"'));
  progress.add(Buffer.from(':2}\n'));
  progress.stop();
  expect(progress.elements).toBe(2);
});

test('progress: terminal -> a bar', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const progress = startProgress('importing', 100, terminal);
  progress.add(Buffer.alloc(40));
  progress.stop();
  expect(String(terminal.read())).toContain('importing [');
});

test('progress: terminal, interrupted -> the cursor is back, and lines are wrapped again', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const progress = startProgress('importing', 100, terminal);
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  process.emit('SIGTERM', 'SIGTERM');
  progress.stop();
  expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']]);
  kill.mockRestore();
  const [, sinceHidden] = String(terminal.read()).split('\u001b[?25l');
  expect(sinceHidden).toContain('\u001b[?25h\u001b[?7h');
});

test('numbers for people', () => {
  expect([count(1234567), duration(0.0412), duration(3.21), duration(59.6), duration(600), duration(9000)]).toEqual([
    '1,234,567',
    '41 ms',
    '3.2 s',
    '60 s',
    '10 min',
    '2 h 30 min',
  ]);
});
