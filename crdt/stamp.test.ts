import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { checkDrift, clockOfWallMs, HybridClock, isLater, NEVER, TICKS_PER_MS, wallMsOfClock } from './stamp.ts';

const EPOCH = Date.UTC(2020, 0, 1);

class WallClock {
  ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  wallMs() {
    return this.ms;
  }
  monotonicMs() {
    return 0;
  }
}

describe('isLater', () => {
  test('stamps: -> a strict total order by clock, then replica', () => {
    const stamp = fc.record({ clock: fc.integer({ min: NEVER, max: 3 }), replica: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(stamp, stamp, (a, b) => {
        const ab = isLater(a.clock, a.replica, b.clock, b.replica);
        const ba = isLater(b.clock, b.replica, a.clock, a.replica);
        const same = a.clock === b.clock && a.replica === b.replica;
        expect(Number(ab) + Number(ba)).toBe(same ? 0 : 1);
        if (a.clock !== b.clock) expect(ab).toBe(a.clock > b.clock);
      }),
    );
    expect(isLater(0, 0, NEVER, 0xffffffff)).toBe(true);
  });
});

describe('HybridClock', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('tick' as const) }),
    fc.record({ kind: fc.constant('jump' as const), byMs: fc.integer({ min: -1e7, max: 1e6 }) }),
    fc.record({ kind: fc.constant('see' as const), aheadTicks: fc.integer({ min: -1e9, max: 1e9 }) }),
  );

  test('clock jumps back and forth, foreign stamps: -> every reading is later than all given and seen', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const wall = new WallClock(EPOCH + 1e9);
        const clock = new HybridClock(wall);
        let past = -1;
        for (const step of events) {
          if (step.kind === 'jump') wall.ms += step.byMs;
          else if (step.kind === 'see') {
            const seen = clock.last + step.aheadTicks;
            clock.see(seen);
            past = Math.max(past, seen);
          } else {
            const reading = clock.tick();
            expect(reading).toBeGreaterThan(past);
            expect(reading).toBeGreaterThanOrEqual(clockOfWallMs(wall.ms));
            expect(Number.isSafeInteger(reading)).toBe(true);
            past = reading;
          }
          expect(clock.last).toBeGreaterThanOrEqual(past);
        }
      }),
    );
  });

  test('restart with the last reading: -> goes on after it though wall time is behind', () => {
    const clock = new HybridClock(new WallClock(EPOCH), 12_345);
    expect(clock.tick()).toBe(12_346);
  });

  test('many readings in one millisecond: -> run into the next ones, still increasing', () => {
    const clock = new HybridClock(new WallClock(EPOCH + 5));
    const first = clock.tick();
    for (let i = 1; i <= 3 * TICKS_PER_MS; i++) expect(clock.tick()).toBe(first + i);
  });

  test('readers were told a time, and wall time goes back -> readings after it, and the time told does not go back', () => {
    const wall = new WallClock(EPOCH + 5000);
    const clock = new HybridClock(wall);
    expect(clock.nowMs()).toBe(EPOCH + 5000);
    wall.ms = EPOCH + 1000;
    expect(wallMsOfClock(clock.tick())).toBe(EPOCH + 5000);
    expect(clock.nowMs()).toBe(EPOCH + 5000);
    clock.see(clockOfWallMs(EPOCH + 7000));
    expect(clock.nowMs()).toBe(EPOCH + 7000);
  });

  test('wall time before 2020: -> readings from zero upwards', () => {
    const clock = new HybridClock(new WallClock(0));
    expect([clock.tick(), clock.tick()]).toEqual([1, 2]);
  });
});

describe('clock readings', () => {
  test('data format: -> milliseconds since 2020-01-01 times 4096', () => {
    expect(clockOfWallMs(EPOCH)).toBe(0);
    expect(clockOfWallMs(EPOCH + 1.9)).toBe(4096);
    expect(wallMsOfClock(4096 + 4095)).toBe(EPOCH + 1);
  });

  test('year 2080: -> still a safe integer', () => {
    expect(Number.isSafeInteger(clockOfWallMs(Date.UTC(2080, 0, 1)))).toBe(true);
  });
});

describe('checkDrift', () => {
  test('at the limit -> accepted; a millisecond further -> refused as clock-ahead; any age -> accepted', () => {
    const now = EPOCH + 1e9;
    const limit = clockOfWallMs(now + LIMITS.clockDriftMsMax);
    expect(() => checkDrift(limit + TICKS_PER_MS - 1, now)).not.toThrow();
    expect(() => checkDrift(0, now)).not.toThrow();
    let error: unknown;
    try {
      checkDrift(limit + TICKS_PER_MS, now);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(WeftError);
    expect((error as WeftError).code).toBe('clock-ahead');
  });
});
