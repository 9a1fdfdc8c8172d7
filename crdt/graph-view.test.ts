import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import type { GraphSettings } from '../graph/model.ts';
import { NARROW, patchOf } from './arbitraries.model.ts';
import { digestOfPartition } from './digest.ts';
import { describeGraph, type PlacedPatch, visibleGraph } from './graph.model.ts';
import { GraphView } from './graph-view.ts';
import { decodePatch, encodePatch } from './patch-codec.ts';
import { checkExpansions, readGraph, readIncident } from './reading.model.ts';
import { partitionOfNode } from './routing.ts';
import { ELEMENT_BYTES } from './usage.ts';
import { encodeViewSnapshot, foldViewSnapshot } from './view-snapshot.ts';

const SETTINGS: GraphSettings = { partitions: 2, restoringTypes: ['R'] };
const NODES = ['b', 'd', 'a', 'c', 's!x', 's!y'];
const PARTITIONS = ['0', '1', 's!'] as PartitionId[];
const stampOf = (clock: number) => ({ clock, replica: replicaId(1) });
const homeOf = (node: string) => partitionOfNode(node, SETTINGS.partitions);

// --- arbitrary patches: whatever foreign replicas may send, in step or not

const POOLS = {
  ...NARROW,
  names: fc.constantFrom('p', 'q'),
  values: fc.constantFrom(1, 'x'),
};
const node = fc.constantFrom(...NODES);
const edgeId = fc.constantFrom('e', 'f', 'g');
const type = fc.constantFrom('R', 'T');

const nodePatch = patchOf('node', { ...POOLS, ids: node }).map((patch) => ({ partition: homeOf(patch.id), patch }));
const nodeCreate = nodePatch.filter(({ patch }) => patch.kind === 'node-create');

/** Edges with one id end in one partition, but at either node of it: see the gap at the end of this file. */
const TARGETS: Readonly<Record<string, readonly string[]>> = { e: ['b', 'd'], f: ['a', 'c'], g: ['s!x', 's!y'] };
const ends = edgeId.chain((id) =>
  fc.record({ id: fc.constant(id), type, from: node, to: fc.constantFrom(...(TARGETS[id] as string[])) }),
);
/** An edge patch and the stub patch that goes with it, or only one of the two: the other comes later or never. */
const edgePatches = fc
  .tuple(patchOf('edge', POOLS), ends, fc.constantFrom('both', 'both', 'both', 'edge', 'stub'))
  .map(([patch, { id, type, from, to }, which]) => {
    const { clock, replica } = patch;
    const edge: PlacedPatch = {
      partition: homeOf(from),
      patch: patch.kind === 'edge-create' ? { ...patch, id, type, from, to } : { ...patch, id },
    };
    const stub: PlacedPatch = {
      partition: homeOf(to),
      patch:
        patch.kind === 'edge-delete'
          ? { kind: 'stub-delete', clock, replica, id, from }
          : { kind: 'stub-create', clock, replica, id, type, from, to },
    };
    if (patch.kind === 'edge-update') return [edge];
    return which === 'both' ? [edge, stub] : [which === 'edge' ? edge : stub];
  });

/** Stamps are distinct within an element, as different patches of it have them. */
const bag: fc.Arbitrary<PlacedPatch[]> = fc
  .tuple(
    fc.array(nodeCreate, { maxLength: 8, size: 'max' }),
    fc.array(
      fc.oneof(
        nodePatch.map((placed) => [placed]),
        edgePatches,
      ),
      { maxLength: 25, size: 'max' },
    ),
  )
  .map(([creates, rest]) => {
    const byStamp = new Map<string, PlacedPatch>();
    const made = new Map<string, string>();
    for (const placed of [...creates, ...rest.flat()]) {
      const { kind, id, clock, replica } = placed.patch;
      if (placed.patch.kind === 'edge-create' || placed.patch.kind === 'stub-create') {
        // An edge and its stub have one stamp, so what has the same stamp says the same.
        const { type, from, to } = placed.patch;
        const ends = [type, from, to].join(' ');
        const stamp = [id, clock, replica].join(' ');
        if ((made.get(stamp) ?? ends) !== ends) continue;
        made.set(stamp, ends);
      }
      byStamp.set([kind.slice(0, 4), id, placed.partition, clock, replica].join(' '), placed);
    }
    return [...byStamp.values()];
  });

