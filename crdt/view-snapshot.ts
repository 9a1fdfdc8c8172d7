/**
 * The compact form of one partition of the view, from which reading starts without Yjs: pieces, one a line, each with
 * columns of JSON for elements with a single create, and patches for those that have registers. Pieces are small, so
 * that what is made on the way to and from text dies young: a text of a megabyte costs fresh pages of memory each time.
 */
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { GraphView } from './graph-view.ts';
import { foldNodeCreates, type NodeCreates } from './node-creates.ts';
import type { PartitionIndex } from './partition-index.ts';
import type { EdgeCreate, NodeCreate, Patch, StubCreate } from './patch.ts';
import { decodePatch, encodePatch, NO_PROPERTIES } from './patch-codec.ts';
import { toPatches } from './register-patches.ts';
import { propertiesFromPlain, propertiesToPlain } from './value-codec.ts';

const FORMAT = 1;
/** Elements of a piece: some 100 KB of text, and below what the collector of the runtime keeps apart as large. */
const PIECE_ELEMENTS = 1024;
const LINE_BREAK = 0x0a;
/** Up to so many ids a search of the text of a piece costs less than to parse it. */
const IDS_SOUGHT_MAX = 8;

interface Ends {
  id: string[];
  /** Index into `types`. */
  type: number[];
  from: string[];
  to: string[];
  clock: number[];
  /** Index into `replicas`. */
  replica: number[];
}

interface Columns {
  format: number;
  labels: (readonly string[])[];
  types: string[];
  replicas: ReplicaId[];
  nodes: {
    id: string[];
    labels: number[];
    properties: { [name: string]: unknown }[];
    clock: number[];
    replica: number[];
  };
  /** `properties` is 0 where there are none. */
  edges: Ends & { properties: (object | 0)[] };
  stubs: Ends;
  patches: string[];
}

/** Distinct rows, by identity. */
class Table<T> {
  readonly rows: T[] = [];
  readonly #index = new Map<T, number>();
  indexOf(row: T): number {
    let index = this.#index.get(row);
    if (index === undefined) {
      index = this.rows.push(row) - 1;
      this.#index.set(row, index);
    }
    return index;
  }
}

const noEnds = (): Ends => ({ id: [], type: [], from: [], to: [], clock: [], replica: [] });

/** One line of a snapshot that is being written. Each has tables of its own, so it can be read by itself. */
class Piece {
  readonly #labels = new Table<readonly string[]>();
  readonly #types = new Table<string>();
  readonly #replicas = new Table<ReplicaId>();
  readonly #nodes: Columns['nodes'] = { id: [], labels: [], properties: [], clock: [], replica: [] };
  readonly #edges: Columns['edges'] = { ...noEnds(), properties: [] };
  readonly #stubs = noEnds();
  readonly #patches: string[] = [];

  addNode(patch: NodeCreate): void {
    const nodes = this.#nodes;
    nodes.id.push(patch.id);
    nodes.labels.push(this.#labels.indexOf(patch.labels));
    nodes.properties.push(propertiesToPlain(patch.properties));
    nodes.clock.push(patch.clock);
    nodes.replica.push(this.#replicas.indexOf(patch.replica));
  }

  addEdge(patch: EdgeCreate): void {
    this.#addEnds(this.#edges, patch);
    this.#edges.properties.push(patch.properties === NO_PROPERTIES ? 0 : propertiesToPlain(patch.properties));
  }

  addStub(patch: StubCreate): void {
    this.#addEnds(this.#stubs, patch);
  }

  addPatches(patches: Iterable<Patch>): void {
    for (const patch of patches) this.#patches.push(encodePatch(patch));
  }

  #addEnds(into: Ends, patch: EdgeCreate | StubCreate): void {
    into.id.push(patch.id);
    into.type.push(this.#types.indexOf(patch.type));
    into.from.push(patch.from);
    into.to.push(patch.to);
    into.clock.push(patch.clock);
    into.replica.push(this.#replicas.indexOf(patch.replica));
  }

  /** The line, its break included. */
  encode(): Uint8Array {
    const columns: Columns = {
      format: FORMAT,
      labels: this.#labels.rows,
      types: this.#types.rows,
      replicas: this.#replicas.rows,
      nodes: this.#nodes,
      edges: this.#edges,
      stubs: this.#stubs,
      patches: this.#patches,
    };
    return toUtf8(`${JSON.stringify(columns)}\n`);
  }
}

/** Encodes an open partition. Elements come in no canonical order. */
export function encodeViewSnapshot(view: GraphView, partition: PartitionIndex): Uint8Array {
  const lines: Uint8Array[] = [];
  let piece = new Piece();
  let elements = 0;
  const room = (): Piece => {
    if (elements++ === PIECE_ELEMENTS) {
      lines.push(piece.encode());
      piece = new Piece();
      elements = 1;
    }
    return piece;
  };
  for (const node of partition.nodes.items()) {
    const registers = view.nodes.registers.get(node);
    if (registers === undefined) room().addNode(view.nodes.plainCreate(node));
    else room().addPatches(toPatches(registers, 'node', view.nodes.ids[node] as string));
  }
  for (const edge of partition.edges.items()) {
    const registers = view.edges.registers.get(edge);
    if (registers === undefined) room().addEdge(view.plainEdgeCreate(edge));
    else room().addPatches(toPatches(registers, 'edge', view.edges.idAt(edge)));
  }
  for (const edge of partition.stubs.items()) {
    const registers = view.edges.stubRegisters.get(edge);
    if (registers === undefined) room().addStub(view.plainStubCreate(edge));
    else room().addPatches(toPatches(registers, 'stub', view.edges.idAt(edge)));
  }
  lines.push(piece.encode());
  return joined(lines);
}

function joined(lines: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0));
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
  }
  return bytes;
}

