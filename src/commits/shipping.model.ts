/**
 * The simplest replication there is, for tests: commits go from engine to engine in causal order over a network that is
 * the test itself. It speaks to engines through `Replica` alone.
 */
import type { Replica, ReplicaCut, StreamCommit } from '../replication/replica.ts';
import { covers, joined } from './version-vector.ts';

/** Ships what `to` lacks of all that `from` has. Returns the number of commits. */
export async function ship(from: Replica, to: Replica): Promise<number> {
  let shipped = 0;
  for (let moved = true; moved; ) {
    moved = false;
    for (const origin of from.vector.keys()) {
      const have = () => joined(to.vector, to.retired);
      const commits = await from.readCommits(origin, have().get(origin) ?? 0, 1000);
      const [first] = commits;
      if (first === undefined || first.seq !== (have().get(origin) ?? 0) + 1) continue;
      // As far as what they build on is there, or comes with them.
      let ready = 0;
      const isReady = (commit: StreamCommit | undefined) =>
        commit !== undefined && !commit.isPartial && covers(have(), commit.after);
      while (isReady(commits[ready])) ready++;
      if (ready === 0) continue;
      await to.receive(commits.slice(0, ready));
      shipped += ready;
      moved = true;
    }
  }
  return shipped;
}

/** Ships between all of them until all have the same. */
export async function shipAll(replicas: readonly Replica[]): Promise<void> {
  for (let moved = true; moved; ) {
    moved = false;
    for (const from of replicas) {
      for (const to of replicas) if (from !== to && (await ship(from, to)) > 0) moved = true;
    }
  }
}

/** What `StateTransfer` does: `to` takes over the whole state of `from`. */
export async function transfer(from: Replica, to: Replica): Promise<void> {
  const cut = await from.openCut();
  try {
    await takeOver(cut, to);
  } finally {
    await cut.release();
  }
}

export async function takeOver(cut: ReplicaCut, to: Replica): Promise<void> {
  await to.beginAdoption();
  for (const key of cut.partitions) await to.stageState(key, await cut.diff(key, await to.stateVector(key)));
  await to.adoptState(cut);
}
