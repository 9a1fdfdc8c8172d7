import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import type { Commit } from '../../storage/store.ts';
import { covers, joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import { CausalGate, type GateLimits, type HeldCommit } from './causal-gate.ts';
import { commit, vector } from './link-harness.ts';

const ROOMY: GateLimits = { heldBytesMax: 1e9, heldCommitsMax: 1e9 };
const held = (offered: Commit, from = 1, bytes = 10): HeldCommit => ({ commit: offered, bytes, from });
const names = (taken: readonly HeldCommit[]): string[] =>
  taken.map(({ commit: { origin, seq } }) => `${origin}/${seq}`);

/** A gate of a server that applies at once what it takes. */
class Receiver {
  have: VersionVector = new Map();
  readonly applied: Commit[] = [];
  readonly gate: CausalGate;

  constructor(limits = ROOMY) {
    this.gate = new CausalGate(() => this.have, limits);
  }

  offer(offered: Commit, from = 1, bytes = 10): string {
    return this.gate.offer(held(offered, from, bytes));
  }

  /** Takes, applies and settles until nothing comes. */
  pump(bytesMax = 25): void {
    for (let batch = this.gate.take(bytesMax); batch.length > 0; batch = this.gate.take(bytesMax)) {
      for (const taken of batch) this.apply(taken.commit);
      this.gate.settle();
    }
  }

  /** The dumb model of what may be applied: REP-1 in one line each. */
  apply(taken: Commit): void {
    expect(taken.seq).toBe(seqOf(this.have, taken.origin) + 1);
    expect(covers(this.have, taken.after)).toBe(true);
    this.have = joined(this.have, [[taken.origin, taken.seq]]);
    this.applied.push(taken);
  }
}

/** Commits of up to four servers; each builds on what its server had heard of by then. */
const history: fc.Arbitrary<readonly Commit[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 })), {
    maxLength: 40,
    size: 'max',
  })
  .map((steps) => {
    const at = new Map<number, VersionVector>();
    const commits: Commit[] = [];
    for (const [writer, heardOf] of steps) {
      let seen = at.get(writer) ?? new Map<ReplicaId, number>();
      for (const other of heardOf) seen = joined(seen, at.get(other) ?? new Map());
      const seq = seqOf(seen, writer as ReplicaId) + 1;
      commits.push(commit(writer, seq, Object.fromEntries(Array.from(seen).filter(([origin]) => origin !== writer))));
      at.set(writer, joined(seen, [[writer as ReplicaId, seq]]));
    }
    return commits;
  });

/** The commits in any order, some of them more than once. */
const shuffled = history.chain((commits) =>
  fc.record({
    commits: fc.constant(commits),
    arrivals: fc
      .shuffledSubarray([...commits, ...commits], { minLength: commits.length, maxLength: commits.length * 2 })
      .map((arrivals) => [...arrivals, ...commits.filter((one) => !arrivals.includes(one))]),
  }),
);

