/** Who breaks a constraint, against a plain grouping of what readers see. */
import { describe, expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import type { Properties } from '../graph/value.ts';
import { Constraint } from './constraint-set.ts';
import { GraphView, Unhydrated } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { readGraph } from './reading.model.ts';
import { checkDeclaration, closedPartitions, ViolationScan, violationsOf } from './violation-scan.ts';

const PARTITIONS = ['a!', 'b!'] as PartitionId[];
const entry = (kind: SchemaEntry['kind'], properties: readonly string[], more: Partial<SchemaEntry> = {}) =>
  ({ kind, name: 'c', on: 'node', label: 'L', properties, ...more }) satisfies SchemaEntry;

class Written {
  readonly view = new GraphView({ partitions: 1, restoringTypes: [] });
  #clock = 1;

  constructor(open = PARTITIONS) {
    for (const partition of open) this.view.open(partition);
  }

  fold(at: string, patch: object): void {
    const stamped = { clock: this.#clock++, replica: replicaId(1), ...patch } as Patch;
    this.view.fold(this.view.need(`${at.slice(0, 2)}` as PartitionId), stamped, 20);
  }

  node(id: string, labels: readonly string[], properties: Properties): void {
    this.fold(id, { kind: 'node-create', id, labels, properties });
  }

  edge(id: string, type: string, [from, to]: readonly [string, string], properties: Properties): void {
    this.fold(from, { kind: 'edge-create', id, type, from, to, properties });
    this.fold(to, { kind: 'stub-create', id, type, from, to });
  }

  get graph() {
    return { view: this.view, whole: true, partitionIds: () => PARTITIONS };
  }
}

/** What breaks a constraint of integer properties, each element looked at by itself and then with all others. */
function grouped(elements: readonly { readonly id: string; readonly properties: Properties }[], of: SchemaEntry) {
  const lacks = ({ properties }: { readonly properties: Properties }) =>
    of.properties.some((name) => {
      const value = properties[name] ?? null;
      return value === null
        ? of.kind === 'exists' || of.kind === 'key'
        : of.kind === 'type' && !Number.isInteger(value);
    });
  const alone = elements.filter(lacks).map(({ id }) => [id]);
  const byKey = new Map<string, string[]>();
  for (const element of elements) {
    const values = of.properties.map((name) => element.properties[name] ?? null);
    if (lacks(element) || values.includes(null) || (of.kind !== 'unique' && of.kind !== 'key')) continue;
    byKey.set(JSON.stringify(values), [...(byKey.get(JSON.stringify(values)) ?? []), element.id].sort());
  }
  const groups = [...alone, ...Array.from(byKey.values()).filter((ids) => ids.length > 1)];
  return {
    constraint: of.name,
    elements: groups.flat().length,
    groups: groups.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  };
}

const ENTRIES: readonly SchemaEntry[] = [
  entry('unique', ['p']),
  entry('unique', ['p', 'q']),
  entry('exists', ['p']),
  entry('key', ['p']),
  entry('type', ['p'], { types: ['INTEGER'] }),
];

function randomGraph(random: SeededRandom): Written {
  const written = new Written();
  const some = (): Properties => ({
    ...(random.chance(0.8) && { p: random.pick([1, 2, 3, 0.5]) }),
    ...(random.chance(0.6) && { q: random.below(2) }),
  });
  const ids = Array.from({ length: 12 }, (_, i) => `${random.pick(PARTITIONS)}n${i}`);
  for (const id of ids) written.node(id, random.some(['L', 'M']), some());
  for (let i = 0; i < 10; i++) {
    const id = random.pick(ids);
    if (random.chance(0.2)) written.fold(id, { kind: 'node-delete', id });
    // A label that is lost and comes back puts the node into the list twice.
    else if (random.chance(0.5)) written.node(id, random.some(['L', 'M']), some());
    else {
      const more = random.chance(0.5) ? { labelsRemoved: ['L'] } : { labelsAdded: ['L'] };
      written.fold(id, { kind: 'node-update', id, properties: some(), more });
    }
  }
  const there = readGraph(written.view).nodes.map(({ id }) => id);
  for (let i = 0; i < 12 && there.length > 0; i++) {
    const id = `e${i}`;
    const from = random.pick(there);
    written.edge(id, random.pick(['L', 'M']), [from, random.pick(there)], some());
    if (random.chance(0.2)) written.fold(from, { kind: 'edge-delete', id });
  }
  return written;
}

test('violations: any graph, each kind of constraint, of nodes and of relationships -> what a plain grouping finds', () => {
  const random = new SeededRandom(5);
  for (let round = 0; round < 150; round++) {
    const written = randomGraph(random);
    const { nodes, edges } = readGraph(written.view);
    for (const of of ENTRIES) {
      const labelled = nodes.filter(({ labels }) => labels.includes('L'));
      expect(violationsOf(written.graph, of)).toEqual(grouped(labelled, of));
      const typed = edges.filter(({ type }) => type === 'L');
      expect(violationsOf(written.graph, { ...of, on: 'edge' })).toEqual(grouped(typed, of));
    }
  }
});

test('violations in parts: each key and each fault in one of them -> together what one pass finds', () => {
  const random = new SeededRandom(6);
  for (let round = 0; round < 40; round++) {
    const { graph, view } = randomGraph(random);
    const parts = [0, 1, 2].map((part) => {
      const scan = new ViolationScan(new Constraint(entry('key', ['p'])), (key) => key.length % 3 === part);
      for (const partition of view.openPartitions()) scan.meetPartition(view, partition);
      return scan.result();
    });
    const whole = violationsOf(graph, entry('key', ['p']));
    expect(parts.reduce((sum, { elements }) => sum + elements, 0)).toBe(whole.elements);
    const sorted = (groups: readonly (readonly string[])[]) => groups.map((ids) => ids.join()).sort();
    expect(sorted(parts.flatMap(({ groups }) => groups))).toEqual(sorted(whole.groups));
  }
});

describe('violations beyond what is named', () => {
  const most = LIMITS.violationGroupsMax;
  const met = (of: SchemaEntry, count: number, propertiesOf: (i: number) => Properties) => {
    const scan = new ViolationScan(new Constraint(of));
    for (let i = 0; i < count; i++) {
      scan.meet(`n${String(i).padStart(5, '0')}`, { labels: ['L'], properties: propertiesOf(i) });
    }
    return { scan, result: scan.result() };
  };

  test('as many elements that lack a property as are named, and one more -> each is counted, no more are named', () => {
    expect(met(entry('exists', ['p']), most, () => ({})).result.groups).toHaveLength(most);
    const { elements, groups } = met(entry('exists', ['p']), most + 1, () => ({})).result;
    expect([elements, groups.length]).toEqual([most + 1, most]);
    expect(groups.at(-1)).toEqual([`n${String(most - 1).padStart(5, '0')}`]);
  });

  test('one key of more elements than are named -> all are counted, of one group as many as are named', () => {
    const { elements, groups } = met(entry('unique', ['p']), most + 2, () => ({ p: 1 })).result;
    expect([elements, groups.length, groups[0]?.length]).toEqual([most + 2, 1, most]);
  });

  test('more keys that are shared than are named -> all elements are counted, as many groups as are named', () => {
    const { scan, result } = met(entry('unique', ['p']), 2 * (most + 1), (i) => ({ p: i % (most + 1) }));
    expect([result.elements, result.groups.length, scan.sharing().length]).toEqual([2 * (most + 1), most, most]);
  });

  test('elements that lack a property and keys that are shared -> together no more groups than are named', () => {
    const { elements, groups } = met(entry('key', ['p']), most + 6, (i) => (i < 6 ? { p: i % 3 } : {})).result;
    expect([elements, groups.length]).toEqual([most + 6, most]);
    expect(groups.slice(0, 4)).toEqual([['n00000', 'n00003'], ['n00001', 'n00004'], ['n00002', 'n00005'], ['n00006']]);
  });
});

test('looked at again: all of a group still share, some do, one has the key alone, none has -> the count follows', () => {
  const scan = new ViolationScan(new Constraint(entry('unique', ['p'])));
  for (const p of [1, 2, 3, 4]) {
    for (const id of ['c', 'b', 'a']) scan.meet(`${p}${id}`, { labels: ['L'], properties: { p } });
  }
  expect(scan.sharing().map(([, ids]) => ids)).toEqual([1, 2, 3, 4].map((p) => [`${p}c`, `${p}b`, `${p}a`]));
  const keys = scan.sharing().map(([key]) => key);
  scan.keep(keys[0] as string, ['1c', '1b', '1a']);
  scan.keep(keys[1] as string, ['2c', '2a']);
  scan.keep(keys[2] as string, ['3c']);
  scan.keep(keys[3] as string, []);
  scan.keep('none', []);
  expect(scan.result()).toEqual({
    constraint: 'c',
    elements: 5,
    groups: [
      ['1a', '1b', '1c'],
      ['2a', '2c'],
    ],
  });
});

test('slices: of a large partition -> others have a turn after each so many rows, and what comes meanwhile is met', () => {
  const rows = LIMITS.integritySliceRows;
  const slicesOf = (count: number) => {
    const written = new Written();
    for (let i = 0; i < count; i++) written.node(`a!${i}`, ['L'], { p: i });
    const scan = new ViolationScan(new Constraint(entry('unique', ['p'])));
    return { written, scan, slices: scan.partitionSlices(written.view, written.view.need('a!' as PartitionId)) };
  };
  expect(Array.from(slicesOf(rows - 1).slices)).toHaveLength(0);
  expect(Array.from(slicesOf(2 * rows).slices)).toHaveLength(2);
  const { written, scan, slices } = slicesOf(rows);
  expect(slices.next().done).toBe(false);
  written.node('a!again', ['L'], { p: 0 });
  expect(slices.next().done).toBe(true);
  expect(scan.result().groups).toEqual([['a!0', 'a!again']]);
});

describe('a graph that is not in memory as a whole', () => {
  test('partitions that are closed -> asked for; none are where the graph says so', () => {
    const { view } = new Written(['a!' as PartitionId]);
    const graph = { view, whole: false, partitionIds: () => PARTITIONS };
    expect(closedPartitions(graph)).toEqual(['b!']);
    expect(closedPartitions({ ...graph, whole: true })).toEqual([]);
    expect(() => violationsOf(graph, entry('exists', ['p']))).toThrow(new Unhydrated(['b!' as PartitionId]));
    view.open('b!' as PartitionId);
    expect(violationsOf(graph, entry('exists', ['p'])).elements).toBe(0);
  });
});

describe('declaration', () => {
  const declared = (count: number) => {
    const written = new Written();
    for (let i = 0; i < count; i++) written.node(`a!${10 + i}`, ['L'], i < 2 ? { p: 1 } : {});
    return () => checkDeclaration(written.graph, entry('key', ['p']));
  };
  const names = (count: number) => Array.from({ length: count }, (_, i) => `a!${10 + i}`);
  const quoted = (count: number) =>
    names(count)
      .map((id) => `\`${id}\``)
      .join(', ');

  test('nothing breaks it -> taken', () => {
    expect(declared(1)).not.toThrow();
  });

  test.each([
    [3, 3, ''],
    [20, 20, ''],
    [21, 20, ' and more'],
  ])('%i elements break it -> refused with the ids of %i', (count, named, rest) => {
    const message = `\`c\` cannot be declared: ${count} elements break it, ${quoted(named)}${rest}`;
    const context = { constraint: 'c', ids: names(named), elements: count };
    expect(declared(count)).toThrow(expect.objectContaining({ code: 'constraint-violated', message, context }));
  });
});
