import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { digestOfGraph, digestOfPartition } from './digest.ts';
import { GraphView, Unhydrated } from './graph-view.ts';
import { NAMED_NODE_BYTES } from './partition-index.ts';
import type { Patch } from './patch.ts';
import { partitionOfNode } from './routing.ts';
import { edgeAt, findEdge, findNode, forEachEdge, nodeAt, sortedNodes } from './view-reads.ts';
import { encodeViewSnapshot, foldViewSnapshot } from './view-snapshot.ts';

const SETTINGS = { partitions: 2, restoringTypes: [] };
const home = (id: string) => partitionOfNode(id, SETTINGS.partitions);
let clock = 0;
const stamp = () => ({ clock: ++clock, replica: replicaId(1) });
const node = (id: string, labels: readonly string[] = [], properties = {}): [string, Patch] => [
  home(id),
  { kind: 'node-create', ...stamp(), id, labels, properties },
];
function edge(id: string, type: string, from: string, to: string): [string, Patch][] {
  const at = stamp();
  return [
    [home(from), { kind: 'edge-create', ...at, id, type, from, to, properties: {} }],
    [home(to), { kind: 'stub-create', ...at, id, type, from, to }],
  ];
}

/** `b` and `d` live in partition 0, `a` and `c` in 1, `s!x` in its scope. */
const GRAPH: readonly [string, Patch][] = [
  ...['d', 'b', 'a', 'c', 's!x'].map((id) => node(id, id < 'c' ? ['L', 'M'] : ['L'])),
  ...edge('bd', 'T', 'b', 'd'),
  ...edge('ba', 'U', 'b', 'a'),
  ...edge('ab', 'T', 'a', 'b'),
  ...edge('bb', 'T', 'b', 'b'),
  ...edge('xb', 'T', 's!x', 'b'),
];

function viewOf(partitions: readonly string[], patches = GRAPH): GraphView {
  const view = new GraphView(SETTINGS);
  for (const partition of partitions) {
    const opened = view.open(partition as PartitionId);
    for (const [at, patch] of patches) if (at === partition) view.fold(opened, patch, 50);
  }
  return view;
}

function edgesOf(view: GraphView, id: string, direction: 'out' | 'in' | 'both', type?: string): string[] {
  const found: string[] = [];
  const ordinal = type === undefined ? undefined : view.edges.findType(type);
  forEachEdge(view, findNode(view, id) as number, direction, ordinal, (at) => {
    found.push(view.edges.idAt(at));
    return true;
  });
  return found.sort(compareText);
}

const unhydrated = (call: () => unknown): readonly string[] => {
  try {
    call();
  } catch (error) {
    if (error instanceof Unhydrated) return error.partitions;
    throw error;
  }
  return [];
};

describe('reads', () => {
  const view = viewOf(['0', '1', 's!']);

  test('edges of a node: each direction -> those, a self-loop once in both', () => {
    expect(edgesOf(view, 'b', 'out')).toEqual(['ba', 'bb', 'bd']);
    expect(edgesOf(view, 'b', 'in')).toEqual(['ab', 'bb', 'xb']);
    expect(edgesOf(view, 'b', 'both')).toEqual(['ab', 'ba', 'bb', 'bd', 'xb']);
  });

  test('edges of a node: of one type -> only those', () => {
    expect(edgesOf(view, 'b', 'both', 'U')).toEqual(['ba']);
    expect(edgesOf(view, 'b', 'out', 'T')).toEqual(['bb', 'bd']);
  });

  test('edges of a node: the visitor says stop -> no more calls', () => {
    let calls = 0;
    forEachEdge(view, findNode(view, 'b') as number, 'both', undefined, () => {
      calls++;
      return false;
    });
    expect(calls).toBe(1);
  });

  test('a list of nodes: all, or with a label -> by id, and without those that are gone', () => {
    const changed = viewOf(['0'], [...GRAPH, ['0', { kind: 'node-delete', ...stamp(), id: 'b' }]]);
    const ids = (of: GraphView, label?: string) =>
      Array.from(sortedNodes(of, of.need('0' as PartitionId), label), (at) => nodeAt(of, at).id);
    expect(ids(view)).toEqual(['b', 'd']);
    expect(ids(view, 'M')).toEqual(['b']);
    expect(ids(view, 'none')).toEqual([]);
    expect(ids(changed)).toEqual(['d']);
    expect(ids(changed, 'M')).toEqual([]);
  });

  test('an edge by id: -> the edge, of two the later one; unknown -> undefined', () => {
    expect(edgeAt(view, findEdge(view, 'ba') as number)).toEqual({
      id: 'ba',
      type: 'U',
      from: 'b',
      to: 'a',
      properties: {},
    });
    expect(findEdge(view, 'none')).toBeUndefined();
    const again = { ...stamp(), id: 'ba', type: 'V', from: 'a', to: 'b' };
    const twice = viewOf(
      ['0', '1', 's!'],
      [...GRAPH, ['1', { kind: 'edge-create', ...again, properties: {} }], ['0', { kind: 'stub-create', ...again }]],
    );
    expect(edgeAt(twice, findEdge(twice, 'ba') as number)).toMatchObject({ type: 'V', from: 'a', to: 'b' });
  });
});

