/**
 * Reads that span partitions. When the whole graph is open they run on ordinals in one go (`traversal.ts`); otherwise
 * they go partition by partition, holding only ids in between, so that a graph may be far larger than memory.
 */
import type { EdgeId, NodeId, PartitionId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { EDGE_EXISTS, STUB_EXISTS } from '../../crdt/edge-table.ts';
import { edgeAt, findNode, nodeAt } from '../../crdt/view-reads.ts';
import type { Direction, Edge, Node } from '../../graph/model.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';

/** An edge as one endpoint sees it, before the other endpoint was asked. */
interface Candidate {
  readonly edge: EdgeId;
  readonly at: NodeId;
  readonly neighbor: NodeId;
  /** Known if the record was at hand, that is for outgoing edges. */
  readonly record: Edge | undefined;
}

export class PartitionedReads {
  readonly #graph: ResidentGraph;
  readonly #residency: Residency;

  constructor(graph: ResidentGraph, residency: Residency) {
    this.#graph = graph;
    this.#residency = residency;
  }

  /** Runs `read` for each partition that `items` fall into, with that partition open. */
  async #byPartition<T>(
    items: Iterable<T>,
    partitionOf: (item: T) => PartitionId,
    read: (items: readonly T[]) => void,
  ): Promise<void> {
    const groups = new Map<PartitionId, T[]>();
    for (const item of items) {
      const partition = partitionOf(item);
      const group = groups.get(partition);
      if (group === undefined) groups.set(partition, [item]);
      else group.push(item);
    }
    for (const [partition, group] of groups) {
      await this.#residency.run(this.#graph, [partition], () => {
        this.#graph.view.need(partition);
        read(group);
      });
    }
  }

  /** The visible ones of these nodes, by id. */
  async nodes(ids: Iterable<NodeId>): Promise<Map<NodeId, Node>> {
    const { view } = this.#graph;
    const found = new Map<NodeId, Node>();
    await this.#byPartition(
      ids,
      (id) => view.partitionOf(id),
      (group) => {
        for (const id of group) {
          const node = findNode(view, id);
          if (node !== undefined) found.set(id, nodeAt(view, node));
        }
      },
    );
    return found;
  }

  /** The visible edges of visible nodes, with their visible neighbours, in canonical order of edge ids. */
  async edges(
    ids: Iterable<NodeId>,
    direction: Direction,
    type: string | undefined,
  ): Promise<{ readonly edge: Edge; readonly at: NodeId; readonly neighbor: Node }[]> {
    const candidates = await this.#candidates(ids, direction, type);
    const records = await this.#records(candidates.filter(({ record }) => record === undefined));
    const neighbors = await this.nodes(new Set(candidates.map(({ neighbor }) => neighbor)));
    const found: { edge: Edge; at: NodeId; neighbor: Node }[] = [];
    for (const candidate of candidates) {
      const edge = candidate.record ?? records.get(candidate);
      const neighbor = neighbors.get(candidate.neighbor);
      if (edge !== undefined && neighbor !== undefined) found.push({ edge, at: candidate.at, neighbor });
    }
    return found.sort((a, b) => compareText(a.edge.id, b.edge.id));
  }

  async #candidates(ids: Iterable<NodeId>, direction: Direction, type: string | undefined): Promise<Candidate[]> {
    const { view } = this.#graph;
    const { nodes, edges } = view;
    const found: Candidate[] = [];
    await this.#byPartition(
      ids,
      (id) => view.partitionOf(id),
      (group) => {
        for (const at of group) {
          const node = findNode(view, at);
          if (node === undefined) continue;
          for (let i = 0; direction !== 'in' && i < nodes.out.degree(node); i++) {
            const edge = nodes.out.edgeAt(node, i);
            const record = edgeAt(view, edge);
            if (!edges.has(edge, EDGE_EXISTS) || (type !== undefined && record.type !== type)) continue;
            found.push({ edge: record.id, at, neighbor: record.to, record });
          }
          for (let i = 0; direction !== 'out' && i < nodes.in.degree(node); i++) {
            const edge = nodes.in.edgeAt(node, i);
            const ends = view.stubEnds(edge);
            if (!edges.has(edge, STUB_EXISTS) || (type !== undefined && ends.type !== type)) continue;
            if (direction === 'both' && ends.from === at) continue;
            found.push({ edge: ends.id as EdgeId, at, neighbor: ends.from as NodeId, record: undefined });
          }
        }
      },
    );
    return found;
  }

  /** Records of incoming edges, from the partitions of their sources. */
  async #records(candidates: readonly Candidate[]): Promise<Map<Candidate, Edge>> {
    const { view } = this.#graph;
    const found = new Map<Candidate, Edge>();
    await this.#byPartition(
      candidates,
      ({ neighbor }) => view.partitionOf(neighbor),
      (group) => {
        for (const candidate of group) {
          const edge = view.edges.find(candidate.edge, view.indexOf(view.partitionOf(candidate.neighbor)));
          if (edge === undefined || !view.edges.has(edge, EDGE_EXISTS)) continue;
          const record = edgeAt(view, edge);
          if (record.from === candidate.neighbor && record.to === candidate.at) found.set(candidate, record);
        }
      },
    );
    return found;
  }
}
