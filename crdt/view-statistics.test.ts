/** What the planner counts with. */
import { describe, expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { ViewStatistics } from './view-statistics.ts';

const ENTRIES: readonly SchemaEntry[] = [
  { kind: 'index', name: 'i', on: 'node', label: 'L', properties: ['p', 'q'] },
  { kind: 'unique', name: 'u', on: 'node', label: 'L', properties: ['u'] },
  { kind: 'key', name: 'k', on: 'node', label: 'L', properties: ['k'] },
  { kind: 'exists', name: 'e', on: 'node', label: 'L', properties: ['e'] },
  { kind: 'index', name: 'j', on: 'edge', label: 'L', properties: ['j'] },
];

function counted() {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  let clock = 1;
  for (const id of ['a!', 'b!'] as PartitionId[]) view.open(id);
  const fold = (at: string, patch: object) => {
    const partition = view.need(at.slice(0, 2) as PartitionId);
    view.fold(partition, { clock: clock++, replica: replicaId(1), ...patch } as Patch, 20);
  };
  const node = (id: string, labels: readonly string[], properties = {}) =>
    fold(id, { kind: 'node-create', id, labels, properties });
  const edge = (id: string, type: string) => {
    fold('a!', { kind: 'edge-create', id, type, from: 'a!1', to: 'b!2', properties: {} });
    fold('b!', { kind: 'stub-create', id, type, from: 'a!1', to: 'b!2' });
  };
  return { view, fold, node, edge, statistics: new ViewStatistics(view, () => ENTRIES) };
}

test('nothing is there -> 0 of everything, and 1 where it divides', () => {
  const { statistics } = counted();
  expect([statistics.nodeCount(), statistics.nodeCount('L')]).toEqual([0, 0]);
  expect([statistics.edgeCount(), statistics.edgeCount('T'), statistics.distinctValues('L', 'p')]).toEqual([0, 0, 1]);
});

describe('six nodes in two partitions, eight edges, and one that is gone', () => {
  const { view, fold, node, edge, statistics } = counted();
  for (let i = 0; i < 6; i++) node(`${i % 2 ? 'a!' : 'b!'}${i}`, i < 4 ? ['L'] : [], { p: i % 3 });
  for (let i = 0; i < 8; i++) edge(`e${i}`, i < 6 ? 'T' : 'U');
  edge('gone', 'V');
  fold('a!', { kind: 'edge-delete', id: 'gone' });

  test('counts of nodes: all, with a label -> those of every partition', () => {
    expect([statistics.nodeCount(), statistics.nodeCount('L'), statistics.nodeCount('M')]).toEqual([6, 4, 0]);
  });

  test('counts of edges: of a type -> its share of those that exist; of none that exists -> few, not 0', () => {
    const all = statistics.edgeCount();
    expect([all, statistics.edgeCount('none')]).toEqual([9, 0]);
    expect(statistics.edgeCount('T')).toBeCloseTo((all * 6) / 8);
    expect(statistics.edgeCount('U')).toBeCloseTo((all * 2) / 8);
    expect(statistics.edgeCount('V')).toBeCloseTo((all * 0.5) / 8);
  });

  test('different values: nobody sought them yet -> as many as nodes of the label; sought -> those', () => {
    expect(statistics.distinctValues('L', 'p')).toBe(4);
    view.indexes.use('L', 'p');
    expect(statistics.distinctValues('L', 'p')).toBe(3);
  });

  test('indexes: the first property of an index or a unique key of nodes -> has one', () => {
    const indexed = (label: string) =>
      ['p', 'q', 'u', 'k', 'e', 'j'].filter((name) => statistics.hasIndex(label, name));
    expect([indexed('L'), indexed('M')]).toEqual([['p', 'u', 'k'], []]);
  });
});

test('very many edges -> counts by type from a sample, together all that there are', () => {
  const { node, edge, statistics } = counted();
  for (const id of ['a!1', 'b!2']) node(id, []);
  for (let i = 0; i < 3000; i++) edge(`e${i}`, i % 4 === 0 ? 'T' : 'U');
  expect(statistics.edgeCount('T') + statistics.edgeCount('U')).toBeCloseTo(3000);
  expect(Math.abs(statistics.edgeCount('T') - 750)).toBeLessThan(200);
});

test('edges that are all gone -> none of any type', () => {
  const { node, edge, fold, statistics } = counted();
  for (const id of ['a!1', 'b!2']) node(id, []);
  edge('e', 'T');
  fold('a!', { kind: 'edge-delete', id: 'e' });
  expect(statistics.edgeCount('T')).toBe(0);
});