type Event =
  | { readonly kind: 'fold'; readonly at: number }
  | { readonly kind: 'reopen'; readonly partition: PartitionId; readonly from: 'patches' | 'snapshot' };

const events = bag.chain((patches) =>
  fc
    .tuple(
      fc.shuffledSubarray(
        patches.map((_, index) => index),
        { minLength: patches.length },
      ),
      fc.array(
        fc.record({
          at: fc.nat(),
          event: fc.oneof(
            fc.record({ kind: fc.constant('fold' as const), at: fc.nat({ max: Math.max(0, patches.length - 1) }) }),
            fc.record({
              kind: fc.constant('reopen' as const),
              partition: fc.constantFrom(...PARTITIONS),
              from: fc.constantFrom('patches' as const, 'snapshot' as const),
            }),
          ),
        }),
        { maxLength: 12, size: 'max' },
      ),
    )
    .map(([order, inserted]) => {
      const all: Event[] = order.map((at) => ({ kind: 'fold', at }));
      if (patches.length > 0) for (const { at, event } of inserted) all.splice(at % (all.length + 1), 0, event);
      return { patches, events: all };
    }),
);

function foldInto(view: GraphView, { partition, patch }: PlacedPatch): void {
  const text = encodePatch(patch);
  view.fold(view.need(partition as PartitionId), decodePatch(text), text.length);
}

function emptyView(): GraphView {
  const view = new GraphView(SETTINGS);
  for (const partition of PARTITIONS) view.open(partition);
  return view;
}

function reopen(
  view: GraphView,
  partition: PartitionId,
  from: 'patches' | 'snapshot',
  folded: readonly PlacedPatch[],
): void {
  const snapshot = encodeViewSnapshot(view, view.need(partition));
  view.close(partition);
  const opened = view.open(partition);
  view.foldMany(() => {
    if (from === 'snapshot') foldViewSnapshot(view, opened, snapshot);
    else for (const placed of folded) if (placed.partition === partition) foldInto(view, placed);
  });
}

function played(
  patches: readonly PlacedPatch[],
  events: readonly Event[],
  check: (view: GraphView) => void = () => undefined,
): GraphView {
  const view = emptyView();
  const folded: PlacedPatch[] = [];
  for (const event of events) {
    if (event.kind === 'reopen') reopen(view, event.partition, event.from, folded);
    else {
      const placed = patches[event.at] as PlacedPatch;
      foldInto(view, placed);
      folded.push(placed);
    }
    check(view);
  }
  return view;
}

