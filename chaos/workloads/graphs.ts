/** Graphs that are created, with settings that differ, written to and deleted on all servers at once. */
import { graphName, type NodeId } from '../../base/ids.ts';
import type { Workload } from '../arena.ts';

const NAMES = ['shared-1', 'shared-2'].map((name) => graphName(name));
const CLIENTS = 2;

export const graphs: Workload = {
  name: 'graphs',
  setup: [],
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`graphs-${i}`, { usesToken: false, stays: 0.6 });
      return arena.repeat(client, async () => {
        const { random } = client;
        const name = random.pick(NAMES);
        const roll = random.below(10);
        if (roll < 3) {
          const partitions = random.pick([1, 3]);
          await client.call('write', `creates ${name}`, (engine) => engine.createGraph(name, { partitions }));
        } else if (roll < 4) {
          await client.call('write', `deletes ${name}`, (engine) => engine.deleteGraph(name));
        } else {
          const id = `item-${random.below(6)}` as NodeId;
          const properties = { by: client.unique() };
          await client.write(`writes ${id} in ${name}`, [{ op: 'putNode', id, labels: [], properties }], name);
        }
      });
    }),
};
