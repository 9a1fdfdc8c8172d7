/** Work over a whole graph, partition by partition: import, export, digest. */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { digestOfGraph, digestOfPartition } from '../../crdt/digest.ts';
import { STUB_EXISTS } from '../../crdt/edge-table.ts';
import { edgeAt, nodeAt, sortedEdges, sortedNodes } from '../../crdt/view-reads.ts';
import type { Edge, Node, Operation } from '../../graph/model.ts';
import type { Graph } from '../engine-port.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { type GraphWriter, partitionsOf } from './graph-writer.ts';

/** Operations of an import that are drafted without giving other requests a turn. */
const LOAD_SLICE = 512;
/** Partitions that such a slice may open: they all stay open until it is drafted, whether there is memory or not. */
const LOAD_PARTITIONS = 4;

type Exported = { readonly kind: 'node'; readonly node: Node } | { readonly kind: 'edge'; readonly edge: Edge };

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
    for (let start = 0, end = 0; start < operations.length; start = end) {
      await this.#writer.committer.room();
      this.#writer.committer.admit();
      end = this.#sliceEnd(operations, start);
      // Only what is durable can be passivated to make room for the next slice.
      if (!this.#graph.whole && this.#residency.tight) await Promise.all(commits.splice(0));
      const slice = operations.slice(start, end);
      const outcome = await this.#writer.drafting(slice, true, (draft) => {
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
      if (outcome.durable !== undefined) commits.push(outcome.durable);
      applied += outcome.done;
      failures.push(...outcome.failed);
      if (stopAtFirst && failures.length > 0) break;
      if (end < operations.length) await this.#residency.yield();
    }
    await Promise.all(commits);
    await this.#writer.durable();
    return { applied, failures };
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

  /**
   * Nodes first. While the nodes of a partition pass, its stubs tell which edges point at a node that does not exist;
   * so hidden edges are known when the edges pass, without looking at two partitions at once. Edges that were made
   * since the export began are left out: their endpoints may have passed by.
   */
  async *export(): AsyncGenerator<Exported> {
    const hidden = new Set<string>();
    const begun = this.#writer.clockReading;
    for (const id of this.#graph.partitionIds()) {
      const nodes = await this.#read(id, () => {
        this.#collectHidden(id, hidden);
        const { view } = this.#graph;
        return Array.from(sortedNodes(view, view.need(id), undefined), (node) => nodeAt(view, node));
      });
      for (const node of nodes) yield { kind: 'node', node };
    }
    for (const id of this.#graph.partitionIds()) {
      const edges = await this.#read(id, () => {
        const { edges } = this.#graph.view;
        return this.#visibleEdges(id, hidden)
          .filter((edge) => (edges.registers.get(edge)?.createdClock ?? (edges.clock[edge] as number)) <= begun)
          .map((edge) => edgeAt(this.#graph.view, edge));
      });
      for (const edge of edges) yield { kind: 'edge', edge };
    }
  }

  /**
   * Keys of the edges that point at a node of this partition which does not exist, each with that node: an edge that was
   * created twice at once has a stub with each target, and only the one that its record names counts.
   */
  #collectHidden(id: PartitionId, hidden: Set<string>): void {
    this.#forEachStub(id, (edge, target) => {
      if (!this.#graph.view.nodes.exists(target)) hidden.add(this.#keyWithTarget(edge, target));
    });
  }

  #keyWithTarget(edge: number, target: number): string {
    return `${this.#edgeKey(edge)} ${this.#graph.view.nodes.ids[target]}`;
  }

  #visibleEdges(id: PartitionId, hidden: ReadonlySet<string>): number[] {
    const { view } = this.#graph;
    return sortedEdges(view, view.need(id)).filter(
      (edge) =>
        view.nodes.exists(view.edges.from[edge] as number) &&
        !hidden.has(this.#keyWithTarget(edge, view.edges.to[edge] as number)),
    );
  }

  /** An edge id is unique only within its source partition. */
  #edgeKey(edge: number): string {
    const { edges } = this.#graph.view;
    return `${edges.home[edge]}/${edges.idAt(edge)}`;
  }

  /** Visits the existing stubs of an open partition with the node that each points at. */
  #forEachStub(id: PartitionId, visit: (edge: number, target: number) => void): void {
    const { view } = this.#graph;
    const { nodes, edges } = view;
    const stubs = new Set<number>(view.need(id).stubs.items());
    for (const edge of stubs) {
      if (!edges.has(edge, STUB_EXISTS)) continue;
      const target = nodes.find(view.stubEnds(edge).to);
      if (target !== undefined) visit(edge, target);
    }
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
        this.#collectHidden(id, hidden);
        return sortedNodes(view, view.need(id), undefined).length;
      });
    }
    for (const id of this.#graph.partitionIds()) {
      edges += await this.#read(id, () => this.#visibleEdges(id, hidden).length);
    }
    return { nodes, edges };
  }

  async purgeExpired(id: PartitionId, beforeMs: number): Promise<number> {
    const purged = await this.#writer.drafting([], false, (draft) => {
      const { expiries } = this.#graph.view.need(id);
      let count = 0;
      const room = (): number => LIMITS.expirySliceElements - count;
      for (const edge of rowsBefore(expiries.edges, beforeMs, room())) if (draft.purgeEdge(edge)) count++;
      for (const node of rowsBefore(expiries.nodes, beforeMs, room())) if (draft.purgeNode(node)) count++;
      this.#writer.commit(draft.patches);
      return count;
    });
    await this.#writer.durable();
    return purged;
  }
}

/** Rows whose moment lies before another. */
function rowsBefore(expired: ReadonlyMap<number, number>, beforeMs: number, limit: number): number[] {
  const rows: number[] = [];
  for (const [row, atMs] of expired) {
    if (rows.length >= limit) break;
    if (atMs <= beforeMs) rows.push(row);
  }
  return rows;
}