/** Folds a snapshot into a partition that was just opened. @throws WeftError `partition-recovering`, definite */
export function foldViewSnapshot(view: GraphView, partition: PartitionIndex, bytes: Uint8Array): void {
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(LINE_BREAK, start);
    if (end < 0) end = bytes.length;
    foldPiece(view, partition, bytes.subarray(start, end));
  }
}

/** Patches of elements with these ids among others: of the pieces in which they occur. @throws as `foldViewSnapshot` */
export function patchesOfSnapshot(bytes: Uint8Array, ids: ReadonlySet<string>): Patch[] {
  const found: Patch[] = [];
  const sought = Array.from(ids, (id) => JSON.stringify(id).slice(1, -1));
  for (const line of fromUtf8(bytes).split('\n')) {
    if (line === '' || (sought.length <= IDS_SOUGHT_MAX && !sought.some((id) => line.includes(id)))) continue;
    const columns = columnsOf(line);
    const { nodes } = columns;
    for (let i = 0; i < nodes.id.length; i++) if (ids.has(nodes.id[i] as string)) found.push(nodeAt(columns, i));
    visitRest(columns, 0, (patch) => {
      if (ids.has(patch.id)) found.push(patch);
    });
  }
  return found;
}

function nodeAt({ nodes, labels, replicas }: Columns, i: number): NodeCreate {
  return {
    kind: 'node-create',
    clock: nodes.clock[i] as number,
    replica: replicaId(replicas[nodes.replica[i] as number] as number),
    id: nodes.id[i] as string,
    labels: labels[nodes.labels[i] as number] as readonly string[],
    properties: propertiesFromPlain(nodes.properties[i] as { [name: string]: unknown }),
  };
}

/** @throws WeftError `partition-recovering`, definite */
function columnsOf(line: string): Columns {
  const columns = JSON.parse(line) as Columns;
  if (columns.format === FORMAT) return columns;
  const detail = `a view snapshot has format ${columns.format}; this program reads ${FORMAT}`;
  throw new WeftError('partition-recovering', detail);
}

function foldPiece(view: GraphView, partition: PartitionIndex, bytes: Uint8Array): void {
  const columns = columnsOf(fromUtf8(bytes));
  const chars = charsOfElement(columns, bytes.length);
  const creates: NodeCreates = {
    ...columns.nodes,
    labelSets: columns.labels.map((set) => view.nodes.labelSet(set)),
    replicas: columns.replicas.map(replicaId),
  };
  foldNodeCreates(view, partition, creates, chars);
  visitRest(columns, chars, (patch, length) => view.fold(partition, patch, length));
}

/** What each element of a piece of `length` bytes counts for the memory estimate. */
function charsOfElement({ nodes, edges, stubs, patches }: Columns, length: number): number {
  const count = nodes.id.length + edges.id.length + stubs.id.length + patches.length;
  return Math.ceil(length / Math.max(1, count));
}

/** All patches but the creates of nodes in columns, each with what it counts. */
function visitRest(columns: Columns, chars: number, visit: (patch: Patch, chars: number) => void): void {
  const { edges, stubs, types, patches } = columns;
  const replicas = columns.replicas.map(replicaId);
  const endsAt = (from: Ends, i: number) => ({
    clock: from.clock[i] as number,
    replica: replicas[from.replica[i] as number] as ReplicaId,
    id: from.id[i] as string,
    type: types[from.type[i] as number] as string,
    from: from.from[i] as string,
    to: from.to[i] as string,
  });
  for (let i = 0; i < edges.id.length; i++) {
    const plain = edges.properties[i] as { [name: string]: unknown } | 0;
    const properties = plain === 0 ? NO_PROPERTIES : propertiesFromPlain(plain);
    visit({ kind: 'edge-create', ...endsAt(edges, i), properties }, chars);
  }
  for (let i = 0; i < stubs.id.length; i++) {
    visit({ kind: 'stub-create', ...endsAt(stubs, i) }, chars);
  }
  for (const patch of patches) visit(decodePatch(patch), patch.length);
}
