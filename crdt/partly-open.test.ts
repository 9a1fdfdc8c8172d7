/**
 * A view whose partitions are opened and closed all the time, from the log or from a snapshot and what came after it, reads
 * as one that was just made of the logs of those that are open (VIEW-1, VIEW-8): in each state, whatever queries keep of earlier
 * ones. `WEFT_SEED=n` replays a round, `WEFT_ROUNDS=n` runs more.
 */
import './all-parts.ts';
import { expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import { getOwnData } from '../base/record.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { describeProperties } from '../graph/describe.model.ts';
import { Float, type Value } from '../graph/value.ts';
import { digestOfPartition } from './digest.ts';
import { GraphView, Unhydrated } from './graph-view.ts';
import { countHidden } from './index-check.ts';
import { ListScan } from './list-scan.ts';
import type { PartitionIndex } from './partition-index.ts';
import { decodePatch } from './patch-codec.ts';
import { distinctCandidates, indexKey } from './property-index.ts';
import { ReplicaModel } from './replica.model.ts';
import { countEdges, expandNode } from './view-expansion.ts';
import {
  edgeAt,
  edgeVisible,
  findEdge,
  findNode,
  nodeAt,
  nodeVersion,
  sortedEdges,
  sortedNodes,
} from './view-reads.ts';
import { encodeViewSnapshot, foldViewSnapshot } from './view-snapshot.ts';
import { Workload } from './workload.model.ts';

const FIRST_SEED = Number(process.env.WEFT_SEED ?? 101);
const ROUNDS = Number(process.env.WEFT_ROUNDS ?? (process.env.WEFT_SEED === undefined ? 60 : 1));
const PARTITIONS = ['0', '1', 's!'] as PartitionId[];
const NODES = ['b', 'd', '__proto__', 's!x'];
const EDGES = ['e', 'f', 'g', 'constructor'];
const LABELS = ['L', 'M', 'constructor'];
const NOW = Date.UTC(2026, 0, 31);

/** What is read, or that it cannot be because something is closed. */
function tried<T>(read: () => T): T | 'closed' {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unhydrated) return 'closed';
    throw error;
  }
}

/** All that readers see, by names alone. */
function readings(view: GraphView): string[] {
  const lines: string[] = [];
  const open = view.openPartitions();
  const idOf = (node: number) => view.nodes.ids[node] as string;
  const say = (what: string, value: unknown) => lines.push(`${what}: ${JSON.stringify(value)}`);
  const column = view.nodes.columns.column('p');
  view.indexes.use('L', 'p');
  for (const id of NODES) {
    const node = tried(() => findNode(view, id));
    say(id, node === undefined ? 'absent' : node === 'closed' ? node : nodeVersion(view, node));
    if (typeof node !== 'number') continue;
    const { labels, properties } = nodeAt(view, node);
    say('node', [labels, describeProperties(properties)]);
    const value = getOwnData(properties, 'p') as Value | undefined;
    // Often enough for the column to get its array.
    for (let i = 0; i < 300; i++) if (column.at(node) !== value) throw new Error(`the column of ${id} is wrong`);
    const [numbers, texts] = [column.numbers(), column.texts()];
    const number = numbers?.values[node] ?? Number.NaN;
    if (!Number.isNaN(number)) expect(number).toBe(value instanceof Float ? value.value : value);
    const code = texts?.codes[node] ?? Number.NaN;
    if (!Number.isNaN(code)) expect(texts?.texts[code]).toBe(value);
    const key = value === undefined ? undefined : indexKey(value);
    if (key !== undefined && labels.includes('L')) {
      say('sought', distinctCandidates(view.indexes.use('L', 'p').find(key)).has(node));
    }
    for (const direction of ['out', 'in', 'both'] as const) {
      for (const type of [undefined, 'R', 'T']) {
        const tokens = type === undefined ? undefined : [view.edges.findType(type) ?? -1];
        const edges = tried(() => {
          const into = { edges: new Int32Array(1), neighbors: new Int32Array(1), length: 0 };
          expandNode(view, node, direction, tokens, into);
          if (countEdges(view, node, direction, tokens) !== into.length) throw new Error('counted otherwise');
          const shown = Array.from(into.edges.subarray(0, into.length), (edge, i) => {
            return `${view.edges.idAt(edge)} ${idOf(into.neighbors[i] as number)}`;
          });
          return shown.sort();
        });
        say(`${direction} ${type}`, edges);
      }
    }
  }
  const ids = open.map(({ id }) => id).sort();
  for (const label of LABELS) {
    const scan = new ListScan(view, ids, {
      of: (partition) => partition.labelled(label),
      keep: (node) => (view.nodes.labels[node] as readonly string[]).includes(label),
      label,
    });
    const found: string[] = [];
    const into = new Int32Array(2);
    for (let count = scan.next(into, 0, 2); count > 0; count = scan.next(into, 0, 2)) {
      found.push(...Array.from(into.subarray(0, count), idOf));
    }
    say(label, found.sort());
  }
  for (const id of EDGES) {
    const edge = tried(() => findEdge(view, id));
    say(id, typeof edge === 'number' ? view.edges.idAt(edge) : (edge ?? 'absent'));
  }
  for (const id of ids) {
    const partition = view.need(id);
    for (const label of [undefined, ...LABELS]) say(`${label}`, Array.from(sortedNodes(view, partition, label), idOf));
    for (const edge of sortedEdges(view, partition)) {
      const { properties, ...shown } = edgeAt(view, edge);
      say('edge', [shown, describeProperties(properties), tried(() => edgeVisible(view, edge))]);
    }
    say('usage', view.usage(partition.ordinal));
    say('digest', digestOfPartition(view, partition));
  }
  expect(view.nodes.hidden).toBe(countHidden(view.nodes));
  return lines;
}

