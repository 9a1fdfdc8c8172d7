/** Increments from everywhere, without tokens. */
import type { NodeId } from '../../base/ids.ts';
import type { Workload } from '../arena.ts';
import { propertiesAt, putNode } from '../client.ts';

const COUNTERS = ['counter-1', 'counter-2'];
const CLIENTS = 3;

export const counters: Workload = {
  name: 'counters',
  setup: COUNTERS.map((counter) => putNode(counter)),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`counters-${i}`, { usesToken: false, stays: 0.5 });
      return arena.repeat(client, async () => {
        const counter = client.random.pick(COUNTERS);
        const by = 1 + client.random.below(3);
        const { operation } = await client.write(`adds ${by} to ${counter}`, [
          { op: 'patchNode', id: counter as NodeId, properties: { count: { kind: 'increment', by } } },
        ]);
        arena.counters.push({ counter, by, operation });
      });
    }),
  async finish(graph) {
    const sums = new Map<string, number>();
    for (const counter of COUNTERS) {
      const { count } = await propertiesAt(graph, counter);
      if (typeof count === 'number') sums.set(counter, count);
    }
    return { counters: sums };
  },
};
