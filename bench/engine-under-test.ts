/** An engine in this process, by default on a store that costs as little as a store can. */
import { graphName } from '../base/ids.ts';
import { openEngine } from '../src/engine.ts';
import type { Engine } from '../src/engine-port.ts';
import { EngineGraph } from '../src/graphs/graph.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { openMemoryStore } from '../storage/memory-store.ts';
import type { Store } from '../storage/store.ts';
import { benchEnv } from './bench-env.ts';

const DEFAULT = graphName('default');
const UNLIMITED = 8 * 1024 ** 3;

export interface UnderTest {
  readonly engine: Engine;
  readonly graph: EngineGraph;
}

/** For whoever needs it until the process ends: closing it would write snapshots that nobody reads. */
export async function openOnMemory(): Promise<UnderTest> {
  return openOn(await openMemoryStore({ disk: new MemoryDisk(), durability: 'disk' }));
}

/**
 * Runs `work` on an engine of its own, and closes that: what it does in the background after writes (snapshots of long tails) would
 * else take time from whoever is measured next.
 */
export async function onMemory<T>(work: (graph: EngineGraph) => Promise<T>): Promise<T> {
  const { engine, graph } = await openOnMemory();
  try {
    return await work(graph);
  } finally {
    await engine.close();
  }
}

export async function openOn(store: Store): Promise<UnderTest> {
  const engine = await openEngine({ env: benchEnv(), store, name: 'bench', memoryBudgetBytes: UNLIMITED });
  return { engine, graph: graphOf(engine) };
}

/** The default graph with its insides, for what is measured below the port. */
function graphOf(engine: Engine): EngineGraph {
  const graph = engine.graph(DEFAULT);
  if (!(graph instanceof EngineGraph)) throw new Error('the default graph is not protected');
  return graph;
}
