/** One run from one seed: the cluster forms, clients work while the nemesis is at it, all is healed, checkers judge. */
import { Arena, type Workload } from './arena.ts';
import { CHECKERS } from './checkers/all.ts';
import { CONVERGENCE_MS_MAX } from './checkers/liveness.ts';
import type { Verdict } from './checkers/verdict.ts';
import { DEFAULT, runStatement } from './client.ts';
import { Cluster } from './cluster.ts';
import { deletionsOf } from './deletions.ts';
import { expectedGraphs, valuesOf } from './expectation.ts';
import type { FaultName } from './faults/all.ts';
import { type Ended, haveConverged, settled } from './final-state.ts';
import type { History, OfflineHistory, StrongEnd } from './history.ts';
import { Nemesis } from './nemesis.ts';
import { Observer, type Paths } from './observer.ts';
import { devicesReturn, endOffline } from './offline/end.ts';
import { serveDevices } from './offline/sockets.ts';
import type { Scenario } from './scenario.ts';
import { SimRandom } from './sim/random.ts';
import { Trace } from './sim/trace.ts';
import { endStrong, isStrong } from './strong-end.ts';
import { WORKLOADS } from './workloads/all.ts';
import { LEASE } from './workloads/expiry.ts';

export interface SeedReport {
  readonly seed: number;
  readonly hash: string;
  readonly failures: readonly { readonly checker: string; readonly evidence: string }[];
  readonly operations: { readonly ok: number; readonly failed: number; readonly unknown: number };
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  readonly paths: Paths;
  readonly events: number;
  readonly frames: number;
  readonly virtualMs: number;
  /** The last lines of what happened; empty if nothing failed. */
  readonly story: readonly string[];
}

const FORMATION_MS_MAX = 20_000;
const LOOK_MS = 100;
/** Beyond this a run is broken, whatever its clients wait for. */
const RUN_MS_MAX = 3_600_000;
const STORY_LINES = 40;
/** Faults after which a server has less than it said. */
const LOSSES: readonly FaultName[] = ['lost-disk', 'lost-disks', 'rot'];

export interface RunOptions {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly watch?: ((line: string) => void) | undefined;
}

/**
 * @param strays collects rejections that nobody handled, which only the host process can see; read at the end
 */
export async function runSeed(
  { seed, scenario, watch }: RunOptions,
  strays: () => Promise<string[]>,
): Promise<SeedReport> {
  const random = new SimRandom(seed);
  const trace = new Trace(watch);
  const cluster = new Cluster(scenario.cluster, random.fork('cluster'), trace);
  const { operations, thinkMs, devices } = scenario;
  const arena = new Arena({ cluster, random: random.fork('arena'), operations, thinkMs, devices });
  arena.offline.disksAreLost =
    scenario.cluster.durability === 'buffered' || scenario.faults.some((name) => LOSSES.includes(name));
  if (devices > 0) cluster.onUp = (up) => serveDevices(arena.offline, cluster, up);
  const nemesis = new Nemesis(cluster);
  const observer = new Observer(cluster);
  cluster.say(`seed ${seed}: ${describe(scenario)}`);

  let history: History | undefined;
  const play = async () => {
    observer.start();
    for (const server of cluster.servers) cluster.start(server);
    await formCluster(cluster, scenario);
    nemesis.start(scenario.faults, scenario.faultRate, random.fork('nemesis'));
    await Promise.all(scenario.workloads.flatMap((name) => WORKLOADS[name].start(arena)));
    nemesis.heal();
    for (const name of scenario.workloads) await (WORKLOADS[name] as Workload).pass?.(arena);
    if (devices > 0) await devicesReturn(arena);
    const ended = await settled(cluster, scenario.workloads, CONVERGENCE_MS_MAX);
    const strongEnd = isStrong(scenario.workloads) ? await endStrong(arena) : undefined;
    const offlineEnd = devices > 0 && ended.final.length > 0 ? await endOffline(arena) : undefined;
    history = historyOf({ cluster, arena, scenario, observer, ended, strongEnd, offlineEnd });
  };
  let isDone = false;
  const end = () => {
    isDone = true;
  };
  play().then(end, (error: unknown) => {
    cluster.noteBug('the run', error);
    end();
  });
  // Nothing that comes after a bug says more than the bug.
  await cluster.timeline.run({ untilMs: RUN_MS_MAX, isDone: () => isDone || cluster.bugs.length > 0 });
  for (const stray of await strays()) cluster.noteBug('a promise', stray);

  const failures = history === undefined ? unfinished(cluster) : judged({ ...history, bugs: cluster.bugs });
  for (const { checker, evidence } of failures) trace.text(`${checker}: ${evidence}`);
  const count = (outcome: string) => arena.operations.filter((operation) => operation.outcome === outcome).length;
  return {
    seed,
    hash: trace.digest(),
    failures,
    operations: { ok: count('ok'), failed: count('failed'), unknown: count('unknown') },
    faults: Object.fromEntries(nemesis.injected),
    paths: observer.paths(),
    events: cluster.timeline.events,
    frames: cluster.network.frames,
    virtualMs: cluster.timeline.nowMs,
    story: failures.length === 0 ? [] : trace.story(STORY_LINES),
  };
}

