import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { Assembler, FRAGMENT_BYTES, FRAGMENT_BYTES_MAX, type Fragment, fragmentsOf } from './fragments.ts';

const message = Uint8Array.from({ length: 2 * FRAGMENT_BYTES + 17 }, (_, i) => i % 251);

/** For each message that came out, whether it is the one that went in. */
function assembled(fragments: readonly Fragment[]): boolean[] {
  const assembler = new Assembler();
  const whole = fragments.map((fragment) => assembler.push(fragment)).filter((bytes) => bytes !== undefined);
  return whole.map((bytes) => Buffer.compare(bytes, message) === 0);
}

describe('fragments', () => {
  test('message: its fragments come in order -> the same bytes, once', () => {
    const fragments = fragmentsOf(1, message);
    expect(fragments.map(({ bytes }) => bytes.length)).toEqual([FRAGMENT_BYTES, FRAGMENT_BYTES, 17]);
    expect(assembled(fragments)).toEqual([true]);
  });

  test.each([33, 256])('message of %d MiB -> no more and no larger fragments than every version takes', (mebibytes) => {
    const large = new Uint8Array(mebibytes * 1024 * 1024).fill(7);
    const fragments = fragmentsOf(1, large);
    expect(fragments.length).toBeLessThanOrEqual(256);
    for (const { bytes } of fragments) expect(bytes.length).toBeLessThanOrEqual(1024 * 1024);
    expect(fragments.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(large.length);
  });

  test('message: a fragment is lost, repeated or late -> nothing, and the next message is whole', () => {
    const [a, b, c] = fragmentsOf(1, message) as [Fragment, Fragment, Fragment];
    const next = fragmentsOf(2, message);
    expect(assembled([a, c, ...next])).toEqual([true]);
    expect(assembled([b, c, ...next])).toEqual([true]);
    expect(assembled([a, b, b, c])).toEqual([true]);
    expect(assembled([a, next[0] as Fragment, b, c])).toEqual([]);
  });

  test('fragment: more of them, or larger, than we would send -> refused before anything is kept', () => {
    const [fragment] = fragmentsOf(1, message) as [Fragment];
    for (const bad of [
      { ...fragment, count: 1 },
      { ...fragment, count: 1_000_000 },
      { ...fragment, index: 3 },
      { ...fragment, bytes: new Uint8Array(FRAGMENT_BYTES_MAX + 1) },
    ]) {
      expect(() => new Assembler().push(bad)).toThrow(WeftError);
    }
  });
});
