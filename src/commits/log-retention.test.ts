import { describe, expect, it } from 'vitest';
import { replicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { LogRetention } from './log-retention.ts';

const vector = (...seqs: readonly number[]) => new Map(seqs.map((seq, i) => [replicaId(i + 1), seq] as const));
const MUCH = LIMITS.logBytesMax;

describe('log retention', () => {
  it('at the start -> nothing may go, until all voters have what was there', () => {
    const log = new LogRetention(7, vector(3, 4));
    expect(log.allowedLsn).toBe(0);
    log.allow(vector(3, 3));
    expect(log.allowedLsn).toBe(0);
    log.allow(vector(3, 4));
    expect(log.allowedLsn).toBe(7);
  });

  it('a voter that lacks a commit -> the log stays from the mark before it, however far the others are', () => {
    const log = new LogRetention(0, vector());
    for (let i = 1; i <= 10; i++) log.advanced(i, MUCH, () => vector(i, 10 * i));
    log.allow(vector(4, 1000));
    expect(log.allowedLsn).toBe(4);
    log.allow(vector(1000, 59));
    expect(log.allowedLsn).toBe(5);
    log.allow(vector(1000, 1000));
    expect(log.allowedLsn).toBe(10);
  });

  it('few bytes -> no mark for each, and never more than is everywhere', () => {
    const log = new LogRetention(0, vector());
    let marked = 0;
    for (let i = 1; i <= 1000; i++) {
      log.advanced(i, MUCH / 1000, () => {
        marked++;
        return vector(i);
      });
      log.allow(vector(i - 10));
      expect(log.allowedLsn).toBeLessThanOrEqual(Math.max(0, i - 10));
    }
    expect(marked).toBeLessThan(50);
    expect(log.allowedLsn).toBeGreaterThan(900);
  });

  it('a voter that is away for very long -> the number of marks is bounded', () => {
    const log = new LogRetention(0, vector());
    for (let i = 1; i <= 3 * LIMITS.logMarksMax; i++) log.advanced(i, MUCH, () => vector(i));
    log.allow(vector(2 * LIMITS.logMarksMax));
    expect(log.allowedLsn).toBe(0);
    log.allow(vector(3 * LIMITS.logMarksMax));
    expect(log.allowedLsn).toBe(3 * LIMITS.logMarksMax);
  });
});
