/**
 * One run: servers start, clients work while the nemesis is at it, everything is mended, all servers must come to hold the
 * same, and what they hold is kept. Bounded in time, and ended cleanly whenever it is interrupted.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Env } from '../../base/env.ts';
import { Arena, GRAPH } from './arena.ts';
import { REAL_FAULTS } from './faults/all.ts';
import type { RealFault } from './faults/real-fault.ts';
import { HttpClient } from './http-client.ts';
import { runNemesis } from './nemesis.ts';
import type { NetAbilities } from './net/net.ts';
import { RealCluster, TOKEN } from './real-cluster.ts';
import { Recorder } from './recorder.ts';
import type { RunFacts } from './run-record.ts';
import { sampleServers } from './sampler.ts';
import type { Scenario } from './scenario.ts';
import { WORKLOADS } from './workloads/all.ts';
import { World } from './world.ts';

export interface RunOptions {
  readonly env: Env;
  readonly scenario: Scenario;
  readonly seed: number;
  /** Of this run; made if it is not there. */
  readonly folder: string;
  /** The built `weft` program. */
  readonly program: string;
  readonly plant: string | undefined;
  /** Of the net that is to be between servers. */
  readonly abilities: NetAbilities;
  /** Becomes true when the run shall end early. */
  isInterrupted(): boolean;
  /** Hears now and then how far it is. */
  onProgress(line: string): void;
}

/** After the last fault clients go on for so long, to see how soon they are served again. */
const AFTERGLOW_MS = 3_000;
const PROGRESS_MS = 1_000;
/** Starting, stopping and mending take their time; beyond this something hangs. */
const BEYOND_MS_MAX = 300_000;

/** Leaves its record in the folder. @returns what went wrong with the run itself, as distinct from what it showed */
export async function runScenario(options: RunOptions): Promise<string | undefined> {
  const { env, scenario, seed, folder, program, plant, abilities, isInterrupted } = options;
  const startedAt = new Date(env.clock.wallMs()).toISOString();
  const world = new World(env, seed);
  const http = new HttpClient(world, TOKEN);
  mkdirSync(join(folder, 'final'), { recursive: true });
  const recorder = new Recorder(world, join(folder, 'history.jsonl'));
  const { servers, flags, logScale } = scenario;
  const chosen = chosenFaults(options);
  const cluster = await RealCluster.prepare({
    world,
    http,
    program,
    folder,
    servers,
    flags,
    logScale,
    plant,
    abilities,
    readsFrames: chosen.some(({ readsFrames }) => readsFrames === true),
  });
  const arena = new Arena(cluster, recorder);
  const run = new Run(options, arena);
  let failure: string | undefined;
  try {
    await run.start();
    await run.work();
    await run.converge();
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    if (isInterrupted()) failure = 'it was interrupted';
    else if (run.isLate) failure ??= 'it took too long';
    if (failure !== undefined) recorder.phase('interrupted', failure);
    await run.end();
    const impossible = REAL_FAULTS.filter(({ name }) => scenario.faults.some(({ kind }) => kind === name)).flatMap(
      ({ name, impossible: why }) => (why?.(abilities) === undefined ? [] : [`${name}: ${why(abilities)}`]),
    );
    const facts: RunFacts = {
      scenario,
      seed,
      ...(plant !== undefined && { plant }),
      net: { kind: abilities.kind, has: abilities.has },
      startedAt,
      seconds: Math.round(world.nowMs() / 1_000),
      crashes: cluster.servers.flatMap(({ crashes }) => crashes),
      impossible,
    };
    writeFileSync(join(folder, 'run.json'), `${JSON.stringify(facts, undefined, 2)}\n`);
    http.close();
  }
  return failure;
}

/** Those of the scenario that can be brought about. */
function chosenFaults({ scenario, abilities }: Pick<RunOptions, 'scenario' | 'abilities'>): readonly RealFault[] {
  return REAL_FAULTS.filter(
    ({ name, impossible }) =>
      impossible?.(abilities) === undefined && scenario.faults.some(({ kind }) => kind === name),
  );
}

class Run {
  isLate = false;
  readonly #options: RunOptions;
  readonly #arena: Arena;
  readonly #deadlineMs: number;
  #sampling: Promise<unknown> = Promise.resolve();
  #isSampling = true;
  #hasFailed = false;

  constructor(options: RunOptions, arena: Arena) {
    this.#options = options;
    this.#arena = arena;
    const { seconds, healSeconds } = options.scenario;
    this.#deadlineMs = (seconds + healSeconds) * 1_000 + BEYOND_MS_MAX;
  }

