import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { describeValue } from '../graph/describe.model.ts';
import { Float } from '../graph/value.ts';
import { someInteger, someNumber } from '../graph/values.model.ts';
import { add, sumMerged } from './numbers.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

describe('add', () => {
  test('two integers: -> the exact sum, or refused past 64 bits', () => {
    fc.assert(
      fc.property(someInteger, someInteger, (a, b) => {
        const exact = BigInt(a) + BigInt(b);
        if (exact < INT64_MIN || exact > INT64_MAX) expect(() => add(a, b)).toThrow(WeftError);
        else expect(BigInt(add(a, b) as number | bigint)).toBe(exact);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['across the safe range', 9007199254740991, 1, 2n ** 53n],
    ['back into the safe range', 2n ** 53n, -1, 9007199254740991],
    ['integer and float', 1, new Float(1), new Float(2)],
    ['fractions that make a whole', 0.5, 0.5, new Float(1)],
    ['a large integer and a float', 2n ** 62n, 0.5, new Float(2 ** 62)],
    ['infinities', Infinity, -Infinity, Number.NaN],
    ['to minus zero', new Float(-0), new Float(-0), new Float(-0)],
  ])('%s: -> the one representation', (_, a, b, sum) => {
    expect(describeValue(add(a, b))).toBe(describeValue(sum));
  });
});

describe('sumMerged', () => {
  const terms = fc.array(fc.record({ plus: someInteger, minus: someInteger }), { maxLength: 5 });

  test('integers: any order of terms -> one exact sum, clamped at the end only', () => {
    fc.assert(
      fc.property(someInteger, terms, (base, some) => {
        const exact = some.reduce((sum, { plus, minus }) => sum + BigInt(plus) - BigInt(minus), BigInt(base));
        const clamped = exact < INT64_MIN ? INT64_MIN : exact > INT64_MAX ? INT64_MAX : exact;
        expect(BigInt(sumMerged(base, some) as number | bigint)).toBe(clamped);
        expect(sumMerged(base, [...some].reverse())).toBe(sumMerged(base, some));
      }),
      { numRuns: 2000 },
    );
  });

  test('a float anywhere: -> a Float, even if whole', () => {
    const all = fc.array(fc.record({ plus: someNumber, minus: someNumber }), { maxLength: 3 });
    fc.assert(
      fc.property(someNumber, all, (base, some) => {
        const isFloat = (value: unknown) => describeValue(value as number).startsWith('float');
        const floats = [base, ...some.flatMap(({ plus, minus }) => [plus, minus])].some(isFloat);
        expect(isFloat(sumMerged(base, some))).toBe(floats);
      }),
    );
  });

  test('overflow on the way that later terms undo: -> exact', () => {
    const up = { plus: INT64_MAX, minus: 0 };
    expect(sumMerged(5, [up, { plus: 0, minus: INT64_MAX }])).toBe(5);
    expect(sumMerged(5, [up, up])).toBe(INT64_MAX);
    expect(
      sumMerged(-5, [
        { plus: 0, minus: INT64_MAX },
        { plus: 0, minus: INT64_MAX },
      ]),
    ).toBe(INT64_MIN);
  });
});
