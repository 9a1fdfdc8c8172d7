/** Few elements, overwritten thousands of times, so that documents are compacted and snapshots taken. */
import type { NodeId } from '../../base/ids.ts';
import type { Workload } from '../arena.ts';
import { putNode, setProperty } from '../client.ts';

const NODES = Array.from({ length: 3 }, (_, i) => `hot!${i}` as NodeId);
/** Written once, before everything else: what a faulty compaction would lose. */
const COLD = Array.from({ length: 3 }, (_, i) => `hot!cold-${i}` as NodeId);
const BATCH = 700;

export const overwrites: Workload = {
  name: 'overwrites',
  setup: [...NODES.map((id) => putNode(id)), ...COLD.map((id) => putNode(id, ['Cold']))],
  start: (arena) => {
    const client = arena.client('overwrites', { usesToken: false, stays: 0.9 });
    return [
      arena.repeat(client, async () => {
        const batch = Array.from({ length: BATCH }, (_, i) =>
          setProperty(client.random.pick(NODES), 'value', `${client.unique()}-${i}`),
        );
        await client.write('overwrites', batch);
      }),
    ];
  },
};
