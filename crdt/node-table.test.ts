import { expect, test } from 'vitest';
import { NodeTable } from './node-table.ts';

test('sets of labels -> sorted, without repetitions, one array for each set, whatever characters the labels have', () => {
  const nodes = new NodeTable();
  const sets = [['a', 'b'], ['a\u0000b'], ['["a","b"]'], ['a', 'b', 'c'], ['a\u0000b', 'c'], ['a', 'b\u0000c'], []];
  const shared = sets.map((labels) => nodes.labelSet(labels));
  expect(shared).toEqual(sets);
  for (const [i, labels] of sets.entries()) {
    expect(nodes.labelSet(labels.toReversed())).toBe(shared[i]);
    expect(nodes.labelSet([...labels, ...labels])).toBe(shared[i]);
  }
});

test("an ordinal that a node had -> taken as long as it is the node's", () => {
  const nodes = new NodeTable();
  const row = nodes.intern('a', 0);
  nodes.retain(row);
  expect(nodes.intern('a', 0, row)).toBe(row);
  nodes.release(row);
  expect(nodes.intern('b', 0)).toBe(row);
  nodes.retain(row);
  expect(nodes.intern('a', 0, row)).not.toBe(row);
});
