/** What servers deleted because it had expired, and whether they might: by what the commit itself says that its server knew. */
import { LIMITS } from '../base/limits.ts';
import { elementProperties } from '../crdt/graph.model.ts';
import { patchesOf } from '../crdt/partition-document.ts';
import type { Patch } from '../crdt/patch.ts';
import { decodePatch } from '../crdt/patch-codec.ts';
import { wallMsOfClock } from '../crdt/stamp.ts';
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
      const known = knownTo(recorder, commit);
      // A commit holds the writes of many clients, each of which saw those before it.
      const inCommit = ofNode.filter((other) => commitKey(other.commit) === commitKey(commit));
      const before = [
        ...ofNode.filter((other) => other.commit.seq <= (known.get(other.commit.origin) ?? 0)),
        ...inCommit.filter((other) => other.patch.clock < patch.clock),
      ];
      const { expiresAt } = elementProperties(before.map((other) => other.patch));
      // One that is made anew may be deleted as soon as it is hidden.
      const isReplaced = inCommit.some((other) => other.patch.kind === 'node-create');
      const atMs = wallMsOfClock(patch.clock);
      return { id: patch.id, commit, atMs, expiresAt, graceMs: isReplaced ? 0 : LIMITS.expiryGraceMs };
    });
}

const isSame = ({ commit, patch }: Placed, other: Patch) =>
  patch.id === other.id &&
  patch.clock === other.clock &&
  patch.replica === other.replica &&
  patch.kind === other.kind &&
  commit.origin === other.replica;

/** All commits that its server had when it made this one, without itself. A commit names what came since the one before it. */
function knownTo({ commits }: Recorder, { origin, seq }: CommitName): Vector {
  const known = new Map<number, number>([[origin, seq - 1]]);
  for (let own = 1; own <= seq; own++) {
    for (const [other, upTo] of commits.get(commitKey({ origin, seq: own }))?.after ?? []) {
      known.set(other, Math.max(known.get(other) ?? 0, upTo));
    }
  }
  return known;
}
