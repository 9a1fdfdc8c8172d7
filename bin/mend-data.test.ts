/**
 * Tables of LevelDB damaged at random under a server that runs alone. It must start all the same, and write and compact; what
 * it then serves is compared with what was written: each partition whole, or refused by its name.
 * A failure names its seed; `WEFT_SEED=n npx vitest run bin/mend-data` replays that round alone.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { GraphName, NodeId, PartitionId, ReplicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import { openEngine } from '../src/engine.ts';
import { stillEnv } from '../storage/level-harness.ts';
import { A, at, B, bytes, G } from '../storage/store.conformance.ts';
import type { Commit, PartitionKey, Store } from '../storage/store.ts';
import {
  checkedBytes,
  readBlock,
  readEntries,
  readFooter,
  readIndex,
  readRecords,
  userKey,
} from '../storage/tables/table-file.ts';
import { buildEnv } from './env.ts';
import { openData } from './open-data.ts';

const { WEFT_SEED, WEFT_ROUNDS } = process.env;
const FIRST_SEED = Number(WEFT_SEED ?? 1);
/** More of them by `WEFT_ROUNDS`, from the seed on. */
const ROUNDS = Number(WEFT_ROUNDS ?? (WEFT_SEED === undefined ? 9 : 1));
const SEEDS = Array.from({ length: ROUNDS }, (_, round) => FIRST_SEED + round);

const COMMITS = 400;
const PARTITIONS = 12;
const SNAPSHOT_AT = 150;
/** Of these the snapshot is all there is up to `SNAPSHOT_AT`. */
const SNAPSHOTTED = ['p0', 'p1'];

const originOf = (lsn: number): ReplicaId => (lsn % 3 === 0 ? B : A);
const seqOf = (lsn: number): number => (lsn % 3 === 0 ? lsn / 3 : lsn - Math.floor(lsn / 3));
const partitionsOf = (lsn: number): string[] => [`p${lsn % PARTITIONS}`, `p${(lsn * 7 + 1) % PARTITIONS}`];
/** Text that packs a little, of a few hundred bytes as a rule. */
function textOf(lsn: number, partition: string): string {
  const random = new SeededRandom(lsn);
  const words = Array.from({ length: 1 + ((lsn * 41) % 53) }, () => random.uint32().toString(36));
  return `${lsn} in ${partition}: ${words.join(' ')}`;
}
function updateOf(lsn: number, partition: string): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = lsn;
  doc.getArray('log').push([textOf(lsn, partition)]);
  return Y.encodeStateAsUpdate(doc);
}
const lsnsOf = (partition: string, lastLsn: number): number[] =>
  Array.from({ length: lastLsn }, (_, i) => i + 1).filter((lsn) => partitionsOf(lsn).includes(partition));
function textsIn(updates: readonly Uint8Array[]): unknown[] {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc.getArray('log').toArray().sort();
}
const edgeOf = (lsn: number): string => `edge ${lsn}`;

function commit(lsn: number): Commit {
  const parts = partitionsOf(lsn).map((partition) => ({ ...at(partition), update: updateOf(lsn, partition) }));
  const [first = ''] = partitionsOf(lsn);
  const locators = [{ graphKey: G, edge: edgeOf(lsn), partition: first as PartitionId }];
  return { origin: originOf(lsn), seq: seqOf(lsn), clock: lsn, parts, locators, after: [] };
}

const documentOf = (partition: string): Uint8Array =>
  Y.mergeUpdates(lsnsOf(partition, SNAPSHOT_AT).map((lsn) => updateOf(lsn, partition)));

let root: string;
let folders = 0;
let template: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-mend-'));
  template = join(root, 'template');
  for (let lsn = 1; lsn <= COMMITS; ) {
    const store = await open(template);
    for (let more = 100; more > 0; more--) await store.append(commit(lsn++));
    await store.setMeta('promise', bytes(`ballot ${lsn}`));
    if (lsn === 201) {
      for (const partition of SNAPSHOTTED) {
        await store.writeSnapshot(at(partition), {
          lsn: SNAPSHOT_AT,
          document: documentOf(partition),
          view: bytes('view'),
        });
      }
    }
    await store.close();
    if (lsn === 301) await compact(template);
  }
  await compact(template);
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const open = (directory: string, hasPeers = false): Promise<Store> =>
  openData({ directory, durability: 'disk', env: stillEnv, hasPeers }, async (store) => store);

