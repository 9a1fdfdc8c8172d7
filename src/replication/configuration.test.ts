import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Configuration,
  configurationText,
  firstConfiguration,
  parseConfiguration,
  sameNames,
  UNFOUNDED,
  withoutVoter,
  withVoter,
} from './configuration.ts';

describe('who votes', () => {
  const first = firstConfiguration(
    new Map([
      ['c', 'mc'],
      ['a', 'ma'],
      ['b', 'mb'],
    ]),
  );

  test('servers have met -> the first configuration, in which all are fresh, by name', () => {
    const fresh = [
      ['a', 'ma'],
      ['b', 'mb'],
      ['c', 'mc'],
    ];
    expect(first).toEqual({ number: 1, voters: ['a', 'b', 'c'], before: [], fresh });
  });

  test('one more, one less -> the next one, which knows those before it and who is fresh', () => {
    const more = withVoter(first, 'aa', 'maa');
    expect(more).toEqual({ number: 2, voters: ['a', 'aa', 'b', 'c'], before: ['a', 'b', 'c'], fresh: [['aa', 'maa']] });
    expect(withoutVoter(more, 'b')).toEqual({ number: 3, voters: ['a', 'aa', 'c'], before: more.voters, fresh: [] });
  });

  test('names -> the same only if all are, in their order', () => {
    expect(sameNames([], [])).toBe(true);
    expect(sameNames(['a', 'b'], ['a', 'b'])).toBe(true);
    for (const other of [['a'], ['a', 'b', 'c'], ['a', 'c'], ['b', 'a'], []])
      expect(sameNames(['a', 'b'], other)).toBe(false);
  });
});

describe('as text', () => {
  const names = fc.array(fc.string(), { maxLength: 4 });
  const configurations: fc.Arbitrary<Configuration> = fc.record({
    number: fc.maxSafeNat(),
    voters: names,
    before: names,
    fresh: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }),
  });

  test('any, written and read -> the same', () => {
    fc.assert(
      fc.property(configurations, (one) => {
        expect(parseConfiguration(configurationText(one))).toEqual(one);
      }),
    );
    expect(parseConfiguration(configurationText(UNFOUNDED))).toEqual(UNFOUNDED);
  });

  test.each([
    ['no JSON', '['],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '7'],
    ['an object', '{}'],
    ['a number that is none', '["1",["a"],[],[]]'],
    ['a negative number', '[-1,["a"],[],[]]'],
    ['a fraction', '[1.5,["a"],[],[]]'],
    ['no voters', '[1,null,[],[]]'],
    ['a voter that is no name', '[1,["a",1],[],[]]'],
    ['no voters before', '[1,["a"],"b",[]]'],
    ['a voter before that is no name', '[1,["a"],[null],[]]'],
    ['nobody fresh', '[1,["a"],[]]'],
    ['fresh voters as a map', '[1,["a"],[],{"a":"m"}]'],
    ['a fresh voter without memory', '[1,["a"],[],[["a"]]]'],
    ['a fresh voter with two', '[1,["a"],[],[["a","m","n"]]]'],
    ['a memory that is none', '[1,["a"],[],[["a",1]]]'],
    ['a fresh voter that is no pair', '[1,["a"],[],["am"]]'],
  ])('%s -> malformed-request', (_, text) => {
    expect(() => parseConfiguration(text)).toThrow(
      expect.objectContaining({ code: 'malformed-request', message: `bad frame: ${text} is no configuration` }),
    );
  });
});
