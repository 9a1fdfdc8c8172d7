import { type GraphName, graphName, type NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import { openEngine } from '../src/engine.ts';
import type { Engine, Graph } from '../src/engine-port.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';
import { liveBytes, seconds } from './measure.ts';
import { mixedTraffic } from './mixed-traffic.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';
import { batches, createPeople, people, randomPairs } from './workload.ts';

const GRAPH = graphName('large');
const TIMES_BUDGET = 10;
/** Nodes of one scope, and edges among them: a partition of its own. */
const SCOPE_NODES = 500;
const ELEMENTS_PER_SCOPE = 2 * SCOPE_NODES;

export const beyondMemoryScopes: Benchmark = {
  name: 'beyond-scopes',
  title: `a graph of ${TIMES_BUDGET} times the memory budget, scopes of ${SCOPE_NODES} nodes: loaded, then used at random`,
  peers: 'none: a fixed limit; what is alive after collections, above that of the engine with an empty graph',
  async run(run) {
    const budget = (run.quick ? 8 : 32) * 1024 ** 2;
    const store = await openLevelStore({
      directory: temporaryDirectory('data'),
      durability: 'buffered',
      env: benchEnv(),
    });
    const engine = await openEngine({ env: benchEnv(), store, name: 'bench', memoryBudgetBytes: budget });
    await engine.createGraph(GRAPH as GraphName, {});
    const graph = engine.graph(GRAPH);
    const scopes = Math.ceil((TIMES_BUDGET * budget) / (ELEMENTS_PER_SCOPE * (await bytesOfElement())));
    const baseline = await liveBytes();
    let peak = 0;
    const look = async () => {
      peak = Math.max(peak, (await liveBytes()) - baseline);
    };
    let loading = 0;
    for (let scope = 0; scope < scopes; scope++) {
      loading += await seconds(() => loadScope(graph, scope));
      if (scope % Math.ceil(scopes / 20) === 0) await look();
    }
    await look();
    const loadPeak = peak;
    peak = 0;
    const requests = run.quick ? 1000 : 6000;
    const pick = (draw: number) => idIn(draw % scopes, (draw >>> 16) % SCOPE_NODES);
    const start = performance.now();
    let latencyMs = 0;
    for (let done = 0; done < requests; done += requests / 10) {
      latencyMs += await mixedTraffic(graph, pick, requests / 10, done);
      await look();
    }
    const took = (performance.now() - start) / 1000;
    const { hydrationsTotal, passivationsTotal } = engine.metrics();
    const limit = { atMost: (1.3 * budget) / 1e6 };
    run.figure(againstLimit('peak memory while loading', loadPeak / 1e6, 'MB', limit));
    run.figure(againstLimit('peak memory, reads and writes', peak / 1e6, 'MB', limit));
    run.remark(
      `budget ${(budget / 1e6).toFixed(1)} MB plus 30 %; ${scopes} scopes, ${scopes * ELEMENTS_PER_SCOPE} elements loaded at ` +
        `${Math.round((scopes * ELEMENTS_PER_SCOPE) / loading)}/s; ${requests} requests in ${took.toFixed(1)} s (with ` +
        `collections), ${(latencyMs / requests).toFixed(1)} ms each; ${hydrationsTotal} hydrations, ` +
        `${passivationsTotal} passivations`,
    );
    await checkWhole(engine, scopes * SCOPE_NODES);
    await engine.close();
  },
};

const idIn = (scope: number, node: number) => `tenant ${scope}!node ${node}` as NodeId;

/** Nodes of one scope and as many edges among them, as in data that arrives tenant by tenant. */
async function loadScope(graph: Graph, scope: number): Promise<void> {
  const creates = createPeople(people(SCOPE_NODES, scope * SCOPE_NODES)).map((create, i) => {
    return { ...create, id: idIn(scope, i) };
  });
  const ids = creates.map(({ id }) => id);
  for (const batch of batches(creates)) await graph.write(batch);
  const edges = randomPairs(ids, SCOPE_NODES, new SeededRandom(scope));
  for (const batch of batches(edges)) {
    await graph.write(batch.map((pair): Operation => ({ op: 'createEdge', type: 'KNOWS', ...pair, properties: {} })));
  }
}

/** Estimated bytes of an element in memory, by a sample in a server with memory to spare. */
async function bytesOfElement(): Promise<number> {
  const store = await openLevelStore({
    directory: temporaryDirectory('data'),
    durability: 'buffered',
    env: benchEnv(),
  });
  const engine = await openEngine({ env: benchEnv(), store, name: 'bench', memoryBudgetBytes: 1024 ** 3 });
  const graph = engine.graph(graphName('default'));
  const sample = 20;
  for (let scope = 0; scope < sample; scope++) await loadScope(graph, scope);
  const { residentBytes } = engine.metrics();
  await engine.close();
  return residentBytes / (sample * ELEMENTS_PER_SCOPE);
}

async function checkWhole(engine: Engine, nodes: number): Promise<void> {
  const counts = await engine.graph(GRAPH).counts();
  if (counts.nodes !== nodes || counts.edges !== nodes) throw new Error(`${counts.nodes} nodes, ${counts.edges} edges`);
}