/** What LevelDB does in the background sooner or later. */
async function compact(directory: string): Promise<void> {
  const db = new Level<string, Buffer>(join(directory, 'level'), { keyEncoding: 'utf8', valueEncoding: 'buffer' });
  await db.open();
  await (db as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange('', '~~');
  await db.close();
}

interface Damaged {
  readonly directory: string;
  readonly what: string;
}

/** A copy of the template in which a file differs. */
async function damaged(random: SeededRandom, harm: (file: Buffer) => string): Promise<Damaged> {
  const directory = join(root, `data-${folders++}`);
  await cp(template, directory, { recursive: true });
  const names = (await readdir(join(directory, 'level'))).filter((name) => name.endsWith('.ldb')).sort();
  const path = join(directory, 'level', random.pick(names));
  const file = await readFile(path);
  const what = harm(file);
  await writeFile(path, file);
  return { directory, what };
}

const flip = (random: SeededRandom, count: number) => (file: Buffer) => {
  const places = Array.from({ length: count }, () => random.below(file.length));
  for (const place of places) file[place] = (file[place] as number) ^ (1 << random.below(8));
  return `bits at ${places.join(', ')} of ${file.length} flipped`;
};

const wipe = (random: SeededRandom) => (file: Buffer) => {
  const place = random.below(Math.ceil(file.length / 512)) * 512;
  file.fill(random.below(256), place, Math.min(place + 512, file.length));
  return `512 bytes at ${place} of ${file.length} overwritten`;
};

/** What the store says about a partition: whole as written, or the error. */
type Answer = 'whole' | 'refused';

async function answerOf(store: Store, partition: string, lastLsn: number): Promise<Answer> {
  const key = at(partition);
  const found = await store.readPartition(key, { document: true }).catch((error: unknown) => refusal(error, key));
  if (found === 'refused') return found;
  const updates = found.tail.map(({ update }) => update);
  if (found.snapshot !== undefined) updates.push(found.snapshot.document);
  expect(textsIn(updates)).toEqual(
    lsnsOf(partition, lastLsn)
      .map((lsn) => textOf(lsn, partition))
      .sort(),
  );
  return 'whole';
}

function refusal(error: unknown, key: PartitionKey): 'refused' {
  expect(error).toBeInstanceOf(WeftError);
  expect(error).toMatchObject({ code: 'partition-recovering', context: key });
  return 'refused';
}

const ALL = Array.from({ length: PARTITIONS }, (_, i) => `p${i}`);

interface Outcome {
  readonly refused: readonly string[];
  readonly refusedEdges: number;
}

/** Compares everything with what was written. */
async function survey(store: Store, lastLsn: number): Promise<Outcome> {
  expect(store.recovery.lastLsn).toBe(lastLsn);
  expect(await store.getMeta('promise')).toEqual(bytes(`ballot ${COMMITS + 1}`));
  const refused: string[] = [];
  for (const partition of ALL) if ((await answerOf(store, partition, lastLsn)) === 'refused') refused.push(partition);
  let refusedEdges = 0;
  const lsns = Array.from({ length: lastLsn }, (_, i) => i + 1);
  const all = await store.locate(G, lsns.map(edgeOf)).catch(() => undefined);
  expect(all ?? []).toEqual(all === undefined ? [] : lsns.map((lsn) => partitionsOf(lsn).slice(0, 1)));
  for (const lsn of all === undefined ? lsns : []) {
    const edge = edgeOf(lsn);
    const found = await store.locate(G, [edge]).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'partition-recovering', context: { graphKey: G, edge } });
      return undefined;
    });
    if (found === undefined) refusedEdges++;
    else expect(found).toEqual([partitionsOf(lsn).slice(0, 1)]);
  }
  for (const origin of [A, B]) {
    const commits = await store.readCommits(origin, 0, COMMITS * 2).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'partition-recovering' });
      // What a snapshot covers is missing in the log only.
      expect([...refused, ...SNAPSHOTTED]).toContain((error as WeftError).context.partition);
      return [];
    });
    const end = lsns.filter((lsn) => originOf(lsn) === origin).length;
    expect(store.recovery.streams.find((stream) => stream.origin === origin)?.seq).toBe(end);
    expect(commits.map(({ seq }) => seq)).toEqual(Array.from(commits, (_, i) => end - commits.length + 1 + i));
    for (const { lsn, seq, parts } of commits) {
      expect([origin, seq]).toEqual([originOf(lsn), seqOf(lsn)]);
      expect(parts).toEqual(commit(lsn).parts);
    }
  }
  return { refused, refusedEdges };
}

