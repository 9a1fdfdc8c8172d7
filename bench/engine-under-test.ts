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

/** Left open: nothing of it outlives the process, and closing it would write snapshots that nobody reads. */
export async function openOnMemory(): Promise<UnderTest> {
  return openOn(await openMemoryStore({ disk: new MemoryDisk(), durability: 'disk' }));
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
