/**
 * Nodes and edges that expire: made anew, extended, shortened and kept for good on all servers at once. Some expire in seconds,
 * some did long ago, so that servers delete them; some are about to be deleted when somebody extends them.
 */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { EXPIRY_PROPERTY } from '../../crdt/expiry.ts';
import type { Operation, PropertyChange } from '../../graph/model.ts';
import type { Value } from '../../graph/value.ts';
import type { Engine, Graph } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import { START_MS } from '../cluster.ts';
import type { ShownLease } from '../history.ts';

/** Nothing else deletes elements of these names. */
export const LEASE = 'lease-';

const NODES = Array.from({ length: 4 }, (_, i) => `${LEASE}${i}` as NodeId);
const EDGES = Array.from({ length: 3 }, (_, i) => `${LEASE}edge-${i}` as EdgeId);
const LABEL = 'Lease';
const CLIENTS = 3;
const SOON_MS_MAX = 8_000;
/** Beyond every run, whatever clocks do. */
const FAR_MS = 100 * LIMITS.expiryGraceMs;
/** A minute of protocol costs as much as the rest of a run. */
const DELETES = 0.2;
const PAGE = { limit: 100 };
const LOOK_MS = 1_000;

export const expiry: Workload = {
  name: 'expiry',
  setup: [],
  start: (arena) => [
    ...Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`expiry-${i}`, { usesToken: i === 0, stays: 0.5 });
      return arena.repeat(client, () => write(arena, client));
    }),
    observer(arena),
  ],
  /** Clocks of all servers are past all that is not far; in some runs they have had time to delete what they may, too. */
  async pass({ cluster: { timeline, servers }, random }) {
    const lastMs = START_MS + timeline.nowMs + SOON_MS_MAX;
    if (random.chance(DELETES)) await timeline.sleep(LIMITS.expiryPurgeMs);
    while (servers.some(({ clock }) => clock.wallMs() <= lastMs)) await timeline.sleep(LOOK_MS);
  },
};

async function write(arena: Arena, client: Client): Promise<void> {
  const { random } = client;
  const isNode = random.chance(0.6);
  const id = random.pick<string>(isNode ? NODES : EDGES);
  const moment = momentOf(arena, client);
  const properties = { by: client.unique(), ...(moment !== undefined && { [EXPIRY_PROPERTY]: moment }) };
  const change: PropertyChange = moment === undefined ? { kind: 'remove' } : { kind: 'set', value: moment };
  const changes = { [EXPIRY_PROPERTY]: change };
  const isNew = random.chance(0.4);
  await client.write(`${isNew ? 'makes' : 'lets'} ${id} expire at ${moment ?? 'no time'}`, [
    isNode ? node(id as NodeId, isNew, properties, changes) : edge(client, id as EdgeId, isNew, properties, changes),
  ]);
}

type Content = { readonly [name: string]: Value };
type Changes = { readonly [name: string]: PropertyChange };

function node(id: NodeId, isNew: boolean, properties: Content, changes: Changes): Operation {
  return isNew ? { op: 'putNode', id, labels: [LABEL], properties } : { op: 'patchNode', id, properties: changes };
}

function edge({ random }: Client, id: EdgeId, isNew: boolean, properties: Content, changes: Changes): Operation {
  if (!isNew) return { op: 'patchEdge', id, properties: changes };
  const [from, to] = [random.pick(NODES), random.pick(NODES)];
  return { op: 'createEdge', id, type: LABEL, from, to, properties };
}

/** By true time, since clients do not know what clocks servers have; undefined if never. */
function momentOf({ cluster }: Arena, { random }: Client): number | undefined {
  const nowMs = START_MS + Math.floor(cluster.timeline.nowMs);
  const roll = random.below(10);
  if (roll < 1) return undefined;
  if (roll < 3) return nowMs + FAR_MS;
  if (roll < 5) return nowMs - 2 * LIMITS.expiryGraceMs;
  const soonMs = nowMs + (random.between(-1_000, SOON_MS_MAX) | 0);
  return roll < 8 ? soonMs : soonMs - LIMITS.expiryGraceMs;
}

function observer(arena: Arena): Promise<void> {
  const client = arena.client('expiry-observer', { usesToken: false, stays: 0 });
  return arena.repeat(client, async () => {
    const done = await client.read('looks at what expires', (graph, engine) => look(arena, graph, engine));
    for (const seen of done.value ?? []) arena.leases.push({ ...seen, server: done.server });
  });
}

/** What a server shows, with its clock before it was asked. */
async function look(arena: Arena, graph: Graph, engine: Engine): Promise<readonly Omit<ShownLease, 'server'>[]> {
  const clock = arena.cluster.servers.find((server) => server.engine === engine)?.clock;
  if (clock === undefined) return [];
  const nowMs = clock.wallMs();
  const { items } = await graph.nodes({ label: LABEL }, PAGE);
  const [first] = items;
  const edges = first === undefined ? [] : (await graph.edgesOf(first.id, { direction: 'both' }, PAGE)).items;
  return [...items, ...edges].map(({ id, properties }) => ({ id, expiresAt: properties[EXPIRY_PROPERTY], nowMs }));
}
