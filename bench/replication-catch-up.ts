/** How fast a server catches up: one that was away, from the log, and one that is empty, from state. */
import { setImmediate } from 'node:timers/promises';
import { CatchUpSource } from './catch-up-source.ts';
import { type LinkedEngine, type Place, places, startAt } from './linked-engines.ts';
import { seconds } from './measure.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';

export const replicationCatchUp: Benchmark = {
  name: 'replication-catch-up',
  title:
    'a follower that is 100,000 commits behind, and an empty server that joins; a process for each of the two servers',
  peers: 'none: absolute limits',
  async run(run) {
    await catchUp(run, run.quick ? 10_000 : 100_000);
    await bootstrap(run, run.quick ? { nodes: 10_000, edges: 40_000 } : { nodes: 100_000, edges: 400_000 });
  },
};

const data = () => ({ directory: temporaryDirectory('data'), durability: 'buffered' }) as const;

async function follower(): Promise<Place> {
  const [place] = await places('follower');
  if (place === undefined) throw new Error('a place was asked for');
  return place;
}

async function catchUp(run: Parameters<Benchmark['run']>[0], commits: number): Promise<void> {
  const place = await follower();
  const source = await CatchUpSource.start(place.url);
  const kept = data();
  let engine = await startAt(place, [source.url], kept);
  await engine.reach(await source.order({ kind: 'prepare' }));
  await engine.stop();
  const wanted = await source.order({ kind: 'backlog', commits });
  const took = await seconds(async () => {
    engine = await startAt(place, [source.url], kept);
    await engine.reach(wanted);
  });
  run.figure(againstLimit(`follower ${commits} commits behind`, commits / took, 'commits/s', { atLeast: 50_000 }));
  await engine.stop();
  await source.stop();
}

async function bootstrap(
  run: Parameters<Benchmark['run']>[0],
  { nodes, edges }: { readonly nodes: number; readonly edges: number },
): Promise<void> {
  const place = await follower();
  const source = await CatchUpSource.start(place.url);
  const wanted = await source.order({ kind: 'fill', nodes, edges });
  let empty: LinkedEngine | undefined;
  const took = await seconds(async () => {
    empty = await startAt(place, [source.url], data());
    await empty.reach(wanted);
  });
  if (empty === undefined) throw new Error('the empty server did not start');
  // What it has moves with the state, before the transfer counts as done.
  while (empty.engine.replica.recovering) await setImmediate();
  await setImmediate();
  const transfers = empty.engine.metrics().replication?.stateTransfersTotal;
  if (transfers !== 1) throw new Error(`it was filled from the log, or again: ${transfers} transfers of state`);
  const counts = await empty.graph.counts();
  if (counts.nodes !== nodes || counts.edges !== edges) throw new Error(`arrived: ${JSON.stringify(counts)}`);
  run.figure(
    againstLimit('empty server bootstraps from state', (nodes + edges) / took, 'elements/s', { atLeast: 100_000 }),
  );
  await source.stop();
  await empty.stop();
}
