import type { PartitionId } from '../base/ids.ts';
import { GraphView } from '../crdt/graph-view.ts';
import { PartitionDocument, patchesOf } from '../crdt/partition-document.ts';
import { decodePatch, encodePatch } from '../crdt/patch-codec.ts';
import { encodeViewSnapshot, foldViewSnapshot } from '../crdt/view-snapshot.ts';
import { openLevelStore } from '../storage/level-store.ts';
import type { PartitionKey, PartitionState, Store } from '../storage/store.ts';
import { benchEnv } from './bench-env.ts';
import { measured, median, takeTurns } from './measure.ts';
import { patchesOfPeople, REPLICA } from './partitions-in-memory.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';
import { batches } from './workload.ts';

const NODES = 10_000;
const ID = '0' as PartitionId;
const WITH_SNAPSHOT: PartitionKey = { graphKey: 'snapshot', partition: ID };
const WITH_TAIL: PartitionKey = { graphKey: 'tail', partition: ID };

export const hydration: Benchmark = {
  name: 'hydration',
  title: 'a partition of 10,000 nodes from LevelDB into memory, read and checksum included',
  peers: 'none: fixed limits, in real time; see the calibration',
  async run(run) {
    const store = await openLevelStore({
      directory: temporaryDirectory('data'),
      durability: 'buffered',
      env: benchEnv(),
    });
    await fill(store);
    const rounds = await takeTurns(
      {
        snapshot: () =>
          measured(NODES, async () => {
            viewOf(await store.readPartition(WITH_SNAPSHOT, { document: false }));
          }),
        patches: () =>
          measured(NODES, async () => {
            viewOf(await store.readPartition(WITH_TAIL, { document: false }));
          }),
        writing: () =>
          measured(NODES, async () => {
            viewOf(await store.readPartition(WITH_SNAPSHOT, { document: false }));
            documentOf(await store.readPartition(WITH_SNAPSHOT, { document: true }));
          }),
        writingFromPatches: () =>
          measured(NODES, async () => {
            viewOf(await store.readPartition(WITH_TAIL, { document: false }));
            documentOf(await store.readPartition(WITH_TAIL, { document: true }));
          }),
      },
      { rounds: run.quick ? 5 : 21, warmups: 3 },
    );
    const ms = (way: keyof typeof rounds) => median(rounds[way].map(({ wallMs }) => wallMs));
    run.figure(againstLimit('for reading, view snapshot', ms('snapshot'), 'ms', { atMost: 20 }));
    run.figure(againstLimit('for reading, 100 commits of 100 patches', ms('patches'), 'ms', { atMost: 60 }));
    run.figure(againstLimit('for writing, snapshots of view and document', ms('writing'), 'ms', { atMost: 120 }));
    run.figure(againstLimit('for writing, the same commits', ms('writingFromPatches'), 'ms', { atMost: 120 }));
    await store.close();
  },
};

/** The same nodes twice: as a snapshot, and as commits. */
async function fill(store: Store): Promise<void> {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const index = view.open(ID);
  const document = PartitionDocument.hydrate('bench', REPLICA, []);
  let seq = 0;
  let clock = 0;
  const commit = async (key: PartitionKey, update: Uint8Array) => {
    const after = seq === 0 ? [] : [[REPLICA, seq] as const];
    return store.append({ origin: REPLICA, seq: ++seq, clock, parts: [{ ...key, update }], locators: [], after });
  };
  let lsn = 0;
  for (const batch of batches(patchesOfPeople(NODES))) {
    const texts = batch.map((patch) => {
      const text = encodePatch(patch);
      view.fold(index, patch, text.length);
      clock = patch.clock;
      return text;
    });
    const update = document.append(texts);
    await commit(WITH_TAIL, update);
    lsn = await commit(WITH_SNAPSHOT, update);
  }
  await store.writeSnapshot(WITH_SNAPSHOT, { lsn, document: document.encode(), view: encodeViewSnapshot(view, index) });
}

/** As `Residency` does it for readers. */
function viewOf({ snapshot, tail }: PartitionState): void {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const index = view.open(ID);
  if (snapshot?.view !== undefined) foldViewSnapshot(view, index, snapshot.view);
  for (const { update } of tail) {
    for (const text of patchesOf(update)) view.fold(index, decodePatch(text), text.length);
  }
  if (index.nodes.length !== NODES) throw new Error(`${index.nodes.length} nodes were hydrated`);
}

/** As `Residency` does it for writers. */
function documentOf({ snapshot, tail }: PartitionState): void {
  const updates = tail.map(({ update }) => update);
  if (snapshot !== undefined) updates.unshift(snapshot.document);
  const document = PartitionDocument.hydrate('bench', REPLICA, updates);
  if (document.patches !== NODES) throw new Error(`${document.patches} patches were hydrated`);
}
