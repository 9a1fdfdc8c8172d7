/**
 * The compact form of one partition of the view, from which reading starts without Yjs: columns of JSON for elements
 * with a single create, and patches for those that have registers.
 */
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';
import type { EdgeCreate, StubCreate } from './patch.ts';
import { decodePatch, encodePatch, NO_PROPERTIES } from './patch-codec.ts';
import { propertiesFromPlain, propertiesToPlain } from './value-codec.ts';

const FORMAT = 1;

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
  nodes: { id: string[]; labels: number[]; properties: object[]; clock: number[]; replica: number[] };
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

/** Encodes an open partition. Elements come in no canonical order. */
export function encodeViewSnapshot(view: GraphView, partition: PartitionIndex): Uint8Array {
  const labels = new Table<readonly string[]>();
  const types = new Table<string>();
  const replicas = new Table<ReplicaId>();
  const nodes: Columns['nodes'] = { id: [], labels: [], properties: [], clock: [], replica: [] };
  const edges: Columns['edges'] = { ...noEnds(), properties: [] };
  const stubs = noEnds();
  const patches: string[] = [];
  const pushEnds = (into: Ends, patch: EdgeCreate | StubCreate) => {
    into.id.push(patch.id);
    into.type.push(types.indexOf(patch.type));
    into.from.push(patch.from);
    into.to.push(patch.to);
    into.clock.push(patch.clock);
    into.replica.push(replicas.indexOf(patch.replica));
  };
  for (const node of partition.nodes.items()) {
    const registers = view.nodes.registers.get(node);
    if (registers === undefined) {
      const patch = view.plainNodeCreate(node);
      nodes.id.push(patch.id);
      nodes.labels.push(labels.indexOf(patch.labels));
      nodes.properties.push(propertiesToPlain(patch.properties));
      nodes.clock.push(patch.clock);
      nodes.replica.push(replicas.indexOf(patch.replica));
    } else {
      for (const patch of registers.toPatches('node', view.nodes.ids[node] as string)) {
        patches.push(encodePatch(patch));
      }
    }
  }
  for (const edge of partition.edges.items()) {
    const registers = view.edges.registers.get(edge);
    if (registers === undefined) {
      const patch = view.plainEdgeCreate(edge);
      pushEnds(edges, patch);
      edges.properties.push(patch.properties === NO_PROPERTIES ? 0 : propertiesToPlain(patch.properties));
    } else {
      for (const patch of registers.toPatches('edge', view.edges.ids[edge] as string)) {
        patches.push(encodePatch(patch));
      }
    }
  }
  for (const edge of partition.stubs.items()) {
    const registers = view.edges.stubRegisters.get(edge);
    if (registers === undefined) {
      pushEnds(stubs, view.plainStubCreate(edge));
    } else {
      for (const patch of registers.toPatches('stub', view.edges.ids[edge] as string)) {
        patches.push(encodePatch(patch));
      }
    }
  }
  const columns: Columns = {
    format: FORMAT,
    labels: labels.rows,
    types: types.rows,
    replicas: replicas.rows,
    nodes,
    edges,
    stubs,
    patches,
  };
  return toUtf8(JSON.stringify(columns));
}

/** Folds a snapshot into a partition that was just opened. @throws WeftError `partition-recovering`, definite */
export function foldViewSnapshot(view: GraphView, partition: PartitionIndex, bytes: Uint8Array): void {
  const columns = JSON.parse(fromUtf8(bytes)) as Columns;
  if (columns.format !== FORMAT) {
    throw new WeftError(
      'partition-recovering',
      `the view snapshot of partition ${partition.id} has format ${columns.format}; this program reads ${FORMAT}`,
    );
  }
  const charsEach = (count: number) => Math.ceil(bytes.length / Math.max(1, count));
  const { nodes, edges, stubs, types, patches } = columns;
  const chars = charsEach(nodes.id.length + edges.id.length + stubs.id.length + patches.length);
  const labels = columns.labels.map((set) => view.nodes.labelSet(set));
  const replicas = columns.replicas.map(replicaId);
  for (let i = 0; i < nodes.id.length; i++) {
    view.fold(
      partition,
      {
        kind: 'node-create',
        clock: nodes.clock[i] as number,
        replica: replicas[nodes.replica[i] as number] as ReplicaId,
        id: nodes.id[i] as string,
        labels: labels[nodes.labels[i] as number] as readonly string[],
        properties: propertiesFromPlain(nodes.properties[i] as { [name: string]: unknown }),
      },
      chars,
    );
  }
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
    view.fold(partition, { kind: 'edge-create', ...endsAt(edges, i), properties }, chars);
  }
  for (let i = 0; i < stubs.id.length; i++) {
    view.fold(partition, { kind: 'stub-create', ...endsAt(stubs, i) }, chars);
  }
  for (const patch of patches) view.fold(partition, decodePatch(patch), patch.length);
}
