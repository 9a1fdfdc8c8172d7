/** Histories that must be accepted and rejected, each by the checker and by its plain model, which agree on all others too. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Call } from './call.ts';
import { isLinearizable } from './linearizability.model.ts';
import { checkLinearizability } from './linearizability.ts';
import type { RegisterCall } from './order-search.ts';
import type { RegisterOperation } from './register.ts';

type Asked = RegisterOperation extends infer O ? (O extends unknown ? Omit<O, 'key'> : never) : never;
type How = Partial<Pick<Call<unknown>, 'outcome' | 'isEventual'>>;

function history(...calls: readonly [from: number, to: number, operation: Asked, how?: How][]): RegisterCall[] {
  return calls.map(([invokedMs, endedMs, operation, how], i) => ({
    id: i + 1,
    process: `p${i}`,
    operation: { key: 'k', ...operation } as RegisterOperation,
    invokedMs,
    endedMs,
    outcome: 'ok',
    ...how,
  }));
}

const INFO: How = { outcome: 'info' };
const FAIL: How = { outcome: 'fail' };
const EVENTUAL: How = { isEventual: true };
const write = (value: string | number, version?: string): Asked => ({
  kind: 'write',
  value,
  ...(version !== undefined && { version }),
});
const read = (value: string | number | undefined, version?: string): Asked => ({
  kind: 'read',
  value,
  ...(version !== undefined && { version }),
});
const remove = (existed?: boolean): Asked => ({ kind: 'delete', ...(existed !== undefined && { existed }) });
const cas = (expected: string | undefined, value: string, applied: boolean): Asked => ({
  kind: 'compare-and-set',
  expected: { value: expected },
  value,
  applied,
});
const casVersion = (expected: string, value: string, applied: boolean, version?: string): Asked => ({
  kind: 'compare-and-set',
  expected: { version: expected },
  value,
  applied,
  ...(applied && version !== undefined && { version }),
});
const add = (by: number, answer: { applied?: boolean; result?: number } = { applied: true }): Asked => ({
  kind: 'increment',
  by,
  min: 0,
  max: 10,
  ...answer,
});

describe('checkLinearizability accepts', () => {
  test.each<[string, RegisterCall[]]>([
    ['no calls', []],
    ['reads of either value during a write', history([0, 9, write('x')], [1, 2, read(undefined)], [3, 4, read('x')])],
    [
      'a write of unknown outcome that shows late',
      history([0, 1, write('x'), INFO], [5, 6, read(undefined)], [7, 8, read('x')]),
    ],
    ['a write of unknown outcome that never shows', history([0, 1, write('x'), INFO], [5, 6, read(undefined)])],
    [
      'an eventual write that shows after a later strong one',
      history([0, 1, write('x'), EVENTUAL], [2, 3, write('y')], [4, 5, read('y')], [6, 7, read('x')]),
    ],
    [
      'one of two conditions on one value',
      history([0, 1, write('x')], [2, 5, cas('x', 'y', true)], [2, 5, cas('x', 'z', false)], [6, 7, read('y')]),
    ],
    [
      'a condition that fails by an unknown write',
      history([0, 1, write('x')], [2, 3, write('u'), INFO], [4, 5, cas('x', 'y', false)], [6, 7, read('u')]),
    ],
    [
      'a condition on a version',
      history(
        [0, 1, write('x', 'v1')],
        [2, 3, casVersion('v1', 'y', true, 'v2')],
        [4, 5, casVersion('v1', 'z', false)],
      ),
    ],
    [
      'increments within bounds',
      history([0, 1, add(6, { applied: true, result: 6 })], [2, 3, add(6, { applied: false })], [4, 5, read(6)]),
    ],
    [
      'a delete of what was there, and one of nothing',
      history([0, 1, write('x')], [2, 3, remove(true)], [4, 5, remove(false)]),
    ],
    [
      'a delete that may have had something to delete',
      history([0, 3, remove()], [0, 3, write('x')], [4, 5, remove(false)]),
    ],
    ['an end and a beginning at one moment, in either order', history([0, 1, write('x')], [1, 2, read(undefined)])],
    ['an eventual read that is old', history([0, 1, write('x')], [2, 3, read(undefined), EVENTUAL])],
    [
      'the version of an unknown write, learnt from a read',
      history([0, 1, write('x'), INFO], [2, 3, read('x', 'v')], [4, 5, casVersion('v', 'y', true)]),
    ],
    ['a failed write that is never seen', history([0, 1, write('x'), FAIL], [2, 3, read(undefined)])],
  ])('%s', (_, calls) => {
    expect(checkLinearizability(calls)).toEqual({ kind: 'valid' });
    expect(isLinearizable(calls)).toBe(true);
  });
});

describe('checkLinearizability rejects', () => {
  test.each<[string, RegisterCall[]]>([
    ['a stale read', history([0, 1, write('x')], [2, 3, write('y')], [4, 5, read('x')])],
    [
      'a value that two reads see in turn',
      history([0, 1, write('x')], [2, 9, write('y')], [3, 4, read('y')], [5, 6, read('x')]),
    ],
    ['a lost update', history([0, 1, add(1)], [2, 3, add(1)], [4, 5, read(1)])],
    [
      'two that won on one value',
      history([0, 1, write('x')], [2, 5, cas('x', 'y', true)], [2, 5, cas('x', 'z', true)]),
    ],
    [
      'two that won on one version',
      history(
        [0, 1, write('x', 'v')],
        [2, 5, casVersion('v', 'y', true, 'v2')],
        [2, 5, casVersion('v', 'z', true, 'v3')],
      ),
    ],
    ['a refusal without reason', history([0, 1, write('x')], [2, 3, cas('x', 'y', false)])],
    ['a deleted value that comes back', history([0, 1, write('x')], [2, 3, remove(true)], [4, 5, read('x')])],
    ['a value that nobody wrote', history([0, 1, write('x')], [2, 3, read('y')])],
    ['a failed write that is seen', history([0, 1, write('x'), FAIL], [2, 3, read('x')])],
    [
      'an unknown write that shows, vanishes and shows again',
      history([0, 1, write('x'), INFO], [2, 3, read('x')], [4, 5, write('y')], [6, 7, read('y')], [8, 9, read('x')]),
    ],
    [
      'an eventual write that shows twice',
      history([0, 1, write('x'), EVENTUAL], [2, 3, read('x')], [4, 5, remove(true)], [6, 7, read('x')]),
    ],
    ['an unknown write that shows before it was called', history([0, 1, read('x')], [2, 3, write('x'), INFO])],
    ['a value that shows before it is written', history([0, 1, read('x')], [2, 3, write('x')])],
    ['a version that changes without a write', history([0, 1, write('x', 'v1')], [2, 3, read('x', 'v2')])],
    ['two that created one register', history([0, 5, cas(undefined, 'x', true)], [0, 5, cas(undefined, 'y', true)])],
    ['nothing to delete where something is', history([0, 1, write('x')], [2, 3, remove(false)])],
    ['a refusal within the bounds', history([0, 1, add(6)], [2, 3, add(1, { applied: false })])],
    ['a sum beyond its bound', history([0, 1, add(6)], [2, 3, add(6)])],
    ['a sum that is wrong', history([0, 1, add(6)], [2, 3, add(1, { applied: true, result: 6 })])],
  ])('%s', (_, calls) => {
    expect(checkLinearizability(calls)).toMatchObject({ kind: 'invalid' });
    expect(isLinearizable(calls)).toBe(false);
  });
});

const value = fc.constantFrom('x', 'y');
const version = fc.constantFrom(undefined, 'v1', 'v2');
const maybe = (text: string | undefined) => (text === undefined ? {} : { version: text });
const text: fc.Arbitrary<Asked> = fc.oneof(
  fc
    .tuple(fc.option(value, { nil: undefined }), version)
    .map(([seen, at]): Asked => ({ kind: 'read', value: seen, ...maybe(seen === undefined ? undefined : at) })),
  fc.tuple(value, version).map(([written, at]): Asked => ({ kind: 'write', value: written, ...maybe(at) })),
  fc.constantFrom(undefined, true, false).map(remove),
  fc.tuple(fc.option(value, { nil: undefined }), value, fc.boolean()).map((args) => cas(...args)),
  fc.tuple(fc.constantFrom('v1', 'v2'), value, fc.boolean(), version).map((args) => casVersion(...args)),
);
const number: fc.Arbitrary<Asked> = fc.oneof(
  fc.constantFrom(undefined, 1, 2, 3).map((seen) => read(seen)),
  fc.constantFrom(1, 2).map((written) => write(written)),
  fc
    .tuple(fc.constantFrom(1, -1, 9), fc.boolean(), fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }))
    .map(([by, applied, result]) => add(by, applied && result !== undefined ? { applied, result } : { applied })),
);
const how: fc.Arbitrary<How> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<How>({}) },
  fc.constantFrom(INFO, FAIL, EVENTUAL),
);
const times = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 5 }));
const calls = (operation: fc.Arbitrary<Asked>) =>
  fc
    .array(fc.tuple(times, operation, how), { maxLength: 6 })
    .map((some) =>
      history(
        ...some
          .map(([[at, lasts], asked, ended]) => [at, at + lasts, asked, ended] as const)
          .map((c) => [...c] as [number, number, Asked, How]),
      ),
    );

test('checkLinearizability: any small history -> the verdict of the plain model', () => {
  const verdicts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(fc.oneof(calls(text), calls(number)), (some) => {
      const { kind } = checkLinearizability(some);
      expect(kind).toBe(isLinearizable(some) ? 'valid' : 'invalid');
      verdicts[kind as 'valid' | 'invalid']++;
    }),
    { numRuns: 4_000, seed: 1 },
  );
  // A test that sees one verdict only shows nothing.
  expect(Math.min(verdicts.valid, verdicts.invalid)).toBeGreaterThan(400);
});

test('checkLinearizability: a violation among many calls -> the evidence is the few that show it', () => {
  const noise = Array.from({ length: 60 }, (_, i) => [i * 10, i * 10 + 5, write(`n${i}`)] as [number, number, Asked]);
  const verdict = checkLinearizability(
    history(...noise, [700, 701, write('x')], [702, 703, write('y')], [704, 705, read('x')], [706, 707, read('x')]),
  );
  expect(verdict).toMatchObject({ kind: 'invalid' });
  const lines = verdict.kind === 'invalid' ? verdict.evidence.split('\n') : [];
  expect(lines.filter((line) => /^ {2}#/.test(line)).map((line) => line.trim().split(' ')[0])).toEqual([
    '#61',
    '#62',
    '#63',
  ]);
});

test('checkLinearizability: too much to look at -> unknown, which is no pass', () => {
  const some = Array.from({ length: 8 }, (_, i) => [0, 9, write(`x${i}`)] as [number, number, Asked]);
  const contradiction: [number, number, Asked][] = [
    [10, 11, read('x1')],
    [12, 13, read('x2')],
  ];
  expect(checkLinearizability(history(...some, ...contradiction), { configurationsMax: 10 })).toMatchObject({
    kind: 'unknown',
  });
});
