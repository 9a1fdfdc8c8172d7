/**
 * Random writes at one replica, as patches that a server would make of requests: it writes only what its own view allows,
 * a create clears what it sees, counters carry running totals, edges go with their stubs under one stamp.
 */

import { setOwn } from '../base/record.ts';
import type { SeededRandom } from '../base/seeded-random.ts';
import { describeValue } from '../graph/describe.model.ts';
import { compareValues, Float, isInteger, isList, isNumber, type Properties, type Value } from '../graph/value.ts';
import { EDGE_RECORD } from './edge-table.ts';
import { EXPIRY_PROPERTY } from './expiry.ts';
import type { PlacedPatch } from './graph.model.ts';
import { add, type Numeric } from './numbers.ts';
import type { Assignments, Patch, SeenTotals } from './patch.ts';
import { Registers } from './registers.ts';
import type { ReplicaModel } from './replica.model.ts';
import { edgeVisible, findNode } from './view-reads.ts';

const NODES = ['b', 'd', '__proto__', 's!x'];
const LABELS = ['L', 'M', 'constructor'];
const NAMES = ['p', 'q', '__proto__'];
const TYPES = ['R', 'T'];
const EDGES = ['e', 'f', 'g', 'constructor'];
const MEMBERS: readonly Value[] = [1, new Float(1), '1', { $: 1, a: 2 }, { a: 2, $: 1 }, [1], Number.NaN, null];
const AMOUNTS: readonly Numeric[] = [1, 2, -1, 5, 2n ** 62n, 0.5, new Float(1)];
const SCALARS: readonly Value[] = ['x', '\ud800', true, 0, 7, new Float(-0), 2n ** 63n - 1n, Uint8Array.of(1), '🦜'];

type Stamp = Pick<Patch, 'clock' | 'replica'>;

/** What the writer must see as soon as its own request is committed. */
export interface Expected {
  readonly node: string;
  /** Undefined if they were not asked for as a whole. */
  readonly labels?: readonly string[];
  /** All properties of a create, the changed ones of an update; undefined stands for absent. */
  readonly properties: ReadonlyMap<string, Value | undefined>;
  readonly whole: boolean;
}

export interface Request {
  readonly placed: readonly PlacedPatch[];
  readonly expected?: Expected;
}

const REFUSED: Request = { placed: [] };

export class Workload {
  readonly #replica: ReplicaModel;
  readonly #random: SeededRandom;

  constructor(replica: ReplicaModel, random: SeededRandom) {
    this.#replica = replica;
    this.#random = random;
  }

  /** One random request that is not refused, unless several in a row are. */
  request(): Request {
    for (let attempt = 0; attempt < 4; attempt++) {
      const request = this.#attempt();
      if (request.placed.length > 0) return request;
    }
    return REFUSED;
  }

