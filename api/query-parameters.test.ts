import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import {
  flagParameter,
  integerParameter,
  parseQuery,
  readQuery,
  requiredText,
  textParameter,
} from './query-parameters.ts';

const TABLE = {
  text: textParameter('any'),
  count: integerParameter({ minimum: 1, maximum: 10, default: 5, description: 'some' }),
  flag: flagParameter('or not'),
};

function failure(raw: string, table = TABLE): WeftError {
  try {
    readQuery(parseQuery(raw), table);
  } catch (error) {
    if (error instanceof WeftError) return error;
    throw error;
  }
  throw new Error('the query was read');
}

describe('query parameters', () => {
  test('parse: what URLSearchParams prints -> the same pairs in order', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (pairs) => {
        const printed = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();
        expect(parseQuery(printed)).toEqual([...new URLSearchParams(printed)]);
      }),
    );
  });

  test('read: known parameters in any order -> typed; consistency -> left to its hook', () => {
    expect(readQuery(parseQuery('flag=true&consistency=strong&text=a+b%26&count=10&'), TABLE)).toEqual({
      flag: true,
      text: 'a b&',
      count: 10,
    });
    expect(readQuery(parseQuery('text'), TABLE)).toEqual({ text: '' });
    expect(readQuery(parseQuery(''), TABLE)).toEqual({});
  });

  test('read: a prefix -> every parameter that begins with it, repeated ones too', () => {
    const seen: string[] = [];
    const each = (rest: string, value: string) => void seen.push(`${rest}=${value}`);
    readQuery(parseQuery('p.a=1&text=x&p.a=2&p.=3'), TABLE, { text: 'p.', each });
    expect(seen).toEqual(['a=1', 'a=2', '=3']);
  });

  test.each([
    ['count=0', 'invalid-request', 'count'],
    ['count=11', 'invalid-request', 'count'],
    ['count=1.0', 'invalid-request', 'count'],
    ['count=-1', 'invalid-request', 'count'],
    ['count=99999999999999999999', 'invalid-request', 'count'],
    ['count=', 'invalid-request', 'count'],
    ['flag=1', 'invalid-request', 'flag'],
    ['text=a&text=b', 'invalid-request', 'text'],
    ['constructor=x', 'invalid-request', 'constructor'],
    ['__proto__=x', 'invalid-request', '__proto__'],
    ['Text=x', 'invalid-request', 'Text'],
    ['text=%', 'malformed-request', undefined],
    ['%C3%28=x', 'malformed-request', undefined],
  ])('read: %s -> %s', (raw, code, field) => {
    const error = failure(raw);
    expect([error.code, error.context.field]).toEqual([code, field]);
  });

  test('read: a required parameter is missing -> named', () => {
    expect(failure('text=x', { ...TABLE, from: requiredText('where') } as typeof TABLE).context.field).toBe('from');
  });
});