describe('VIEW-2 partitions that are not open', () => {
  test('a node of a closed partition -> Unhydrated, known to an edge or not', () => {
    const view = viewOf(['0']);
    expect(unhydrated(() => findNode(view, 'a'))).toEqual(['1']);
    expect(unhydrated(() => findNode(view, 's!unknown'))).toEqual(['s!']);
    expect(findNode(view, 'unknown-in-0')).toBe(home('unknown-in-0') === '0' ? undefined : expect.anything());
  });

  test('edges whose other end is closed -> Unhydrated, never left out', () => {
    const view = viewOf(['0']);
    expect(unhydrated(() => edgesOf(view, 'b', 'out'))).toEqual(['1']);
    expect(unhydrated(() => edgesOf(view, 'b', 'in'))[0]).toMatch(/^(1|s!)$/);
    expect(edgesOf(view, 'd', 'in')).toEqual(['bd']);
  });

  test('closed and opened again -> as before, without a trace of the first time', () => {
    const view = viewOf(['0', '1', 's!']);
    for (const partition of ['0', 's!', '1', '0'] as PartitionId[]) {
      view.close(partition);
      const opened = view.open(partition);
      for (const [at, patch] of GRAPH) if (at === partition) view.fold(opened, patch, 50);
    }
    expect(edgesOf(view, 'b', 'both')).toEqual(['ab', 'ba', 'bb', 'bd', 'xb']);
    for (const partition of ['0', '1', 's!'] as PartitionId[]) view.close(partition);
    expect(view.nodes.find('b')).toBeUndefined();
    expect(view.edges.findAll('bd')).toEqual([]);
  });
});

describe('digest', () => {
  const digest = (patches: readonly [string, Patch][], partition = '0') => {
    const view = viewOf(['0', '1', 's!'], patches);
    return digestOfPartition(view, view.need(partition as PartitionId));
  };

  test('an empty partition, and one where all was deleted -> the empty digest', () => {
    expect(digest([])).toBe('');
    expect(digest([node('b'), ['0', { kind: 'node-delete', ...stamp(), id: 'b' }]])).toBe('');
  });

  test.each<[string, [string, Patch][]]>([
    ['a label', [['0', { kind: 'node-update', ...stamp(), id: 'b', properties: {}, more: { labelsAdded: ['N'] } }]]],
    ['a property', [['0', { kind: 'node-update', ...stamp(), id: 'b', properties: { p: 1 } }]]],
    [
      'an equal value under another stamp',
      [['0', { kind: 'node-create', ...stamp(), id: 'b', labels: ['L', 'M'], properties: {} }]],
    ],
    ['an edge property', [['0', { kind: 'edge-update', ...stamp(), id: 'bd', properties: { p: 1 } }]]],
    ['a stub', [['0', { kind: 'stub-delete', ...stamp(), id: 'ab', from: 'a' }]]],
    ['a hidden edge', edge('hidden', 'T', 'b', 'absent')],
  ])('%s changes -> another digest', (_, patches) => {
    expect(digest([...GRAPH, ...patches])).not.toBe(digest([...GRAPH]));
  });

  test('a change in another partition -> the same digest', () => {
    expect(digest([...GRAPH, ['1', { kind: 'node-delete', ...stamp(), id: 'a' }]])).toBe(digest([...GRAPH]));
  });

  test('a graph: empty partitions -> do not count; the order of partitions -> neither', () => {
    expect(digestOfGraph({ '0': 'x', '1': '', '2': 'y' })).toBe(digestOfGraph({ '2': 'y', '0': 'x' }));
    expect(digestOfGraph({ '0': 'x', '1': 'y' })).not.toBe(digestOfGraph({ '0': 'y', '1': 'x' }));
  });
});

describe('view snapshot', () => {
  test('of a newer format -> refused as partition-recovering', () => {
    const view = viewOf(['0']);
    const snapshot = encodeViewSnapshot(view, view.need('0' as PartitionId));
    const newer = new TextEncoder().encode(new TextDecoder().decode(snapshot).replace(/"format":\d+/, '"format":999'));
    const empty = new GraphView(SETTINGS);
    const opened = empty.open('0' as PartitionId);
    expect(() => foldViewSnapshot(empty, opened, newer)).toThrow(WeftError);
  });
});

describe('memory outside of open partitions', () => {
  test('edges lead out of what is open -> their far ends are counted, until those partitions open or these close', () => {
    expect(viewOf([]).outsideBytes).toBe(0);
    expect(viewOf(['0', '1', 's!']).outsideBytes).toBe(0);
    // `a` and `s!x` are named by edges and stubs of partition 0.
    const view = viewOf(['0']);
    expect(view.outsideBytes).toBe(2 * NAMED_NODE_BYTES);
    view.close('0' as PartitionId);
    expect(view.outsideBytes).toBe(0);
  });
});
