/** How fast a server catches up: one that was away, from the log, and one that is empty, from state. */
import type { NodeId, ReplicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { PartitionDocument } from '../crdt/partition-document.ts';
import type { Operation } from '../graph/model.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';
import { type LinkedEngine, places, startAt } from './linked-engines.ts';
import { seconds } from './measure.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';
import { batches, createPeople, people, randomPairs, writeBatches } from './workload.ts';

const KEYS = 1000;

export const replicationCatchUp: Benchmark = {
  name: 'replication-catch-up',
  title: 'a follower that is 100,000 commits behind, and an empty server that joins; everything in one process',
  peers: 'none: absolute limits',
  async run(run) {
    await catchUp(run, run.quick ? 10_000 : 100_000);
    await bootstrap(run, run.quick ? { nodes: 10_000, edges: 40_000 } : { nodes: 100_000, edges: 400_000 });
  },
};

async function two() {
  const [here, there] = await places(2);
  if (here === undefined || there === undefined) throw new Error('two places were asked for');
  return { here, there };
}

async function catchUp(run: Parameters<Benchmark['run']>[0], commits: number): Promise<void> {
  const { here, there } = await two();
  const buffered = () => ({ directory: temporaryDirectory('data'), durability: 'buffered' }) as const;
  const place = buffered();
  const a = await startAt(here, [there], buffered());
  let b = await startAt(there, [here], place);
  const id = (i: number) => `n${i % KEYS}` as NodeId;
  await a.graph.write(
    Array.from({ length: KEYS }, (_, i) => ({ op: 'createNode', id: id(i), labels: [], properties: {} })),
  );
  await b.reach(a);
  await b.stop();
  // One after the other, so that none share a commit.
  for (let i = 0; i < commits; i++) {
    await a.graph.write([{ op: 'patchNode', id: id(i), properties: { value: { kind: 'set', value: i } } }]);
  }
  const took = await seconds(async () => {
    b = await startAt(there, [here], place);
    await b.reach(a);
  });
  run.figure(againstLimit(`follower ${commits} commits behind`, commits / took, 'commits/s', { atLeast: 50_000 }));
  await a.stop();
  await b.stop();
}

async function bootstrap(
  run: Parameters<Benchmark['run']>[0],
  { nodes, edges }: { readonly nodes: number; readonly edges: number },
): Promise<void> {
  const { here, there } = await two();
  const data = { directory: temporaryDirectory('data'), durability: 'buffered' } as const;
  const a = await startAt(here, [there], data);
  await fill(a, nodes, edges);
  await a.stop();
  await cutLog(data.directory);
  const source = await startAt(here, [there], data);
  let empty: LinkedEngine | undefined;
  const took = await seconds(async () => {
    empty = await startAt(there, [here], { directory: temporaryDirectory('data'), durability: 'buffered' });
    await empty.reach(source);
  });
  if (empty === undefined) throw new Error('the empty server did not start');
  if (empty.engine.metrics().replication?.stateTransfersTotal !== 1) throw new Error('it was filled from the log');
  const counts = await empty.graph.counts();
  if (counts.nodes !== nodes || counts.edges !== edges) throw new Error(`arrived: ${JSON.stringify(counts)}`);
  run.figure(
    againstLimit('empty server bootstraps from state', (nodes + edges) / took, 'elements/s', { atLeast: 100_000 }),
  );
  await source.stop();
  await empty.stop();
}

async function fill({ graph }: LinkedEngine, nodes: number, edges: number): Promise<void> {
  const ids = (await writeBatches(graph, batches(createPeople(people(nodes))))).flat();
  const pairs = randomPairs(ids, edges, new SeededRandom(5));
  const creates = pairs.map(
    ({ from, to }): Operation => ({ op: 'createEdge', type: 'KNOWS', from, to, properties: {} }),
  );
  await writeBatches(graph, batches(creates));
}

/** Lets go of the whole log, as a server does whose peers were away for long: every partition gets a snapshot first. */
async function cutLog(directory: string): Promise<void> {
  const store = await openLevelStore({ directory, durability: 'buffered', env: benchEnv() });
  const { durableLsn: lsn } = store.status();
  for (const graphKey of await store.listGraphs()) {
    for (const partition of await store.listPartitions(graphKey)) {
      const { snapshot, tail } = await store.readPartition({ graphKey, partition }, { document: true });
      const updates = [...(snapshot === undefined ? [] : [snapshot.document]), ...tail.map(({ update }) => update)];
      const document = PartitionDocument.hydrate(partition, 1 as ReplicaId, updates).encode();
      await store.writeSnapshot({ graphKey, partition }, { lsn, document, view: undefined });
    }
  }
  await store.truncateLog(lsn);
  await store.close();
}
