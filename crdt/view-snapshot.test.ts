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

const stampOf = (clock: number) => ({ clock, replica: REPLICA });

/** The partition, opened if it was not. */
function opened(view: GraphView, id: string) {
  return view.isOpen(id as PartitionId) ? view.need(id as PartitionId) : view.open(id as PartitionId);
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

  test('nodes that edges of another partition name already, indexes in use -> as patch by patch', () => {
    const settings = { partitions: 2, restoringTypes: [] };
    const ids = ['a!', 'b!'].map((id) => id as PartitionId);
    const patches = {
      'a!': [{ kind: 'edge-create', ...stampOf(1), id: 'e', type: 'T', from: 'a!1', to: 'b!2', properties: {} }],
      'b!': Array.from({ length: 4 }, (_, i): Patch => {
        const labels = i % 2 === 0 ? ['Even', 'Node'] : [];
        return { kind: 'node-create', ...stampOf(2 + i), id: `b!${i}`, labels, properties: { i, name: 'x'.repeat(i) } };
      }),
    } as { readonly [id: string]: Patch[] };
    const written = new GraphView(settings);
    for (const patch of patches['b!'] ?? []) written.fold(opened(written, 'b!'), patch, 10);
    const bytes = encodeViewSnapshot(written, opened(written, 'b!'));
    const [one, other] = [new GraphView(settings), new GraphView(settings)];
    for (const view of [one, other]) {
      for (const id of ids) opened(view, id);
      for (const patch of patches['a!'] ?? []) view.fold(opened(view, 'a!'), patch, 10);
      view.indexes.use('Even', 'i');
    }
    foldViewSnapshot(one, opened(one, 'b!'), bytes);
    for (const patch of patches['b!'] ?? []) other.fold(opened(other, 'b!'), patch, 10);
    expect(readGraph(one)).toEqual(readGraph(other));
    expect(one.usage(1)).toEqual(other.usage(1));
    expect(one.nodes.hidden).toBe(other.nodes.hidden);
    expect(one.outsideBytes).toBe(other.outsideBytes);
    expect(one.indexes.use('Even', 'i').keys()).toEqual(other.indexes.use('Even', 'i').keys());
    const indexOf = (view: GraphView) => {
      const { patches, revision, nodes } = opened(view, 'b!');
      const even = Array.from(opened(view, 'b!').withLabel('Even'), (node) => view.nodes.ids[node]);
      return { patches, revision, nodes: nodes.length, even };
    };
    expect(indexOf(one)).toEqual(indexOf(other));
    const ends = { type: 'T', from: 'a!1', to: 'b!3' };
    one.fold(opened(one, 'a!'), { kind: 'edge-create', ...stampOf(9), id: 'f', ...ends, properties: {} }, 10);
    one.close('a!' as PartitionId);
    expect(readGraph(one).nodes.map(({ id }) => id)).toEqual(['b!0', 'b!1', 'b!2', 'b!3']);
    one.close('b!' as PartitionId);
    expect(one.nodes.size).toBe(0);
  });

  test('a node with an expiry in columns, as it was written before elements expired -> hidden at its moment', () => {
    const { view, index } = openView();
    view.fold(index, { kind: 'node-create', ...stampOf(1), id: 'n', labels: [], properties: { expiresAs: 1000 } }, 10);
    const bytes = toUtf8(fromUtf8(encodeViewSnapshot(view, index)).replace('expiresAs', 'expiresAt'));
    const copy = openView();
    foldViewSnapshot(copy.view, copy.index, bytes);
    expect(readGraph(copy.view).nodes).toHaveLength(1);
    copy.view.expire(1000);
    expect(readGraph(copy.view).nodes).toHaveLength(0);
  });

  test('a piece of another format -> refused', () => {
    const { view, index } = openView();
    for (const patch of ring(2)) view.fold(index, patch, 10);
    const later = fromUtf8(encodeViewSnapshot(view, index)).replace('"format":1', '"format":2');
    const copy = openView();
    expect(() => foldViewSnapshot(copy.view, copy.index, toUtf8(later))).toThrow('format 2');
  });
});