/** Starts alone over the damage, writes to every partition, lets LevelDB compact all of it, and starts again. */
async function outcomeOf(directory: string): Promise<Outcome> {
  const store = await open(directory);
  const before = await survey(store, COMMITS);
  for (let lsn = COMMITS + 1; lsn <= COMMITS + PARTITIONS; lsn++) await store.append(commit(lsn));
  await store.close();
  await compact(directory);
  const again = await open(directory);
  const after = await survey(again, COMMITS + PARTITIONS);
  await again.close();
  expect(after.refused).toEqual(before.refused);
  await rm(directory, { recursive: true });
  return after;
}

/** How the last server stopped: also killed, or because LevelDB refused to write. */
const STOPS = ['clean', 'in-use', 'found-damaged'];

async function outcomeAfter({ directory, what }: Damaged, seed: number): Promise<Outcome> {
  const stop = STOPS[seed % STOPS.length] as string;
  if (stop !== 'clean') await writeFile(join(directory, stop), '');
  return outcomeOf(directory).catch((error: unknown) => {
    throw new Error(`WEFT_SEED=${seed}: ${what}, ${stop}: ${String(error)}`, { cause: error });
  });
}

describe('tables damaged at random, a server alone', () => {
  test.each(SEEDS)(
    'one bit flipped anywhere, seed %i -> nothing is lost, or a snapshot only that was not looked at',
    async (seed) => {
      const random = new SeededRandom(seed);
      const { refused, refusedEdges } = await outcomeAfter(await damaged(random, flip(random, 1)), seed);
      expect(refusedEdges, `WEFT_SEED=${seed}`).toBe(0);
      // After a clean stop snapshots are only looked at when they are read, and LevelDB may have compacted them by then.
      if (seed % STOPS.length > 0) expect(refused, `WEFT_SEED=${seed}`).toEqual([]);
      else expect(SNAPSHOTTED, `WEFT_SEED=${seed}`).toEqual(expect.arrayContaining([...refused]));
    },
  );

  test.each(SEEDS)(
    'eight bits, or 512 bytes, seed %i -> partitions whole or refused by name, or data-corrupt',
    async (seed) => {
      const random = new SeededRandom(seed + 1000);
      const harm = await damaged(random, random.chance(0.5) ? flip(random, 8) : wipe(random));
      const { refused } = await outcomeAfter(harm, seed).catch((error: Error) => {
        // Rare: several blocks, or the index, at once.
        expect(error.cause).toMatchObject({ code: 'data-corrupt' });
        return { refused: [] };
      });
      expect(refused.length, `WEFT_SEED=${seed}: ${harm.what}`).toBeLessThan(PARTITIONS / 2);
    },
  );
});

/** Destroys a block of those that hold keys of this prefix only. */
function destroyBlock(prefix: string, place = 0.5): (file: Buffer) => string {
  return (file) => {
    const footer = present(readFooter(file), 'the table is whole');
    const index = readIndex(present(readBlock(checkedBytes(file, footer.index)), 'it is whole'), file) ?? [];
    const held = index.filter(({ handle }) => {
      const block = readBlock(checkedBytes(file, handle));
      return block !== undefined && readEntries(block)?.every(({ key }) => key.toString('utf8').startsWith(prefix));
    });
    const { handle } = present(held[Math.round((held.length - 1) * place)], `there is a block of ${prefix}`);
    file.fill(0xa5, handle.offset, handle.offset + handle.size);
    return `a block of ${prefix} destroyed`;
  };
}

