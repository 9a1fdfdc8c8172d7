/**
 * What survives a crash of a process with a `memory-store`, and the faults that tests and the simulator put into it.
 * Each change returns how to undo it, so that a power cut can take back what was written but not synced.
 * One class, because every change needs all of the state to be undone.
 */
import { assert, present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import type {
  Commit,
  LoggedCommit,
  Lsn,
  PartitionKey,
  PartitionSnapshot,
  PartitionState,
  Recovery,
  StoreCut,
  StreamPosition,
} from './store.ts';

type Undo = () => void;

/** One change of a batch; `synced` makes the batch and all before it durable. */
export interface DiskWrite {
  readonly apply: () => Undo;
  readonly synced: boolean;
}

export type Damage =
  | ({ readonly kind: 'row'; readonly lsn: Lsn } & PartitionKey)
  | ({ readonly kind: 'snapshot' } & PartitionKey)
  | { readonly kind: 'commit'; readonly origin: ReplicaId; readonly seq: number };

type StoredCommit = Commit & { readonly lsn: Lsn };

interface StoredPartition {
  rows: { readonly lsn: Lsn; readonly update: Uint8Array }[];
  snapshot: PartitionSnapshot | undefined;
}

interface Stream {
  /** The commit before the first that is retained. */
  base: { readonly seq: number; readonly clock: number };
  commits: StoredCommit[];
}

const FORMAT_VERSION = 1;
const NO_PARTITION: StoredPartition = { rows: [], snapshot: undefined };

function corrupt(origin: ReplicaId, seq: number): WeftError {
  return new WeftError('data-corrupt', `commit ${seq} of origin ${origin} has a wrong checksum`, { origin, seq });
}

function recovering({ graphKey, partition }: PartitionKey, reason: string): WeftError {
  const detail = `partition ${JSON.stringify(partition)} of graph ${graphKey} failed verification: ${reason}`;
  return new WeftError('partition-recovering', detail, { graphKey, partition });
}

export class MemoryDisk {
  readonly meta = new Map<string, Uint8Array>();
  /** Another value makes the next open refuse the disk. */
  formatVersion = FORMAT_VERSION;
  lastLsn: Lsn = 0;
  logBytes = 0;
  readonly #streams = new Map<ReplicaId, Stream>();
  readonly #graphs = new Map<string, Map<PartitionId, StoredPartition>>();
  readonly #locators = new Map<string, Map<string, PartitionId[]>>();
  readonly #drops = new Map<string, Lsn>();
  /** The log in order; its first commit is `#baseLsn + 1`. */
  #log: StoredCommit[] = [];
  #baseLsn: Lsn = 0;
  readonly #staged = new Map<string, { readonly key: PartitionKey; readonly state: Uint8Array }>();
  #clean = false;
  #holder: object | undefined;
  #inFlight: readonly DiskWrite[] = [];
  #unsynced: (readonly Undo[])[] = [];
  #writeError: Error | undefined;
  /** False saves looking for damage. */
  #isDamaged = false;
  readonly #damagedRows = new WeakSet<object>();
  readonly #damagedCommits = new WeakSet<object>();
  readonly #damagedSnapshots = new WeakSet<object>();

  // Faults.

  /**
   * Cuts the power: the open store is dead, its calls never resolve. Of the batches that were not synced, the one in
   * flight included, only the first `keep` survive (default none).
   */
  crash({ keep = 0 }: { readonly keep?: number } = {}): void {
    const lost = this.#unsynced.splice(keep);
    for (const batch of lost.reverse()) for (const undo of batch.toReversed()) undo();
    if (lost.length === 0 && keep > this.#unsynced.length) for (const write of this.#inFlight) write.apply();
    this.#unsynced = [];
    this.#inFlight = [];
    this.#holder = undefined;
    this.#writeError = undefined;
  }

  /** Kills the process: what was written survives, synced or not. */
  kill(): void {
    this.crash({ keep: this.#unsynced.length });
  }

  /** The next batch fails with `error`. */
  failWrites(error: Error): void {
    this.#writeError = error;
  }

  /** Damages what is stored; noticed when it is read or at the next open. */
  damage(damage: Damage): void {
    this.#isDamaged = true;
    if (damage.kind === 'commit') {
      const stream = this.#streams.get(damage.origin);
      const commit = stream?.commits[damage.seq - stream.base.seq - 1];
      this.#damagedCommits.add(present(commit, 'the commit to damage is in the log'));
      return;
    }
    const partition = present(this.#find(damage), 'the partition to damage is stored');
    if (damage.kind === 'snapshot') {
      this.#damagedSnapshots.add(present(partition.snapshot, 'the snapshot to damage is stored'));
    } else {
      const row = partition.rows.find(({ lsn }) => lsn === damage.lsn);
      this.#damagedRows.add(present(row, 'the row to damage is stored'));
    }
  }

  // The open store.

  /** @throws WeftError `data-locked`, `data-format`, `data-corrupt` */
  attach(holder: object): Recovery {
    if (this.#holder !== undefined) throw new WeftError('data-locked', 'another store holds the memory disk');
    if (this.formatVersion !== FORMAT_VERSION) {
      throw new WeftError(
        'data-format',
        `the data has format version ${this.formatVersion}; this program reads version ${FORMAT_VERSION}`,
        { found: this.formatVersion, supported: FORMAT_VERSION },
      );
    }
    const bad = this.#log.find((commit) => this.#damagedCommits.has(commit));
    if (bad !== undefined) throw corrupt(bad.origin, bad.seq);
    this.#holder = holder;
    // An open reads everything back from what is durable, whatever it was before.
    this.#unsynced = [];
    const streams = [...this.#streams].map(([origin, { base, commits }]) => {
      const { seq, clock } = commits.at(-1) ?? base;
      return { origin, seq, clock };
    });
    return { clean: this.#clean, streams, lastLsn: this.lastLsn, damaged: this.#damagedPartitions() };
  }

  detach(holder: object): void {
    if (this.#holder === holder) this.#holder = undefined;
  }

  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  startBatch(writes: readonly DiskWrite[]): void {
    assert(this.#inFlight.length === 0, 'one batch is in flight');
    this.#inFlight = writes;
  }

  finishBatch(): void {
    if (this.#writeError !== undefined) throw this.#writeError;
    const writes = this.#inFlight;
    this.#inFlight = [];
    const undos = writes.map((write) => write.apply());
    if (writes.some(({ synced }) => synced)) this.#unsynced = [];
    else this.#unsynced.push(undos);
  }

  dropBatch(): void {
    this.#inFlight = [];
  }

  // Changes.

  append(commit: Commit, lsn: Lsn): Undo {
    const stored: StoredCommit = Object.assign({}, commit, { lsn });
    const stream = this.#stream(commit.origin);
    stream.commits.push(stored);
    this.#log.push(stored);
    this.lastLsn = lsn;
    for (const part of commit.parts) {
      this.#partition(part).rows.push({ lsn, update: part.update });
      this.logBytes += part.update.length;
    }
    const located = commit.locators.map((locator) => this.#addLocator(locator));
    return () => {
      for (const undo of located.toReversed()) undo();
      for (const part of commit.parts) {
        this.#partition(part).rows.pop();
        this.logBytes -= part.update.length;
      }
      this.lastLsn = lsn - 1;
      this.#log.pop();
      stream.commits.pop();
      if (stream.commits.length === 0 && stream.base.seq === 0) this.#streams.delete(commit.origin);
    };
  }

  writeSnapshot(key: PartitionKey, snapshot: PartitionSnapshot, edges: readonly string[]): Undo {
    const partition = this.#partition(key);
    const before = partition.snapshot;
    if (snapshot.lsn < (before?.lsn ?? 0) || snapshot.lsn <= (this.#drops.get(key.graphKey) ?? -1)) return () => {};
    // A new object, so that damage to the one before does not stick.
    partition.snapshot = { ...snapshot };
    const located = edges.map((edge) => this.#addLocator({ ...key, edge }));
    return () => {
      for (const undo of located.toReversed()) undo();
      partition.snapshot = before;
    };
  }

  setMeta(name: string, value: Uint8Array): Undo {
    return replace(this.meta, name, value);
  }

  stage(key: PartitionKey, state: Uint8Array): Undo {
    return replace(this.#staged, `${key.graphKey}/${key.partition}`, { key, state });
  }

  clearStaged(): Undo {
    const undos = Array.from(this.#staged.keys(), (name) => replace(this.#staged, name, undefined));
    return () => {
      for (const undo of undos) undo();
    };
  }

  setClean(clean: boolean): Undo {
    const before = this.#clean;
    this.#clean = clean;
    return () => {
      this.#clean = before;
    };
  }

  dropGraph(graphKey: string, upTo: Lsn): Undo {
    const bytes = this.logBytes;
    const graph = this.#graphs.get(graphKey) ?? new Map<PartitionId, StoredPartition>();
    for (const { rows } of graph.values()) for (const { update } of rows) this.logBytes -= update.length;
    const undos = [
      replace(this.#graphs, graphKey, undefined),
      replace(this.#locators, graphKey, undefined),
      replace(this.#drops, graphKey, upTo),
    ];
    return () => {
      for (const undo of undos) undo();
      this.logBytes = bytes;
    };
  }

  truncateLog(upTo: Lsn): Undo {
    const before = { log: this.#log, baseLsn: this.#baseLsn, bytes: this.logBytes };
    const kept = this.#log.findIndex((commit) => commit.lsn > upTo || !this.#isCovered(commit));
    const count = kept < 0 ? this.#log.length : kept;
    const streams = new Map<Stream, number>();
    const partitions = new Map<StoredPartition, number>();
    for (const commit of this.#log.slice(0, count)) {
      add(streams, this.#stream(commit.origin));
      for (const part of commit.parts) {
        if (commit.lsn <= (this.#drops.get(part.graphKey) ?? 0)) continue;
        add(partitions, this.#partition(part));
        this.logBytes -= part.update.length;
      }
    }
    // What goes are the oldest commits of each stream and the oldest rows of each partition.
    const undos = [...streams].map(([stream, gone]) => shorten(stream, gone));
    for (const [partition, gone] of partitions) {
      const { rows } = partition;
      partition.rows = rows.slice(gone);
      undos.push(() => {
        partition.rows = rows;
      });
    }
    this.#log = this.#log.slice(count);
    this.#baseLsn += count;
    return () => {
      for (const undo of undos) undo();
      this.#log = before.log;
      this.#baseLsn = before.baseLsn;
      this.logBytes = before.bytes;
    };
  }

  get isLogEmpty(): boolean {
    return this.#log.length === 0;
  }

  adoptStreams(positions: readonly StreamPosition[]): Undo {
    const undos: Undo[] = [];
    for (const { origin, seq, clock } of positions) {
      const known = this.#streams.has(origin);
      const stream = this.#stream(origin);
      const { base } = stream;
      if (seq > base.seq) stream.base = { seq, clock };
      undos.push(() => {
        stream.base = base;
        if (!known) this.#streams.delete(origin);
      });
    }
    return () => {
      for (const undo of undos.toReversed()) undo();
    };
  }

  // Reads.

  /** @throws WeftError `partition-recovering` */
  readPartition(key: PartitionKey): PartitionState {
    return this.#read(key, this.#find(key) ?? NO_PARTITION);
  }

  #read(key: PartitionKey, { rows, snapshot }: StoredPartition): PartitionState {
    if (snapshot !== undefined && this.#damagedSnapshots.has(snapshot)) {
      throw recovering(key, `the snapshot of commit ${snapshot.lsn} has a wrong checksum`);
    }
    const tail = snapshot === undefined ? rows.slice() : rows.filter(({ lsn }) => lsn > snapshot.lsn);
    const bad = tail.find((row) => this.#damagedRows.has(row));
    if (bad !== undefined) throw recovering(key, `the row of commit ${bad.lsn} has a wrong checksum`);
    return { snapshot, tail };
  }

  staged(): PartitionKey[] {
    return Array.from(this.#staged.values(), ({ key }) => key);
  }

  readStaged({ graphKey, partition }: PartitionKey): Uint8Array {
    const held = this.#staged.get(`${graphKey}/${partition}`);
    if (held === undefined) throw new WeftError('data-corrupt', 'a state is missing', { graphKey, partition });
    return held.state;
  }

  /** What is there now, so that later changes do not show in it. */
  freeze(): Pick<StoreCut, 'lsn' | 'streams' | 'partitions'> & { read(key: PartitionKey): PartitionState } {
    const states = new Map<string, { readonly key: PartitionKey; readonly read: () => PartitionState }>();
    for (const [graphKey, graph] of this.#graphs) {
      for (const [partition, { rows, snapshot }] of graph) {
        if (rows.length === 0 && snapshot === undefined) continue;
        const key = { graphKey, partition };
        const held = { rows: rows.slice(), snapshot };
        states.set(`${graphKey}/${partition}`, { key, read: () => this.#read(key, held) });
      }
    }
    return {
      lsn: this.lastLsn,
      streams: Array.from(this.#streams, ([origin, { base, commits }]) => [origin, base.seq + commits.length] as const),
      partitions: Array.from(states.values(), ({ key }) => key),
      read: (key) => states.get(`${key.graphKey}/${key.partition}`)?.read() ?? { snapshot: undefined, tail: [] },
    };
  }

  partitionsOf(graphKey: string): PartitionId[] {
    const held = [...(this.#graphs.get(graphKey) ?? [])].filter(
      ([, { rows, snapshot }]) => rows.length > 0 || snapshot !== undefined,
    );
    return held.map(([partition]) => partition);
  }

  graphs(): string[] {
    return [...this.#graphs.keys()].filter((graphKey) => this.partitionsOf(graphKey).length > 0);
  }

  locate(graphKey: string, edge: string): readonly PartitionId[] {
    return this.#locators.get(graphKey)?.get(edge) ?? [];
  }

  /** @throws WeftError `data-corrupt`, `partition-recovering` */
  readCommits(origin: ReplicaId, afterSeq: number, limit: number): LoggedCommit[] {
    const stream = this.#streams.get(origin);
    if (stream === undefined) return [];
    const start = Math.max(0, afterSeq - stream.base.seq);
    return stream.commits.slice(start, start + Math.max(0, limit)).map((commit) => this.#readCommit(commit));
  }

  #readCommit(commit: StoredCommit): LoggedCommit {
    if (this.#damagedCommits.has(commit)) throw corrupt(commit.origin, commit.seq);
    const isKept = ({ graphKey }: { readonly graphKey: string }): boolean =>
      commit.lsn > (this.#drops.get(graphKey) ?? 0);
    const parts = commit.parts.filter(isKept);
    for (const part of this.#isDamaged ? parts : []) {
      const row = this.#find(part)?.rows.find(({ lsn }) => lsn === commit.lsn);
      if (row === undefined || this.#damagedRows.has(row)) {
        throw recovering(part, `its row of commit ${commit.lsn} is missing or has a wrong checksum`);
      }
    }
    const locators = commit.locators.filter(isKept);
    if (parts.length === commit.parts.length && locators.length === commit.locators.length) return commit;
    return { ...commit, parts, locators, isPartial: true };
  }

  #isCovered({ lsn, parts }: StoredCommit): boolean {
    return parts.every((part) => {
      if (lsn <= (this.#drops.get(part.graphKey) ?? 0)) return true;
      const snapshot = this.#find(part)?.snapshot;
      return snapshot !== undefined && lsn <= snapshot.lsn && !this.#damagedSnapshots.has(snapshot);
    });
  }

  #damagedPartitions(): Recovery['damaged'] {
    const damaged: (PartitionKey & { reason: string })[] = [];
    for (const [graphKey, graph] of this.#graphs) {
      for (const [partition, { rows, snapshot }] of graph) {
        const bad = rows.find((row) => row.lsn > (snapshot?.lsn ?? 0) && this.#damagedRows.has(row));
        if (bad === undefined) continue;
        damaged.push({ graphKey, partition, reason: `a row with a wrong checksum in commit ${bad.lsn}` });
      }
    }
    return damaged;
  }

  #stream(origin: ReplicaId): Stream {
    let stream = this.#streams.get(origin);
    if (stream === undefined) {
      stream = { base: { seq: 0, clock: 0 }, commits: [] };
      this.#streams.set(origin, stream);
    }
    return stream;
  }

  #find(key: PartitionKey): StoredPartition | undefined {
    return this.#graphs.get(key.graphKey)?.get(key.partition);
  }

  #partition(key: PartitionKey): StoredPartition {
    let graph = this.#graphs.get(key.graphKey);
    if (graph === undefined) {
      graph = new Map();
      this.#graphs.set(key.graphKey, graph);
    }
    let partition = graph.get(key.partition);
    if (partition === undefined) {
      partition = { rows: [], snapshot: undefined };
      graph.set(key.partition, partition);
    }
    return partition;
  }

  #addLocator({ graphKey, edge, partition }: Commit['locators'][number]): Undo {
    let graph = this.#locators.get(graphKey);
    if (graph === undefined) {
      graph = new Map();
      this.#locators.set(graphKey, graph);
    }
    const before = graph.get(edge) ?? [];
    return before.includes(partition) ? () => {} : replace(graph, edge, [...before, partition]);
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function shorten(stream: Stream, gone: number): Undo {
  const { base, commits } = stream;
  const last = present(commits[gone - 1], 'a stream loses only commits that it has');
  stream.base = { seq: last.seq, clock: last.clock };
  stream.commits = commits.slice(gone);
  return () => {
    stream.base = base;
    stream.commits = commits;
  };
}

function replace<V>(map: Map<string, V>, key: string, value: V | undefined): Undo {
  const before = map.get(key);
  const set = (to: V | undefined): void => {
    if (to === undefined) map.delete(key);
    else map.set(key, to);
  };
  set(value);
  return () => set(before);
}