function describe({ cluster, workloads, faults }: Scenario): string {
  const { servers, durability, memoryBudgetBytes, bugs } = cluster;
  const bug = bugs.size === 0 ? '' : `, planted ${[...bugs]}`;
  return `${servers} servers, ${durability}, budget ${memoryBudgetBytes}; ${workloads}; faults ${faults}${bug}`;
}

/** Waits until all servers are up and have what the workloads need. */
async function formCluster(cluster: Cluster, { workloads }: Scenario): Promise<void> {
  const { timeline, servers } = cluster;
  const [first] = servers;
  while (servers.some(({ engine }) => engine === undefined)) await timeline.sleep(LOOK_MS);
  const setup = workloads.flatMap((name) => WORKLOADS[name].setup);
  if (first !== undefined && setup.length > 0) {
    await cluster.ask(first, (engine) => engine.graph(DEFAULT).write(setup));
  }
  const startMs = timeline.nowMs;
  const isFormed = async () =>
    (!isStrong(workloads) || servers.every(({ engine }) => engine?.quorum().votes)) && (await haveConverged(cluster));
  const untilFormed = async () => {
    while (timeline.nowMs - startMs < FORMATION_MS_MAX && !(await isFormed())) await timeline.sleep(LOOK_MS);
  };
  await untilFormed();
  if (first === undefined) return;
  for (const text of workloads.flatMap((name) => (WORKLOADS[name] as Workload).declarations ?? [])) {
    await cluster.ask(first, (engine) => runStatement(engine.graph(DEFAULT), text));
  }
  // Everybody knows of them, so that all that clients write must keep them.
  await untilFormed();
}

function historyOf(run: {
  readonly cluster: Cluster;
  readonly arena: Arena;
  readonly scenario: Scenario;
  readonly observer: Observer;
  readonly ended: Ended;
  readonly strongEnd: StrongEnd | undefined;
  readonly offlineEnd: OfflineHistory | undefined;
}): History {
  const { cluster, arena, scenario, observer, ended, strongEnd, offlineEnd } = run;
  const { recorder, destroyed, lostDisks, bugs } = cluster;
  const { afterMs, final } = ended;
  return {
    operations: arena.operations,
    sessions: arena.sessions,
    values: valuesOf(recorder),
    causal: arena.causal,
    atomic: arena.atomic,
    edges: arena.edges,
    leases: arena.leases,
    deletions: scenario.workloads.includes('expiry') ? deletionsOf(recorder, LEASE) : [],
    counters: arena.counters,
    members: arena.members,
    registers: arena.registers,
    lists: arena.lists,
    bank: arena.bank,
    repetitions: arena.repetitions,
    strongEnd,
    offline: offlineEnd,
    commits: recorder.commits,
    logs: recorder.logs,
    conflicts: recorder.conflicts,
    destroyed,
    lostDisks,
    queues: observer.queues(scenario.faults.includes('rot')),
    bugs,
    convergedAfterMs: afterMs,
    final,
    expected: expectedGraphs(recorder, final, Math.min(...cluster.servers.map(({ clock }) => clock.wallMs()))),
  };
}

function judged(history: History): SeedReport['failures'] {
  return CHECKERS.flatMap((checker) => {
    const verdict = checker.check(history);
    return verdict.kind === 'valid' ? [] : [{ checker: checker.name, evidence: evidenceOf(verdict) }];
  });
}

function evidenceOf(verdict: Exclude<Verdict, { kind: 'valid' }>): string {
  return verdict.kind === 'invalid' ? verdict.evidence : `unknown: ${verdict.reason}`;
}

function unfinished({ bugs, timeline }: Cluster): SeedReport['failures'] {
  const evidence = bugs[0] ?? `the run did not end within ${timeline.nowMs.toFixed(0)} ms of virtual time`;
  return [{ checker: 'run', evidence }];
}
