/** Edges between few nodes that are deleted and made again all the time, on all servers at once. */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import type { Edge, Operation } from '../../graph/model.ts';
import type { Engine, Graph } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import { type Client, putNode, whileStill } from '../client.ts';
import type { EdgeObservation } from '../history.ts';

const NODES = Array.from({ length: 5 }, (_, i) => `place-${i}` as NodeId);
const EDGES = Array.from({ length: 4 }, (_, i) => `road-${i}` as EdgeId);
const CLIENTS = 2;
const PAGE = { limit: 50 };

export const edges: Workload = {
  name: 'edges',
  setup: NODES.map((id) => putNode(id, ['Place'])),
  start: (arena) => [
    ...Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`edges-${i}`, { usesToken: false, stays: 0.5 });
      return arena.repeat(client, async () => {
        await client.write(...change(client));
      });
    }),
    observer(arena),
  ],
};

function change({ random }: Client): [what: string, operations: Operation[]] {
  const [from, to] = [random.pick(NODES), random.pick(NODES)];
  const roll = random.below(10);
  if (roll < 5) {
    // Some ids are chosen by the caller, and may be in use elsewhere; others are made by the server.
    const id = random.chance(0.5) ? random.pick(EDGES) : undefined;
    const edge = { op: 'createEdge' as const, type: 'ROAD', from, to, properties: {} };
    return [`joins ${from} to ${to}`, [id === undefined ? edge : { ...edge, id }]];
  }
  if (roll < 7) return [`deletes ${from}`, [{ op: 'deleteNode', id: from, detach: true }]];
  if (roll < 9) return [`makes ${from}`, [putNode(from, ['Place'])]];
  return ['deletes a road', [{ op: 'deleteEdge', id: random.pick(EDGES) }]];
}

function observer(arena: Arena): Promise<void> {
  const client = arena.client('edges-observer', { usesToken: false, stays: 0 });
  return arena.repeat(client, async () => {
    const id = client.random.pick(NODES);
    const done = await client.read(`looks at the roads of ${id}`, async (graph, engine) => look(graph, engine, id));
    for (const seen of done.value ?? []) arena.edges.push({ ...seen, server: done.server, atMs: arena.nowMs });
  });
}

type Seen = Omit<EdgeObservation, 'server' | 'atMs'>;

async function look(graph: Graph, engine: Engine, id: NodeId): Promise<readonly Seen[]> {
  const { still, value } = await whileStill(engine, async () => {
    const { items } = await graph.edgesOf(id, { direction: 'both' }, PAGE);
    const exists = new Map<NodeId, boolean>();
    for (const node of items.flatMap(({ from, to }) => [from, to])) exists.set(node, await isThere(graph, node));
    return items.map(({ id: edge, from, to }: Edge) => ({
      edge,
      from,
      to,
      fromExists: exists.get(from) === true,
      toExists: exists.get(to) === true,
    }));
  });
  return still ? value : [];
}

function isThere(graph: Graph, id: NodeId): Promise<boolean> {
  return graph.node(id).then(
    () => true,
    (error: { readonly code?: string }) => {
      if (error.code === 'node-not-found') return false;
      throw error;
    },
  );
}