/** A view of which some partitions are open, that follows a replica. */
class PartlyOpen {
  readonly view: GraphView;
  readonly #replica: ReplicaModel;
  readonly #random: SeededRandom;
  /** Texts of patches that are folded into an open partition, or lie in the snapshot of a closed one. */
  readonly #known = new Map<PartitionId, Set<string>>(PARTITIONS.map((id) => [id, new Set()]));
  readonly #snapshots = new Map<PartitionId, Uint8Array>();

  constructor(replica: ReplicaModel, random: SeededRandom) {
    this.#replica = replica;
    this.#random = random;
    this.view = new GraphView(replica.view.settings);
  }

  #foldNew(id: PartitionId): void {
    const known = this.#known.get(id) as Set<string>;
    for (const text of this.#replica.document(id).all()) {
      if (known.has(text)) continue;
      known.add(text);
      this.view.fold(this.view.need(id), decodePatch(text), text.length);
    }
  }

  /** What came since. */
  follow(): void {
    for (const { id } of this.view.openPartitions()) {
      if (this.#random.chance(0.5)) this.#foldNew(id);
      else this.view.foldMany(() => this.#foldNew(id));
    }
  }

  change(id: PartitionId): void {
    if (this.view.isOpen(id)) {
      if (this.#random.chance(0.5)) this.#snapshots.set(id, encodeViewSnapshot(this.view, this.view.need(id)));
      else this.#snapshots.delete(id);
      this.view.close(id);
      return;
    }
    const partition = this.view.open(id);
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) this.#known.get(id)?.clear();
    this.view.foldMany(() => {
      if (snapshot !== undefined) foldViewSnapshot(this.view, partition, snapshot);
      this.#foldNew(id);
    });
  }

  /** As it must read. */
  fresh(nowMs: number): GraphView {
    const view = new GraphView(this.#replica.view.settings);
    for (const { id } of this.view.openPartitions()) {
      const partition = view.open(id);
      for (const text of this.#replica.document(id).all()) view.fold(partition, decodePatch(text), text.length);
    }
    view.expire(nowMs);
    return view;
  }
}

function play(random: SeededRandom): void {
  const settings = { partitions: 2, restoringTypes: random.chance(0.5) ? ['R'] : [] };
  const options = { settings, sizes: { segmentPatches: 4, chapterSegments: 2 }, partitions: PARTITIONS };
  const replicas = [1, 2].map((id) => new ReplicaModel(replicaId(id), { ...options, wallMs: NOW }));
  const [one, other] = replicas as [ReplicaModel, ReplicaModel];
  const partly = new PartlyOpen(one, random);
  let nowMs = 0;
  for (let step = 0; step < 60; step++) {
    const dice = random.below(10);
    const id = random.pick(PARTITIONS);
    if (dice < 6) {
      const replica = random.pick(replicas);
      replica.wallMs += random.below(3);
      replica.expire();
      replica.commit(new Workload(replica, random).request().placed);
    } else if (dice === 6) one.receive(other.messageFor(one, id));
    else if (dice === 7) other.receive(one.messageFor(other, id));
    else partly.change(id);
    partly.follow();
    nowMs = Math.max(nowMs, one.nowMs);
    partly.view.expire(nowMs);
    if (random.chance(0.6)) expect(readings(partly.view)).toEqual(readings(partly.fresh(nowMs)));
  }
}

test('view: partitions opened and closed between writes of two replicas -> reads as one made anew of what is open', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    try {
      play(new SeededRandom(seed));
    } catch (cause) {
      throw new Error(`WEFT_SEED=${seed}: ${(cause as Error).message}`, { cause });
    }
  }
}, 120_000);

test('edges that lead to a node: its stub is of an edge that ends elsewhere, whose partition closes -> Unhydrated, not none', () => {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const [a, b, c] = ['a!', 'b!', 'c!'].map((id) => view.open(id as PartitionId)) as [
    PartitionIndex,
    PartitionIndex,
    PartitionIndex,
  ];
  const stampOf = (clock: number) => ({ clock, replica: replicaId(1) });
  for (const [partition, id] of [
    [a, 'a!1'],
    [b, 'b!1'],
    [c, 'c!1'],
  ] as const) {
    view.fold(partition, { kind: 'node-create', ...stampOf(1), id, labels: [], properties: {} }, 10);
  }
  const from = { id: 'e', type: 'T', from: 'a!1' };
  view.fold(a, { kind: 'edge-create', ...stampOf(3), ...from, to: 'c!1', properties: {} }, 10);
  view.fold(c, { kind: 'stub-create', ...stampOf(3), ...from, to: 'c!1' }, 10);
  view.fold(b, { kind: 'stub-create', ...stampOf(2), ...from, to: 'b!1' }, 10);
  const node = findNode(view, 'b!1') as number;
  expect(countEdges(view, node, 'in', undefined)).toBe(0);
  view.close('a!' as PartitionId);
  expect(() => countEdges(view, node, 'in', undefined)).toThrow(Unhydrated);
});
