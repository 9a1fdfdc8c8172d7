import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import { Applied, commit, replica, vector } from './link-harness.ts';
import { readBeyond, readLog } from './log-reader.ts';
import type { StreamCommit } from './replica.ts';

describe('log reader', () => {
  test('reading: streams interleave and one is long -> what is sent is in order and has no gaps', async () => {
    const applied = new Applied(1);
    for (let i = 0; i < 300; i++) applied.apply(commit(1, i + 1), ...(i % 50 === 0 ? [commit(3, i / 50 + 1)] : []));
    const stored = applied.log.map((entry, i) => ({ ...entry, lsn: i + 1 }));
    const logFrom = (first: number) => ({
      readCommits: async (origin: number, afterSeq: number, limit: number) => {
        const beyond = Math.max(afterSeq, first - 1);
        return stored.filter((entry) => entry.origin === origin && entry.seq > beyond).slice(0, limit);
      },
    });
    const { commits, behind } = await readBeyond(logFrom(1), vector({ 1: 10, 3: 0 }), applied.have(), { nowMs: 0 });
    expect(behind).toBe(false);
    expect(commits.map(({ lsn }) => lsn)).toEqual(commits.map(({ lsn }) => lsn).sort((a, b) => a - b));
    const first = commits.filter(({ origin }) => origin === 1).map(({ seq }) => seq);
    expect(first).toEqual(Array.from({ length: 290 }, (_, i) => i + 11));
    const truncated = await readBeyond(logFrom(21), vector({ 1: 10 }), applied.have(), { nowMs: 0 });
    expect(truncated).toEqual({ commits: [], behind: true });
  });

  test('reading: many streams, each with more than fits -> together no more than fits, and no gap from one read to the next', async () => {
    const [streams, length, bytes] = [40, 30, 1000];
    const stored: StreamCommit[] = [];
    for (let i = 0; i < streams * length; i++) {
      const [origin, seq] = [(i * 7) % streams, Math.floor(i / streams) + 1];
      const parts = [{ graphKey: 'default', partition: 'h0' as PartitionId, update: new Uint8Array(bytes) }];
      stored.push({ ...commit(origin, seq), parts, lsn: i + 1 });
    }
    let fetched = 0;
    const log = {
      readCommits: async (origin: number, afterSeq: number, limit: number) => {
        const found = stored.filter((entry) => entry.origin === origin && entry.seq > afterSeq).slice(0, limit);
        fetched += found.length;
        return found;
      },
    };
    const all = (seq: number) => new Map(Array.from({ length: streams }, (_, origin) => [replica(origin), seq]));
    const [after, seen] = [all(0), [] as number[]];
    while (seen.length < stored.length) {
      fetched = 0;
      const { commits, behind } = await readLog(log, after, all(length), 20 * bytes);
      expect(behind).toBe(false);
      expect(commits.length).toBeGreaterThan(0);
      expect(commits.length).toBeLessThanOrEqual(20);
      expect(fetched, 'what is held in memory').toBeLessThan(streams + 40);
      for (const { origin, seq, lsn } of commits) {
        after.set(origin, seq);
        seen.push(lsn);
      }
    }
    expect(seen).toEqual(stored.map(({ lsn }) => lsn));
  });

  test('reading: a part of a commit is damaged -> those before it, and behind the next time; other errors are thrown on', async () => {
    const applied = new Applied(1);
    for (let seq = 1; seq <= 10; seq++) applied.apply(commit(1, seq));
    const log = (code: 'partition-recovering' | 'storage-failed') => ({
      readCommits: async (_: number, afterSeq: number, limit: number) => {
        if (afterSeq + limit >= 5) throw new WeftError(code, 'commit 5');
        return applied.log.slice(afterSeq, afterSeq + limit).map((entry) => ({ ...entry, lsn: entry.seq }));
      },
    });
    const damaged = log('partition-recovering');
    const { commits, behind } = await readLog(damaged, vector({ 1: 0 }), applied.have());
    expect([commits.map(({ seq }) => seq), behind]).toEqual([[1, 2, 3, 4], false]);
    expect(await readLog(damaged, vector({ 1: 4 }), applied.have())).toEqual({ commits: [], behind: true });
    await expect(readLog(log('storage-failed'), vector({ 1: 4 }), applied.have())).rejects.toThrow('commit 5');
  });

  test('reading: one stream ends early in the log -> nothing that was written after it, and behind the next time', async () => {
    const applied = new Applied(1);
    for (let seq = 1; seq <= 10; seq++) applied.apply(commit(1, seq), commit(3, seq));
    const stored = applied.log.map((entry, i) => ({ ...entry, lsn: i + 1 }));
    const log = {
      readCommits: async (origin: number, afterSeq: number, limit: number) =>
        stored
          .filter(({ origin: of, seq }) => of === origin && seq > afterSeq && (of !== 3 || seq <= 4))
          .slice(0, limit),
    };
    const first = await readLog(log, vector({ 1: 0, 3: 0 }), applied.have());
    expect(first).toMatchObject({ behind: false });
    expect(first.commits.map(({ lsn }) => lsn)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const next = await readLog(log, vector({ 1: 4, 3: 4 }), applied.have());
    expect(next.behind).toBe(true);
    expect(next.commits.map(({ origin, seq }) => [origin, seq])).toEqual([5, 6, 7, 8, 9, 10].map((seq) => [1, seq]));
  });
});
