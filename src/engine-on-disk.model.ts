/**
 * An engine on a memory disk, for tests: every incarnation has its own seed, writes can be held in flight, and commits
 * of other replicas can be put into the store as replication would.
 */
import { type EdgeId, type GraphName, graphName, type NodeId, type PartitionId, type ReplicaId } from '../base/ids.ts';
import { PartitionDocument } from '../crdt/partition-document.ts';
import type { Patch } from '../crdt/patch.ts';
import { encodePatch } from '../crdt/patch-codec.ts';
import { partitionOfNode } from '../crdt/routing.ts';
import type { Edge, Node, Operation } from '../graph/model.ts';
import type { Properties } from '../graph/value.ts';
import { MemoryDisk, openMemoryStore } from '../storage/memory-store.ts';
import type { CommitPart, Store } from '../storage/store.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { type OpenedEngine, openEngine } from './engine.ts';
import type { Graph } from './engine-port.ts';
import { Gate } from './residency/gate.model.ts';
import { type TestEnv, testEnv } from './test-env.model.ts';

export const DEFAULT: GraphName = graphName('default');
export const LARGE = 1e9;
/** Nothing fits, so whatever is not needed at once is passivated. */
export const TINY = 1;

export interface Running {
  readonly engine: OpenedEngine;
  readonly graph: Graph;
  readonly store: Store;
  readonly disk: MemoryDisk;
  readonly env: TestEnv;
}

let seeds = 1;

export interface RunOptions {
  readonly disk?: MemoryDisk;
  readonly memoryBudgetBytes?: number;
  readonly beforeWrite?: () => Promise<void>;
  /** Wraps the store that the engine sees. */
  readonly wrap?: (store: Store) => Store;
  readonly durability?: 'disk' | 'buffered';
  readonly cluster?: ClusterOptions;
}

/** A member of a cluster whose network is the test itself. */
export function memberOf({ peers = ['http://peer'], ...more }: Partial<ClusterOptions> = {}): ClusterOptions {
  const transport = { dial: () => undefined, listen: () => undefined, close: () => undefined };
  return { peers, advertise: undefined, secret: 'secret of the cluster', transport, ...more };
}

export async function run(options: RunOptions = {}): Promise<Running> {
  const {
    disk = new MemoryDisk(),
    memoryBudgetBytes = LARGE,
    beforeWrite,
    wrap,
    durability = 'disk',
    cluster,
  } = options;
  const env = testEnv(seeds++);
  const bare = await openMemoryStore({ disk, durability, ...(beforeWrite && { beforeWrite }) });
  const store = wrap?.(bare) ?? bare;
  const engine = await openEngine({ env, store, name: 'test', memoryBudgetBytes, cluster });
  return { engine, graph: engine.graph(DEFAULT), store, disk, env };
}

/** Holds batches in flight from `close` to `open`. */
export class WriteGate extends Gate {
  readonly beforeWrite = (): Promise<void> => this.pass();
}

/** Gives everything that can go on without us the turns to do so. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Tells whether a promise has settled. */
export function watched(promise: Promise<unknown>): { readonly settled: boolean } {
  const state = { settled: false };
  const settle = () => {
    state.settled = true;
  };
  promise.then(settle, settle);
  return state;
}

/** Appends patches as a commit of another replica, each to the partition that it names. No engine may be running. */
export async function commitOf(
  disk: MemoryDisk,
  replica: ReplicaId,
  placed: readonly { readonly at: string; readonly patch: Patch }[],
  { graphKey = 'default', partitions = 16 }: { readonly graphKey?: string; readonly partitions?: number } = {},
): Promise<void> {
  const store = await openMemoryStore({ disk });
  const byPartition = new Map<PartitionId, string[]>();
  for (const { at, patch } of placed) {
    const partition = partitionOfNode(at, partitions);
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), encodePatch(patch)]);
  }
  const parts: CommitPart[] = [];
  for (const [partition, patches] of byPartition) {
    const { snapshot, tail } = await store.readPartition({ graphKey, partition }, { document: true });
    const updates = tail.map(({ update }) => update);
    if (snapshot !== undefined) updates.unshift(snapshot.document);
    const document = PartitionDocument.hydrate(`${graphKey}/${partition}`, replica, updates);
    parts.push({ graphKey, partition, update: document.append(patches) });
  }
  const seq = (store.recovery.streams.find(({ origin }) => origin === replica)?.seq ?? 0) + 1;
  const clock = Math.max(...placed.map(({ patch }) => patch.clock));
  const locators = placed.flatMap(({ at, patch }) =>
    patch.kind === 'edge-create' ? [{ graphKey, edge: patch.id, partition: partitionOfNode(at, partitions) }] : [],
  );
  await store.append({ origin: replica, seq, clock, parts, locators, after: [] });
  disk.kill();
}

// Operations in few words.

export const node = (id: string, properties: Properties = {}, labels: readonly string[] = []): Operation => ({
  op: 'createNode',
  id: id as NodeId,
  labels,
  properties,
});

export const put = (id: string, properties: Properties = {}, labels: readonly string[] = []): Operation => ({
  op: 'putNode',
  id: id as NodeId,
  labels,
  properties,
});

export const edge = (id: string, from: string, to: string, type = 'T', properties: Properties = {}): Operation => ({
  op: 'createEdge',
  id: id as EdgeId,
  type,
  from: from as NodeId,
  to: to as NodeId,
  properties,
});

export const remove = (id: string, detach = false): Operation => ({ op: 'deleteNode', id: id as NodeId, detach });
export const removeEdge = (id: string): Operation => ({ op: 'deleteEdge', id: id as EdgeId });
export const increment = (id: string, name: string, by = 1): Operation => ({
  op: 'patchNode',
  id: id as NodeId,
  properties: { [name]: { kind: 'increment', by } },
});

/** Ids of the default graph's nodes that live in different hash partitions. */
export function spreadIds(count: number, partitions = 16): NodeId[] {
  const ids = new Map<string, NodeId>();
  for (let i = 0; ids.size < count; i++) {
    const id = `n${i}` as NodeId;
    const partition = partitionOfNode(id, partitions);
    if (!ids.has(partition)) ids.set(partition, id);
  }
  return Array.from(ids.values());
}

/** The whole graph as plain data, in the canonical order of an export. */
export async function contents(graph: Graph): Promise<{ readonly nodes: Node[]; readonly edges: Edge[] }> {
  const nodes: Node[] = [];
  const edges: Edge[] = [];
  for await (const item of await graph.export()) {
    if (item.kind === 'node') nodes.push(item.node);
    else edges.push(item.edge);
  }
  const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);
  return { nodes: nodes.sort(byId), edges: edges.sort(byId) };
}

/** All items of a paged list. */
export async function pages<T>(
  list: (cursor: string | undefined) => Promise<{ readonly items: readonly T[]; readonly cursor?: string }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(cursor);
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return items;
}
