import { graphName, type NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import { openEngine } from '../src/engine.ts';
import type { Engine, Graph } from '../src/engine-port.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';
import { liveBytes } from './measure.ts';
import { mixedTraffic } from './mixed-traffic.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { temporaryDirectory } from './settings.ts';
import { batches, createPeople, people } from './workload.ts';

const GRAPH = graphName('large');
const PARTITIONS = 256;
const TIMES_BUDGET = 10;
/** Nodes, and as many edges, of one call of `load`: what an import hands over at a time. */
const LOAD_NODES = 2000;
const IMPORT_MS_MAX = 20_000;
const LOOK_MS = 250;

export const beyondMemoryHashed: Benchmark = {
  name: 'beyond-hashed',
  title: `a graph of ${TIMES_BUDGET} times the memory budget in ${PARTITIONS} hash partitions: used at random, then imported into`,
  peers: 'none: a fixed limit; what is alive after collections, above that of the engine before the first request',
  async run(run) {
    const budget = (run.quick ? 8 : 32) * 1024 ** 2;
    const directory = temporaryDirectory('data');
    const nodes = await fill(directory, TIMES_BUDGET * budget);
    const engine = await open(directory, budget);
    const graph = engine.graph(GRAPH);
    const baseline = await liveBytes();
    let peak = 0;
    const look = async () => {
      peak = Math.max(peak, (await liveBytes()) - baseline);
    };
    const limit = { atMost: (1.3 * budget) / 1e6 };

    const requests = run.quick ? 1000 : 4000;
    const pick = (draw: number) => idOf(draw % nodes);
    const start = performance.now();
    let latencyMs = 0;
    for (let done = 0; done < requests; done += requests / 10) {
      latencyMs += await mixedTraffic(graph, pick, requests / 10, done);
      await look();
    }
    const took = (performance.now() - start) / 1000;
    run.figure(againstLimit('peak memory, reads and writes', peak / 1e6, 'MB', limit));
    const { hydrationsTotal, passivationsTotal } = engine.metrics();
    run.remark(
      `budget ${(budget / 1e6).toFixed(1)} MB plus 30 %; ${nodes} nodes and as many edges; ${requests} requests in ` +
        `${took.toFixed(1)} s (with collections), ${(latencyMs / requests).toFixed(1)} ms each; ${hydrationsTotal} ` +
        `hydrations, ${passivationsTotal} passivations`,
    );

    peak = 0;
    const importing = importMore(graph, nodes);
    let busy = true;
    importing.finally(() => {
      busy = false;
    });
    while (busy) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const { elements, ms } = await importing;
    run.figure(againstLimit('peak memory, import', peak / 1e6, 'MB', limit));
    run.remark(`${elements} elements imported at ${Math.round((1000 * elements) / ms)}/s (with collections)`);
    await engine.close();
  },
};

const idOf = (node: number) => `node ${node}` as NodeId;

async function open(directory: string, memoryBudgetBytes: number): Promise<Engine> {
  const env = benchEnv();
  const store = await openLevelStore({ directory, durability: 'buffered', env });
  return openEngine({ env, store, name: 'bench', memoryBudgetBytes });
}

/** Loads with memory to spare until the engine counts so many bytes. Returns the number of nodes. */
async function fill(directory: string, bytes: number): Promise<number> {
  const engine = await open(directory, 8 * 1024 ** 3);
  await engine.createGraph(GRAPH, { partitions: PARTITIONS });
  const graph = engine.graph(GRAPH);
  let nodes = 0;
  for (; engine.metrics().residentBytes < bytes; nodes += LOAD_NODES) await loadNodes(graph, nodes);
  await engine.close();
  return nodes;
}

/** Goes on like an import, for a bounded time. */
async function importMore(graph: Graph, first: number): Promise<{ elements: number; ms: number }> {
  const start = performance.now();
  let nodes = 0;
  while (nodes < 20 * LOAD_NODES && performance.now() - start < IMPORT_MS_MAX) {
    await loadNodes(graph, first + nodes);
    nodes += LOAD_NODES;
  }
  return { elements: 2 * nodes, ms: performance.now() - start };
}

/** New nodes, and edges from them to any node. */
async function loadNodes(graph: Graph, first: number): Promise<void> {
  const random = new SeededRandom(first);
  const creates = createPeople(people(LOAD_NODES, first)).map((create, i): Operation => {
    return { ...create, op: 'putNode', id: idOf(first + i) };
  });
  const edges = creates.map((_, i): Operation => {
    const to = idOf(random.uint32() % (first + LOAD_NODES));
    return { op: 'createEdge', type: 'KNOWS', from: idOf(first + i), to, properties: {} };
  });
  for (const operations of batches([...creates, ...edges], 2 * LOAD_NODES)) {
    const { failures } = await graph.load(operations, { stopAtFirst: true });
    if (failures.length > 0) throw failures[0]?.error;
  }
}
