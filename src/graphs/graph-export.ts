/**
 * A graph as it is at one moment, read from a cut of the store, partition by partition, while others write on. What is in
 * memory is neither used nor pushed out. Nodes come first, then edges, in an order that two equal graphs share: a partition that
 * cannot be held from one to the other is read twice.
 *
 * - ENG-3 It shows every commit up to its vector whole, and nothing of any other.
 */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { GraphView } from '../../crdt/graph-view.ts';
import { edgeAt, nodeAt, sortedNodes } from '../../crdt/view-reads.ts';
import type { GraphDescription, GraphElement, GraphExport } from '../engine-port.ts';
import type { ReplicaCut } from '../replication/replica.ts';
import { foldPartition } from '../residency/fold-partition.ts';
import { collectHidden, visibleEdges } from './edge-visibility.ts';

export interface CutExportOptions {
  readonly cut: ReplicaCut;
  readonly graph: GraphDescription;
  /** Storage name of the graph. */
  readonly key: string;
  readonly isEphemeral: boolean;
  /** What has expired by then is left out: milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Estimated bytes of partitions that it holds from their nodes to their edges. */
  readonly heldBytesMax: number;
  /** Gives other requests a turn. */
  readonly yield: () => Promise<void>;
}

export class CutExport implements GraphExport {
  readonly #options: CutExportOptions;
  readonly #view: GraphView;
  /** Of partitions that stay open from their nodes to their edges. */
  #heldBytes = 0;

  constructor(options: CutExportOptions) {
    this.#options = options;
    this.#view = new GraphView(options.graph.settings);
    this.#view.expire(options.nowMs);
  }

  get vector(): GraphExport['vector'] {
    const { cut, isEphemeral } = this.#options;
    return isEphemeral ? undefined : cut.vector;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GraphElement> {
    const { cut, key } = this.#options;
    const ids = cut.partitions.filter(({ graphKey }) => graphKey === key).map(({ partition }) => partition);
    ids.sort(compareText);
    const hidden = new Set<string>();
    const view = this.#view;
    try {
      for (const id of ids) {
        const nodes = await this.#read(id, 'hold', () => {
          collectHidden(view, id, hidden);
          return Array.from(sortedNodes(view, view.need(id), undefined), (node) => nodeAt(view, node));
        });
        for (const node of nodes) yield { kind: 'node', node };
      }
      for (const id of ids) {
        const read = () => visibleEdges(view, id, hidden).map((edge) => edgeAt(view, edge));
        const edges = await this.#read(id, 'close', read);
        for (const edge of edges) yield { kind: 'edge', edge };
      }
    } finally {
      await this.close();
    }
  }

  /** @param then `hold` keeps it open for the next read, if there is room */
  async #read<T>(partition: PartitionId, then: 'hold' | 'close', read: () => T): Promise<T> {
    const { cut, graph, key, heldBytesMax } = this.#options;
    const view = this.#view;
    const state = view.isOpen(partition) ? undefined : await cut.readPartition({ graphKey: key, partition });
    const index = state === undefined ? view.need(partition) : view.open(partition);
    try {
      if (state !== undefined) foldPartition(view, index, state);
      return read();
    } catch (cause) {
      const detail = `partition ${partition} of graph ${graph.name} cannot be read`;
      throw new WeftError('partition-recovering', detail, { graph: graph.name, partition }, cause);
    } finally {
      if (then === 'hold' && this.#heldBytes + index.bytes <= heldBytesMax) this.#heldBytes += index.bytes;
      else view.close(partition);
      await this.#options.yield();
    }
  }

  close(): Promise<void> {
    return this.#options.cut.release();
  }
}
