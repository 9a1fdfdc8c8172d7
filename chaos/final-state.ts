/** What servers hold when the cluster has been left in peace, asked through the engine as clients would. */
import { WeftError } from '../base/errors.ts';
import { compareText } from '../base/order.ts';
import { describeGraph, type ModelEdge, type ModelNode } from '../crdt/graph.model.ts';
import type { Engine, Graph } from '../src/engine-port.ts';
import { vectorText } from './checkers/convergence.ts';
import { DEFAULT } from './client.ts';
import { type Cluster, Died, type Server, Unreachable } from './cluster.ts';
import type { FinalGraph, FinalState, Vector } from './history.ts';
import { WORKLOADS, type WorkloadName } from './workloads/all.ts';

const LOOK_MS = 100;

/** All servers serve, and hold the same by their vectors and digests. */
export async function haveConverged(cluster: Cluster): Promise<boolean> {
  const { servers } = cluster;
  if (servers.some(({ engine }) => engine === undefined || engine.replica.recovering)) return false;
  if (new Set(servers.map((server) => vectorKey(cluster.holdings(server)))).size > 1) return false;
  const digests = await Promise.all(servers.map((server) => orUndefined(cluster.ask(server, digestsOf))));
  return !digests.includes(undefined) && new Set(digests).size === 1;
}

function vectorKey(vector: Vector): string {
  return JSON.stringify([...vector].sort(([a], [b]) => a - b));
}

async function digestsOf(engine: Engine): Promise<string> {
  const digests: string[] = [];
  for (const { name } of engine.listGraphs()) digests.push(`${name} ${(await engine.graph(name).digest()).digest}`);
  return digests.join('\n');
}

export interface Ended {
  /** Undefined if it did not come. */
  readonly afterMs: number | undefined;
  /** Of every server, or empty if one did not answer. */
  readonly final: readonly FinalState[];
}

/** Waits until all servers hold the same and say so, or until the time is over. */
export async function settled(cluster: Cluster, workloads: readonly WorkloadName[], msMax: number): Promise<Ended> {
  const { timeline, servers } = cluster;
  const startMs = timeline.nowMs;
  const ask = async () => {
    const states = await Promise.all(servers.map((server) => finalState(cluster, server, workloads)));
    return states.filter((state) => state !== undefined);
  };
  while (timeline.nowMs - startMs < msMax) {
    const afterMs = timeline.nowMs - startMs;
    const final = (await haveConverged(cluster)) ? await ask() : [];
    // What a client gave up on may still be decided while they are asked.
    const isQuiet = new Set(final.map(({ vector }) => vectorKey(vector))).size === 1;
    if (final.length === servers.length && isQuiet) return { afterMs, final };
    await timeline.sleep(LOOK_MS);
  }
  for (const server of servers) cluster.say(plight(cluster, server));
  const final = await ask();
  return { afterMs: undefined, final: final.length === servers.length ? final : [] };
}

/** What keeps a server from agreeing with the others, for people. */
function plight(cluster: Cluster, server: Server): string {
  const { name, engine } = server;
  const reasons = engine === undefined ? 'down' : engine.health().reasons.join('; ');
  const graphs = engine?.listGraphs().map((graph) => graph.name);
  return `${name}: ${reasons}; has ${vectorText(cluster.holdings(server))}; graphs ${graphs}`;
}

/** Undefined if the server does not answer, or takes something in while it is read. */
async function finalState(
  cluster: Cluster,
  server: Server,
  workloads: readonly WorkloadName[],
): Promise<FinalState | undefined> {
  return orUndefined(
    cluster.ask(server, async (engine) => {
      const vector = cluster.holdings(server);
      const graphs = new Map<string, FinalGraph>();
      for (const { name } of engine.listGraphs()) graphs.set(name, await finalGraph(engine.graph(name)));
      const counters = new Map<string, number>();
      const sets = new Map<string, readonly string[]>();
      for (const workload of workloads) {
        const figures = await (WORKLOADS[workload] as { finish?: FinishOf }).finish?.(engine.graph(DEFAULT));
        for (const [counter, sum] of figures?.counters ?? []) counters.set(counter, sum);
        for (const [set, members] of figures?.sets ?? []) sets.set(set, members);
      }
      const { constraintViolations } = await engine.graph(DEFAULT).integrity();
      const broken = constraintViolations.map(({ constraint, groups }) => `${constraint}: ${JSON.stringify(groups)}`);
      if (vectorKey(cluster.holdings(server)) !== vectorKey(vector)) return undefined;
      return { server: server.name, vector, graphs, counters, sets, broken };
    }),
  );
}

type FinishOf = (typeof WORKLOADS)['counters' | 'sets']['finish'];

async function finalGraph(graph: Graph): Promise<FinalGraph> {
  const nodes: ModelNode[] = [];
  const edges: Omit<ModelEdge, 'indexed'>[] = [];
  for await (const item of await graph.export()) {
    if (item.kind === 'node') nodes.push(item.node);
    else edges.push(item.edge);
  }
  edges.sort((a, b) => compareText(a.id, b.id));
  return { digest: (await graph.digest()).digest, contents: describeGraph({ nodes, edges }) };
}

/** A server that is not there or refuses has no state to show; every other failure is one. */
async function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof WeftError || error instanceof Unreachable || error instanceof Died) return undefined;
    throw error;
  }
}
