/** Work over a whole graph, partition by partition: import, digest, counts. */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { digestOfGraph, digestOfPartition } from '../../crdt/digest.ts';
import { purgeEdge, purgeNode } from '../../crdt/upkeep.ts';
import { sortedNodes } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import type { Graph } from '../engine-port.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { collectHidden, visibleEdges } from './edge-visibility.ts';
import { type GraphWriter, partitionsOf } from './graph-writer.ts';

/** Operations of an import that are drafted without giving other requests a turn. */
const LOAD_SLICE = 512;
/** Partitions that such a slice may open: they all stay open until it is drafted, whether there is memory or not. */
const LOAD_PARTITIONS = 4;

interface LoadedSlice {
  readonly failed: readonly { readonly index: number; readonly error: unknown }[];
  readonly done: number;
  readonly durable: Promise<void> | undefined;
}

export class GraphBulk {
  readonly #graph: ResidentGraph;
  readonly #residency: Residency;
  readonly #writer: GraphWriter;

  constructor(graph: ResidentGraph, residency: Residency, writer: GraphWriter) {
    this.#graph = graph;
    this.#residency = residency;
    this.#writer = writer;
  }

  async load(
    operations: readonly Operation[],
    { stopAtFirst }: { readonly stopAtFirst: boolean },
  ): ReturnType<Graph['load']> {
    const failures: { index: number; error: unknown }[] = [];
    const commits: Promise<void>[] = [];
    let applied = 0;
    let ended: { readonly at: number; readonly error: WeftError } | undefined;
    for (let start = 0, end = 0; start < operations.length; start = end) {
      let outcome: LoadedSlice;
      try {
        await this.#writer.committer.room();
        this.#writer.committer.admit();
        end = this.#sliceEnd(operations, start);
        // Only what is durable can be passivated to make room for the next slice.
        if (!this.#graph.whole && this.#residency.tight) await Promise.all(commits.splice(0));
        outcome = await this.#loadSlice(operations, [start, end], stopAtFirst);
      } catch (error) {
        // What came before is there all the same.
        if (start === 0 || !(error instanceof WeftError) || !error.kind.definite) throw error;
        ended = { at: start, error };
        break;
      }
      if (outcome.durable !== undefined) commits.push(outcome.durable);
      applied += outcome.done;
      failures.push(...outcome.failed);
      if (stopAtFirst && failures.length > 0) break;
      if (end < operations.length) await this.#residency.yield();
    }
    await Promise.all(commits);
    await this.#writer.durable();
    return { applied, failures, ...(ended !== undefined && { ended }) };
  }

  #loadSlice(
    operations: readonly Operation[],
    [start, end]: readonly [start: number, end: number],
    stopAtFirst: boolean,
  ): Promise<LoadedSlice> {
    const slice = operations.slice(start, end);
    return this.#writer.drafting(slice, true, (draft) => {
      const failed: { index: number; error: unknown }[] = [];
      let done = 0;
      for (const [i, operation] of slice.entries()) {
        try {
          draft.apply(operation);
          done++;
        } catch (error) {
          if (!(error instanceof WeftError)) throw error;
          failed.push({ index: start + i, error });
          if (stopAtFirst) break;
        }
      }
      return { failed, done, durable: this.#writer.commit(draft.patches) };
    });
  }

  #sliceEnd(operations: readonly Operation[], start: number): number {
    const last = Math.min(operations.length, start + LOAD_SLICE);
    if (this.#graph.whole) return last;
    // Where memory is short, opening one pushes another out, which may be needed too.
    const { tight } = this.#residency;
    const partitions = new Set<PartitionId>();
    for (let end = start; end < last; end++) {
      for (const id of partitionsOf(this.#graph, operations[end] as Operation)) {
        if (tight || !this.#graph.view.isOpen(id)) partitions.add(id);
      }
      if (partitions.size > LOAD_PARTITIONS && end > start) return end;
    }
    return last;
  }

  /** Reads one partition; what it shows is durable when this resolves. */
  async #read<T>(id: PartitionId, read: () => T): Promise<T> {
    const result = await this.#residency.run(this.#graph, [id], read);
    await this.#writer.durable();
    await this.#residency.yield();
    return result;
  }

  async digest(): ReturnType<Graph['digest']> {
    const partitions: Record<PartitionId, string> = {};
    const { view } = this.#graph;
    for (const id of this.#graph.partitionIds()) {
      const digest = await this.#read(id, () => digestOfPartition(view, view.need(id)));
      if (digest !== '' || !id.endsWith('!')) partitions[id] = digest;
    }
    return { digest: digestOfGraph(partitions), partitions };
  }

  async counts(): ReturnType<Graph['counts']> {
    const { view } = this.#graph;
    const hidden = new Set<string>();
    let nodes = 0;
    let edges = 0;
    for (const id of this.#graph.partitionIds()) {
      nodes += await this.#read(id, () => {
        collectHidden(view, id, hidden);
        return sortedNodes(view, view.need(id), undefined).length;
      });
    }
    for (const id of this.#graph.partitionIds()) {
      edges += await this.#read(id, () => visibleEdges(view, id, hidden).length);
    }
    return { nodes, edges };
  }

  /** As `EngineGraph.purgeExpired`; what would have to be written to a damaged partition as well waits until that is healed. */
  async purgeExpired(id: PartitionId, beforeMs: number): Promise<number> {
    for (let damaged = this.#damagedHomes(); ; ) {
      try {
        const purged = await this.#purge(id, beforeMs, damaged);
        await this.#writer.durable();
        return purged;
      } catch (error) {
        // It may be the first that found one damaged.
        const found = this.#damagedHomes();
        const isFirst = found.size > damaged.size;
        if (!isFirst || !(error instanceof WeftError) || error.code !== 'partition-recovering') throw error;
        damaged = found;
      }
    }
  }

  #purge(id: PartitionId, beforeMs: number, damaged: ReadonlySet<number>): Promise<number> {
    const { view } = this.#graph;
    const { nodes, edges } = view;
    const isEdgeFree = (edge: number) => {
      const to = edges.to[edge] as number;
      return !damaged.has(edges.home[edge] as number) && (to < 0 || !damaged.has(nodes.home[to] as number));
    };
    const isNodeFree = (node: number) => {
      for (const adjacency of [nodes.out, nodes.in]) {
        for (let i = 0; i < adjacency.degree(node); i++) if (!isEdgeFree(adjacency.edgeAt(node, i))) return false;
      }
      return !damaged.has(nodes.home[node] as number);
    };
    return this.#writer.drafting([], false, (draft) => {
      const { expiries } = view.need(id);
      let count = 0;
      const room = (): number => LIMITS.expirySliceElements - count;
      const due = (expired: ReadonlyMap<number, number>, isFree: (row: number) => boolean) =>
        rowsBefore(expired, beforeMs, { limit: room(), isFree: damaged.size === 0 ? undefined : isFree });
      for (const edge of due(expiries.edges, isEdgeFree)) if (purgeEdge(draft, edge)) count++;
      for (const node of due(expiries.nodes, isNodeFree)) if (purgeNode(draft, node)) count++;
      this.#writer.commit(draft.patches);
      return count;
    });
  }

  /** Damaged partitions of this graph, as the view counts them. */
  #damagedHomes(): Set<number> {
    const keys = Array.from(this.#residency.damaged.values(), ({ key }) => key);
    const own = keys.filter(({ graphKey }) => graphKey === this.#graph.key);
    return new Set(own.map(({ partition }) => this.#graph.view.indexOf(partition)));
  }
}

/** Rows whose moment lies before another. */
function rowsBefore(
  expired: ReadonlyMap<number, number>,
  beforeMs: number,
  { limit, isFree = () => true }: { readonly limit: number; readonly isFree: ((row: number) => boolean) | undefined },
): number[] {
  const rows: number[] = [];
  for (const [row, atMs] of expired) {
    if (rows.length >= limit) break;
    if (atMs <= beforeMs && isFree(row)) rows.push(row);
  }
  return rows;
}
