/**
 * The suite that every implementation of the storage port passes. A harness owns one data directory (or memory disk)
 * and can crash the process that holds it and damage what it stored.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { BugError } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import type { Damage } from './memory-disk.ts';
import type { Commit, Lsn, PartitionKey, PartitionState, Store } from './store.ts';

export interface OpenRequest {
  readonly durability?: 'disk' | 'buffered';
  readonly beforeWrite?: () => Promise<void>;
}

export interface StoreHarness {
  open(request?: OpenRequest): Promise<Store>;
  /** Kills the process that holds the store: what it wrote survives, and nobody said goodbye. */
  kill(): Promise<void>;
  /** Damages stored data; no store is open. */
  damage(damage: Damage): Promise<void>;
  /** Pretends that another version of the program wrote the data; no store is open. */
  setFormatVersion(version: number): Promise<void>;
  dispose(): Promise<void>;
}

export const A = 0xa11ce as ReplicaId;
export const B = 0xffff_ffff as ReplicaId;
export const G = 'people-1';

export const at = (partition: string, graphKey = G): PartitionKey => ({
  graphKey,
  partition: partition as PartitionId,
});
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (update: Uint8Array): string => new TextDecoder().decode(update);

/** A commit whose updates say where they belong. */
export function commitOf(origin: ReplicaId, seq: number, partitions: readonly (string | PartitionKey)[]): Commit {
  const parts = partitions.map((partition) => {
    const key = typeof partition === 'string' ? at(partition) : partition;
    return { ...key, update: bytes(`${origin}/${seq} in ${key.graphKey}/${key.partition}`) };
  });
  return { origin, seq, clock: seq * 4096, parts, locators: [], after: [] };
}

export const tailOf = (state: PartitionState) => state.tail.map(({ lsn, update }) => [lsn, text(update)]);
export const rejection = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);

export async function expectError(promise: Promise<unknown>, code: string, ...words: readonly string[]): Promise<void> {
  const error = await rejection(promise);
  expect(error).toBeInstanceOf(WeftError);
  if (!(error instanceof WeftError)) return;
  expect(error.code).toBe(code);
  for (const word of words) expect(error.message).toContain(word);
}

/** A write gate: holds every batch back until it is opened. */
export function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { beforeWrite: () => opened, open };
}

/** Starts harnesses for the tests of the block that calls it, and disposes of them after each. */
export function harnesses(makeHarness: () => Promise<StoreHarness>): () => Promise<StoreHarness> {
  const started: StoreHarness[] = [];
  afterEach(async () => {
    for (const harness of started.splice(0)) await harness.dispose();
  });
  return async () => {
    const harness = await makeHarness();
    started.push(harness);
    return harness;
  };
}

