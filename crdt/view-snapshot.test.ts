import { describe, expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { readGraph, readIncident } from './reading.model.ts';
import { encodeViewSnapshot, foldViewSnapshot } from './view-snapshot.ts';

const ID = '0' as PartitionId;
const REPLICA = replicaId(7);

function openView() {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  return { view, index: view.open(ID) };
}

/** Nodes in a ring, of which every tenth was changed; names hold what JSON escapes and what UTF-8 needs bytes for. */
function* ring(nodes: number): Generator<Patch> {
  let clock = 1_000_000;
  const stamped = (id: string) => ({ clock: clock++, replica: REPLICA, id });
  for (let i = 0; i < nodes; i++) {
    const properties = { name: `line\n${i} é日`, [`p${i % 3}`]: i };
    yield { kind: 'node-create', ...stamped(`n${i}`), labels: [i % 2 === 0 ? 'Even' : 'Odd'], properties };
    if (i % 10 === 0) yield { kind: 'node-update', ...stamped(`n${i}`), properties: { changed: i } };
  }
  for (let i = 0; i < nodes; i++) {
    const ends = { type: `T${i % 5}`, from: `n${i}`, to: `n${(i + 1) % nodes}` };
    const edge = stamped(`e${i}`);
    yield { kind: 'edge-create', ...edge, ...ends, properties: i % 4 === 0 ? { weight: i } : {} };
    yield { kind: 'stub-create', ...edge, ...ends };
  }
}

describe('view snapshot', () => {
  test('a partition of several pieces: written and read -> the same graph, and the same snapshot again', () => {
    const { view, index } = openView();
    for (const patch of ring(1100)) view.fold(index, patch, 10);
    const bytes = encodeViewSnapshot(view, index);
    expect(fromUtf8(bytes).split('\n')).toHaveLength(5);
    const copy = openView();
    foldViewSnapshot(copy.view, copy.index, bytes);
    expect(readGraph(copy.view)).toEqual(readGraph(view));
    expect(readIncident(copy.view)).toEqual(readIncident(view));
    expect(fromUtf8(encodeViewSnapshot(copy.view, copy.index)) === fromUtf8(bytes)).toBe(true);
  });

  test('one line without a break, as it was written before there were pieces -> read', () => {
    const { view, index } = openView();
    for (const patch of ring(20)) view.fold(index, patch, 10);
    const bytes = encodeViewSnapshot(view, index);
    const copy = openView();
    foldViewSnapshot(copy.view, copy.index, bytes.subarray(0, -1));
    expect(readGraph(copy.view)).toEqual(readGraph(view));
  });

  test('a piece of another format -> refused', () => {
    const { view, index } = openView();
    for (const patch of ring(2)) view.fold(index, patch, 10);
    const later = fromUtf8(encodeViewSnapshot(view, index)).replace('"format":1', '"format":2');
    const copy = openView();
    expect(() => foldViewSnapshot(copy.view, copy.index, toUtf8(later))).toThrow('format 2');
  });
});
