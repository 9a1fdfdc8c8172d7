/** A store that keeps nothing: what an engine holds on it is the engine's own memory. */
import type { Commit, Lsn, PartitionState, Store } from '../storage/store.ts';

export function forgetfulStore(): Store {
  let lastLsn: Lsn = 0;
  const meta = new Map<string, Uint8Array>();
  return {
    recovery: { clean: true, streams: [], lastLsn: 0, damaged: [] },
    append: async (_commit: Commit) => ++lastLsn,
    appendAll: async (commits) => {
      lastLsn += commits.length;
      return lastLsn;
    },
    writeSnapshot: async () => undefined,
    readPartition: async (): Promise<PartitionState> => ({ snapshot: undefined, tail: [] }),
    listPartitions: async () => [],
    listGraphs: async () => [],
    adoptStreams: async () => undefined,
    locate: async (_graphKey, edges) => edges.map(() => []),
    dropGraph: async () => undefined,
    readCommits: async () => [],
    truncateLog: async () => 0,
    openCut: async () => ({
      lsn: lastLsn,
      streams: [],
      partitions: [],
      readPartition: async (): Promise<PartitionState> => ({ snapshot: undefined, tail: [] }),
      release: async () => undefined,
    }),
    stage: async () => undefined,
    listStaged: async () => [],
    readStaged: async () => new Uint8Array(),
    clearStaged: async () => undefined,
    getMeta: async (name) => meta.get(name),
    setMeta: async (name, value) => {
      meta.set(name, value);
    },
    status: () => ({ durableLsn: lastLsn, lastLsn, logBytes: 0, failed: false }),
    close: async () => undefined,
  };
}