describe('a block destroyed, a server alone', () => {
  const destroyed = async (prefix: string, seed = 0, place = 0.5): Promise<Outcome> =>
    outcomeAfter(await damaged(new SeededRandom(seed), destroyBlock(prefix, place)), seed);

  test.each([0, 1, 2])('rows of partitions, stop %i -> these partitions', async (stop) => {
    const { refused, refusedEdges } = await destroyed('t/', stop);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(3);
    expect(refusedEdges).toBe(0);
  });

  test.each([0, 1, 2])('locators, stop %i -> look-ups of these edges only, for good', async (stop) => {
    const { refused, refusedEdges } = await destroyed('l/', stop);
    expect(refused).toEqual([]);
    expect(refusedEdges).toBeGreaterThan(0);
    expect(refusedEdges).toBeLessThan(COMMITS / 2);
  });

  test.each([0, 0.2, 0.4, 0.6, 0.65, 0.7, 0.8, 1])(
    'records of commits at %d -> all partitions whole',
    async (place) => {
      expect(await destroyed('c/', Math.round(place * 10), place)).toEqual({ refused: [], refusedEdges: 0 });
    },
  );

  test.each([0.1, 0.5, 0.9])(
    'records of commits, and rows at %d -> whole, refused by name, or data-corrupt',
    async (place) => {
      const { directory } = await damaged(new SeededRandom(1), (file) => {
        const rows = destroyBlock('t/', place)(file);
        return rows + destroyBlock('c/')(file);
      });
      await writeFile(join(directory, 'in-use'), '');
      const outcome = await outcomeOf(directory).catch((error: unknown) => {
        if (error instanceof WeftError) return error.code;
        throw error;
      });
      if (outcome !== 'data-corrupt') expect((outcome as Outcome).refused).toHaveLength(1);
    },
  );

  test.each([1, 2])('body of a snapshot, stop %i -> its partition', async (stop) => {
    const { refused, refusedEdges } = await destroyed('s/', stop);
    expect(refusedEdges).toBe(0);
    expect(refused.length).toBeGreaterThan(0);
    expect(SNAPSHOTTED).toEqual(expect.arrayContaining([...refused]));
  });
});

describe('a block destroyed, a server with peers', () => {
  async function opened(prefix: string): Promise<{ readonly store: Store; readonly names: string[] }> {
    const { directory } = await damaged(new SeededRandom(1), destroyBlock(prefix));
    await writeFile(join(directory, 'in-use'), '');
    const store = await open(directory, true);
    return { store, names: await readdir(directory) };
  }

  test('rows of partitions -> it goes on, and others heal them', async () => {
    const { store } = await opened('t/');
    expect(store.recovery.lastLsn).toBe(COMMITS);
    expect(store.recovery.damaged.length).toBeGreaterThan(0);
    await store.close();
  });

  test.each(['c/', 'l/'])('%s, which others cannot heal -> begun anew', async (prefix) => {
    const { store, names } = await opened(prefix);
    expect(store.recovery.lastLsn).toBe(0);
    expect(names.filter((name) => name.startsWith('damaged-'))).toHaveLength(1);
    await store.close();
  });
});

