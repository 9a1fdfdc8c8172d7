/**
 * A deliberately dumb second implementation of the graph, in two Maps, with one writer and no partitions, stamps or disk;
 * and random operations for comparing the engine with it. A batch works on a copy, which is dropped if it fails.
 */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import type { Condition, Direction, Edge, Node, Operation, PropertyChanges } from '../../graph/model.ts';
import { compareValues, type Properties, type Value, valuesEqual } from '../../graph/value.ts';

interface ModelNode {
  readonly labels: ReadonlySet<string>;
  readonly properties: ReadonlyMap<string, Value>;
}

interface ModelEdge {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: ReadonlyMap<string, Value>;
}

/** Stops a batch; the code that the engine must answer with. */
class Refusal extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class PropertyGraph {
  nodes = new Map<string, ModelNode>();
  edges = new Map<string, ModelEdge>();

  /** Applies all operations or none; `done`, or the code of the first refusal and its index. */
  write(operations: readonly Operation[]): { readonly code: string; readonly operation?: number } {
    const before = { nodes: new Map(this.nodes), edges: new Map(this.edges) };
    for (const [operation, each] of operations.entries()) {
      try {
        this.#apply(each);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        Object.assign(this, before);
        return operations.length > 1 ? { code: error.code, operation } : { code: error.code };
      }
    }
    return { code: 'done' };
  }

  #apply(operation: Operation): void {
    switch (operation.op) {
      case 'createNode': {
        const id = String(operation.id);
        this.#check(operation.condition, this.nodes.has(id));
        if (this.nodes.has(id)) throw new Refusal('node-exists');
        this.#setNode(id, operation.labels, new Map(Object.entries(operation.properties)));
        return;
      }
      case 'putNode':
        this.#check(operation.condition, this.nodes.has(operation.id));
        this.#setNode(operation.id, operation.labels, new Map(Object.entries(operation.properties)));
        return;
      case 'patchNode': {
        const held = this.nodes.get(operation.id);
        if (held === undefined) throw new Refusal('node-not-found');
        this.#check(operation.condition, true);
        const properties = changed(held.properties, operation.properties ?? {});
        const labels = new Set(operation.labels?.kind === 'replace' ? operation.labels.labels : held.labels);
        if (operation.labels?.kind === 'change') {
          for (const label of operation.labels.add) labels.add(label);
          for (const label of operation.labels.remove) labels.delete(label);
        }
        this.#setNode(operation.id, [...labels], properties);
        return;
      }
      case 'deleteNode': {
        if (!this.nodes.has(operation.id)) throw new Refusal('node-not-found');
        this.#check(operation.condition, true);
        const incident = [...this.edges].filter(([, { from, to }]) => from === operation.id || to === operation.id);
        if (incident.length > 0 && !operation.detach) throw new Refusal('node-has-edges');
        for (const [id] of incident) this.edges.delete(id);
        this.nodes.delete(operation.id);
        return;
      }
      case 'createEdge':
      case 'putEdge': {
        const { type, from, to } = operation;
        const id = String(operation.id);
        const held = this.edges.get(id);
        if (operation.op === 'putEdge' && held !== undefined) {
          this.#check(operation.condition, true);
          if (held.type !== type || held.from !== from || held.to !== to) throw new Refusal('edge-exists');
        } else {
          for (const end of [from, to]) if (!this.nodes.has(end)) throw new Refusal('endpoint-missing');
          this.#check(operation.condition, held !== undefined);
          if (held !== undefined) throw new Refusal('edge-exists');
        }
        this.edges.set(id, { type, from, to, properties: new Map(Object.entries(operation.properties)) });
        return;
      }
      case 'patchEdge': {
        const held = this.edges.get(operation.id);
        if (held === undefined) throw new Refusal('edge-not-found');
        this.#check(operation.condition, true);
        this.edges.set(operation.id, { ...held, properties: changed(held.properties, operation.properties) });
        return;
      }
      case 'deleteEdge':
        if (!this.edges.has(operation.id)) throw new Refusal('edge-not-found');
        this.#check(operation.condition, true);
        this.edges.delete(operation.id);
        return;
    }
  }

  #setNode(id: string, labels: readonly string[], properties: ReadonlyMap<string, Value>): void {
    this.nodes.set(id, { labels: new Set(labels), properties });
  }

  /** Only the conditions that need no version. */
  #check(condition: Condition | undefined, exists: boolean): void {
    if (condition?.match === '*' && !exists) throw new Refusal('precondition-failed');
    if (condition?.noneMatch === '*' && exists) throw new Refusal('precondition-failed');
  }

  node(id: string): Node | undefined {
    const held = this.nodes.get(id);
    if (held === undefined) return undefined;
    return { id: id as NodeId, labels: [...held.labels].sort(compareText), properties: plain(held.properties) };
  }

  edge(id: string): Edge | undefined {
    const held = this.edges.get(id);
    if (held === undefined) return undefined;
    const { type, from, to, properties } = held;
    return { id: id as EdgeId, type, from: from as NodeId, to: to as NodeId, properties: plain(properties) };
  }

  contents(): { readonly nodes: Node[]; readonly edges: Edge[] } {
    return {
      nodes: [...this.nodes.keys()].sort(compareText).map((id) => this.node(id) as Node),
      edges: [...this.edges.keys()].sort(compareText).map((id) => this.edge(id) as Edge),
    };
  }

  edgesOf(id: string, direction: Direction, type?: string): Edge[] {
    return this.contents().edges.filter((edge) => {
      if (type !== undefined && edge.type !== type) return false;
      return (direction !== 'in' && edge.from === id) || (direction !== 'out' && edge.to === id);
    });
  }

  /** Hops to every node that can be reached. */
  distances(id: string, direction: Direction, type?: string): Map<string, number> {
    const reached = new Map([[id, 0]]);
    for (const [at, hops] of reached) {
      for (const { from, to } of this.edgesOf(at, direction, type)) {
        const next = from === at ? to : from;
        if (!reached.has(next)) reached.set(next, hops + 1);
      }
    }
    return reached;
  }
}

