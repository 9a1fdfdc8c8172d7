/** Single reads and writes of random nodes. */
import type { NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Graph } from '../src/engine-port.ts';

const REQUESTS_IN_FLIGHT = 8;

/**
 * Half reads, half updates.
 * @param pick chooses a node by a random number
 * @returns the sum of the latencies in milliseconds
 */
export async function mixedTraffic(
  graph: Graph,
  pick: (draw: number) => NodeId,
  count: number,
  seed: number,
): Promise<number> {
  const random = new SeededRandom(seed + 1);
  let left = count;
  let latencyMs = 0;
  const client = async () => {
    while (left-- > 0) {
      const id = pick(random.uint32());
      const start = performance.now();
      if (random.uint32() % 2 === 0) await graph.node(id);
      else await graph.write([{ op: 'patchNode', id, properties: { age: { kind: 'increment', by: 1 } } }]);
      latencyMs += performance.now() - start;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_IN_FLIGHT }, client));
  return latencyMs;
}
