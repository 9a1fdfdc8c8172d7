/** Cutting a log of which records are lost, over databases that are put together row by row. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReplicaId } from '../base/ids.ts';
import { cutLog } from './cut-log.ts';
import { CLEAN, commitKey, documentKey, dropName, snapshotName, viewKey } from './keys.ts';
import type { Database } from './level-database.ts';
import { type RawLevel, stillEnv } from './level-harness.ts';
import { a, BATCH, b, baseOf, type Content, head, type Logged, putLog, rowOf, updateOf } from './log-harness.ts';
import { LostKeys } from './lost-keys.ts';
import { encodeDrop, encodeSnapshotHeader, NO_HASH, updateChecksum } from './records.ts';
import { recover } from './recovery.ts';
import { A, at, B, G, text } from './store.conformance.ts';

let directory: string;
let db: RawLevel;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-cut-'));
  db = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'buffer' });
  await db.open();
});
afterEach(async () => {
  await db.close();
  await rm(directory, { recursive: true, force: true });
});

const joined = (updates: readonly Uint8Array[]): Buffer => Buffer.from(updates.map(text).join('\n'));
const updatesOf = (partition: string, commits: readonly Logged[]): Buffer =>
  joined(
    commits.filter(({ partitions }) => partitions?.includes(partition)).map((commit) => updateOf(commit, partition)),
  );
const lostKeys = (...keys: string[]): LostKeys =>
  new LostKeys(keys.map((key) => ({ from: Buffer.from(key), to: Buffer.from(key) })));

/** Puts all there, takes the records of `lost` away, and cuts. */
async function cutWithout(
  lost: readonly Logged[],
  content: Content,
  options: Partial<Parameters<typeof cutLog>[0]> = {},
): Promise<Awaited<ReturnType<typeof cutLog>>> {
  await putLog(db, content);
  for (const { origin, seq } of lost) await db.del(commitKey(origin, seq));
  return cutLog({
    db: db as Database,
    mark: undefined,
    lost: new LostKeys(),
    env: stillEnv,
    merge: joined,
    ...options,
  });
}

async function recovered() {
  const found = await recover(db as Database, undefined, stillEnv);
  const streams = new Map(found?.recovery.streams.map(({ origin, seq, clock }) => [origin, [seq, clock]]));
  const headers = ['0', '1'].map((partition) => found?.index.find(at(partition))?.header);
  return { ...found?.recovery, base: found?.index.base, streams, headers };
}

const headerOf = (lsn: number, document: Uint8Array, view?: Uint8Array) => {
  const about = (bytes: Uint8Array) => ({ length: bytes.length, crc: updateChecksum(bytes) });
  return { lsn, document: about(document), view: view && about(view) };
};

