/** What servers deleted because it had expired, and whether they might: by what the commit itself says that its server knew. */
import * as LIMITS from '../base/limits.ts';
import { elementProperties } from '../crdt/graph.model.ts';
import { patchesOf } from '../crdt/partition-document.ts';
import type { Patch } from '../crdt/patch.ts';
import { decodePatch } from '../crdt/patch-codec.ts';
import { wallMsOfClock } from '../crdt/stamp.ts';
import type { Value } from '../graph/value.ts';
import { type CommitName, commitKey, type ExpiredDeletion, type Vector } from './history.ts';
import type { Recorder } from './sim/recorder.ts';

interface Placed {
  readonly commit: CommitName;
  readonly patch: Patch;
}

/** Of nodes of this prefix, which nobody deletes otherwise. */
export function deletionsOf(recorder: Recorder, prefix: string): ExpiredDeletion[] {
  const placed = recorder
    .parts(() => true)
    .flatMap(({ update, commit }) => patchesOf(update).map((text): Placed => ({ commit, patch: decodePatch(text) })))
    .filter(({ patch }) => patch.kind.startsWith('node-') && patch.id.startsWith(prefix));
  // Compaction repeats patches in later commits.
  const isFirst = ({ commit, patch }: Placed) =>
    patch.replica === commit.origin && !placed.some((other) => isSame(other, patch) && other.commit.seq < commit.seq);
  return placed
    .filter((one) => one.patch.kind === 'node-delete' && isFirst(one))
    .map(({ commit, patch }) => {
      const ofNode = placed.filter((other) => other.patch.id === patch.id);
      const inCommit = ofNode.filter((other) => commitKey(other.commit) === commitKey(commit));
      const expiresAt = earliestExpiry(recorder, ofNode, { commit, patch });
      // One that is made anew may be deleted as soon as it is hidden.
      const isReplaced = inCommit.some((other) => other.patch.kind === 'node-create');
      const atMs = wallMsOfClock(patch.clock);
      return { id: patch.id, commit, atMs, expiresAt, graceMs: isReplaced ? 0 : LIMITS.expiryGraceMs };
    });
}

/** By all that the server may have known when it looked: what came in last may have done so only while the commit was written. */
function earliestExpiry(recorder: Recorder, ofNode: readonly Placed[], { commit, patch }: Placed): Value | undefined {
  const { origin, seq } = commit;
  const known = knownTo(recorder, commit);
  const surely = new Map(knownTo(recorder, { origin, seq: seq - 1 })).set(origin, seq - 1);
  const isIn = (vector: Vector, other: CommitName) => other.seq <= (vector.get(other.origin) ?? 0);
  // A commit holds the writes of many clients, each of which saw those before it.
  const isOwn = (other: Placed) => commitKey(other.commit) === commitKey(commit) && other.patch.clock < patch.clock;
  const before = ofNode.filter((other) => isIn(surely, other.commit) || isOwn(other));
  const late = ofNode
    .filter((other) => isIn(known, other.commit) && !before.includes(other))
    .sort((one, other) => one.patch.clock - other.patch.clock);
  const expiries = Array.from({ length: late.length + 1 }, (_, count) => {
    return elementProperties([...before, ...late.slice(0, count)].map((other) => other.patch)).expiresAt;
  });
  const times = expiries.filter((each) => typeof each === 'number');
  return times.length > 0 ? Math.min(...times) : expiries.at(-1);
}

const isSame = ({ commit, patch }: Placed, other: Patch) =>
  patch.id === other.id &&
  patch.clock === other.clock &&
  patch.replica === other.replica &&
  patch.kind === other.kind &&
  commit.origin === other.replica;

/** All commits that its server had when this one was sealed, without itself. A commit names what came since the one before it. */
function knownTo({ commits }: Recorder, { origin, seq }: CommitName): Vector {
  const known = new Map<number, number>([[origin, seq - 1]]);
  for (let own = 1; own <= seq; own++) {
    for (const [other, upTo] of commits.get(commitKey({ origin, seq: own }))?.after ?? []) {
      known.set(other, Math.max(known.get(other) ?? 0, upTo));
    }
  }
  return known;
}
