import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommitTail } from './commit-tail.ts';
import { encodeCommit } from './frame-codec.ts';
import { commit, replica } from './link-harness.ts';
import type { StreamCommit } from './replica.ts';

const logged = (origin: number, seq: number, lsn: number): StreamCommit => ({ ...commit(origin, seq), lsn });
const BYTES = encodeCommit(commit(1, 1)).length;

/** The last ones that fit, and the very last in any case. */
function fitting(pushed: readonly StreamCommit[], bytesMax: number): Set<StreamCommit> {
  const kept = new Set<StreamCommit>();
  let bytes = 0;
  for (const one of pushed.toReversed()) {
    bytes += encodeCommit(one).length;
    if (bytes > bytesMax && kept.size > 0) break;
    kept.add(one);
  }
  return kept;
}

describe('the last commits', () => {
  test('of several streams -> as many of the last as fit are found, as they were; not many more, and no others', () => {
    const origins = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 60 });
    fc.assert(
      fc.property(origins, fc.integer({ min: 0, max: 12 }), (all, room) => {
        const tail = new CommitTail(room * BYTES);
        const pushed: StreamCommit[] = [];
        for (const [i, origin] of all.entries()) {
          const seq = pushed.filter(({ origin: of }) => of === origin).length + 1;
          const next = logged(origin, seq, i + 1);
          tail.push(next, 100 * i);
          pushed.push(next);
          const kept = fitting(pushed, room * BYTES);
          const found = pushed.filter((one) => tail.find(one.origin, one.seq) !== undefined);
          for (const one of kept) {
            const { lsn, seq: of } = one;
            const entry = { origin: one.origin, seq: of, lsn, atMs: 100 * (lsn - 1), encoded: encodeCommit(one) };
            expect(tail.find(one.origin, of)).toMatchObject(entry);
          }
          // Of each stream as many as it has may be on their way out.
          expect(found.length).toBeLessThanOrEqual(2 * kept.size);
          expect(tail.find(replica(origin), seq + 1)).toBeUndefined();
          expect(tail.find(replica(origin), 0)).toBeUndefined();
          expect(tail.find(replica(9), 1)).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a stream goes on further ahead, after a transfer of state -> what it had before is not found any more', () => {
    const tail = new CommitTail(1_000_000);
    for (const [i, seq] of [1, 2, 7, 8].entries()) tail.push(logged(1, seq, i + 1), 0);
    tail.push(logged(2, 1, 5), 0);
    const found = [0, 1, 2, 3, 6, 7, 8, 9].filter((seq) => tail.find(replica(1), seq) !== undefined);
    expect(found).toEqual([7, 8]);
    expect(tail.find(replica(2), 1)).toMatchObject({ lsn: 5 });
  });
});