/** One bit of a block, so that its rows are whole and its keys in a wrong order. */
function disorder(file: Buffer): string {
  const footer = present(readFooter(file), 'the table is whole');
  const index = readIndex(present(readBlock(checkedBytes(file, footer.index)), 'it is whole'), file) ?? [];
  const block = checkedBytes(file, present(index[index.length >> 1], 'there are some').handle);
  for (let bit = 0; bit < block.length * 8; bit++) {
    block[bit >> 3] = (block[bit >> 3] as number) ^ (1 << (bit & 7));
    const content = readBlock(block);
    const keys = (content && readRecords(content))?.map(({ key }) => userKey(key)) ?? [];
    const isDisorder = keys.some((key, at) => Buffer.compare(keys[at - 1] ?? key, key) > 0);
    if (isDisorder && keys.every((key) => key.length > 2)) return `bit ${bit} of a block flipped`;
    block[bit >> 3] = (block[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  throw new Error('no bit makes a disorder');
}

test('the end of a table destroyed, with its index, a server alone -> data-corrupt, and the table is left as it is', async () => {
  const { directory } = await damaged(new SeededRandom(1), (file) => {
    file.fill(0xa5, file.length - 512);
    return 'the end destroyed';
  });
  for (const stop of ['clean', 'in-use']) {
    if (stop !== 'clean') await writeFile(join(directory, stop), '');
    await expect(open(directory)).rejects.toMatchObject({ code: 'data-corrupt' });
  }
  expect(await readdir(directory)).not.toContain('tables-before-mending');
});

/** In a process of its own. */
const COMPACTING = `
  const { ClassicLevel } = require('classic-level');
  const db = new ClassicLevel(process.argv[1]);
  const around = [{ type: 'put', key: '"', value: '' }, { type: 'put', key: '~~', value: '' }];
  db.open().then(() => db.batch(around)).then(() => db.compactRange('', '~~')).then(() => db.close());`;

test('LevelDB ends the process with every start -> the next start of the server mends that', async () => {
  const { directory } = await damaged(new SeededRandom(1), disorder);
  const compacting = () => spawnSync(process.execPath, ['-e', COMPACTING, join(directory, 'level')]);
  for (let start = 0; start < 2; start++) {
    const { signal, stderr } = compacting();
    expect([signal, String(stderr)]).toEqual(['SIGABRT', expect.stringContaining('Assertion')]);
  }
  await writeFile(join(directory, 'in-use'), '');
  expect(await outcomeOf(directory)).toEqual({ refused: [], refusedEdges: 0 });
});

/** Of the engine, the catalog of graphs included, with real patches in its partitions. */
describe('an engine over damaged tables, alone', () => {
  const begin = (store: Store) =>
    openEngine({ env: buildEnv('error'), store, name: 'alone', memoryBudgetBytes: 64 * 1024 * 1024 });
  const started = (directory: string) =>
    openData({ directory, durability: 'disk', env: buildEnv('error'), hasPeers: false }, begin);
  const DEFAULT = 'default' as GraphName;
  const node = (at: number): Operation =>
    ({ op: 'createNode', id: `n${at}`, labels: ['N'], properties: { at } }) as unknown as Operation;

  test.each(['c/', 't/'])(
    'a block of %s destroyed -> all nodes of partitions that are not refused, and writes',
    async (prefix) => {
      const directory = join(root, `data-${folders++}`);
      const engine = await started(directory);
      const graph = engine.graph(DEFAULT);
      for (let at = 0; at < 400; at++) await graph.write([node(at)]);
      await engine.close();
      await compact(directory);
      const [name = ''] = (await readdir(join(directory, 'level'))).filter((file) => file.endsWith('.ldb'));
      const path = join(directory, 'level', name);
      const file = await readFile(path);
      destroyBlock(prefix)(file);
      await writeFile(path, file);
      const again = await started(directory);
      let refused = 0;
      for (let at = 0; at < 400; at++) {
        const id = `n${at}` as NodeId;
        const found = await again
          .graph(DEFAULT)
          .node(id)
          .catch((error: WeftError) => error.code);
        if (found === 'partition-recovering') refused++;
        else expect(found).toMatchObject({ element: { id } });
      }
      if (prefix === 'c/') expect(refused).toBe(0);
      else expect(refused).toBeLessThan(200);
      const written = await Promise.allSettled(
        Array.from({ length: 40 }, (_, i) => again.graph(DEFAULT).write([node(1000 + i)])),
      );
      expect(written.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(20);
      await again.close();
    },
  );
});