describe('causal gate', () => {
  test('any history, in any order, with repetitions -> all applied, once, after what they build on (REP-1)', () => {
    fc.assert(
      fc.property(shuffled, fc.boolean(), ({ commits, arrivals }, pumpEach) => {
        const receiver = new Receiver();
        for (const arrival of arrivals) {
          receiver.offer(arrival);
          if (pumpEach) receiver.pump();
        }
        receiver.pump();
        expect(new Set(receiver.applied)).toEqual(new Set(commits));
        expect(receiver.applied).toHaveLength(commits.length);
        expect([receiver.gate.heldCommits, receiver.gate.heldBytes, receiver.gate.isWaiting]).toEqual([0, 0, false]);
      }),
    );
  });

  test('any history with one commit missing -> what builds on it waits, all else is applied (REP-1)', () => {
    fc.assert(
      fc.property(shuffled, fc.nat(), ({ commits, arrivals }, pick) => {
        fc.pre(commits.length > 0);
        const missing = commits[pick % commits.length] as Commit;
        const receiver = new Receiver();
        for (const arrival of arrivals) if (arrival !== missing) receiver.offer(arrival);
        receiver.pump();
        // The dumb model: whatever can be applied without it, over and over.
        let have: VersionVector = new Map();
        for (const one of commits) {
          if (one !== missing && one.seq === seqOf(have, one.origin) + 1 && covers(have, one.after)) {
            have = joined(have, [[one.origin, one.seq]]);
          }
        }
        expect(receiver.have).toEqual(have);
        expect(receiver.gate.heldCommits).toBe(commits.length - 1 - receiver.applied.length);
      }),
    );
  });

  test('any history and tiny limits, resent until all came -> bounded at any time, and all applied in the end (REP-7)', () => {
    const limits = { heldBytesMax: 35, heldCommitsMax: 3 };
    fc.assert(
      fc.property(shuffled, ({ commits, arrivals }) => {
        const receiver = new Receiver(limits);
        const streams = new Set(commits.map(({ origin }) => origin)).size;
        for (let round = 0; round <= commits.length && receiver.applied.length < commits.length; round++) {
          const before = receiver.applied.length;
          for (const arrival of arrivals) {
            receiver.offer(arrival);
            // Beyond the limits only what can be applied at once, which is one commit of a stream at most.
            expect(receiver.gate.heldCommits).toBeLessThanOrEqual(limits.heldCommitsMax + streams);
            expect(receiver.gate.heldBytes).toBeLessThanOrEqual(limits.heldBytesMax + 10 * streams);
          }
          receiver.pump();
          expect(receiver.applied.length).toBeGreaterThan(before);
        }
        expect(receiver.applied).toHaveLength(commits.length);
      }),
    );
  });

  test('full: commits that wait fill it -> others are dropped, the one that they wait for is not (REP-7)', () => {
    const receiver = new Receiver({ heldBytesMax: 1e9, heldCommitsMax: 3 });
    for (const seq of [2, 3, 4]) expect(receiver.offer(commit(1, seq))).toBe('held');
    expect(receiver.offer(commit(1, 5))).toBe('dropped');
    expect(receiver.offer(commit(2, 2))).toBe('dropped');
    expect(receiver.offer(commit(1, 1))).toBe('held');
    receiver.pump();
    expect(receiver.have).toEqual(vector({ 1: 4 }));
    expect(receiver.offer(commit(1, 5))).toBe('held');
  });

  test('full: bytes count too, also those of a commit that is larger than all room (REP-7)', () => {
    const receiver = new Receiver({ heldBytesMax: 100, heldCommitsMax: 1e9 });
    expect(receiver.offer(commit(1, 2), 1, 101)).toBe('dropped');
    expect(receiver.offer(commit(1, 2), 1, 60)).toBe('held');
    expect(receiver.offer(commit(1, 3), 1, 60)).toBe('dropped');
    expect(receiver.offer(commit(1, 1), 1, 1000)).toBe('held');
    receiver.pump();
    expect(receiver.have).toEqual(vector({ 1: 2 }));
  });

  test('take: a bound of bytes -> a batch that goes just beyond it, the rest next time', () => {
    const receiver = new Receiver();
    for (let seq = 1; seq <= 5; seq++) receiver.offer(commit(1, seq));
    expect(names(receiver.gate.take(25))).toEqual(['1/1', '1/2', '1/3']);
    expect(names(receiver.gate.take(25))).toEqual(['1/4', '1/5']);
  });

  test('taken and not yet durable: it comes again -> duplicate; what builds on it goes on', () => {
    const receiver = new Receiver();
    receiver.offer(commit(1, 1));
    expect(names(receiver.gate.take(10))).toEqual(['1/1']);
    expect(receiver.offer(commit(1, 1))).toBe('duplicate');
    receiver.offer(commit(2, 1, { 1: 1 }));
    expect(names(receiver.gate.take(10))).toEqual(['2/1']);
  });

  test('settle: what was taken did not become durable -> it is taken in again', () => {
    const receiver = new Receiver();
    receiver.offer(commit(1, 1));
    receiver.gate.take(10);
    receiver.gate.settle();
    expect(receiver.offer(commit(1, 1))).toBe('held');
    receiver.pump();
    expect(receiver.have).toEqual(vector({ 1: 1 }));
  });

  test('settle: the streams jumped over what is held -> it goes, and the rest follows on', () => {
    const receiver = new Receiver();
    for (const seq of [3, 4, 6, 7]) receiver.offer(commit(1, seq));
    receiver.offer(commit(2, 1, { 1: 5 }));
    receiver.have = vector({ 1: 5, 3: 9 });
    receiver.gate.settle();
    expect(receiver.gate.heldCommits).toBe(3);
    expect(receiver.gate.heldBytes).toBe(30);
    receiver.pump();
    expect(receiver.have).toEqual(vector({ 1: 7, 2: 1, 3: 9 }));
    expect(receiver.gate.isWaiting).toBe(false);
  });

  test('forget: a link cannot be trusted -> what it brought goes, what others brought stays', () => {
    const receiver = new Receiver();
    receiver.offer(commit(1, 2), 1);
    receiver.offer(commit(2, 2), 1);
    receiver.offer(commit(1, 3), 2);
    receiver.gate.forget(1);
    expect([receiver.gate.heldCommits, receiver.gate.heldBytes]).toEqual([1, 10]);
    expect(receiver.offer(commit(1, 2), 2)).toBe('held');
    receiver.offer(commit(1, 1), 2);
    receiver.pump();
    expect(receiver.have).toEqual(vector({ 1: 3 }));
  });
});
