/**
 * The same queries asked of databases that somebody might take instead. All of them answer some requests first, and the
 * answers are compared: who is wrong, or does not know the query, is named and not timed. Real time, since a database
 * in a process of its own would otherwise cost nothing.
 */

import type { EngineGraph } from '../src/graphs/graph.ts';
import { openCodemix } from './codemix-peer.ts';
import { openLadybug } from './ladybug-peer.ts';
import { type Contestant, measured, median, ratioOf, repetitionsIn, takeTurns, wallRates } from './measure.ts';
import { askEngine, openPeople } from './people-engine.ts';
import { type PeopleGraph, peopleGraph } from './people-graph.ts';
import { PeopleLoops } from './people-loops.ts';
import { openPostgres } from './postgres-peer.ts';
import { checkAnswers, smallGraph } from './queries.ts';
import type { OpenPeer, QueryPeer } from './query-peer.ts';
import { type Parameters, peopleWorkloads, type QueryWorkload, triangleWorkload } from './query-workloads.ts';
import type { Benchmark, Run } from './report.ts';

const PEERS: Readonly<Record<string, OpenPeer>> = {
  LadybugDB: openLadybug,
  PostgreSQL: openPostgres,
  '@codemix/graph': openCodemix,
};
const COMPARED = 2;
/** A round has as many requests as are answered in about so long. */
const ROUND_MS = 1000;
const QUICK_ROUND_MS = 250;

export const queryPeers: Benchmark = {
  name: 'query-peers',
  title: 'the queries of `queries`, in real time, beside other databases on this machine',
  peers: 'LadybugDB embedded, PostgreSQL with indexed edge tables over 16 connections, @codemix/graph in process',
  async run(run) {
    const people = run.quick ? peopleGraph(10_000, 100_000) : peopleGraph(100_000, 1_000_000);
    await compareAll(run, people, peopleWorkloads(people, new PeopleLoops(people), 0.2));
    const small = smallGraph();
    await compareAll(run, small, [triangleWorkload(new PeopleLoops(small), 0.5)]);
  },
};

async function compareAll(run: Run, people: PeopleGraph, workloads: readonly QueryWorkload[]): Promise<void> {
  const { graph } = await openPeople(people);
  const peers: QueryPeer[] = [];
  for (const [name, open] of Object.entries(PEERS)) {
    const peer = await open(people);
    if (typeof peer === 'string') run.remark(`${name} is left out: ${peer}`);
    else peers.push(peer);
  }
  const contestants: readonly QueryPeer[] = [engineAsPeer(graph), ...peers];
  for (const workload of workloads) {
    const { name, work, unit } = workload;
    const turns: Record<string, Contestant> = {};
    for (const contestant of contestants) {
      const requests = await requestsOf(run, contestant, workload);
      if (requests > 0)
        turns[contestant.name] = () => measured(requests, () => askMany(contestant, workload, requests));
    }
    const rounds = await takeTurns(turns, { rounds: run.quick ? 3 : 5, warmups: 1 });
    const ours = wallRates(rounds.weft ?? []).map((rate) => rate * work);
    for (const [peer, samples] of Object.entries(rounds)) {
      if (peer === 'weft') continue;
      const theirs = wallRates(samples).map((rate) => rate * work);
      run.figure({
        what: name,
        ours: median(ours),
        unit: `${unit}/s`,
        reference: { what: peer, value: median(theirs) },
        ratio: ratioOf(ours, theirs),
        target: { atLeast: 1 },
      });
    }
  }
  for (const peer of peers) await peer.close();
}

function engineAsPeer(graph: EngineGraph): QueryPeer {
  return {
    name: 'weft',
    inFlight: 1,
    ask: ({ cypher }, parameters) => askEngine(graph, cypher, parameters),
    close: () => undefined,
  };
}

/** How many requests take about as long as a round should, once it is warm; 0 if its answers are not those of the others. */
async function requestsOf(run: Run, peer: QueryPeer, workload: QueryWorkload): Promise<number> {
  try {
    await checkAnswers(workload, (parameters) => peer.ask(workload, parameters), COMPARED);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 160) : String(error);
    run.remark(`${workload.name}: ${peer.name} is left out: ${reason}`);
    return 0;
  }
  const roundMs = run.quick ? QUICK_ROUND_MS : ROUND_MS;
  return repetitionsIn(
    roundMs,
    () => performance.now(),
    (count) => askMany(peer, workload, count),
    peer.inFlight,
  );
}

async function askMany(peer: QueryPeer, workload: QueryWorkload, count: number): Promise<void> {
  const { asked } = workload;
  let next = 0;
  const asker = async () => {
    while (next < count) await peer.ask(workload, asked[next++ % asked.length] as Parameters);
  };
  await Promise.all(Array.from({ length: peer.inFlight }, asker));
}
