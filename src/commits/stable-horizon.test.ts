import { describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { StableHorizon } from './stable-horizon.ts';

const [A, B] = [1 as ReplicaId, 2 as ReplicaId];
const vector = (a: number, b = 0) => new Map([[A, a] as const, ...(b === 0 ? [] : [[B, b] as const])]);

describe('stable horizon', () => {
  test('start: nothing is known of the voters -> nothing is stable', () => {
    const horizon = new StableHorizon();
    horizon.note(A, { seq: 5, clock: 50 });
    expect(horizon.clock(vector(5))).toBe(0);
  });

  test('all voters have everything -> everything is stable, until something new comes', () => {
    const horizon = new StableHorizon();
    horizon.note(A, { seq: 1, clock: 10 });
    horizon.allow(vector(1));
    expect(horizon.clock(vector(1))).toBe(Number.POSITIVE_INFINITY);
    horizon.note(A, { seq: 2, clock: 20 });
    expect(horizon.clock(vector(2))).toBe(10);
  });

  test('one stream is behind -> it decides', () => {
    const horizon = new StableHorizon();
    for (let seq = 1; seq <= 9; seq++) horizon.note(A, { seq, clock: seq * 10 });
    for (let seq = 1; seq <= 9; seq++) horizon.note(B, { seq, clock: seq * 100 });
    horizon.allow(vector(3, 9));
    expect(horizon.clock(vector(9, 9))).toBe(30);
    horizon.allow(vector(9, 9));
    expect(horizon.clock(vector(9, 10))).toBe(900);
  });

  test('marks: more than are kept -> fewer of them, none too late', () => {
    const horizon = new StableHorizon();
    const seqs = LIMITS.horizonMarksMax * 3;
    for (let seq = 1; seq <= seqs; seq++) horizon.note(A, { seq, clock: seq * 10 });
    for (const stable of [1, 2, 100, seqs - 1]) {
      horizon.allow(vector(stable));
      const clock = horizon.clock(vector(seqs));
      expect(clock).toBeLessThanOrEqual(stable * 10);
      expect(clock).toBeGreaterThan(stable * 10 - 80);
    }
  });
});
