/**
 * A graph for queries that is as simple as can be: arrays of elements, every search a scan. With `absent`, reads throw
 * `NotResident` the first time that they touch each element, so that a test sees every batch repeated. With `packed`, its
 * columns know numbers and texts at once, but for those of every so many nodes.
 */
import type { EdgeId, NodeId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { getOwn, setOwn } from '../base/record.ts';
import type { Direction, Operation, PropertyChanges } from '../graph/model.ts';
import { NotResident } from '../graph/not-resident.ts';
import type {
  EdgeBuffer,
  NodeColumn,
  OrdinalCursor,
  PackedNumbers,
  PackedTexts,
  RangeBound,
  SchemaEntry,
  StatementGraph,
  TypeTokens,
} from '../graph/query-graph.ts';
import { Float, type Properties, type Value } from '../graph/value.ts';
import { equal } from './values/equality.ts';
import { inRange } from './values/range.ts';
import { fromStored } from './values/runtime-value.ts';

interface StoredNode {
  readonly id: NodeId;
  labels: readonly string[];
  properties: Properties;
  exists: boolean;
}

interface StoredEdge {
  readonly id: EdgeId;
  readonly type: string;
  readonly from: number;
  readonly to: number;
  properties: Properties;
  exists: boolean;
}

class Absent extends NotResident {
  readonly key: string;
  constructor(key: string) {
    super(`${key} is not in memory`);
    this.key = key;
  }
}

export class MemoryGraph implements StatementGraph {
  readonly nodes: StoredNode[] = [];
  readonly edges: StoredEdge[] = [];
  readonly #types: string[] = [];
  readonly #labels: string[] = [];
  readonly #schema: SchemaEntry[] = [];
  #ids = 0;
  readonly #absent: boolean;
  readonly #packed: number | undefined;
  readonly #textsOf = new Map<string, string[]>();
  #calls = 0;
  readonly #present = new Set<string>();

  /** @param packed how many nodes there are for each of which nothing is known, 0 for none such; undefined packs nothing */
  constructor({ absent = false, packed }: { readonly absent?: boolean; readonly packed?: number | undefined } = {}) {
    this.#absent = absent;
    this.#packed = packed;
  }

  #touch(key: string): void {
    if (this.#absent && !this.#present.has(key)) throw new Absent(key);
  }

  async makeResident(wanted: NotResident): Promise<void> {
    this.#present.add((wanted as Absent).key);
  }

  readonly statistics = {
    nodeCount: (label?: string) => this.#existing(label).length,
    edgeCount: (type?: string) =>
      this.edges.filter((edge) => edge.exists && (type === undefined || edge.type === type)).length,
    hasIndex: (label: string, property: string) =>
      this.#schema.some((entry) => entry.label === label && entry.properties[0] === property),
    distinctValues: (label: string) => Math.max(1, this.#existing(label).length),
  };

  #existing(label: string | undefined): number[] {
    const found: number[] = [];
    this.nodes.forEach((node, i) => {
      if (node.exists && (label === undefined || node.labels.includes(label))) found.push(i);
    });
    return found;
  }

  labelToken(label: string): number {
    return this.#labels.indexOf(label);
  }

  typeToken(type: string): number {
    const known = this.edges.some((edge, i) => edge.type === type && this.#isKnown(edge, i));
    return known ? this.#types.indexOf(type) : -1;
  }

  /** Whether an edge was touched so far. */
  #isKnown({ from, to }: StoredEdge, edge: number): boolean {
    return !this.#absent || [`e${edge}`, `x${from}`, `x${to}`].some((key) => this.#present.has(key));
  }

  #cursor(ordinals: readonly number[], kind: string): OrdinalCursor {
    let at = 0;
    return {
      next: (into, start, limit) => {
        const count = Math.min(limit, ordinals.length - at);
        for (let i = 0; i < count; i++) this.#touch(`${kind}${ordinals[at + i]}`);
        for (let i = 0; i < count; i++) into[start + i] = ordinals[at + i] as number;
        at += count;
        return count;
      },
    };
  }

  scanNodes(): OrdinalCursor {
    return this.#cursor(this.#existing(undefined), 'n');
  }

  scanLabel(label: string): OrdinalCursor {
    return this.#cursor(this.#existing(label), 'n');
  }

  scanEdges(types: readonly string[] | undefined): OrdinalCursor {
    const found: number[] = [];
    this.edges.forEach((edge, i) => {
      if (edge.exists && types?.includes(edge.type) !== false) found.push(i);
    });
    return this.#cursor(found, 'e');
  }

  #isOf(edge: StoredEdge, types: TypeTokens): boolean {
    return types === undefined || types.some((token) => this.#types[token] === edge.type);
  }

  #matching(label: string, property: string, matches: (value: Value) => boolean): OrdinalCursor {
    const found = this.#existing(label).filter((node) => {
      const value = getOwn((this.nodes[node] as StoredNode).properties, property);
      return value !== undefined && matches(value);
    });
    return this.#cursor(found, 'n');
  }

  seekEqual(label: string, property: string, values: readonly Value[]): OrdinalCursor {
    return this.#matching(label, property, (value) =>
      values.some((each) => equal(fromStored(each), fromStored(value)) === true),
    );
  }

  seekRange(label: string, property: string, from?: RangeBound, to?: RangeBound): OrdinalCursor {
    return this.#matching(label, property, (value) => inRange(value, from, to));
  }

  seekPrefix(label: string, property: string, prefix: string): OrdinalCursor {
    return this.#matching(label, property, (value) => typeof value === 'string' && value.startsWith(prefix));
  }

  findNode(id: string): number {
    return this.nodes.findIndex((node) => node.exists && node.id === id);
  }

  findEdge(id: string): number {
    return this.edges.findIndex((edge) => edge.exists && edge.id === id);
  }

  expand(node: number, direction: Direction, types: TypeTokens, into: EdgeBuffer): void {
    this.#touch(`x${node}`);
    this.edges.forEach((edge, i) => {
      if (!edge.exists || !this.#isOf(edge, types)) return;
      if (direction !== 'in' && edge.from === node) this.#append(i, edge.to, into);
      else if (direction !== 'out' && edge.to === node) this.#append(i, edge.from, into);
    });
  }

  #append(edge: number, neighbor: number, into: EdgeBuffer): void {
    if (into.length >= into.edges.length) {
      const edges = new Int32Array(into.length * 2 + 1);
      const neighbors = new Int32Array(into.length * 2 + 1);
      edges.set(into.edges);
      neighbors.set(into.neighbors);
      into.edges = edges;
      into.neighbors = neighbors;
    }
    into.edges[into.length] = edge;
    into.neighbors[into.length++] = neighbor;
  }

  degree(node: number, direction: Direction, types: TypeTokens): number {
    const buffer = { edges: new Int32Array(4), neighbors: new Int32Array(4), length: 0 };
    this.expand(node, direction, types, buffer);
    return buffer.length;
  }

  get nodeCapacity(): number {
    return this.nodes.length;
  }

  get edgeCapacity(): number {
    return this.edges.length;
  }

  #node(node: number): StoredNode {
    return this.nodes[node] as StoredNode;
  }

  #edge(edge: number): StoredEdge {
    return this.edges[edge] as StoredEdge;
  }

  hasLabel(node: number, label: string): boolean {
    return this.#node(node).labels.includes(label);
  }

  labels(node: number): readonly string[] {
    return this.#node(node).labels;
  }

  nodeProperty(node: number, name: string): Value | undefined {
    return getOwn(this.#node(node).properties, name);
  }

  nodeColumn(name: string): NodeColumn {
    return {
      at: (node) => this.nodeProperty(node, name),
      numbers: () => this.#numbers(name),
      texts: () => this.#texts(name),
    };
  }

  /** By ordinal, undefined where nothing is known. */
  #known(name: string): (Value | undefined)[] {
    const every = this.#packed ?? 0;
    return this.nodes.map(({ properties }, i) => (every > 0 && i % every === 1 ? undefined : getOwn(properties, name)));
  }

  #numbers(name: string): PackedNumbers | undefined {
    if (this.#packed === undefined) return undefined;
    const known = this.#known(name);
    const integers = known.some((value) => typeof value === 'number' && Number.isInteger(value));
    const floats = known.some((value) => value instanceof Float || (typeof value === 'number' && value % 1 !== 0));
    if (!integers && !floats) return undefined;
    const values = known.map((value) => (value instanceof Float ? value.value : value));
    const numbers = values.map((value) => (typeof value === 'number' ? value : Number.NaN));
    return {
      values: Float64Array.from(numbers),
      greatest: numbers.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 0),
      kind: !floats ? 'integer' : integers ? 'mixed' : 'float',
    };
  }

  /** If all is known, codes mean the same from call to call, else something else. */
  #texts(name: string): PackedTexts | undefined {
    if (this.#packed === undefined) return undefined;
    const known = this.#known(name);
    const found = Array.from(new Set(known.filter((value) => typeof value === 'string')));
    const held = this.#packed === 0 ? this.#textsOf.get(name) : undefined;
    const isKept = held !== undefined && found.every((text) => held.includes(text, 1));
    const texts = isKept ? held : ['', ...(this.#calls++ % 2 === 0 ? found : found.reverse())];
    this.#textsOf.set(name, texts);
    const codeOf = (text: string) => (texts.includes(text, 1) ? texts.indexOf(text, 1) : undefined);
    const codes = known.map((value) => (typeof value === 'string' ? codeOf(value) : undefined) ?? Number.NaN);
    return { codes: Float64Array.from(codes), texts, codeOf };
  }

  nodeProperties(node: number): Properties {
    return this.#node(node).properties;
  }

  nodeId(node: number): NodeId {
    return this.#node(node).id;
  }

  nodeExists(node: number): boolean {
    return this.#node(node).exists;
  }

  type(edge: number): string {
    return this.#edge(edge).type;
  }

  from(edge: number): number {
    return this.#edge(edge).from;
  }

  to(edge: number): number {
    return this.#edge(edge).to;
  }

  edgeProperty(edge: number, name: string): Value | undefined {
    return getOwn(this.#edge(edge).properties, name);
  }

  edgeProperties(edge: number): Properties {
    return this.#edge(edge).properties;
  }

  edgeId(edge: number): EdgeId {
    return this.#edge(edge).id;
  }

  edgeExists(edge: number): boolean {
    return this.#edge(edge).exists;
  }

  makeNodeId(): NodeId {
    return `n${this.#ids++}` as NodeId;
  }

  derivedNodeId(_labels: readonly string[], _properties: Properties): NodeId | undefined {
    return undefined;
  }

  violations(): number {
    return 0;
  }

  makeEdgeId(): EdgeId {
    return `e${this.#ids++}` as EdgeId;
  }

  async commit(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) this.#apply(operation);
  }

  keepResident(): void {}

  readAgain(): boolean {
    return false;
  }

  beginWriting(): undefined {}

  settle(): undefined {}

  schema(): readonly SchemaEntry[] {
    return this.#schema;
  }

  async declare(entry: SchemaEntry): Promise<void> {
    this.#schema.push(entry);
  }

  async drop(name: string): Promise<boolean> {
    const at = this.#schema.findIndex((entry) => entry.name === name);
    if (at >= 0) this.#schema.splice(at, 1);
    return at >= 0;
  }

  release(): void {
    this.#present.clear();
  }

  #apply(operation: Operation): void {
    switch (operation.op) {
      case 'createNode': {
        for (const label of operation.labels) if (!this.#labels.includes(label)) this.#labels.push(label);
        const { id = this.makeNodeId(), labels, properties } = operation;
        this.nodes.push({ id, labels, properties, exists: true });
        return;
      }
      case 'createEdge': {
        if (!this.#types.includes(operation.type)) this.#types.push(operation.type);
        const { id = this.makeEdgeId(), type, properties } = operation;
        const from = this.findNode(operation.from);
        this.edges.push({ id, type, from, to: this.findNode(operation.to), properties, exists: true });
        return;
      }
      case 'patchNode': {
        const node = this.#node(this.findNode(operation.id));
        if (operation.properties !== undefined) node.properties = patched(node.properties, operation.properties);
        if (operation.labels?.kind === 'change') {
          const { add, remove } = operation.labels;
          for (const label of add) if (!this.#labels.includes(label)) this.#labels.push(label);
          const left = node.labels.filter((label) => !remove.includes(label) && !add.includes(label));
          node.labels = [...left, ...add].sort(compareText);
        }
        return;
      }
      case 'patchEdge': {
        const edge = this.#edge(this.findEdge(operation.id));
        edge.properties = patched(edge.properties, operation.properties);
        return;
      }
      case 'deleteEdge':
        this.#edge(this.findEdge(operation.id)).exists = false;
        return;
      case 'deleteNode':
        this.#node(this.findNode(operation.id)).exists = false;
        return;
      default:
        throw new Error(`a statement makes no ${operation.op}`);
    }
  }
}

function patched(properties: Properties, changes: PropertyChanges): Properties {
  const copy: Record<string, Value> = { ...properties };
  for (const [name, change] of Object.entries(changes)) {
    if (change.kind === 'set') setOwn(copy, name, change.value);
    else if (change.kind === 'remove') delete copy[name];
    else throw new Error(`a statement makes no ${change.kind}`);
  }
  return copy;
}