  /** No patches if it would be refused. */
  #attempt(): Request {
    const dice = this.#random.below(100);
    if (dice < 20) return this.#putNode(this.#random.pick(NODES));
    if (dice < 50) return this.#patchNode(this.#random.pick(NODES));
    if (dice < 62) return { placed: this.#deleteNode(this.#random.pick(NODES)) };
    if (dice < 85) return { placed: this.#createEdge() };
    if (dice < 93) return { placed: this.#patchEdge() };
    return { placed: this.#deleteEdge() };
  }

  #stamp(): Stamp {
    return { clock: this.#replica.clock.tick(), replica: this.#replica.id };
  }

  #place(node: string, patch: Patch): PlacedPatch {
    return { partition: this.#replica.view.partitionOf(node), patch };
  }

  // --- nodes

  #putNode(id: string): Request {
    const labels = this.#random.some(LABELS);
    const properties = this.#someProperties();
    const more = clearing(nodeRegisters(this.#replica, id), labels, properties);
    return {
      placed: [this.#place(id, { kind: 'node-create', ...this.#stamp(), id, labels, properties, ...more })],
      expected: { node: id, labels, properties: new Map(Object.entries(properties)), whole: true },
    };
  }

  #patchNode(id: string): Request {
    if (findNode(this.#replica.view, id) === undefined) return REFUSED;
    const known = nodeRegisters(this.#replica, id);
    if (known === undefined) return REFUSED;
    const settled: PlacedPatch[] = [];
    const registers = known.clone();
    if (!registers.exists) {
      // Only an edge brings it back: what it shows is written again before it is changed.
      const [labels, properties] = [registers.labels(true), registers.properties(true)];
      const more = clearing(registers, labels, properties);
      const patch: Patch = { kind: 'node-create', ...this.#stamp(), id, labels, properties, ...more };
      registers.fold(patch);
      settled.push(this.#place(id, patch));
    }
    const stamp = this.#stamp();
    const { properties, more, expected } = this.#changes(registers, stamp);
    const labelsAdded = this.#random.some(LABELS, 0.3);
    const labelsRemoved = this.#random.some(LABELS, 0.3).filter((label) => !labelsAdded.includes(label));
    const patch: Patch = {
      kind: 'node-update',
      ...stamp,
      id,
      properties,
      more: { ...more, ...(labelsAdded.length && { labelsAdded }), ...(labelsRemoved.length && { labelsRemoved }) },
    };
    return { placed: [...settled, this.#place(id, patch)], expected: { node: id, properties: expected, whole: false } };
  }

  #deleteNode(id: string): PlacedPatch[] {
    const { view } = this.#replica;
    const node = findNode(view, id);
    if (node === undefined) return [];
    const incident = new Set<number>();
    for (let i = 0; i < view.nodes.out.degree(node); i++) incident.add(view.nodes.out.edgeAt(node, i));
    for (let i = 0; i < view.nodes.in.degree(node); i++) {
      const edge = view.edges.mainOf(view.nodes.in.edgeAt(node, i));
      if (view.edges.to[edge] === node) incident.add(edge);
    }
    const detached = [...incident].flatMap((edge) => this.#edgeDeletion(edge));
    return [...detached, this.#place(id, { kind: 'node-delete', ...this.#stamp(), id })];
  }

  // --- edges

  #createEdge(): PlacedPatch[] {
    const { view } = this.#replica;
    const id = this.#random.pick(EDGES);
    const from = this.#random.pick(NODES);
    const to = this.#random.pick(NODES);
    if (findNode(view, from) === undefined || findNode(view, to) === undefined) return [];
    const existing = view.edges.findAll(id);
    if (existing.some((edge) => edgeVisible(view, edge))) return [];
    const hidden = existing.flatMap((edge) => this.#edgeDeletion(edge));
    const stamp = this.#stamp();
    const ends = { type: this.#random.pick(TYPES), from, to };
    const properties = this.#random.chance(0.5) ? {} : this.#someProperties();
    const known = view.edges.find(id, view.indexOf(view.partitionOf(from)));
    const more = known === undefined ? {} : clearing(edgeRegisters(this.#replica, known), [], properties);
    return [
      ...hidden,
      this.#place(from, { kind: 'edge-create', ...stamp, id, ...ends, properties, ...more }),
      this.#place(to, { kind: 'stub-create', ...stamp, id, ...ends }),
    ];
  }

  #someEdge(): number | undefined {
    const { view } = this.#replica;
    const visible = EDGES.flatMap((id) => view.edges.findAll(id)).filter((edge) => edgeVisible(view, edge));
    return visible.length === 0 ? undefined : this.#random.pick(visible);
  }

  #patchEdge(): PlacedPatch[] {
    const edge = this.#someEdge();
    if (edge === undefined) return [];
    const { view } = this.#replica;
    const stamp = this.#stamp();
    const { properties, more } = this.#changes(edgeRegisters(this.#replica, edge) ?? new Registers(), stamp);
    const id = view.edges.idAt(edge);
    return [
      {
        partition: view.partitionAt(view.edges.home[edge] as number),
        patch: { kind: 'edge-update', ...stamp, id, properties, more },
      },
    ];
  }

  #deleteEdge(): PlacedPatch[] {
    const edge = this.#someEdge();
    return edge === undefined ? [] : this.#edgeDeletion(edge);
  }

  #edgeDeletion(edge: number): PlacedPatch[] {
    const { edges, nodes } = this.#replica.view;
    if (!edgeRegisters(this.#replica, edge)?.exists) return [];
    const stamp = this.#stamp();
    const id = edges.idAt(edge);
    const from = nodes.ids[edges.from[edge] as number] as string;
    const to = nodes.ids[edges.to[edge] as number] as string;
    return [
      this.#place(from, { kind: 'edge-delete', ...stamp, id }),
      this.#place(to, { kind: 'stub-delete', ...stamp, id, from }),
    ];
  }

  // --- properties

  #someProperties(): Properties {
    const properties: { [name: string]: Value } = {};
    for (const name of this.#random.some(NAMES, 0.6)) setOwn(properties, name, this.#someValue());
    if (this.#random.chance(0.2)) properties[EXPIRY_PROPERTY] = this.#someMoment();
    return properties;
  }

  /** Soon: the clocks of a round move on by some ten milliseconds. */
  #someMoment(): number {
    return this.#replica.nowMs + 1 + this.#random.below(16);
  }

  #someValue(): Value {
    switch (this.#random.below(4)) {
      case 0:
        return this.#random.pick(SCALARS);
      case 1:
        return this.#random.some(MEMBERS, 0.3);
      default:
        return this.#random.pick(AMOUNTS);
    }
  }

  /** Random changes of single properties that fit what the element shows. */
  #changes(
    registers: Registers,
    stamp: Stamp,
  ): { properties: Properties; more: Assignments; expected: Map<string, Value | undefined> } {
    const expected = new Map<string, Value | undefined>();
    const properties: { [name: string]: Value } = {};
    const propertiesRemoved: string[] = [];
    const totals = new Map<string, { since: number; total: Numeric }>();
    const members = new Map<string, { add: readonly Value[]; remove: readonly Value[] }>();
    const seen = new Map<string, SeenTotals>();
    for (const name of this.#random.some(NAMES)) {
      const current = Object.entries(registers.properties()).find(([key]) => key === name)?.[1];
      const choice = this.#random.below(6);
      if (choice < 2 && (current === undefined || isNumber(current))) {
        const own = registers.ownTotal(name, stamp.replica);
        const by = this.#random.pick(AMOUNTS);
        const total = sum(own?.total ?? 0, by);
        if (total === undefined) continue;
        totals.set(name, { since: own?.since ?? stamp.clock, total });
        if (isSmall(current ?? 0) && isSmall(by) && isInteger(total))
          expected.set(name, Number(current ?? 0) + Number(by));
      } else if (choice < 4 && (current === undefined || isList(current))) {
        const added = this.#random.some(MEMBERS, 0.3);
        const removed = this.#random.some(MEMBERS, 0.3).filter((one) => !added.some((other) => same(one, other)));
        members.set(name, { add: added, remove: removed });
        if (added.length + removed.length > 0) expected.set(name, changedSet(current ?? [], added, removed));
      } else {
        const value = this.#random.chance(0.7) ? this.#someValue() : undefined;
        if (value === undefined) propertiesRemoved.push(name);
        else setOwn(properties, name, value);
        expected.set(name, value);
        const held = registers.totalsSeen(name);
        if (held !== undefined) seen.set(name, held);
      }
    }
    if (this.#random.chance(0.2)) {
      const moment = this.#random.chance(0.7) ? this.#someMoment() : undefined;
      if (moment === undefined) propertiesRemoved.push(EXPIRY_PROPERTY);
      else properties[EXPIRY_PROPERTY] = moment;
      expected.set(EXPIRY_PROPERTY, moment);
    }
    return {
      properties,
      expected,
      more: {
        ...(propertiesRemoved.length && { propertiesRemoved }),
        ...(totals.size && { totals }),
        ...(members.size && { members }),
        ...(seen.size && { seen }),
      },
    };
  }
}

function sum(a: Numeric, b: Numeric): Numeric | undefined {
  try {
    return add(a, b);
  } catch {
    return undefined;
  }
}

const same = (a: Value, b: Value) => describeValue(a) === describeValue(b);
const isSmall = (value: Value) => isInteger(value) && Math.abs(Number(value)) < 2 ** 40;

function changedSet(before: readonly Value[], added: readonly Value[], removed: readonly Value[]): Value[] {
  const members: Value[] = [];
  for (const value of [...before, ...added]) {
    if (!removed.some((one) => same(one, value)) && !members.some((one) => same(one, value))) members.push(value);
  }
  return members.sort(compareValues);
}

/** What a create lists as removed: all that it sees and does not assign. */
function clearing(
  registers: Registers | undefined,
  labels: readonly string[],
  properties: Properties,
): { more?: Assignments } {
  if (registers === undefined) return {};
  const labelsRemoved = registers.assignedLabels().filter((label) => !labels.includes(label));
  const propertiesRemoved = registers.assignedProperties().filter((name) => !Object.hasOwn(properties, name));
  const seen = new Map<string, SeenTotals>();
  for (const name of registers.assignedProperties()) {
    const held = registers.totalsSeen(name);
    if (held !== undefined) seen.set(name, held);
  }
  const more: Assignments = {
    ...(labelsRemoved.length && { labelsRemoved }),
    ...(propertiesRemoved.length && { propertiesRemoved }),
    ...(seen.size && { seen }),
  };
  return Object.keys(more).length > 0 ? { more } : {};
}

function nodeRegisters({ view }: ReplicaModel, id: string): Registers | undefined {
  const node = view.nodes.find(id);
  if (node === undefined || !view.nodes.hasRecord(node)) return undefined;
  const known = view.nodes.registers.get(node);
  if (known !== undefined) return known;
  const registers = new Registers();
  registers.fold(view.nodes.plainCreate(node));
  return registers;
}

function edgeRegisters({ view }: ReplicaModel, edge: number): Registers | undefined {
  const known = view.edges.registers.get(edge);
  if (known !== undefined) return known;
  if (!view.edges.has(edge, EDGE_RECORD)) return undefined;
  const registers = new Registers();
  registers.fold(view.plainEdgeCreate(edge));
  return registers;
}