describe('where the log goes on', () => {
  const log = [a(1, 1, '0'), b(1, 2, '0', '1'), a(2, 3, '1'), b(2, 4, '0'), a(3, 5, '0'), b(3, 6, '1')];
  const all = new Map([
    [A, [3, 30]],
    [B, [3, 30]],
  ]);

  test('nothing is lost -> nothing is done', async () => {
    expect(await cutWithout([], { commits: log })).toBeUndefined();
    expect(await recovered()).toMatchObject({ base: { lsn: 0 }, headers: [undefined, undefined] });
  });

  test('there is no store -> nothing is done', async () => {
    const options = { mark: undefined, lost: new LostKeys(), env: stillEnv, merge: joined };
    expect(await cutLog({ db: db as Database, ...options })).toBeUndefined();
  });

  test('two records are lost -> behind the later one, with what partitions hold up to there as snapshots', async () => {
    const [, first, , second] = log as [Logged, Logged, Logged, Logged];
    const cut = await cutWithout([first, second], { commits: log, states: { [CLEAN]: Buffer.alloc(0) } });
    expect(cut).toEqual({ lsn: 4, lostCommits: 2, damaged: [] });
    const found = await recovered();
    expect(found).toMatchObject({ clean: false, lastLsn: 6, damaged: [], base: { lsn: 4 } });
    expect(found.streams).toEqual(all);
    const documents = ['0', '1'].map((partition) => updatesOf(partition, log.slice(0, 4)));
    expect(found.headers).toEqual(documents.map((document) => headerOf(4, document)));
    expect(await db.getMany(['0', '1'].map((partition) => documentKey(at(partition))))).toEqual(documents);
    const left = [...(await db.keys({ gte: 'c/', lt: 'd' }).all()), ...(await db.keys({ gte: 't/', lt: 'u' }).all())];
    expect(left).toEqual([commitKey(A, 3), commitKey(B, 3), rowOf('0', 5), rowOf('1', 6)]);
  });

  test('all of a stream is before the cut -> it ends with its last commit', async () => {
    expect(
      await cutWithout([a(1, 1), b(2, 4)], { commits: log.slice(0, 4) }, { lost: lostKeys(commitKey(B, 2)) }),
    ).toMatchObject({ lsn: 4, lostCommits: 2 });
    expect((await recovered()).streams).toEqual(
      new Map([
        [A, [2, 20]],
        [B, [2, 10]],
      ]),
    );
  });

  test('the end of one stream is lost, one of them damaged where it lies -> it counts as long as it was', async () => {
    await putLog(db, { commits: log });
    await db.put(commitKey(A, 2), Buffer.from('damaged'));
    await db.del(commitKey(A, 3));
    const options = { mark: undefined, lost: new LostKeys(), env: stillEnv, merge: joined };
    expect(await cutLog({ db: db as Database, ...options })).toMatchObject({ lsn: 5, lostCommits: 2 });
    expect((await recovered()).streams).toEqual(
      new Map([
        [A, [3, 10]],
        [B, [3, 30]],
      ]),
    );
  });

  test.each([
    ['nothing is noted', lostKeys()],
    ['both are noted', lostKeys(commitKey(A, 3), commitKey(B, 3))],
    ['another is noted', lostKeys(commitKey(9 as ReplicaId, 1))],
  ])('the ends of both streams are lost, and %s -> data-corrupt', async (_name, lost) => {
    const cut = cutWithout(log.slice(4), { commits: log }, { lost });
    const message = expect.stringContaining('of 2 commits nothing tells to which stream they belong');
    await expect(cut).rejects.toMatchObject({ code: 'data-corrupt', message });
  });

  test('there was a base, and records from before it are back -> only what was behind it counts', async () => {
    const commits = [a(1, 1), a(2, 2), { ...a(3, 3, '0'), previous: head(2).hash }, a(4, 4, '0'), a(5, 5, '0')];
    const states = baseOf(2, [
      [A, 2],
      [B, 4],
    ]);
    expect(await cutWithout([a(4, 4)], { commits, states })).toEqual({ lsn: 4, lostCommits: 1, damaged: [] });
    expect((await recovered()).streams).toEqual(
      new Map([
        [A, [5, 50]],
        [B, [4, 5]],
      ]),
    );
  });

  test('the mark is of a later batch -> data-corrupt, as without cutting', async () => {
    const cut = cutWithout([a(1, 1)], { commits: log }, { mark: { batch: BATCH + 1, lsn: 7 } });
    await expect(cut).rejects.toMatchObject({ code: 'data-corrupt', context: { expectedLsn: 7 } });
  });
});

describe('records of another history', () => {
  test.each<[string, Content, ReplicaId, number]>([
    ['one that does not follow', { commits: [a(1, 1), { ...a(2, 2), previous: NO_HASH }], lastLsn: 3 }, A, 2],
    ['one that goes back', { commits: [a(1, 2), a(2, 1)], lastLsn: 3 }, A, 2],
    ['one at the position of the one before it', { commits: [a(1, 1), a(2, 1)], lastLsn: 3 }, A, 2],
    ['one at the position of another stream', { commits: [a(1, 1), b(1, 1)], lastLsn: 3 }, B, 1],
    [
      'one at the position of another stream, behind a base',
      { commits: [{ ...a(2, 3), previous: head(1).hash }, b(1, 3)], lastLsn: 5, states: baseOf(2, [[A, 1]]) },
      B,
      1,
    ],
    ['one beyond the seal', { commits: [a(1, 1), b(1, 4)], lastLsn: 3 }, B, 1],
    [
      'one before the base',
      { commits: [{ ...a(2, 2), previous: head(1).hash }], lastLsn: 4, states: baseOf(2, [[A, 1]]) },
      A,
      2,
    ],
  ])('%s -> data-corrupt, nothing is cut', async (_name, content, origin, seq) => {
    await expect(cutWithout([], content)).rejects.toMatchObject({
      code: 'data-corrupt',
      message: expect.stringContaining(`commit ${seq} of origin ${origin} is of another history`),
      context: { origin, seq },
    });
    expect(await db.get(snapshotName(at('0')))).toBeUndefined();
  });

  test('what a lost one leaves open -> taken as it is', async () => {
    const commits = [a(1, 1, '0'), a(2, 2, '0'), { ...a(3, 3, '0'), previous: head(9).hash }];
    expect(await cutWithout([a(2, 2)], { commits })).toEqual({ lsn: 2, lostCommits: 1, damaged: [] });
  });
});

