/** What becomes of edges whose endpoints are deleted, and of endpoints that an edge of a restoring type brings back. */
import { describe, expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { describeGraph } from './graph.model.ts';
import type { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { readGraph, readIncident } from './reading.model.ts';
import { ReplicaModel } from './replica.model.ts';
import { findNode, nodeVersion } from './view-reads.ts';

/** `b` and `d` live in partition 0, `a` and `c` in partition 1. */
const PARTITIONS = ['0', '1', 's!'] as PartitionId[];
const HOMES: Readonly<Record<string, string>> = { b: '0', d: '0', a: '1', c: '1', 's!x': 's!' };
const EVERYTHING_EXPIRED = Number.MAX_SAFE_INTEGER;

type Unstamped<P> = P extends Patch ? Omit<P, 'clock' | 'replica'> : never;
type Line = readonly [partition: string, patch: Unstamped<Patch>];

const home = (node: string) => HOMES[node] as string;
const node = (id: string, properties = {}): Line => [home(id), { kind: 'node-create', id, labels: [], properties }];
const update = (id: string, properties: object): Line => [
  home(id),
  { kind: 'node-update', id, properties: { ...properties } },
];
const gone = (id: string): Line => [home(id), { kind: 'node-delete', id }];
const edge = (id: string, type: string, from: string, to: string): Line[] => [
  [home(from), { kind: 'edge-create', id, type, from, to, properties: {} }],
  [home(to), { kind: 'stub-create', id, type, from, to }],
];
const unlinked = (id: string, from: string, to: string): Line[] => [
  [home(from), { kind: 'edge-delete', id }],
  [home(to), { kind: 'stub-delete', id, from }],
];

/** Replicas of a graph where edges of type R restore; each patch has a segment of its own. */
function replicas(count: number): ReplicaModel[] {
  const options = {
    settings: { partitions: 2, restoringTypes: ['R'] },
    sizes: { segmentPatches: 1, chapterSegments: 1 },
    partitions: PARTITIONS,
    wallMs: Date.UTC(2026, 0, 31),
  };
  return Array.from({ length: count }, (_, i) => new ReplicaModel(replicaId(i + 1), options));
}

function write(by: ReplicaModel, ...lines: readonly Line[]): void {
  const stamp = { clock: by.clock.tick(), replica: by.id };
  by.commit(lines.map(([partition, patch]) => ({ partition, patch: { ...patch, ...stamp } as Patch })));
}

function sync(...all: readonly ReplicaModel[]): void {
  for (let pass = 0; pass < 2; pass++) {
    for (const from of all) {
      for (const to of all) {
        if (from !== to) for (const partition of PARTITIONS) to.receive(from.messageFor(to, partition));
      }
    }
  }
}

const shown = (view: GraphView) => describeGraph(readGraph(view)).split('\n');
const pair = () => replicas(2) as [ReplicaModel, ReplicaModel];

describe('an endpoint is deleted while an edge to it is made elsewhere', () => {
  test.each([
    ['within a partition', 'b', 'd'],
    ['across partitions', 'b', 'a'],
    ['from a scope', 's!x', 'a'],
    ['into a scope', 'a', 's!x'],
  ])('hiding type, %s -> the edge is hidden until the endpoint is created again', (_, from, to) => {
    const [one, two] = pair();
    write(one, node(from), node(to));
    sync(one, two);
    write(one, gone(to));
    write(two, ...edge('e', 'T', from, to));
    sync(one, two);
    for (const { view } of [one, two]) {
      expect(shown(view)).toEqual([`node "${from}" [] {}`]);
      expect(readIncident(view)).toEqual([{ id: from, out: [], in: [] }]);
    }
    write(one, node(to, { back: true }));
    sync(one, two);
    expect(shown(two.view)).toContain(`edge ["e","T","${from}","${to}"] {}`);
    expect(shown(two.view)).toEqual(shown(one.view));
  });

  test.each([
    ['target', 'b', 'a', 'a'],
    ['source', 'b', 'a', 'b'],
    ['both ends of a self-loop', 'b', 'b', 'b'],
    ['target in a scope', 'a', 's!x', 's!x'],
  ])(
    'restoring type, %s deleted -> the node is back with what it had, and goes when the edge goes',
    (_, from, to, victim) => {
      const [one, two] = pair();
      for (const id of new Set([from, to])) write(one, node(id, { name: id }));
      sync(one, two);
      write(one, gone(victim));
      write(two, ...edge('e', 'R', from, to));
      sync(one, two);
      for (const { view } of [one, two]) {
        expect(shown(view)).toContain(`node "${victim}" [] {"name": text "${victim}"}`);
        expect(shown(view)).toContain(`edge ["e","R","${from}","${to}"] {}`);
      }
      expect(shown(one.rebuilt())).toEqual(shown(one.view));
      write(two, ...unlinked('e', from, to));
      sync(one, two);
      for (const { view } of [one, two]) expect(findNode(view, victim)).toBeUndefined();
    },
  );

  test('restoring type, a node that nobody created -> stays absent, the edge hidden', () => {
    const [one] = replicas(1) as [ReplicaModel];
    write(one, node('b'), ...edge('e', 'R', 'b', 'd'));
    expect(shown(one.view)).toEqual(['node "b" [] {}']);
  });

  test('restoring type, compacted by everybody before the edge arrives -> the node is back all the same', () => {
    const [one, two] = pair();
    write(one, node('b'), node('d', { name: 'd' }));
    sync(one, two);
    write(two, ...edge('e', 'R', 'b', 'd'));
    write(one, gone('d'));
    write(one, node('b', { filler: 1 }));
    one.compact(PARTITIONS[0] as PartitionId, 0);
    sync(one, two);
    for (const { view } of [one, two]) expect(shown(view)).toContain('node "d" [] {"name": text "d"}');
    expect(shown(two.rebuilt())).toEqual(shown(two.view));
  });
});

describe('lives of a restored node', () => {
  test('a node restored in its second life -> shows nothing of its first', () => {
    const [one, two] = pair();
    write(one, node('b'), node('d', { first: 1 }));
    write(one, gone('d'));
    write(one, node('d', { second: 2 }));
    sync(one, two);
    write(one, gone('d'));
    write(two, ...edge('e', 'R', 'b', 'd'));
    sync(one, two);
    expect(shown(one.view)).toContain('node "d" [] {"second": integer 2}');
  });

  test('a node restored in its second life, the first one expired and compacted -> view and log agree', () => {
    const [one, two] = pair();
    write(one, node('b'), node('d', { first: 1 }));
    write(one, gone('d'));
    write(one, node('b', { filler: 1 }));
    one.compact(PARTITIONS[0] as PartitionId, EVERYTHING_EXPIRED);
    write(one, node('d', { second: 2 }));
    sync(one, two);
    write(one, gone('d'));
    write(two, ...edge('e', 'R', 'b', 'd'));
    sync(one, two);
    expect(shown(one.view)).toEqual(shown(one.rebuilt()));
  });

  test('a node that two replicas deleted at once, restored -> is back with what it had', () => {
    const [one, two, three] = replicas(3) as [ReplicaModel, ReplicaModel, ReplicaModel];
    write(one, node('b'), node('d', { name: 'd' }));
    sync(one, two, three);
    write(one, gone('d'));
    write(two, gone('d'));
    write(three, ...edge('e', 'R', 'b', 'd'));
    sync(one, two, three);
    expect(shown(one.view)).toContain('node "d" [] {"name": text "d"}');
  });

  // The tombstone is old, but it hides the node only since the edge went: others may still make edges to it.
  test('a node restored until just now, its tombstone long expired -> a concurrent edge restores it in view and log', () => {
    const [one, two] = pair();
    write(one, node('b'), node('d'));
    sync(one, two);
    write(one, gone('d'));
    write(two, ...edge('e', 'R', 'b', 'd'));
    sync(one, two);
    const horizon = one.clock.tick();
    write(two, ...edge('f', 'R', 'b', 'd'));
    write(one, ...unlinked('e', 'b', 'd'));
    write(one, node('b', { filler: 1 }));
    one.compact(PARTITIONS[0] as PartitionId, horizon);
    sync(one, two);
    for (const { view, rebuilt } of [one, two].map((by) => ({ view: by.view, rebuilt: by.rebuilt() }))) {
      expect(shown(view)).toContain('node "d" [] {}');
      expect(shown(view)).toEqual(shown(rebuilt));
    }
  });

  const deleted = (by: ReplicaModel) => write(by, ...unlinked('e', 'b', 'd'));
  const movedAway = (by: ReplicaModel) => write(by, ...edge('e', 'T', 'b', 'b'));
  test.each([
    ['deleted', 'log', deleted],
    ['deleted', 'snapshot', deleted],
    ['created again elsewhere', 'log', movedAway],
    ['created again elsewhere', 'snapshot', movedAway],
  ] as const)(
    'the edge that restored a node is %s, compacted, and read again from the %s -> the node waits for others all the same',
    (_, from, takeAway) => {
      const [one, two] = pair();
      write(one, node('b'), node('d', { name: 'd' }));
      sync(one, two);
      write(one, gone('d'));
      write(two, ...edge('e', 'R', 'b', 'd'));
      // Seals what holds the edge.
      write(two, node('b'));
      sync(one, two);
      const horizon = one.clock.tick();
      write(two, ...edge('f', 'R', 'b', 'd'));
      takeAway(one);
      for (const filler of [1, 2]) {
        write(one, node('b', { filler }));
        one.compact(PARTITIONS[0] as PartitionId, horizon);
        one.reopen(PARTITIONS[0] as PartitionId, from);
      }
      sync(one, two);
      for (const by of [one, two]) {
        expect(shown(by.view)).toContain('node "d" [] {"name": text "d"}');
        expect(shown(by.rebuilt())).toEqual(shown(by.view));
      }
    },
  );

  test('a late update of a restored node -> another version, because it shows something else', () => {
    const [one, two, three] = replicas(3) as [ReplicaModel, ReplicaModel, ReplicaModel];
    write(one, node('b'), node('d', { a: 1 }));
    sync(one, two, three);
    write(one, update('d', { a: 2 }));
    write(two, ...edge('e', 'R', 'b', 'd'));
    write(three, gone('d'));
    sync(two, three);
    const version = () => nodeVersion(two.view, findNode(two.view, 'd') as number);
    const before = { version: version(), shown: shown(two.view) };
    sync(one, two);
    expect(shown(two.view)).not.toEqual(before.shown);
    expect(version()).not.toBe(before.version);
  });

  test('one edge id made concurrently with targets in two partitions -> each partition reads as if alone', () => {
    const [one, two, three] = replicas(3) as [ReplicaModel, ReplicaModel, ReplicaModel];
    write(one, node('b'), node('d'), node('a'));
    sync(one, two, three);
    write(one, ...edge('e', 'R', 'b', 'd'));
    write(two, ...edge('e', 'R', 'b', 'a'));
    sync(one, two, three);
    expect(one.digests()).toBe(two.digests());
    expect(three.digests()).toBe(two.digests());
    for (const { view } of [one, two, three]) {
      expect(shown(view)).toContain('edge ["e","R","b","a"] {}');
      expect(readIncident(view)).toEqual([
        { id: 'a', out: [], in: ['e'] },
        { id: 'b', out: ['e'], in: [] },
        { id: 'd', out: [], in: [] },
      ]);
    }
    // Both stubs restore, each in its own partition, and neither is forgotten with the other.
    write(one, gone('d'), gone('a'));
    sync(one, two, three);
    for (const partition of ['0', '1', '0'] as PartitionId[]) {
      for (const from of ['log', 'snapshot'] as const) {
        two.reopen(partition, from);
        expect(shown(two.view)).toEqual(shown(one.view));
        expect(two.digests()).toBe(one.digests());
      }
    }
    expect(shown(one.view)).toEqual(expect.arrayContaining(['node "d" [] {}', 'node "a" [] {}']));
  });
});
