import { describe, expect, test } from 'vitest';
import { getOwn, setOwn } from './record.ts';

describe('setOwn', () => {
  test('a name that JavaScript treats specially: -> an own, enumerable, writable property, and no prototype changes', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', '']) {
      const record: { [key: string]: unknown } = {};
      setOwn(record, name, { polluted: true });
      expect(Object.keys(record)).toEqual([name]);
      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
      expect(getOwn(record, name)).toEqual({ polluted: true });
      setOwn(record, name, 2);
      expect(getOwn(record, name)).toBe(2);
      expect(JSON.stringify(record)).toBe(`{${JSON.stringify(name)}:2}`);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('getOwn', () => {
  test('an inherited member: -> undefined', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(getOwn({}, name)).toBeUndefined();
    }
  });

  test('a record without prototype: -> read as any other', () => {
    const record = Object.create(null) as { [key: string]: number };
    setOwn(record, 'a', 1);
    expect(getOwn(record, 'a')).toBe(1);
    expect(getOwn(record, 'b')).toBeUndefined();
  });
});
