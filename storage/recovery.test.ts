/** Databases that are put together row by row: what is verified at open, and what is said of each thing that is wrong. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReplicaId } from '../base/ids.ts';
import { CLEAN, commitKey, dropName, FORMAT_KEY, metaName, SEAL_KEYS, STATE_PREFIXES, snapshotName } from './keys.ts';
import type { Database } from './level-database.ts';
import { type RawLevel, stillEnv } from './level-harness.ts';
import { a, BATCH, b, baseOf, type Content, head, putLog, rowOf, updateOf } from './log-harness.ts';
import {
  encodeDrop,
  encodeRow,
  encodeSeal,
  encodeSnapshotHeader,
  encodeState,
  NO_HASH,
  updateChecksum,
} from './records.ts';
import { recover } from './recovery.ts';
import { A, at, B, G } from './store.conformance.ts';

let directory: string;
let db: RawLevel;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-recovery-'));
  db = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'buffer' });
  await db.open();
});
afterEach(async () => {
  await db.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (content: Content): Promise<void> => putLog(db, content);
const start = (mark?: { readonly batch: number; readonly lsn: number }, env = stillEnv) =>
  recover(db as Database, mark, env);

describe('a log', () => {
  test('of two streams, after a base -> streams, positions and bytes are those that are there', async () => {
    const states = {
      ...baseOf(4, [
        [A, 2],
        [9 as ReplicaId, 2],
      ]),
      [CLEAN]: Buffer.alloc(0),
      [metaName('x')]: Buffer.from('y'),
    };
    await put({
      commits: [{ ...a(3, 5, '0'), previous: head(2).hash }, b(1, 6, '0', '1'), a(4, 7)],
      lastLsn: 7,
      states,
    });
    const recovered = await start({ batch: BATCH, lsn: 7 });
    expect(recovered?.recovery).toEqual({
      clean: true,
      lastLsn: 7,
      damaged: [],
      streams: [
        { origin: A, seq: 4, clock: 40 },
        { origin: 9, seq: 2, clock: 5 },
        { origin: B, seq: 1, clock: 10 },
      ],
    });
    const sizes = [updateOf(a(3, 5), '0'), updateOf(b(1, 6), '0'), updateOf(b(1, 6), '1')].map(({ length }) => length);
    expect(recovered?.index.logBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect([recovered?.index.find(at('0')), recovered?.index.find(at('1'))]).toMatchObject([
      { lastLsn: 6, durableLsn: 6 },
      { lastLsn: 6, durableLsn: 6, logBytes: sizes[2] },
    ]);
    expect([recovered?.hasAllRows, recovered?.seal.batch]).toEqual([true, BATCH]);
  });

  test('records up to the base are back -> passed over, the last of them too', async () => {
    const gone = [a(1, 1), a(2, 2)];
    await put({ commits: [...gone, { ...a(3, 3), previous: head(2).hash }], lastLsn: 3, states: baseOf(2, [[A, 2]]) });
    expect((await start())?.recovery.streams).toEqual([{ origin: A, seq: 3, clock: 30 }]);
  });

  test.each<[string, Content, string, object]>([
    [
      'does not begin with its first commit',
      { commits: [a(2, 1)] },
      `commit 1 of origin ${A} is missing`,
      { origin: A, seq: 1 },
    ],
    ['has a gap', { commits: [b(1, 1), b(3, 2)] }, `commit 2 of origin ${B} is missing`, { origin: B, seq: 2 }],
    [
      'is not chained',
      { commits: [a(1, 1), { ...a(2, 2), previous: NO_HASH }] },
      `commit 2 of origin ${A} does not follow the one before it`,
      { seq: 2 },
    ],
    ['goes back', { commits: [a(1, 2), a(2, 1)] }, `commit 2 of origin ${A} is out of order`, { seq: 2 }],
    ['has one position twice', { commits: [a(1, 1), a(2, 1)] }, `commit 2 of origin ${A} is out of order`, { seq: 2 }],
    ['goes on beyond the seal', { commits: [a(1, 1), a(2, 3)] }, `commit 2 of origin ${A} is out of order`, { seq: 2 }],
    [
      'goes on before the base',
      { commits: [{ ...a(2, 3), previous: head(1).hash }], lastLsn: 4, states: baseOf(3, [[A, 1]]) },
      `commit 2 of origin ${A} is out of order`,
      {},
    ],
    [
      'lacks one of another stream',
      { commits: [a(1, 1), a(2, 3)], lastLsn: 3 },
      'the log holds 2 of the 3 commits up to 3; commit 2 is missing',
      { lsn: 2 },
    ],
    [
      'has one position in two streams',
      { commits: [a(1, 1), b(1, 1)] },
      'the log holds 2 of the 2 commits up to 2; commit 2 is missing',
      { lsn: 2 },
    ],
    [
      'has more commits, with the same sum',
      { commits: [a(1, 1), a(2, 2), b(1, 1), b(2, 2)], lastLsn: 3 },
      'the log holds 4 of the 3 commits up to 3; commit 3 is missing',
      { lsn: 3 },
    ],
    [
      'has lost its end, after a base',
      { commits: [], lastLsn: 9, states: baseOf(7, [[A, 7]]) },
      'the log holds 0 of the 2 commits up to 9; commit 8 is missing',
      { lsn: 8 },
    ],
  ])('%s -> data-corrupt, which says where', async (_name, content, detail, context) => {
    await put(content);
    await expect(start()).rejects.toMatchObject({
      code: 'data-corrupt',
      message: expect.stringContaining(`${detail}. Keep a copy`),
      context: expect.objectContaining(context),
    });
  });
});

describe('rows', () => {
  const damages: [string, string, () => Promise<unknown>][] = [
    ['missing', 'a missing row', () => db.del(rowOf('0', 2))],
    ['garbled', 'a row with a wrong checksum', () => db.put(rowOf('0', 2), Buffer.alloc(30))],
    [
      'exchanged with another of the partition, each with a right checksum',
      'a row that is not its own',
      async () => {
        const updates = [updateOf(a(2, 2), '0'), updateOf(a(1, 1), '0')];
        for (const [i, update] of updates.entries()) {
          const key = rowOf('0', i + 1);
          await db.put(key, encodeRow(key, { previousLsn: i, crc: updateChecksum(update), update }));
        }
      },
    ],
  ];
  const log = [a(1, 1, '0'), a(2, 2, '0', '1'), a(3, 3, '0')];

  test.each(damages)('one is %s -> its partition is damaged: %s', async (_name, what, damage) => {
    await put({ commits: log });
    await damage();
    const recovered = await start();
    expect(recovered?.recovery.damaged).toEqual([{ ...at('0'), reason: `${what} in commit 2 (${commitKey(A, 2)})` }]);
    expect(recovered?.index.find(at('0'))?.damage?.lsn).toBe(2);
    expect([recovered?.hasAllRows, recovered?.index.find(at('1'))?.damage]).toEqual([false, undefined]);
  });

  test('two are missing, found in either order -> a snapshot must cover the later one', async () => {
    await put({ commits: [b(1, 1, '0', '1'), a(1, 2, '0', '1'), b(2, 3, '1'), a(2, 4, '0')] });
    for (const key of [rowOf('0', 1), rowOf('0', 4), rowOf('1', 2), rowOf('1', 3)]) await db.del(key);
    const index = (await start())?.index;
    expect(['0', '1'].map((partition) => index?.find(at(partition))?.damage?.lsn)).toEqual([4, 3]);
  });

  test.each([
    [1, 'damaged'],
    [2, 'served'],
  ])(
    'one is missing, and a snapshot covers commit %i -> its partition is %s, and something is said',
    async (lsn, outcome) => {
      const header = encodeSnapshotHeader({ lsn, document: { length: 0, crc: 0 }, view: undefined });
      await put({ commits: log, states: { [snapshotName(at('0'))]: header } });
      await db.del(rowOf('0', 2));
      const lines: unknown[][] = [];
      const recovered = await start(undefined, { ...stillEnv, log: { write: (...line) => void lines.push(line) } });
      const reason = `a missing row in commit 2 (${commitKey(A, 2)})`;
      expect(recovered?.recovery.damaged).toEqual(outcome === 'served' ? [] : [{ ...at('0'), reason }]);
      expect(recovered?.hasAllRows).toBe(false);
      expect(lines).toMatchObject([
        outcome === 'served'
          ? ['warn', 'storage: a row that its snapshot covers is damaged', { ...at('0'), reason }]
          : ['error', 'storage: a partition failed verification', { ...at('0'), reason }],
      ]);
    },
  );

  test.each([
    [1, ['0', '1']],
    [2, ['0']],
    [3, []],
  ])('the graph was dropped at commit %i -> rows up to there are not looked for', async (lsn, damaged) => {
    await put({ commits: log, states: { [dropName(G)]: encodeDrop({ lsn, done: false }) } });
    for (const key of [rowOf('0', 1), rowOf('1', 2), rowOf('0', 3)]) await db.del(key);
    const recovered = await start();
    expect(recovered?.recovery.damaged.map(({ partition }) => partition)).toEqual(damaged);
    expect(recovered?.index.drops.get(G)).toEqual({ lsn, done: false });
    expect(recovered?.hasAllRows).toBe(damaged.length === 0);
  });

  test('the graph was dropped, and rows of before are still there -> all is as it must be', async () => {
    await put({ commits: log, states: { [dropName(G)]: encodeDrop({ lsn: 2, done: false }) } });
    expect(await start()).toMatchObject({ hasAllRows: true, recovery: { damaged: [] } });
  });

  test.each<[string, Readonly<Record<string, Buffer>>]>([
    ['belongs to a graph that was dropped', { [dropName(G)]: encodeDrop({ lsn: 1, done: true }) }],
    ['was let go of, but for its record', baseOf(1, [[B, 1]])],
  ])('two are missing, of which one %s -> the other is named', async (_name, states) => {
    await put({ commits: [b(1, 1, '0'), a(1, 2, '0')], lastLsn: 2, states });
    for (const lsn of [1, 2]) await db.del(rowOf('0', lsn));
    const recovered = await start();
    expect(recovered?.recovery.damaged).toEqual([
      { ...at('0'), reason: `a missing row in commit 2 (${commitKey(A, 1)})` },
    ]);
  });
});

describe('what the last batch left', () => {
  test('no row at all -> there is no store, unless there is a mark', async () => {
    expect(await start()).toBeUndefined();
    await expect(start({ batch: 1, lsn: 0 })).rejects.toMatchObject({ code: 'data-corrupt' });
    await put({});
    await db.del(FORMAT_KEY);
    const missing = { code: 'data-corrupt', message: expect.stringContaining('the format version is missing') };
    await expect(start()).rejects.toMatchObject(missing);
  });

  test.each([
    ['weft data format 10', 'data-format', 'has format version 10; this program reads version 1.'],
    ['weft data format 0', 'data-format', 'has format version 0; this program reads version 1.'],
    ['a weft data format 1', 'data-corrupt', 'the format version is unreadable'],
    ['weft data format 1.', 'data-corrupt', 'the format version is unreadable'],
    ['weft data format 99999999999999999999', 'data-corrupt', 'the format version is unreadable'],
    ['', 'data-corrupt', 'the format version is unreadable'],
  ])('the format is %j -> %s', async (format, code, text) => {
    await put({ format });
    await expect(start()).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test('a format of another version -> the refusal names both as numbers', async () => {
    await put({ format: 'weft data format 23' });
    await expect(start()).rejects.toMatchObject({ context: { found: 23, supported: 1 } });
  });

  test.each([0, 1])('the seals are of different batches -> the newer counts, and it is number %i', async (newer) => {
    await put({ commits: [a(1, 1)] });
    const key = SEAL_KEYS[1 - newer] ?? '';
    await db.put(key, encodeSeal(key, { batch: BATCH - 1, lastLsn: 0, stateRows: 0, stateDigest: 0 }));
    expect((await start())?.recovery.lastLsn).toBe(1);
  });

  test('a seal is missing or garbled -> the other counts; both -> data-corrupt', async () => {
    await put({ commits: [a(1, 1)] });
    await db.del(SEAL_KEYS[0]);
    expect((await start())?.recovery.lastLsn).toBe(1);
    await put({ commits: [a(1, 1)] });
    await db.put(SEAL_KEYS[1], Buffer.alloc(20));
    expect((await start())?.recovery.lastLsn).toBe(1);
    await db.del(SEAL_KEYS[0]);
    const message = expect.stringContaining('the seal of the last batch is missing or damaged');
    await expect(start()).rejects.toMatchObject({ code: 'data-corrupt', message });
  });

  test('a state row has other content in both copies -> data-corrupt', async () => {
    await put({ states: { [metaName('x')]: Buffer.from('1') } });
    for (const prefix of STATE_PREFIXES) {
      const key = prefix + metaName('x');
      await db.put(key, encodeState(key, BATCH, Buffer.from('2')));
    }
    const message = expect.stringContaining('the state rows (1 of 1) are not those of batch 7: a write is missing');
    await expect(start()).rejects.toMatchObject({ code: 'data-corrupt', message });
  });

  test('a commit record is garbled -> data-corrupt, which names it', async () => {
    await put({ commits: [a(1, 1), a(2, 2)] });
    await db.put(commitKey(A, 2), Buffer.alloc(60));
    const message = expect.stringContaining(`commit 2 of origin ${A} has a wrong checksum`);
    await expect(start()).rejects.toMatchObject({ code: 'data-corrupt', message, context: { origin: A, seq: 2 } });
  });

  test.each([
    [BATCH - 1, true],
    [BATCH, true],
    [BATCH + 1, false],
  ])('the mark is of batch %i of 7 -> opened: %s', async (batch, isOpened) => {
    await put({ commits: [a(1, 1)] });
    const found = start({ batch, lsn: 2 });
    if (isOpened) expect((await found)?.recovery.lastLsn).toBe(1);
    else {
      await expect(found).rejects.toMatchObject({
        code: 'data-corrupt',
        message: expect.stringContaining(
          'the store ends with batch 7 (commit 1), but batch 8 (commit 2) was durable: acknowledged writes are missing',
        ),
        context: { lastLsn: 1, expectedLsn: 2 },
      });
    }
  });

  test('a state row is missing in both copies -> data-corrupt, with how many there are', async () => {
    await put({ states: { [metaName('x')]: Buffer.from('1'), [metaName('y')]: Buffer.from('2') } });
    for (const prefix of ['x/', 'y/']) await db.del(prefix + metaName('x'));
    const message = expect.stringContaining('the state rows (1 of 2) are not those of batch 7: a write is missing');
    await expect(start()).rejects.toMatchObject({ code: 'data-corrupt', message });
  });

  test('LevelDB cannot read -> data-corrupt, with what it says; what is no error of its own stays what it is', async () => {
    await put({ commits: [a(1, 1, '0')] });
    await db.del(rowOf('0', 1));
    const write = (): void => {
      throw new RangeError('no room for a line');
    };
    await expect(start(undefined, { ...stillEnv, log: { write } })).rejects.toBeInstanceOf(RangeError);
    await db.close();
    const message = expect.stringMatching(/LevelDB cannot read its data: \w+/);
    await expect(start()).rejects.toMatchObject({ code: 'data-corrupt', message, cause: expect.any(Error) });
  });
});
