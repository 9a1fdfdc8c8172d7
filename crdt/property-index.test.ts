import { describe, expect, it } from 'vitest';
import { candidateAt, candidateCount, distinctCandidates, PropertyIndex } from './property-index.ts';

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
