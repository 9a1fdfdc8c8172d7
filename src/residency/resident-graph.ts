/** A graph as this server holds it: the shared view of its open partitions, and the partitions themselves. */
import { WeftError } from '../../base/errors.ts';
import type { GraphName, PartitionId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { GraphView } from '../../crdt/graph-view.ts';
import { NO_USAGE, plus, type Usage } from '../../crdt/usage.ts';
import type { GraphSettings } from '../../graph/model.ts';
import { ResidentPartition } from './resident-partition.ts';

export class ResidentGraph {
  /** What it is called now; `key` is what stays. */
  name: GraphName;
  /** Names this generation of the graph in the store. */
  readonly key: string;
  readonly settings: GraphSettings;
  readonly view: GraphView;
  readonly #partitions = new Map<PartitionId, ResidentPartition>();
  readonly #byOrdinal: (ResidentPartition | undefined)[] = [];
  /** Counts passivations: what was looked up in the store before one may be in memory no more. */
  passivations = 0;
  /** Commits of this graph that wait for the store. */
  pendingCommits = 0;
  /** Commits of this graph that wait no more. */
  endedCommits = 0;
  /** Counts changes of the view, so that a reader of several steps can tell whether it saw one state. */
  changes = 0;
  deleted = false;
  /** Settles when the statement that writes, and all that wait to, are through; undefined if there is none. */
  writingStatements: Promise<void> | undefined;
  /** Bytes that the residency counts for the graph beside its partitions. */
  accountedBytes = 0;
  /** How much there is in partitions that are not open, as far as they were counted. */
  closedUsage: Usage = NO_USAGE;
  /** Partitions that were never open since the start, and closed ones that others wrote to since they were counted. */
  readonly uncounted = new Set<ResidentPartition>();
  readonly stale = new Set<ResidentPartition>();
  /** When stale ones were counted again, in monotonic milliseconds. */
  countedMs = Number.NEGATIVE_INFINITY;
  /** Look-ups of edge ids that are running; each is told of the ids that arrive meanwhile. */
  readonly lookups = new Set<(edge: string) => void>();

  constructor(name: GraphName, key: string, settings: GraphSettings) {
    this.name = name;
    this.key = key;
    this.settings = settings;
    this.view = new GraphView(settings);
    for (let i = 0; i < settings.partitions; i++) this.partition(String(i) as PartitionId);
  }

  notFound(): WeftError {
    return new WeftError('graph-not-found', `there is no graph \`${this.name}\``, { graph: this.name });
  }

  /** The partition, known from now on. */
  partition(id: PartitionId): ResidentPartition {
    let partition = this.#partitions.get(id);
    if (partition === undefined) {
      partition = new ResidentPartition(this.key, id);
      this.#partitions.set(id, partition);
      this.uncounted.add(partition);
    }
    return partition;
  }

  /** The partition is open now: the view counts it. */
  countOpened(partition: ResidentPartition): void {
    this.closedUsage = plus(this.closedUsage, partition.usage, -1);
    partition.usage = NO_USAGE;
    this.uncounted.delete(partition);
    this.stale.delete(partition);
  }

  /** The partition is about to be closed. */
  countClosing(partition: ResidentPartition): void {
    partition.usage = this.view.usage(this.view.indexOf(partition.id));
    this.closedUsage = plus(this.closedUsage, partition.usage);
  }

  /** Others wrote to a closed partition. */
  countLater(partition: ResidentPartition): void {
    if (!this.uncounted.has(partition)) this.stale.add(partition);
  }

  /** How much there is, as far as partitions were counted. */
  get usage(): Usage {
    return plus(this.view.usage(), this.closedUsage);
  }

  /** The partition if it is known already. */
  known(id: PartitionId): ResidentPartition | undefined {
    return this.#partitions.get(id);
  }

  /** False if the node's scope holds nothing, so that the node cannot exist. */
  mayHold(node: string): boolean {
    return this.#partitions.has(this.view.partitionOf(node));
  }

  /** Forgets a scope that was asked for but holds nothing. */
  forget(partition: ResidentPartition): void {
    if (partition.index !== undefined) this.view.close(partition.id);
    partition.index = undefined;
    this.uncounted.delete(partition);
    this.stale.delete(partition);
    this.#byOrdinal[this.view.indexOf(partition.id)] = undefined;
    this.view.forget(partition.id);
    this.#partitions.delete(partition.id);
  }

  /** The partition with this ordinal in the view. */
  partitionAt(ordinal: number): ResidentPartition {
    let partition = this.#byOrdinal[ordinal];
    if (partition === undefined) {
      partition = this.partition(this.view.partitionAt(ordinal));
      this.#byOrdinal[ordinal] = partition;
    }
    return partition;
  }

  /** An edge with an id that needs a locator came from another replica. */
  edgeArrived(edge: string): void {
    for (const tell of this.lookups) tell(edge);
  }

  /** All partitions that exist, in canonical order. */
  partitionIds(): PartitionId[] {
    return Array.from(this.#partitions.keys()).sort(compareText);
  }

  partitions(): IterableIterator<ResidentPartition> {
    return this.#partitions.values();
  }

  /** True if every partition is open, so that any read can be answered at once. */
  get whole(): boolean {
    return this.view.openCount === this.#partitions.size;
  }
}