describe('what becomes of a partition', () => {
  const log = [a(1, 1, '0', '1'), a(2, 2, '0'), a(3, 3, '0', '1'), a(4, 4, '0')];
  const lost = [a(3, 3)];
  const [document, view] = [Buffer.from('document'), Buffer.from('view')];

  /** With a snapshot of partition 0. */
  async function cutOver(lsn: number, body: Buffer | undefined, options: Partial<Parameters<typeof cutLog>[0]> = {}) {
    if (body !== undefined) await db.put(documentKey(at('0')), body);
    await db.put(viewKey(at('0')), view);
    const states = { [snapshotName(at('0'))]: encodeSnapshotHeader(headerOf(lsn, document, view)) };
    return cutWithout(lost, { commits: log, states }, options);
  }

  test('it has a snapshot -> what comes after it is merged into it, and its view is gone', async () => {
    expect(await cutOver(1, document)).toMatchObject({ damaged: [] });
    const whole = joined([document, updateOf(a(2, 2), '0'), updateOf(a(3, 3), '0')]);
    expect((await recovered()).headers[0]).toEqual(headerOf(3, whole));
    expect(await db.getMany([documentKey(at('0')), viewKey(at('0'))])).toEqual([whole, undefined]);
  });

  test.each([3, 4])('its snapshot covers commit %i, which is the cut or behind it -> left as it is', async (lsn) => {
    expect(await cutOver(lsn, document)).toMatchObject({ damaged: [] });
    expect((await recovered()).headers[0]).toEqual(headerOf(lsn, document, view));
    expect(await db.getMany([documentKey(at('0')), viewKey(at('0'))])).toEqual([document, view]);
  });

  test.each([
    ['is not there', undefined],
    ['is another one', Buffer.from('Document')],
  ])('the body of its snapshot %s -> damaged, and no snapshot passes for its own', async (_name, body) => {
    expect((await cutOver(1, body))?.damaged).toMatchObject([at('0')]);
    const found = headerOf(3, document).document;
    expect((await recovered()).headers[0]).toEqual({
      lsn: 3,
      document: { ...found, crc: ~found.crc >>> 0 },
      view: undefined,
    });
    expect(await db.get(rowOf('0', 2))).toBeDefined();
  });

  test('its updates cannot be merged -> damaged', async () => {
    const merge = (updates: readonly Uint8Array[]) => (updates.length > 2 ? undefined : joined(updates));
    expect((await cutWithout(lost, { commits: log }, { merge }))?.damaged).toMatchObject([at('0')]);
    const unfulfilled = { lsn: 3, document: { length: 1, crc: 0xffff_ffff }, view: undefined };
    expect((await recovered()).headers).toEqual([unfulfilled, headerOf(3, updatesOf('1', log.slice(0, 3)))]);
  });

  test.each([
    ['the first', rowOf('0', 1), '0'],
    ['one in the middle', rowOf('0', 2), '0'],
    ['the last, which one behind the cut misses', rowOf('0', 3), '0'],
  ])('%s of its rows is gone -> damaged', async (_name, key, partition) => {
    await putLog(db, { commits: log });
    await db.del(commitKey(A, 3));
    await db.del(key);
    const options = { mark: undefined, lost: new LostKeys(), env: stillEnv, merge: joined };
    expect((await cutLog({ db: db as Database, ...options }))?.damaged).toMatchObject([at(partition)]);
  });

  test('one of its rows is garbled -> damaged', async () => {
    await putLog(db, { commits: log });
    await db.del(commitKey(A, 3));
    await db.put(rowOf('0', 2), Buffer.alloc(30));
    const options = { mark: undefined, lost: new LostKeys(), env: stillEnv, merge: joined };
    expect((await cutLog({ db: db as Database, ...options }))?.damaged).toMatchObject([at('0')]);
  });

  /** Partition 1 is in commits 1, 2 and 4. */
  const others = [a(1, 1, '0', '1'), a(2, 2, '0', '1'), a(3, 3, '0'), a(4, 4, '1')];
  const before = { [snapshotName(at('1'))]: encodeSnapshotHeader(headerOf(1, document, view)) };
  test.each<[string, readonly number[], Readonly<Record<string, Buffer>>, readonly string[], boolean]>([
    ['the last before the cut, which a commit names', [2, 4], {}, [], true],
    ['the last before the cut, which a row behind it misses', [2], {}, [], true],
    ['all, which commits name', [1, 2, 4], {}, [], true],
    ['one behind the cut, which is no business of it', [4], {}, [], false],
    ['none, but one may have been lost with a table', [4], {}, [rowOf('1', 3)], true],
    ['none, and what may be lost is of another partition', [4], {}, [rowOf('0', 4)], false],
    ['those of which a snapshot has some', [1, 2, 4], before, [], true],
    [
      'those that went with its graph',
      [1, 2, 4],
      { [dropName(G)]: encodeDrop({ lsn: 2, done: true }) },
      [rowOf('1', 2)],
      false,
    ],
  ])('of its rows is gone: %s', async (_name, gone, states, noted, isDamaged) => {
    await db.put(documentKey(at('1')), document);
    await putLog(db, { commits: others, states });
    await db.del(commitKey(A, 3));
    for (const lsn of gone) await db.del(rowOf('1', lsn));
    const options = { mark: undefined, lost: lostKeys(...noted), env: stillEnv, merge: joined };
    const cut = await cutLog({ db: db as Database, ...options });
    expect(cut?.damaged.some(({ partition }) => partition === '1')).toBe(isDamaged);
  });

  test.each([
    ['left as it is', []],
    ['damaged, if something may have been there', [rowOf('1', 2)]],
  ])('it has a snapshot, and nothing of it lies between that and the cut -> %s', async (_name, noted) => {
    const commits = [a(1, 1, '1'), a(2, 2, '0'), a(3, 3, '0'), a(4, 4, '1')];
    await db.put(documentKey(at('1')), document);
    // Rows behind the cut would miss one that was lost.
    await putLog(db, { commits: noted.length === 0 ? commits : commits.slice(0, 3), states: before });
    await db.del(commitKey(A, 3));
    const options = { mark: undefined, lost: lostKeys(...noted, commitKey(A, 3)), env: stillEnv, merge: joined };
    const cut = await cutLog({ db: db as Database, ...options });
    expect(cut?.damaged.map(({ partition }) => partition)).toEqual(noted.length === 0 ? [] : ['1']);
    if (noted.length === 0) expect((await recovered()).headers[1]).toEqual(headerOf(1, document, view));
  });

  test.each([
    [2, ['0', '1']],
    [3, []],
  ])('its graph was dropped at commit %i -> a snapshot of what came later, and of nothing else', async (lsn, kept) => {
    const states = { [dropName(G)]: encodeDrop({ lsn, done: true }) };
    expect(await cutWithout(lost, { commits: log, states })).toMatchObject({ lsn: 3, damaged: [] });
    const right = kept.map((partition) => headerOf(3, updatesOf(partition, log.slice(2, 3))));
    expect((await recovered()).headers.filter((header) => header !== undefined)).toEqual(right);
  });

  test('only the lost commit had a part of it -> its rows tell that it is there', async () => {
    const commits = [a(1, 1, '0'), a(2, 2, '0'), a(3, 3, '0', '1'), a(4, 4, '0')];
    expect(await cutWithout(lost, { commits })).toEqual({ lsn: 3, lostCommits: 1, damaged: [] });
    const right = ['0', '1'].map((partition) => headerOf(3, updatesOf(partition, commits.slice(0, 3))));
    expect((await recovered()).headers).toEqual(right);
  });

  test('rows of a partition are lost that nobody may name any more -> data-corrupt', async () => {
    const unknown = lostKeys(rowOf('2', 3));
    const cut = cutWithout(lost, { commits: log }, { lost: unknown });
    const message = expect.stringContaining(
      'records of commits are lost, and rows of partitions which nobody names then',
    );
    await expect(cut).rejects.toMatchObject({ code: 'data-corrupt', message });
    const across = new LostKeys([{ from: Buffer.from(rowOf('1', 3)), to: Buffer.from(rowOf('2', 1)) }]);
    await expect(cutWithout(lost, { commits: log }, { lost: across })).rejects.toMatchObject({ message });
    const known = lostKeys(rowOf('1', 3), 'l/g/e\u0000');
    expect(await cutWithout(lost, { commits: log }, { lost: known })).toMatchObject({ lostCommits: 1 });
  });
});