  #mustEnd(): boolean {
    this.isLate ||= this.#arena.world.nowMs() > this.#deadlineMs;
    return this.isLate || this.#hasFailed || this.#options.isInterrupted();
  }

  async start(): Promise<void> {
    const { cluster } = this.#arena;
    const needsDisks = chosenFaults(this.#options).some(({ onOwnDisks }) => onOwnDisks === true);
    if (needsDisks) await cluster.putDisksIn();
    this.#options.onProgress(`starting ${cluster.names.length} servers`);
    await Promise.all(cluster.servers.map((server) => server.start()));
    if (!(await cluster.meet())) throw new Error('the servers do not come to serve; see logs/ in the run folder');
    await this.#prepareGraph();
    const file = join(this.#options.folder, 'samples.jsonl');
    this.#sampling = sampleServers(cluster, { file, isOver: () => !this.#isSampling });
  }

  /** Everything that workloads need is there on every server before they start. */
  async #prepareGraph(): Promise<void> {
    const { cluster, world } = this.#arena;
    const chosen = this.#options.scenario.workloads.map((choice) => ({
      choice,
      workload: WORKLOADS.find(({ name }) => name === choice.kind),
    }));
    const [first = ''] = cluster.names;
    for (const statement of chosen.flatMap(({ workload }) => workload?.declarations ?? [])) {
      const { status, code } = await cluster.ask(first, 'POST', `${GRAPH}/query`, { statement });
      if (status !== 200) throw new Error(`${statement} failed: ${status} ${code ?? ''}`);
    }
    // Whoever has this batch has what was declared before it.
    const operations = chosen.flatMap(({ choice, workload }) => workload?.setup?.(choice) ?? []);
    const start = { op: 'putNode', id: 'start-of-run', labels: ['Start'], properties: {} };
    const {
      status,
      code,
      token = '',
    } = await cluster.ask(first, 'POST', `${GRAPH}/batch`, {
      operations: [start, ...operations],
    });
    if (status !== 200) throw new Error(`preparing the graph failed: ${status} ${code ?? ''}`);
    for (const name of cluster.names) {
      const { url } = cluster.server(name);
      const headers = { 'session-token': token };
      const path = `${GRAPH}/nodes?limit=1`;
      const sees = async () => (await cluster.http.send({ url, method: 'GET', path, headers })).status === 200;
      if (!(await world.until(30_000, sees))) throw new Error(`${name} does not get what ${first} has`);
    }
  }

  async work(): Promise<void> {
    const { cluster, recorder, world } = this.#arena;
    const { scenario } = this.#options;
    recorder.phase('work');
    const endMs = world.nowMs() + scenario.seconds * 1_000;
    const clients = scenario.workloads.flatMap((choice) => {
      const workload = WORKLOADS.find(({ name }) => name === choice.kind);
      return workload?.start(this.#arena, choice) ?? [];
    });
    const working = Promise.all(clients);
    // A workload that fails is a bug of it. The run ends at once, and with it its servers.
    working.catch(() => {
      this.#hasFailed = true;
    });
    const isOver = () => world.nowMs() >= endMs || this.#mustEnd();
    const mustEnd = () => this.#mustEnd();
    const nemesis = runNemesis({ cluster, recorder, scenario, faults: REAL_FAULTS, isOver, mustEnd });
    const progress = this.#showProgress(endMs);
    try {
      await nemesis;
      await world.until(endMs - world.nowMs(), isOver);
      recorder.phase('heal');
      await world.until(AFTERGLOW_MS, () => this.#mustEnd());
    } finally {
      this.#arena.isOver = true;
    }
    await Promise.all([progress, working]);
  }

  async #showProgress(endMs: number): Promise<void> {
    const { world, recorder } = this.#arena;
    while (!this.#arena.isOver) {
      const { ok, fail, info, faults } = recorder.tally;
      const left = Math.max(0, Math.round((endMs - world.nowMs()) / 1_000));
      const counts = `${ok} ok, ${fail} failed, ${info} unknown, ${faults} faults`;
      this.#options.onProgress(left > 0 ? `${left} s left: ${counts}` : `mending: ${counts}`);
      await world.sleep(PROGRESS_MS);
    }
  }

  /** Waits until all hold the same, and keeps what that is. */
  async converge(): Promise<void> {
    const { cluster, recorder, world } = this.#arena;
    if (this.#mustEnd()) return;
    this.#options.onProgress('waiting until all servers hold the same');
    let why = '';
    const areEqual = await world.until(this.#options.scenario.healSeconds * 1_000, async () => {
      const digests = await Promise.all(cluster.names.map((name) => this.#stateOf(name)));
      why = cluster.names.map((name, i) => `${name} ${digests[i] ?? 'no answer'}`).join(', ');
      return (digests[0] !== undefined && new Set(digests).size === 1) || this.#mustEnd();
    });
    recorder.phase(areEqual ? 'converged' : 'not-converged', why);
    for (const name of cluster.names) await this.#keepFinal(name);
  }

  /** Vector and digest of a server; equal texts mean equal states. */
  async #stateOf(name: string): Promise<string | undefined> {
    const { cluster } = this.#arena;
    const [described, digest] = [await cluster.describe(name), await cluster.ask(name, 'GET', `${GRAPH}/digest`)];
    if (described === undefined || digest.status !== 200) return undefined;
    const vector = Object.entries(described.vector).sort(([a], [b]) => Number(a) - Number(b));
    return `${digest.body.digest} ${vector.map(([origin, seq]) => `${origin}:${seq}`).join(' ')}`;
  }

  async #keepFinal(name: string): Promise<void> {
    const { cluster } = this.#arena;
    const exported = await cluster.ask(name, 'GET', `${GRAPH}/export`, undefined, 120_000);
    const { status, body } = await cluster.ask(name, 'GET', `${GRAPH}/digest`, undefined, 60_000);
    if (exported.status !== 200 || status !== 200) return;
    const lines = String(exported.body).split('\n').filter(Boolean).sort();
    const final = join(this.#options.folder, 'final');
    writeFileSync(join(final, `${name}.ndjson`), lines.join('\n'));
    writeFileSync(join(final, `${name}.digest`), String(body.digest));
  }

  async end(): Promise<void> {
    const { cluster, recorder } = this.#arena;
    this.#arena.isOver = true;
    // A process that waits for a disk that stands still does not end.
    await cluster.thawDisks();
    if (this.#mustEnd()) cluster.killAll();
    this.#isSampling = false;
    await this.#sampling;
    await cluster.stopAll();
    await cluster.dispose();
    recorder.phase('end');
    await recorder.close();
    for (const server of cluster.servers) unmount(server.data);
  }
}

/** A disk that a fault had put there, if it did not come to take it away. */
function unmount(folder: string): void {
  const isMounted = readFileSync('/proc/mounts', 'utf8').includes(` ${folder} `);
  if (isMounted) execFileSync('umount', [folder]);
}
