/** Everything on few elements: nodes that become counters, sets and texts in turn, edges with properties, deletions. */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import type { Operation, PropertyChange } from '../../graph/model.ts';
import type { Workload } from '../arena.ts';
import { type Client, putNode } from '../client.ts';

const NODES = Array.from({ length: 4 }, (_, i) => `mixed-${i}` as NodeId);
const EDGES = Array.from({ length: 3 }, (_, i) => `link-${i}` as EdgeId);
const CLIENTS = 2;
const BATCH_MAX = 3;

export const mixed: Workload = {
  name: 'mixed',
  setup: NODES.map((id) => putNode(id)),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`mixed-${i}`, { usesToken: i % 2 === 0, stays: 0.5 });
      return arena.repeat(client, async () => {
        const operations = Array.from({ length: 1 + client.random.below(BATCH_MAX) }, () => operation(client));
        await client.write(operations.map(({ op }) => op).join(', '), operations);
      });
    }),
};

function operation(client: Client): Operation {
  const { random } = client;
  const [id, edge] = [random.pick(NODES), random.pick(EDGES)];
  const properties = { [random.pick(['p', 'q'])]: change(client) };
  const roll = random.below(12);
  if (roll < 5) return { op: 'patchNode', id, properties };
  if (roll < 7) return { op: 'putNode', id, labels: random.some(['A', 'B']), properties: { p: random.below(9) } };
  if (roll < 8) return { op: 'deleteNode', id, detach: true };
  if (roll < 10) {
    const [from, to] = [random.pick(NODES), random.pick(NODES)];
    return { op: 'putEdge', id: edge, type: 'LINK', from, to, properties: { weight: random.below(9) } };
  }
  if (roll < 11) return { op: 'patchEdge', id: edge, properties };
  return { op: 'deleteEdge', id: edge };
}

function change(client: Client): PropertyChange {
  const { random } = client;
  const roll = random.below(5);
  if (roll === 0) return { kind: 'set', value: random.below(100) };
  if (roll === 1) return { kind: 'set', value: [client.unique()] };
  if (roll === 2) return { kind: 'increment', by: 1 + random.below(5) };
  if (roll === 3) return { kind: 'members', add: [client.unique()], remove: [] };
  return { kind: 'remove' };
}