export function storeConformance(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(name, () => {
    const start = harnesses(makeHarness);

    test('empty store: opened -> nothing is there and it was not closed before', async () => {
      const store = await (await start()).open();
      expect(store.recovery).toEqual({ clean: false, streams: [], lastLsn: 0, damaged: [] });
      expect(store.status()).toEqual({ durableLsn: 0, lastLsn: 0, logBytes: 0, failed: false });
      expect(await store.readPartition(at('0'), { document: true })).toEqual({ snapshot: undefined, tail: [] });
      expect(await store.listPartitions(G)).toEqual([]);
      expect(await store.locate(G, ['e', ''])).toEqual([[], []]);
      expect(await store.readCommits(A, 0, 10)).toEqual([]);
      expect(await store.truncateLog(100)).toBe(0);
      expect(await store.getMeta('x')).toBeUndefined();
      await store.dropGraph(G);
    });

    test('append: several streams and partitions -> lsn, tails, commits and status agree', async () => {
      const store = await (await start()).open();
      const full: Commit = {
        ...commitOf(A, 1, ['0', '7']),
        clock: Number.MAX_SAFE_INTEGER,
        locators: [{ graphKey: G, edge: 'knows', partition: '7' as PartitionId }],
        after: [
          [A, 0],
          [B, 2 ** 40],
        ],
      };
      expect(await store.append(full)).toBe(1);
      expect(await store.append(commitOf(B, 1, ['7']))).toBe(2);
      expect(await store.append(commitOf(A, 2, []))).toBe(3);
      expect(await store.append(commitOf(A, 3, ['0', at('0', 'other')]))).toBe(4);
      expect(tailOf(await store.readPartition(at('0'), { document: true }))).toEqual([
        [1, `${A}/1 in people-1/0`],
        [4, `${A}/3 in people-1/0`],
      ]);
      expect(tailOf(await store.readPartition(at('7'), { document: false }))).toEqual([
        [1, `${A}/1 in people-1/7`],
        [2, `${B}/1 in people-1/7`],
      ]);
      expect(await store.readCommits(A, 0, 1)).toEqual([{ ...full, lsn: 1 }]);
      expect((await store.readCommits(A, 1, 10)).map(({ seq, lsn }) => [seq, lsn])).toEqual([
        [2, 3],
        [3, 4],
      ]);
      expect(await store.readCommits(A, 3, 10)).toEqual([]);
      expect(await store.readCommits(A, 9, 10)).toEqual([]);
      expect(await store.readCommits(A, 0, 0)).toEqual([]);
      expect(await store.readCommits(77 as ReplicaId, 0, 10)).toEqual([]);
      const logBytes = [full, commitOf(B, 1, ['7']), commitOf(A, 3, ['0', at('0', 'other')])]
        .flatMap(({ parts }) => parts)
        .reduce((sum, { update }) => sum + update.length, 0);
      expect(store.status()).toEqual({ durableLsn: 4, lastLsn: 4, logBytes, failed: false });
    });

    test('append all: commits of two streams between single ones -> one order, all whole, after a kill too', async () => {
      const harness = await start();
      const store = await harness.open();
      const create = { ...commitOf(B, 1, ['0']), locators: [{ ...at('0'), edge: 'e' }] };
      const lsns = await Promise.all([
        store.append(commitOf(A, 1, ['0'])),
        store.appendAll([commitOf(A, 2, ['0', '1']), create, commitOf(A, 3, ['1'])]),
        store.append(commitOf(A, 4, ['0'])),
      ]);
      expect(lsns).toEqual([1, 4, 5]);
      await harness.kill();
      const again = await harness.open();
      expect(again.recovery).toMatchObject({ lastLsn: 5, damaged: [] });
      const { tail } = await again.readPartition(at('0'), { document: true });
      expect(tail.map(({ lsn, update }) => [lsn, text(update)])).toEqual([
        [1, `${A}/1 in people-1/0`],
        [2, `${A}/2 in people-1/0`],
        [3, `${B}/1 in people-1/0`],
        [5, `${A}/4 in people-1/0`],
      ]);
      expect(await again.readCommits(B, 0, 10)).toEqual([{ ...create, lsn: 3 }]);
      expect(await again.locate(G, ['e'])).toEqual([['0']]);
    });

    test('append: an update of zero bytes -> is kept like any other', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.append({ ...commitOf(A, 1, []), parts: [{ ...at('0'), update: new Uint8Array() }] });
      await store.close();
      const reopened = await harness.open();
      const { tail } = await reopened.readPartition(at('0'), { document: true });
      expect(tail.map(({ lsn, update }) => [lsn, update.length])).toEqual([[1, 0]]);
    });

    test('append: wrong order, doubled partition, bad names -> a bug that changes nothing', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, ['0']));
      const bad: Commit[] = [
        commitOf(A, 1, ['0']),
        commitOf(A, 3, ['0']),
        commitOf(B, 2, ['0']),
        commitOf(B, 0, ['0']),
        commitOf(A, 2, ['0', '1', '0']),
        commitOf(A, 2, ['']),
        commitOf(A, 2, ['\ud800']),
        commitOf(A, 2, [at('0', 'a/b')]),
        commitOf(A, 2, [at('0', '')]),
        { ...commitOf(A, 2, ['0']), clock: -1 },
        { ...commitOf(A, 2, ['0']), locators: [{ ...at('0'), edge: 'e\udfff' }] },
      ];
      for (const commit of bad) expect(await rejection(store.append(commit))).toBeInstanceOf(BugError);
      expect(store.status()).toMatchObject({ lastLsn: 1, failed: false });
      expect(await store.append(commitOf(A, 2, ['0']))).toBe(2);
      expect((await store.readPartition(at('0'), { document: true })).tail.length).toBe(2);
    });

    test('append: 2,000 overlapping calls -> call order is lsn order, and all are there after reopening', async () => {
      const harness = await start();
      const store = await harness.open();
      const next = new Map<ReplicaId, number>();
      const resolved: Lsn[] = [];
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 2000; i++) {
        const origin = i % 3 === 0 ? B : A;
        const seq = (next.get(origin) ?? 0) + 1;
        next.set(origin, seq);
        const partitions = [String(i % 16), `scope ${i % 7}!`];
        calls.push(store.append(commitOf(origin, seq, partitions)).then((lsn) => resolved.push(lsn)));
      }
      await Promise.all(calls);
      expect(resolved).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
      expect(store.status().durableLsn).toBe(2000);
      await store.close();
      const reopened = await harness.open();
      expect(reopened.recovery.lastLsn).toBe(2000);
      const found = new Set<Lsn>();
      for (const partition of await reopened.listPartitions(G)) {
        const { tail } = await reopened.readPartition(at(partition), { document: true });
        const lsns = tail.map(({ lsn }) => lsn);
        expect(lsns).toEqual(lsns.toSorted((a, b) => a - b));
        for (const lsn of lsns) found.add(lsn);
      }
      expect(found.size).toBe(2000);
      const commits = await reopened.readCommits(A, 0, 5000);
      expect(commits.map(({ seq }) => seq)).toEqual(Array.from({ length: next.get(A) ?? 0 }, (_, i) => i + 1));
      for (const { origin, seq, parts } of commits) {
        for (const part of parts) expect(text(part.update)).toBe(`${origin}/${seq} in ${G}/${part.partition}`);
      }
    });

    test('append: a batch is held back [slow disk] -> nothing is acknowledged or shown before it is durable', async () => {
      const harness = await start();
      const { beforeWrite, open } = gate();
      const store = await harness.open({ beforeWrite });
      let acknowledged = false;
      const appended = store.append(commitOf(A, 1, ['0'])).then(() => {
        acknowledged = true;
      });
      expect((await store.readPartition(at('0'), { document: true })).tail).toEqual([]);
      expect(await store.readCommits(A, 0, 10)).toEqual([]);
      expect(await store.listPartitions(G)).toEqual([]);
      expect(store.status()).toMatchObject({ durableLsn: 0, lastLsn: 1, logBytes: 0 });
      expect(acknowledged).toBe(false);
      open();
      await appended;
      expect(store.status()).toMatchObject({ durableLsn: 1 });
      expect((await store.readPartition(at('0'), { document: true })).tail.length).toBe(1);
    });

    test('partition and edge ids: any Unicode -> kept apart, listed in canonical order', async () => {
      const harness = await start();
      const store = await harness.open();
      const nasty = ['a', 'a/', 'a/b', 'a\u0000', 'a\u0000b', 'a\u0001', 'a\u0001\u0001', '\u0000', '\u0001', '/', '~'];
      const names = [
        ...nasty,
        '\u0001\u0002',
        '\u0001\u0001',
        '!',
        '\u00e9',
        'e\u0301',
        '\u{1f600}',
        '\u{10ffff}',
        '\uffff',
        'z'.repeat(1000),
        '__proto__',
        '0',
      ];
      for (const [i, partition] of names.entries()) {
        const key = at(partition);
        const locators = [{ graphKey: G, edge: partition, partition: key.partition }];
        await store.append({ ...commitOf(A, i + 1, [partition]), locators });
        if (i % 2 === 0) await store.writeSnapshot(key, { lsn: i, document: bytes(partition), view: undefined });
        await store.setMeta(partition, bytes(partition));
      }
      await store.close();
      const reopened = await harness.open();
      expect(await reopened.listPartitions(G)).toEqual(names.toSorted());
      expect(await reopened.locate(G, names)).toEqual(names.map((partition) => [partition]));
      for (const [i, partition] of names.entries()) {
        const state = await reopened.readPartition(at(partition), { document: true });
        expect(tailOf(state)).toEqual([[i + 1, `${A}/${i + 1} in ${G}/${partition}`]]);
        expect(state.snapshot?.document && text(state.snapshot.document)).toBe(i % 2 === 0 ? partition : undefined);
        expect(text((await reopened.getMeta(partition)) ?? bytes(''))).toBe(partition);
      }
    });

    test('graph keys: one is a prefix of the other -> kept apart', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, [at('0', 'g'), at('0', 'g-'), at('0', 'g1')]));
      await store.dropGraph('g');
      expect(await store.listPartitions('g')).toEqual([]);
      expect(await store.listPartitions('g-')).toEqual(['0']);
      expect(await store.listPartitions('g1')).toEqual(['0']);
    });

    test('snapshot: written over a tail -> only later rows remain in the tail, the log keeps all', async () => {
      const harness = await start();
      const store = await harness.open();
      for (let seq = 1; seq <= 5; seq++) await store.append(commitOf(A, seq, ['0', '1']));
      const { logBytes } = store.status();
      await store.writeSnapshot(at('0'), { lsn: 3, document: bytes('document'), view: bytes('view') });
      for (let current of [store, undefined]) {
        if (current === undefined) {
          await store.close();
          current = await harness.open();
        }
        const state = await current.readPartition(at('0'), { document: true });
        expect(state.snapshot).toEqual({ lsn: 3, document: bytes('document'), view: bytes('view') });
        expect(tailOf(state).map(([lsn]) => lsn)).toEqual([4, 5]);
        expect((await current.readPartition(at('1'), { document: true })).tail.length).toBe(5);
        expect((await current.readCommits(A, 0, 10)).map(({ parts }) => parts.length)).toEqual([2, 2, 2, 2, 2]);
        expect(current.status().logBytes).toBe(logBytes);
        const slim = await current.readPartition(at('0'), { document: false });
        expect(slim.snapshot?.view).toEqual(bytes('view'));
      }
    });

    test('snapshot: without a view, then with one, then without -> the last one is read, its document whole', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, ['0']));
      const read = async (document: boolean) => (await store.readPartition(at('0'), { document })).snapshot;
      await store.writeSnapshot(at('0'), { lsn: 1, document: bytes('one'), view: undefined });
      expect(await read(false)).toEqual({ lsn: 1, document: bytes('one'), view: undefined });
      await store.writeSnapshot(at('0'), { lsn: 1, document: bytes('two'), view: new Uint8Array() });
      expect(await read(true)).toEqual({ lsn: 1, document: bytes('two'), view: new Uint8Array() });
      await store.writeSnapshot(at('0'), { lsn: 1, document: new Uint8Array(), view: undefined });
      expect(await read(true)).toEqual({ lsn: 1, document: new Uint8Array(), view: undefined });
    });

    test('snapshot: older than the one there -> ignored; beyond the log -> a bug', async () => {
      const store = await (await start()).open();
      for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0']));
      await store.writeSnapshot(at('0'), { lsn: 3, document: bytes('new'), view: undefined });
      await store.truncateLog(3);
      await store.writeSnapshot(at('0'), { lsn: 2, document: bytes('old'), view: undefined });
      const { snapshot } = await store.readPartition(at('0'), { document: true });
      expect(snapshot).toMatchObject({ lsn: 3, document: bytes('new') });
      for (const lsn of [4, -1, 0.5]) {
        const beyond = store.writeSnapshot(at('0'), { lsn, document: bytes(''), view: undefined });
        expect(await rejection(beyond)).toBeInstanceOf(BugError);
      }
    });

    test('snapshot: of a partition, a graph or edges with names that there are not -> a bug, nothing is written', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, ['0']));
      const snapshot = { lsn: 1, document: bytes('new'), view: undefined };
      for (const [key, edges] of [
        [at('\ud800'), []],
        [at(''), []],
        [at('0', 'a/b'), []],
        [at('0'), ['e', 'e\udfff']],
      ] as const) {
        expect(await rejection(store.writeSnapshot(key, snapshot, edges))).toBeInstanceOf(BugError);
      }
      expect((await store.readPartition(at('0'), { document: true })).snapshot).toBeUndefined();
      await store.writeSnapshot(at('0'), snapshot, ['e', '\u{1f600}']);
      expect(await store.locate(G, ['e', '\u{1f600}'])).toEqual([['0'], ['0']]);
    });

    test('snapshot: raced by appends and reads -> every read is whole', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.append(commitOf(A, 1, ['0']));
      const work: Promise<unknown>[] = [];
      const expectWhole = (state: PartitionState): void => {
        const first = state.snapshot?.lsn ?? 0;
        if (state.snapshot !== undefined) {
          expect(text(state.snapshot.document)).toBe(`up to ${first}`);
          expect(state.snapshot.view && text(state.snapshot.view)).toBe(`view to ${first}`);
        }
        for (const [i, { lsn, update }] of state.tail.entries()) {
          expect(lsn).toBe(first + i + 1);
          expect(text(update)).toBe(`${A}/${lsn} in ${G}/0`);
        }
      };
      for (let seq = 2; seq <= 400; seq++) {
        work.push(store.append(commitOf(A, seq, ['0'])));
        if (seq % 5 === 0) {
          const snapshot = { lsn: seq - 3, document: bytes(`up to ${seq - 3}`), view: bytes(`view to ${seq - 3}`) };
          work.push(store.writeSnapshot(at('0'), snapshot));
        }
        if (seq % 40 === 0) work.push(store.truncateLog(seq));
        if (seq % 7 === 0) work.push(store.readPartition(at('0'), { document: true }).then(expectWhole));
        if (seq % 11 === 0) {
          work.push(
            store.readCommits(A, 0, 1000).then((commits) => {
              const first = commits[0]?.seq ?? 0;
              expect(commits.map((commit) => commit.seq)).toEqual(commits.map((_, i) => first + i));
            }),
          );
          // Lets batches finish, so that reads meet every stage.
          await store.getMeta('turn');
        }
      }
      await Promise.all(work);
      const state = await store.readPartition(at('0'), { document: true });
      expectWhole(state);
      expect(state.tail.at(-1)?.lsn).toBe(400);
      await harness.kill();
      expectWhole(await (await harness.open()).readPartition(at('0'), { document: true }));
    });

    test('truncate: parts not covered -> stops at the first of them; covered -> gone, streams go on', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.append(commitOf(A, 1, ['0']));
      await store.append(commitOf(B, 1, ['1']));
      await store.append(commitOf(A, 2, ['0']));
      expect(await store.truncateLog(3)).toBe(0);
      await store.writeSnapshot(at('0'), { lsn: 3, document: bytes('0'), view: undefined });
      const size = (commit: Commit) => commit.parts.reduce((sum, { update }) => sum + update.length, 0);
      expect(await store.truncateLog(0)).toBe(0);
      expect(await store.truncateLog(3)).toBe(size(commitOf(A, 1, ['0'])));
      expect((await store.readCommits(A, 0, 10)).map(({ seq }) => seq)).toEqual([2]);
      await store.writeSnapshot(at('1'), { lsn: 2, document: bytes('1'), view: undefined });
      expect(await store.truncateLog(2)).toBe(size(commitOf(B, 1, ['1'])));
      expect(await store.truncateLog(99)).toBe(size(commitOf(A, 2, ['0'])));
      expect(store.status()).toMatchObject({ lastLsn: 3, logBytes: 0 });
      expect(await store.readCommits(A, 0, 10)).toEqual([]);
      await harness.kill();
      const reopened = await harness.open();
      expect(reopened.recovery).toMatchObject({ clean: false, lastLsn: 3, damaged: [] });
      const streams = reopened.recovery.streams.toSorted((x, y) => x.origin - y.origin);
      expect(streams).toEqual([
        { origin: A, seq: 2, clock: 8192 },
        { origin: B, seq: 1, clock: 4096 },
      ]);
      expect(await reopened.append(commitOf(A, 3, ['0']))).toBe(4);
      expect(await reopened.listPartitions(G)).toEqual(['0', '1']);
      const state = await reopened.readPartition(at('0'), { document: true });
      expect(state.snapshot?.lsn).toBe(3);
      expect(tailOf(state).map(([lsn]) => lsn)).toEqual([4]);
    });

    test('truncate: 3,000 commits of three streams -> all go, and the rest verifies', async () => {
      const harness = await start();
      const store = await harness.open();
      const appended: Promise<Lsn>[] = [];
      for (let i = 0; i < 3000; i++) {
        const origin = [A, B, 5 as ReplicaId][i % 3] ?? A;
        appended.push(store.append(commitOf(origin, Math.floor(i / 3) + 1, [String(i % 4)])));
      }
      await Promise.all(appended);
      for (const partition of ['0', '1', '2', '3']) {
        await store.writeSnapshot(at(partition), { lsn: 2900, document: bytes('d'), view: undefined });
      }
      await store.truncateLog(3000);
      await harness.kill();
      const reopened = await harness.open();
      expect(reopened.recovery.damaged).toEqual([]);
      expect((await reopened.readCommits(A, 0, 5000)).map(({ lsn }) => lsn)[0]).toBe(2902);
      expect((await reopened.readPartition(at('3'), { document: true })).tail.length).toBe(25);
    });

    test('drop: a graph, and it is made again -> only what came later is there; other graphs are untouched', async () => {
      const harness = await start();
      const store = await harness.open();
      const locators = [{ graphKey: G, edge: 'e', partition: '0' as PartitionId }];
      await store.append({ ...commitOf(A, 1, ['0', '1', at('0', 'other')]), locators });
      await store.writeSnapshot(at('1'), { lsn: 1, document: bytes('d'), view: bytes('v') });
      await store.dropGraph(G);
      await store.dropGraph(G);
      await store.dropGraph('never-was');
      expect(await store.listPartitions(G)).toEqual([]);
      expect(await store.locate(G, ['e'])).toEqual([[]]);
      expect(await store.readPartition(at('1'), { document: true })).toEqual({ snapshot: undefined, tail: [] });
      expect(store.status().logBytes).toBe(commitOf(A, 1, [at('0', 'other')]).parts[0]?.update.length);
      const [commit] = await store.readCommits(A, 0, 10);
      expect(commit?.parts.map(({ graphKey }) => graphKey)).toEqual(['other']);
      expect([commit?.locators, commit?.isPartial]).toEqual([[], true]);
      // A snapshot that was under way when the graph was dropped must not bring it back.
      await store.writeSnapshot(at('1'), { lsn: 1, document: bytes('late'), view: undefined });
      expect(await store.listPartitions(G)).toEqual([]);
      const again = [{ graphKey: G, edge: 'e', partition: '2' as PartitionId }];
      await store.append({ ...commitOf(A, 2, ['2', '0']), locators: again });
      await harness.kill();
      const reopened = await harness.open();
      expect(reopened.recovery.damaged).toEqual([]);
      expect((await reopened.readCommits(A, 0, 10)).map(({ isPartial }) => isPartial)).toEqual([true, undefined]);
      expect(await reopened.listPartitions(G)).toEqual(['0', '2']);
      expect(await reopened.locate(G, ['e'])).toEqual([['2']]);
      expect(tailOf(await reopened.readPartition(at('0'), { document: true })).map(([lsn]) => lsn)).toEqual([2]);
      await reopened.writeSnapshot(at('0'), { lsn: 2, document: bytes('d'), view: undefined });
      await reopened.writeSnapshot(at('2'), { lsn: 2, document: bytes('d'), view: undefined });
      await reopened.writeSnapshot(at('0', 'other'), { lsn: 2, document: bytes('d'), view: undefined });
      await reopened.truncateLog(2);
      expect(reopened.status().logBytes).toBe(0);
      await harness.kill();
      const last = await harness.open();
      expect(last.recovery).toMatchObject({ lastLsn: 2, damaged: [] });
      expect(await last.listPartitions(G)).toEqual(['0', '2']);
    });

    test('snapshot: of a graph that was dropped, behind which the log was let go of -> ignored', async () => {
      const store = await (await start()).open();
      for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0']));
      await store.dropGraph(G);
      await store.truncateLog(3);
      await store.writeSnapshot(at('0'), { lsn: 2, document: bytes('late'), view: undefined });
      expect(await store.listGraphs()).toEqual([]);
    });

    test('drop: a commit had nothing but locators in the graph -> what is left of it is partial', async () => {
      const harness = await start();
      const store = await harness.open();
      const locators = [{ graphKey: G, edge: 'e', partition: '0' as PartitionId }];
      await store.append({ ...commitOf(A, 1, [at('0', 'other')]), locators });
      await store.dropGraph(G);
      await harness.kill();
      expect(await (await harness.open()).readCommits(A, 0, 10)).toMatchObject([{ locators: [], isPartial: true }]);
    });

    test('drop: raced by appends and snapshots -> hides what was appended before it, shows what came after', async () => {
      const store = await (await start()).open();
      const work: Promise<unknown>[] = [];
      const locators = [{ graphKey: G, edge: 'e', partition: '0' as PartitionId }];
      for (let seq = 1; seq <= 50; seq++) work.push(store.append({ ...commitOf(A, seq, ['0']), locators }));
      work.push(store.writeSnapshot(at('0'), { lsn: 30, document: bytes('d'), view: undefined }));
      work.push(store.dropGraph(G));
      work.push(store.writeSnapshot(at('0'), { lsn: 50, document: bytes('late'), view: undefined }));
      work.push(store.append({ ...commitOf(A, 51, ['1']), locators: [{ ...at('1'), edge: 'e' }] }));
      work.push(store.dropGraph(G));
      work.push(store.append({ ...commitOf(A, 52, ['2']), locators: [{ ...at('2'), edge: 'e' }] }));
      await Promise.all(work);
      expect(await store.listPartitions(G)).toEqual(['2']);
      expect(await store.locate(G, ['e'])).toEqual([['2']]);
      expect(store.status().logBytes).toBe(commitOf(A, 52, ['2']).parts[0]?.update.length);
      expect((await store.readCommits(A, 0, 100)).map(({ parts }) => parts.length)).toEqual([...Array(51).fill(0), 1]);
    });

    test('drop: 2,000 rows and locators -> all are gone', async () => {
      const harness = await start();
      const store = await harness.open();
      const edges = Array.from({ length: 2500 }, (_, i) => `edge ${i}`);
      const locators = edges.map((edge) => ({ graphKey: G, edge, partition: '0' as PartitionId }));
      await store.append({ ...commitOf(A, 1, ['0']), locators });
      const appended = Array.from({ length: 2000 }, (_, i) => store.append(commitOf(A, i + 2, [String(i % 600)])));
      await Promise.all(appended);
      await store.dropGraph(G);
      await store.close();
      const reopened = await harness.open();
      expect(await reopened.listPartitions(G)).toEqual([]);
      expect(new Set((await reopened.locate(G, edges)).flat()).size).toBe(0);
      expect(reopened.recovery.lastLsn).toBe(2001);
      expect(reopened.status().logBytes).toBe(0);
    });

    test('locate: the same edge id in several partitions, in one batch and in many -> all are found once', async () => {
      const harness = await start();
      const store = await harness.open();
      const create = (seq: number, partition: string, edges: readonly string[]) =>
        store.append({
          ...commitOf(A, seq, [partition]),
          locators: edges.map((edge) => ({ graphKey: G, edge, partition: partition as PartitionId })),
        });
      await Promise.all([create(1, '0', ['x', 'y']), create(2, '1', ['x', 'x']), create(3, '0', ['x'])]);
      await create(4, '2', ['x']);
      await store.close();
      const found = await (await harness.open()).locate(G, ['y', 'x', 'unknown', 'x']);
      expect(found.map((partitions) => partitions.toSorted())).toEqual([['0'], ['0', '1', '2'], [], ['0', '1', '2']]);
    });

    test('meta: set, replaced, set again by the next process -> the last value is read', async () => {
      const harness = await start();
      const store = await harness.open();
      await Promise.all([store.setMeta('id', bytes('1')), store.setMeta('id', bytes('2'))]);
      await store.setMeta('empty', new Uint8Array());
      const value = bytes('3');
      const pending = store.setMeta('id', value);
      value.fill(0);
      await pending;
      expect(await store.getMeta('id')).toEqual(bytes('3'));
      await harness.kill();
      const reopened = await harness.open();
      expect(await reopened.getMeta('id')).toEqual(bytes('3'));
      expect(await reopened.getMeta('empty')).toEqual(new Uint8Array());
      expect(await reopened.getMeta('i')).toBeUndefined();
    });
  });
}