function plain(properties: ReadonlyMap<string, Value>): Properties {
  return Object.fromEntries([...properties].sort(([a], [b]) => compareText(a, b)));
}

function changed(held: ReadonlyMap<string, Value>, changes: PropertyChanges): ReadonlyMap<string, Value> {
  const properties = new Map(held);
  for (const [name, change] of Object.entries(changes)) {
    const now = properties.get(name);
    switch (change.kind) {
      case 'set':
        properties.set(name, change.value);
        break;
      case 'text':
        properties.set(name, change.text);
        break;
      case 'typed':
        throw new Refusal('invalid-request');
      case 'remove':
        properties.delete(name);
        break;
      case 'increment':
        if (now !== undefined && typeof now !== 'number') throw new Refusal('property-type');
        properties.set(name, (now ?? 0) + Number(change.by));
        break;
      case 'members': {
        if (now !== undefined && !Array.isArray(now)) throw new Refusal('property-type');
        const members: Value[] = [];
        for (const value of [...(now ?? []), ...change.add]) {
          const gone = change.remove.some((other) => valuesEqual(other, value));
          if (!gone && !members.some((other) => valuesEqual(other, value))) members.push(value);
        }
        properties.set(name, members.sort(compareValues));
      }
    }
  }
  return properties;
}

const NODES = [...Array.from({ length: 9 }, (_, i) => `n${i}`), 's!a', 's!b', 't!a', '__proto__'];
/** Some name a partition, which may or may not be that of their source. */
const EDGES = ['e0', 'e1', 'e2', 'e3', '3~x', '14~x', 's!~x', 't!~y', '~z', 'constructor'];
const TYPES = ['T', 'U'];
const LABELS = ['L', 'M', '__proto__'];
const NAMES = ['p', 'q', 'r', 'constructor'];
const VALUES: readonly Value[] = [0, 1, 7, 'text', true, [1, 2], [], 'x'.repeat(40)];

export const RANDOM_NODES = NODES.map((id) => id as NodeId);
export const RANDOM_EDGES = EDGES.map((id) => id as EdgeId);
export const RANDOM_TYPES: readonly string[] = TYPES;
export const RANDOM_LABELS: readonly string[] = LABELS;

export function randomOperation(random: SeededRandom): Operation {
  const condition: Condition | undefined = random.chance(0.06)
    ? random.chance(0.5)
      ? { match: '*' }
      : { noneMatch: '*' }
    : undefined;
  return { ...bare(random), ...(condition && { condition }) };
}

function bare(random: SeededRandom): Operation {
  const id = random.pick(RANDOM_NODES);
  const edge = random.pick(RANDOM_EDGES);
  const ends = { type: random.pick(TYPES), from: random.pick(RANDOM_NODES), to: random.pick(RANDOM_NODES) };
  const dice = random.below(100);
  if (dice < 14) return { op: 'createNode', id, labels: random.some(LABELS), properties: someProperties(random) };
  if (dice < 28) return { op: 'putNode', id, labels: random.some(LABELS), properties: someProperties(random) };
  if (dice < 45) {
    const labels = random.chance(0.3)
      ? ({ kind: 'replace', labels: random.some(LABELS) } as const)
      : ({ kind: 'change', ...disjoint(random, LABELS) } as const);
    return { op: 'patchNode', id, properties: someChanges(random), ...(random.chance(0.5) && { labels }) };
  }
  if (dice < 53) return { op: 'deleteNode', id, detach: random.chance(0.6) };
  if (dice < 73) return { op: 'createEdge', id: edge, ...ends, properties: someProperties(random) };
  if (dice < 83) return { op: 'putEdge', id: edge, ...ends, properties: someProperties(random) };
  if (dice < 93) return { op: 'patchEdge', id: edge, properties: someChanges(random) };
  return { op: 'deleteEdge', id: edge };
}

function someProperties(random: SeededRandom): Properties {
  return Object.fromEntries(random.some(NAMES, 0.4).map((name) => [name, random.pick(VALUES)]));
}

function disjoint<T>(random: SeededRandom, items: readonly T[]): { readonly add: T[]; readonly remove: T[] } {
  const shuffled = random.shuffled(items);
  const middle = random.below(items.length + 1);
  return { add: random.some(shuffled.slice(0, middle)), remove: random.some(shuffled.slice(middle)) };
}

function someChanges(random: SeededRandom): PropertyChanges {
  const changes = random.some(NAMES, 0.4).map((name): [string, PropertyChanges[string]] => {
    const dice = random.below(10);
    if (dice < 3) return [name, { kind: 'set', value: random.pick(VALUES) }];
    if (dice < 4) return [name, { kind: 'remove' }];
    if (dice < 7) return [name, { kind: 'increment', by: random.below(9) - 4 }];
    const { add, remove } = disjoint<Value>(random, [1, 2, 'a', 'b']);
    return [name, { kind: 'members', add: add.length + remove.length > 0 ? add : [1], remove }];
  });
  return Object.fromEntries(changes);
}

/** Mostly single operations, sometimes a batch that starts with nodes so that its edges find them. */
export function randomBatch(random: SeededRandom): Operation[] {
  if (random.chance(0.5)) return [randomOperation(random)];
  const length = 1 + random.below(8);
  return Array.from({ length }, () => randomOperation(random));
}
