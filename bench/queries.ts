/**
 * Queries in this process against loops over integer arrays that somebody wrote by hand for each of them. The statements
 * are planned once; parameters, rows and all values of the rows are part of what is measured.
 */
import {
  cpuMs,
  cpuRates,
  measured,
  median,
  ratioOf,
  repetitionsIn,
  type Sample,
  takeTurns,
  wallRates,
} from './measure.ts';
import { askAll, askEngine, openPeople, type PeopleEngine } from './people-engine.ts';
import { type PeopleGraph, peopleGraph } from './people-graph.ts';
import { PeopleLoops } from './people-loops.ts';
import { inOrder, type Parameters, peopleWorkloads, type QueryWorkload, triangleWorkload } from './query-workloads.ts';
import { againstLimit, type Benchmark, type Run } from './report.ts';

/** Requests whose answers are compared before anything is timed. */
const COMPARED = 20;
/** Processor time of a round. */
const ROUND_MS = 300;

export const queries: Benchmark = {
  name: 'queries',
  title: 'openCypher in process, statements planned before, 100,000 nodes, 1,000,000 edges of a power law, one caller',
  peers: 'loops over compressed adjacency arrays with arrays of stamps for sets, written by hand for each query',
  async run(run) {
    const people = run.quick ? peopleGraph(10_000, 100_000) : peopleGraph(100_000, 1_000_000);
    const scale = run.quick ? 0.2 : 1;
    const loops = new PeopleLoops(people);
    await compareAll(run, await openPeople(people), peopleWorkloads(people, loops, scale));
    const small = smallGraph();
    await compareAll(run, await openPeople(small), [triangleWorkload(new PeopleLoops(small), scale)]);
  },
};

export function smallGraph(): PeopleGraph {
  return peopleGraph(5000, 50_000);
}

async function compareAll(run: Run, { graph }: PeopleEngine, workloads: readonly QueryWorkload[]): Promise<void> {
  for (const workload of workloads) {
    await checkAnswers(workload, (parameters) => askEngine(graph, workload.cypher, parameters));
    const { cypher } = workload;
    const asking = (count: number) => askAll(graph, cypher, workload.asked, count);
    const looping = (count: number) => loopMany(workload, count);
    const asked = await repetitionsIn(ROUND_MS, cpuMs, asking);
    const looped = await repetitionsIn(ROUND_MS, cpuMs, looping);
    const rounds = await takeTurns(
      { weft: () => measured(asked, () => asking(asked)), loop: () => measured(looped, () => looping(looped)) },
      { rounds: run.quick ? 3 : 7, warmups: 1 },
    );
    report(run, workload, rounds);
  }
}

/** So that no contestant is timed for less than the work. */
export async function checkAnswers(
  workload: QueryWorkload,
  ask: (parameters: QueryWorkload['asked'][number]) => Promise<readonly (readonly (number | string)[])[]>,
  compared = COMPARED,
): Promise<void> {
  for (const parameters of workload.asked.slice(0, compared)) {
    const expected = JSON.stringify(inOrder(workload.loop(parameters)));
    const found = JSON.stringify(inOrder(await ask(parameters)));
    if (found !== expected) {
      throw new Error(
        `${workload.name} ${JSON.stringify(parameters)}: ${found.slice(0, 200)}, not ${expected.slice(0, 200)}`,
      );
    }
  }
}

function loopMany({ asked, loop }: QueryWorkload, count: number): void {
  let rows = 0;
  for (let i = 0; i < count; i++) rows += loop(asked[i % asked.length] as Parameters).length;
  if (rows === 0 && count >= asked.length) throw new Error('nothing was found');
}

function report(run: Run, workload: QueryWorkload, rounds: Record<'weft' | 'loop', Sample[]>): void {
  const { what, target, work, unit, name } = workload;
  const ours = cpuRates(rounds.weft).map((rate) => rate * work);
  const loop = cpuRates(rounds.loop).map((rate) => rate * work);
  const ratio = ratioOf(ours, loop);
  run.figure({
    what: `${name}: ${what}`,
    ours: median(ours),
    unit: `${unit}/cpu-s`,
    reference: { what: 'loop', value: median(loop) },
    ratio,
    ...('ofLoop' in target && { target: { atLeast: target.ofLoop } }),
  });
  if ('perSecond' in target) {
    const best = Math.max(...wallRates(rounds.weft)) * work;
    run.figure(againstLimit(`${name}, real time, best round`, best, `${unit}/s`, { atLeast: target.perSecond }));
  }
}
