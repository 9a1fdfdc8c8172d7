import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { replicaId } from '../../base/ids.ts';
import { toUtf8 } from '../../base/text.ts';
import { SessionTokens } from './session-token.ts';

const tokens = (secret = 'of the cluster') => new SessionTokens(toUtf8(secret));
const vector = (...entries: readonly (readonly [number, number])[]) =>
  new Map(entries.map(([origin, seq]) => [replicaId(origin), seq] as const));
const codeOf = (task: () => unknown) => {
  try {
    task();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof WeftError ? error.code : String(error);
  }
};

describe('session token', () => {
  it('any vector -> what another server decodes is the same', () => {
    const entry = fc.tuple(
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const given = vector(...entries);
        expect(tokens().decode(tokens().encode(given))).toEqual(given);
      }),
    );
  });

  it('three servers, millions of commits -> under 70 characters', () => {
    const text = tokens().encode(vector([1, 5_000_000], [2 ** 31, 5_000_000], [2 ** 32 - 1, 5_000_000]));
    expect(text.length).toBeLessThan(70);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('any single character changed, one more or one less -> invalid-session-token', () => {
    const text = tokens().encode(vector([7, 300], [9, 1]));
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(codeOf(() => tokens().decode(text.slice(0, at) + other + text.slice(at + 1)))).toBe(
        'invalid-session-token',
      );
    }
    for (const bad of ['', 'A', `${text}A`, text.slice(1), `${text}=`, ` ${text}`, 'é'.repeat(40), 'A'.repeat(1e5)]) {
      expect(codeOf(() => tokens().decode(bad))).toBe('invalid-session-token');
    }
  });

  it('of a cluster with another secret -> invalid-session-token', () => {
    expect(codeOf(() => tokens('mine').decode(tokens('yours').encode(vector([1, 1]))))).toBe('invalid-session-token');
  });
});
