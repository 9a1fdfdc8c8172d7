/** The engine as replication sees it: `replica.ts` says what each call promises, and these are the parts that keep it. */
import { assert } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { GraphName, ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { Commit, PartitionKey, Store } from '../../storage/store.ts';
import type { Adopted, Adoption } from '../adoption/adoption.ts';
import type { PartitionStates } from '../adoption/partition-states.ts';
import type { BackupHolds } from '../backup/backup-holds.ts';
import { openEngineCut } from '../backup/engine-cut.ts';
import { SYSTEM_KEY } from '../catalog/catalog.ts';
import type { GraphCatalog } from '../catalog/graph-catalog.ts';
import { Turns } from '../catalog/turns.ts';
import type { Replica, ReplicaCut, StreamCommit } from '../replication/replica.ts';
import type { Residency } from '../residency/residency.ts';
import type { Committer } from './committer.ts';
import type { Progress } from './progress.ts';
import type { VersionVector } from './version-vector.ts';

const RETIRED_META = 'retired';
const NOTE_PREFIX = 'note/';

export interface EngineReplicaOptions {
  readonly replicaId: ReplicaId;
  readonly store: Store;
  readonly clock: HybridClock;
  readonly progress: Progress;
  readonly committer: Committer;
  readonly catalog: GraphCatalog;
  readonly states: PartitionStates;
  readonly residency: Residency;
  readonly adoption: Adoption;
  readonly holds: BackupHolds;
  /** Vector or adoption moved other than by a commit. */
  readonly onMoved: () => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

/** Streams that ended, as the store has them. */
export async function readRetired(store: Store): Promise<VersionVector> {
  const held = await store.getMeta(RETIRED_META);
  return new Map(held === undefined ? [] : (JSON.parse(fromUtf8(held)) as [ReplicaId, number][]));
}

export class EngineReplica implements Replica {
  readonly replicaId: ReplicaId;
  readonly #options: EngineReplicaOptions;
  readonly #retiring = new Turns();
  readonly #listeners: ((commits: readonly StreamCommit[]) => void)[] = [];

  constructor(options: EngineReplicaOptions) {
    this.replicaId = options.replicaId;
    this.#options = options;
  }

  get vector(): VersionVector {
    return this.#options.progress.vector;
  }

  get retired(): VersionVector {
    return this.#options.progress.retired;
  }

  get clockReading(): number {
    return this.#options.clock.last;
  }

  get recovering(): boolean {
    return this.#options.adoption.isActive;
  }

  onCommits(listener: (commits: readonly StreamCommit[]) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners. */
  announce(commits: readonly StreamCommit[]): void {
    for (const listener of this.#listeners) listener(commits);
  }

  readCommits(origin: ReplicaId, afterSeq: number, limit: number): Promise<readonly StreamCommit[]> {
    return this.#options.store.readCommits(origin, afterSeq, limit);
  }

  async receive(commits: readonly Commit[]): Promise<void> {
    const { adoption, committer } = this.#options;
    adoption.check();
    await committer.receive(commits);
  }

  async retire(origin: ReplicaId): Promise<void> {
    const { progress, onMoved } = this.#options;
    assert(origin !== this.replicaId, 'the own stream does not end while its server lives');
    // What is written names all that ended, so that of two that end at once neither is lost.
    await this.#retiring.run(async () => {
      await this.#writeRetired(new Map(progress.retired).set(origin, progress.seq(origin)));
      progress.retire(origin);
      onMoved();
    });
  }

  async #writeRetired(retired: VersionVector): Promise<void> {
    await this.#options.store.setMeta(RETIRED_META, toUtf8(JSON.stringify(Array.from(retired))));
  }

  allowTruncation(vector: VersionVector): void {
    this.#options.committer.allowTruncation(vector);
    this.#options.catalog.allow(vector);
  }

  electCompactor(isElected: (key: PartitionKey) => boolean): void {
    this.#options.committer.isCompactor = isElected;
  }

  readNote(name: string): Promise<Uint8Array | undefined> {
    return this.#options.store.getMeta(NOTE_PREFIX + name);
  }

  writeNote(name: string, value: Uint8Array): Promise<void> {
    return this.#options.store.setMeta(NOTE_PREFIX + name, value);
  }

  listPartitions(): Promise<readonly PartitionKey[]> {
    return this.#options.states.list();
  }

  stateVector(key: PartitionKey): Promise<Uint8Array> {
    return this.#options.states.stateVector(key);
  }

  stateDiff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array> {
    return this.#options.states.diff(key, stateVector);
  }

  openCut(): Promise<ReplicaCut> {
    return openEngineCut({ ...this.#options, replica: this.replicaId });
  }

  async beginAdoption(): Promise<void> {
    const { adoption, committer } = this.#options;
    await adoption.begin();
    // Nothing new is admitted from here on; what was comes to its end first.
    await committer.idle();
    if (committer.failure !== undefined) throw committer.failure;
  }

  async stageState(key: PartitionKey, diff: Uint8Array): Promise<void> {
    const { adoption, states } = this.#options;
    const attempt = adoption.attempt();
    await states.check(key, diff);
    await adoption.stage(attempt, key, diff);
  }

  cancelAdoption(): void {
    this.#options.adoption.cancel();
  }

  async adoptState(adopted: Adopted): Promise<void> {
    await this.#options.adoption.decide(adopted);
    await this.finishAdoption();
  }

  /** Takes in what was decided, if anything; each step may have been done before a crash. */
  async finishAdoption(): Promise<void> {
    const { adoption, states, store, holds, progress, catalog, clock, onMoved } = this.#options;
    const decided = await adoption.decided();
    if (decided === undefined) return;
    clock.see(decided.clock);
    const isSystem = ({ graphKey }: PartitionKey) => graphKey === SYSTEM_KEY;
    // The catalog first: it says of which graphs the others are.
    const ordered = [...decided.partitions.filter(isSystem), ...decided.partitions.filter((key) => !isSystem(key))];
    for (const key of ordered) await this.#takeIn(key, await store.readStaged(key));
    await catalog.settled();
    await states.coverAll();
    await holds.breakAll();
    await store.truncateLog(store.status().durableLsn);
    const { vector, retired } = decided;
    await store.adoptStreams([...retired, ...vector].map(([origin, seq]) => ({ origin, seq, clock: decided.clock })));
    progress.adopt(vector, retired);
    await this.#writeRetired(progress.retired);
    await adoption.applied();
    onMoved();
  }

  /** It could be merged when it was staged, and nothing was written since. */
  async #takeIn(key: PartitionKey, state: Uint8Array): Promise<void> {
    try {
      await this.#options.states.mergeChecked(key, state);
    } catch (cause) {
      if (!(cause instanceof WeftError) || cause.code !== 'malformed-request') throw cause;
      const why = 'a partition was damaged while the state of another server was taken in; empty the data folder';
      throw new WeftError('data-corrupt', why, { ...key }, cause);
    }
  }

  mergeState(key: PartitionKey, diff: Uint8Array): Promise<void> {
    return this.#options.states.merge(key, diff);
  }

  partitionDigest(key: PartitionKey): Promise<{ readonly digest: string; readonly vector: VersionVector }> {
    return this.#options.states.digest(key);
  }

  damaged(): readonly PartitionKey[] {
    return this.#options.states.damaged();
  }

  graphNameOf(graphKey: string): GraphName | undefined {
    return this.#options.catalog.nameOf(graphKey);
  }
}
