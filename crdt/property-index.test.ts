import { describe, expect, it } from 'vitest';
import { Float } from '../graph/value.ts';
import { candidateAt, candidateCount, distinctCandidates, indexKey, PropertyIndex } from './property-index.ts';

function indexOf(notes: readonly (readonly [value: string, node: number])[]): PropertyIndex {
  const index = new PropertyIndex('Person', 'name');
  for (const [name, node] of notes) index.note({ name }, node);
  return index;
}

function found(index: PropertyIndex, name: string): number[] {
  const candidates = index.find(`s${name}`);
  if (candidates === undefined) return [];
  return Array.from({ length: candidateCount(candidates) }, (_, i) => candidateAt(candidates, i));
}

describe('property index', () => {
  it('one node with a value -> it alone, no list', () => {
    const index = indexOf([['a', 7]]);
    expect(index.find('sa')).toBe(7);
    expect(found(index, 'a')).toEqual([7]);
    expect(found(index, 'b')).toEqual([]);
  });

  it('node 0 -> found like any other', () => {
    expect(found(indexOf([['a', 0]]), 'a')).toEqual([0]);
    expect(distinctCandidates(indexOf([['a', 0]]).find('sa'))).toEqual(new Set([0]));
  });

  it('a node noted again -> once; an entry for each other', () => {
    const index = indexOf([
      ['a', 7],
      ['a', 7],
      ['a', 3],
      ['a', 3],
      ['a', 9],
    ]);
    expect(found(index, 'a')).toEqual([7, 3, 9]);
    expect(index.entries).toBe(3);
    expect(index.distinctKeys).toBe(1);
  });

  it('a node that left a value and came back -> a candidate twice, distinct once', () => {
    const index = indexOf([
      ['a', 7],
      ['a', 8],
      ['a', 7],
    ]);
    expect(found(index, 'a')).toEqual([7, 8, 7]);
    expect(distinctCandidates(index.find('sa'))).toEqual(new Set([7, 8]));
    expect(distinctCandidates(undefined).size).toBe(0);
  });
});

describe('key of a value', () => {
  it.each([
    [2n ** 53n, new Float(2 ** 53), true],
    [0, new Float(-0), true],
    [2n ** 53n, 2n ** 53n + 1n, false],
    [2n ** 53n + 1n, new Float(2 ** 53), false],
    [2n ** 53n + 1n, 2n ** 53n + 1n, true],
    [2n ** 53n + 1n, `${2n ** 53n + 1n}`, false],
  ])('%s and %s -> the same: %s', (one, other, isSame) => {
    expect(indexKey(one) === indexKey(other)).toBe(isSame);
  });
});