describe('GraphView', () => {
  test('VIEW-1 arbitrary patches in any order, twice, with partitions closed and reopened -> the graph of the model', () => {
    fc.assert(
      fc.property(events, ({ patches, events }) => {
        const view = played(patches, events);
        const model = visibleGraph(patches, { restoringTypes: SETTINGS.restoringTypes, homeOf });
        expect(describeGraph(readGraph(view))).toBe(describeGraph(model));
        expect(readIncident(view)).toEqual(
          model.nodes.map(({ id }) => ({
            id,
            out: model.edges
              .filter((edge) => edge.from === id)
              .map((edge) => edge.id)
              .sort(),
            in: model.edges
              .filter((edge) => edge.to === id && edge.indexed)
              .map((edge) => edge.id)
              .sort(),
          })),
        );
      }),
      { numRuns: 3000 },
    );
    // Ten seconds on an idle core; a busy machine must not fail it.
  }, 300_000);

  test('VIEW-8 edges followed after every change -> by slices as by adjacency', () => {
    fc.assert(
      fc.property(events, ({ patches, events }) => void played(patches, events, checkExpansions)),
      { numRuns: 400 },
    );
  }, 300_000);

  test('many members of one set folded together -> the node is made once, with all of them', () => {
    const view = new GraphView(SETTINGS);
    const partition = view.open('0' as PartitionId);
    const members = Array.from({ length: 50 }, (_, i) => i);
    view.fold(partition, { kind: 'node-create', ...stampOf(0), id: 'b', labels: [], properties: {} }, 0);
    const made = vi.spyOn(view.nodes, 'setProperties');
    view.foldMany(() => {
      for (const member of members) {
        const more = { members: new Map([['p', { add: [member], remove: [] }]]) };
        view.fold(partition, { kind: 'node-update', ...stampOf(member + 1), id: 'b', properties: {}, more }, 0);
      }
    });
    expect(made).toHaveBeenCalledTimes(1);
    expect(view.nodes.properties[view.nodes.find('b') as number]).toEqual({ p: members });
    const bytes = 'p'.length + 8 * (1 + members.length);
    expect(view.usage()).toEqual({ nodes: 1, edges: 0, bytes: ELEMENT_BYTES + bytes });
  });

  test('a partition is closed and forgotten -> its number goes to the next one; an open one keeps its own', () => {
    const view = new GraphView(SETTINGS);
    const [one, other, third] = ['s!', 't!', 'u!'] as [PartitionId, PartitionId, PartitionId];
    const number = view.open(one).ordinal;
    expect(() => view.open(one)).toThrow('a partition is opened once');
    view.forget(one);
    expect(view.findIndex(one)).toBe(number);
    view.close(one);
    view.forget(one);
    expect(view.findIndex(one)).toBeUndefined();
    expect([other, third].map((id) => view.open(id).ordinal)).toEqual([number, number + 1]);
  });

  test('an edge of which two partitions held stubs gets other ends while the first is closed -> that one reads its stub anew', () => {
    const view = new GraphView(SETTINGS);
    const ends = (clock: number, to: string) => ({ ...stampOf(clock), id: 'e', type: 'T', from: 'u!a', to });
    const [source, first, second] = ['u!', 's!', 't!'] as [PartitionId, PartitionId, PartitionId];
    const opened = view.open(source);
    view.fold(opened, { kind: 'edge-create', ...ends(1, 's!x'), properties: {} }, 0);
    view.fold(view.open(first), { kind: 'stub-create', ...ends(1, 's!x') }, 0);
    view.fold(view.open(second), { kind: 'stub-create', ...ends(2, 't!y') }, 0);
    view.close(first);
    view.fold(opened, { kind: 'edge-create', ...ends(2, 't!y'), properties: {} }, 0);
    view.close(source);
    const again = view.open(first);
    view.fold(again, { kind: 'stub-create', ...ends(1, 's!x') }, 0);
    const degree = () => view.nodes.in.degree(view.nodes.find('s!x') as number);
    expect(degree()).toBe(1);
    view.fold(again, { kind: 'stub-delete', ...stampOf(3), id: 'e', from: 'u!a' }, 0);
    expect(degree()).toBe(0);
  });

  test('an edge gets other ends -> nothing is left of those that only it named', () => {
    const view = new GraphView(SETTINGS);
    const source = view.open('u!' as PartitionId);
    const ends = (clock: number, from: string, to: string) => ({ ...stampOf(clock), id: 'e', type: 'T', from, to });
    view.fold(source, { kind: 'edge-create', ...ends(1, 'u!a', 's!x'), properties: {} }, 0);
    view.fold(source, { kind: 'edge-create', ...ends(2, 'u!b', 't!y'), properties: {} }, 0);
    const isKnown = (id: string) => view.nodes.find(id) !== undefined;
    expect(['u!a', 's!x', 'u!b', 't!y'].map(isKnown)).toEqual([false, false, true, true]);
  });

  test('VIEW-1 the same patches in two orders -> equal digests of every partition', () => {
    fc.assert(
      fc.property(events, ({ patches, events }) => {
        const view = played(patches, events);
        const other = emptyView();
        for (const placed of patches) foldInto(other, placed);
        const digests = (of: GraphView) => PARTITIONS.map((id) => digestOfPartition(of, of.need(id)));
        expect(digests(view)).toEqual(digests(other));
      }),
      { numRuns: 1500 },
    );
  });
});
