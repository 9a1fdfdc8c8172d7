/** Both stores against a model that keeps everything in lists: whatever is done, in any order and over any stop, they say the same. */
import { expect, test } from 'vitest';
import type { ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { LevelHarness } from './level-harness.ts';
import { MemoryDisk, openMemoryStore } from './memory-store.ts';
import { at, bytes } from './store.conformance.ts';
import { ModelStore } from './store.model.ts';
import type { Commit, PartitionKey, Store, StoreCut } from './store.ts';

const ORIGINS = [1, 0xa11ce, 0xffff_ffff] as ReplicaId[];
const GRAPHS = ['g', 'g-', 'h'];
const KEYS = GRAPHS.flatMap((graphKey) => ['0', 'a/b', 'é\u0000'].map((partition) => at(partition, graphKey)));
const EDGES = ['e', 'e\u0001', ''];
const NAMES = ['', 'id', 'id\u0000'];
const WHOLE = { document: true };

/** What a store lies on. */
interface Disk {
  open(): Promise<Store>;
  /** Ends the process. */
  kill(): Promise<void>;
  /** Cuts the power: of the batches that were not synced only the first `keep` survive. */
  readonly crash?: (keep: number) => void;
}

/** A store and a model to which the same is done. */
class Pair {
  readonly #disk: Disk;
  readonly #random: SeededRandom;
  #store: Store;
  #model = new ModelStore();
  #cuts: { readonly cut: StoreCut; readonly at: ModelStore }[] = [];
  /** What `recovery.clean` must be with the next start; undefined if either is right. */
  #clean: boolean | undefined = false;
  /** The first write of a process is synced, because it takes away that the one before ended well. */
  #isFirst = true;
  /** What there was before each batch that was not synced, the oldest first. */
  #unsynced: ModelStore[] = [];

  private constructor(disk: Disk, store: Store, seed: number) {
    this.#disk = disk;
    this.#store = store;
    this.#random = new SeededRandom(seed);
  }

  static async over(disk: Disk, seed: number): Promise<Pair> {
    return new Pair(disk, await disk.open(), seed);
  }

  readonly #steps: Record<string, () => Promise<void>> = {
    append: () => this.#append(),
    'append again': () => this.#append(),
    'append more': () => this.#append(),
    snapshot: () => this.#snapshot(this.#random.pick(KEYS), this.#random.below(this.#model.lastLsn + 1)),
    'snapshot of all': async () => {
      for (const key of this.#model.partitions()) await this.#snapshot(key, this.#model.lastLsn);
    },
    'snapshot of most': async () => {
      for (const key of this.#random.some(this.#model.partitions(), 0.7))
        await this.#snapshot(key, this.#model.lastLsn);
    },
    truncate: () => this.#truncate(this.#random.below(this.#model.lastLsn + 2)),
    'truncate all': () => this.#truncate(this.#model.lastLsn + 9),
    drop: () => this.#drop(this.#random.pick(GRAPHS)),
    jump: () => this.#jump(),
    meta: async () => {
      const [name, value] = [this.#random.pick(NAMES), this.#bytes()];
      await this.#writes('synced', this.#store.setMeta(name, value), () => this.#model.setMeta(name, value));
    },
    stage: async () => {
      const [key, state] = [this.#random.pick(KEYS), this.#bytes()];
      await this.#writes('unsynced', this.#store.stage(key, state), () => this.#model.stage(key, state));
    },
    'clear what is staged': async () => {
      if (this.#model.staged.length === 0) return;
      await this.#writes('unsynced', this.#store.clearStaged(), () => this.#model.clearStaged());
    },
    cut: async () => {
      if (this.#cuts.length < 3) this.#cuts.push({ cut: await this.#store.openCut(), at: this.#model.copy() });
    },
    release: async () => this.#cuts.shift()?.cut.release(),
    close: async () => {
      await this.#store.close();
      this.#clean = true;
      await this.#start();
    },
    kill: async () => {
      await this.#disk.kill();
      await this.#start();
    },
    crash: () => this.#crash(),
  };

  /** @returns what was done */
  async step(): Promise<string> {
    const name = this.#random.pick(Object.keys(this.#steps));
    await this.#steps[name]?.();
    return name;
  }

  /** Compares all that can be asked. */
  async expectSame(): Promise<void> {
    const [store, model] = [this.#store, this.#model];
    const { lastLsn, logBytes } = model;
    const held = model.partitions();
    const pairs: [found: unknown, right: unknown][] = [
      [store.status(), { durableLsn: lastLsn, lastLsn, logBytes, failed: false }],
      [await store.listGraphs(), [...new Set(held.map(({ graphKey }) => graphKey))]],
      [await store.listStaged(), model.staged.map(({ key }) => key)],
    ];
    for (const graphKey of GRAPHS) {
      const inGraph = held.filter((key) => key.graphKey === graphKey).map(({ partition }) => partition);
      const found = await store.locate(graphKey, EDGES);
      pairs.push(
        [await store.listPartitions(graphKey), inGraph],
        [
          found.map((partitions) => [...partitions].sort(compareText)),
          EDGES.map((edge) => model.locate(graphKey, edge)),
        ],
      );
    }
    for (const key of KEYS) pairs.push([await store.readPartition(key, WHOLE), model.readPartition(key)]);
    for (const origin of ORIGINS) {
      const some = this.#random.below((model.heads.get(origin)?.seq ?? 0) + 2);
      for (const [after, limit] of [
        [0, 1000],
        [some, this.#random.below(5)],
      ] as const) {
        pairs.push([await store.readCommits(origin, after, limit), model.readCommits(origin, after, limit)]);
      }
    }
    for (const name of NAMES) pairs.push([await store.getMeta(name), model.meta.get(name)]);
    for (const { key, state } of model.staged) pairs.push([await store.readStaged(key), state]);
    for (const { cut, at: past } of this.#cuts) {
      const heads = new Map([...past.heads].map(([origin, { seq }]) => [origin, seq]));
      pairs.push([
        [cut.lsn, cut.partitions, new Map(cut.streams)],
        [past.lastLsn, past.partitions(), heads],
      ]);
      for (const key of KEYS) pairs.push([await cut.readPartition(key, WHOLE), past.readPartition(key)]);
    }
    expect(pairs.map(([found]) => found)).toEqual(pairs.map(([, right]) => right));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #append(): Promise<void> {
    const seqs = new Map([...this.#model.heads].map(([origin, { seq }]) => [origin, seq]));
    const commits = Array.from({ length: 1 + this.#random.below(3) }, () => {
      const origin = this.#random.pick(ORIGINS);
      const seq = (seqs.get(origin) ?? 0) + 1;
      seqs.set(origin, seq);
      return this.#commit(origin, seq);
    });
    await this.#writes('unsynced', this.#store.appendAll(commits), () => this.#model.append(commits));
  }

  async #snapshot(key: PartitionKey, lsn: number): Promise<void> {
    // Once the log does not reach back to a drop any more, nobody knows of it.
    if (lsn <= this.#model.baseLsn && this.#model.drops.has(key.graphKey)) return;
    const view = this.#random.chance(0.5) ? this.#bytes() : undefined;
    const snapshot = { lsn, document: this.#bytes(), view };
    const edges = this.#random.some(EDGES, 0.3);
    await this.#writes('synced', this.#store.writeSnapshot(key, snapshot, edges), () =>
      this.#model.writeSnapshot(key, snapshot, edges),
    );
  }

  async #truncate(upTo: number): Promise<void> {
    const clean = this.#clean;
    const before = this.#model.baseLsn;
    await this.#writes('synced', this.#store.truncateLog(upTo), () => this.#model.truncateLog(upTo));
    // There may have been nothing to write.
    if (this.#model.baseLsn === before && clean !== false) this.#clean = undefined;
  }

  async #drop(graphKey: string): Promise<void> {
    await this.#writes('synced', this.#store.dropGraph(graphKey), () => this.#model.dropGraph(graphKey));
  }

  /** Some forward, some not. */
  async #jump(): Promise<void> {
    if (this.#model.baseLsn < this.#model.lastLsn) return;
    const positions = this.#random.some(ORIGINS).map((origin) => {
      const seq = 1 + this.#random.below((this.#model.heads.get(origin)?.seq ?? 0) + 3);
      return { origin, seq, clock: this.#random.below(1 << 20) };
    });
    await this.#writes('synced', this.#store.adoptStreams(positions), () => this.#model.adoptStreams(positions));
  }

  async #crash(): Promise<void> {
    if (this.#disk.crash === undefined) return;
    const keep = this.#random.below(this.#unsynced.length + 1);
    this.#disk.crash(keep);
    this.#model = this.#unsynced[keep] ?? this.#model;
    await this.#start();
  }

  async #start(): Promise<void> {
    this.#cuts = [];
    this.#unsynced = [];
    this.#isFirst = true;
    this.#store = await this.#disk.open();
    const { clean, streams, lastLsn, damaged } = this.#store.recovery;
    expect({ lastLsn, damaged }).toEqual({ lastLsn: this.#model.lastLsn, damaged: [] });
    expect(new Map(streams.map(({ origin, seq, clock }) => [origin, { seq, clock }]))).toEqual(this.#model.heads);
    if (this.#clean !== undefined) expect(clean).toBe(this.#clean);
    this.#clean = clean;
  }

  /** Both must return the same. */
  async #writes<T>(synced: 'synced' | 'unsynced', written: Promise<T>, inModel: () => T): Promise<void> {
    const before = this.#model.copy();
    const found = await written;
    expect(inModel()).toEqual(found);
    if (synced === 'synced' || this.#isFirst) this.#unsynced = [];
    else this.#unsynced.push(before);
    this.#isFirst = false;
    this.#clean = false;
  }

  #commit(origin: ReplicaId, seq: number): Commit {
    const random = this.#random;
    const parts = random.some(KEYS, 0.25).map((key) => ({ ...key, update: this.#bytes() }));
    const locators = random
      .some(KEYS, 0.1)
      .map(({ graphKey, partition }) => ({ graphKey, edge: random.pick(EDGES), partition }));
    const after = random.some(ORIGINS, 0.3).map((other) => [other, random.below(2 ** 31) * 64] as const);
    return { origin, seq, clock: random.below(2 ** 31) * 2 ** random.below(22), parts, locators, after };
  }

  #bytes(): Uint8Array {
    return bytes('x'.repeat(this.#random.below(4)) + this.#random.uint32());
  }
}

async function expectSameThroughout(disk: Disk, seed: number, steps: number): Promise<void> {
  const pair = await Pair.over(disk, seed);
  const done: string[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      done.push(await pair.step());
      await pair.expectSame();
    }
  } catch (error) {
    throw new Error(`seed ${seed}, after ${done.slice(-8).join(', ')}`, { cause: error });
  }
  await pair.close();
}

test.each([1, 2])('memory store: anything in any order, seed %i -> as the model', async (seed) => {
  const disk = new MemoryDisk();
  await expectSameThroughout(
    {
      open: () => openMemoryStore({ disk, durability: 'buffered' }),
      kill: async () => disk.kill(),
      crash: (keep) => disk.crash({ keep }),
    },
    seed,
    120,
  );
});

test.each([3])('level store: anything in any order, seed %i -> as the model', async (seed) => {
  const harness = await LevelHarness.make();
  try {
    const disk = { open: () => harness.open({ durability: 'buffered' }), kill: () => harness.kill() };
    await expectSameThroughout(disk, seed, 50);
  } finally {
    await harness.dispose();
  }
});
