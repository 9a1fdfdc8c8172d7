/** Conflicting assignments: many writers without tokens, few registers, labels and removals included. */
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Workload } from '../arena.ts';
import { type Client, putNode } from '../client.ts';

const KEYS = ['register-1', 'register-2', 'register-3'];
const NAMES = ['x', 'y'];
const LABELS = ['Red', 'Green'];
const CLIENTS = 2;

export const registers: Workload = {
  name: 'registers',
  setup: KEYS.map((key) => putNode(key)),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`registers-${i}`, { usesToken: false, stays: 0.6 });
      return arena.repeat(client, async () => {
        const id = client.random.pick(KEYS) as NodeId;
        if (client.random.chance(0.25)) await client.read(`reads ${id}`, (graph) => graph.node(id));
        else await client.write(`changes ${id}`, [change(client, id)]);
      });
    }),
};

function change(client: Client, id: NodeId): Operation {
  const { random } = client;
  const name = random.pick(NAMES);
  const roll = random.below(10);
  if (roll < 5) return { op: 'patchNode', id, properties: { [name]: { kind: 'set', value: client.unique() } } };
  if (roll < 7) return { op: 'patchNode', id, properties: { [name]: { kind: 'remove' } } };
  if (roll < 9) {
    const label = random.pick(LABELS);
    const add = random.chance(0.6);
    return { op: 'patchNode', id, labels: { kind: 'change', add: add ? [label] : [], remove: add ? [] : [label] } };
  }
  return { op: 'putNode', id, labels: random.some(LABELS), properties: { [name]: client.unique() } };
}
