/**
 * A graph in motion: nodes and edges come and go on every server at once, with deletes of nodes that somebody else is drawing
 * an edge to. Whatever is exported meanwhile, no edge is without its ends; what was deleted stays away.
 */
import { type Arena, GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Create = Extract<Call, { kind: 'create' }>;
type Delete = Extract<Call, { kind: 'delete' }>;
type Export = Extract<Call, { kind: 'export' }>;

/** Nodes that all clients know, to draw edges to; beyond that, the oldest are forgotten. */
const KNOWN_MAX = 60;

export const churn: Workload = {
  name: 'churn',
  about: 'nodes and edges created and deleted on every server: none lost, none back, no dangling edge',
  checkers: ['elements', 'dangling'],
  start(arena, options) {
    const { clients = 4 } = options;
    const known: string[] = [];
    const workers = numbered(clients).map((index) => worker(arena, options, index, known));
    const exporter = arena.client('churn-exporter', 0, { workload: 'churn', stays: 0.3 });
    const slow = { ...options, thinkMs: Math.max(400, options.thinkMs ?? 0) };
    return [...workers, arena.repeat(exporter, slow, () => exportAll(exporter))];
  },
};

function worker(
  arena: Arena,
  options: Parameters<Workload['start']>[1],
  index: number,
  known: string[],
): Promise<void> {
  const client = arena.client('churn', index, { stays: 0.7, hasToken: true });
  let own: string[] = [];
  let session = client.session;
  let number = 0;
  return arena.repeat(client, options, async () => {
    // What another session made may not be known where this one deletes it.
    if (session !== client.session) [session, own] = [client.session, []];
    const chance = client.random.below(100);
    if (chance < 45 || own.length === 0) {
      const id = `churn-${index}-${++number}`;
      const wentWell = await create(client, { kind: 'create', elements: [id] }, 'nodes', { id, labels: ['Churn'] });
      if (wentWell) {
        own.push(id);
        known.push(id);
        if (known.length > KNOWN_MAX) known.shift();
      }
      return wentWell;
    }
    if (chance < 80) {
      const [from, to] = [client.random.pick(own), client.random.pick(known)];
      const id = `edge-${index}-${++number}`;
      const call: Create = { kind: 'create', elements: [id], ends: [from, to] };
      return create(client, call, 'edges', { id, type: 'KNOWS', from, to });
    }
    // Only who made it deletes it, once.
    const [id = ''] = own.splice(client.random.below(own.length), 1);
    return remove(client, id);
  });
}

async function create(client: Client, call: Create, path: 'nodes' | 'edges', body: object): Promise<boolean> {
  const told = await client.ask<Create>({
    call,
    level: 'session',
    method: 'POST',
    path: `${GRAPH}/${path}`,
    body,
    answer: ({ status }) => (status === 201 ? call : undefined),
  });
  return told.type === 'ok' || told.reply.code === 'endpoint-missing';
}

async function remove(client: Client, element: string): Promise<boolean> {
  const call: Delete = { kind: 'delete', element };
  const told = await client.ask<Delete>({
    call,
    level: 'session',
    method: 'DELETE',
    path: `${GRAPH}/nodes/${element}?detach=true`,
    answer: ({ status }) => (status === 204 ? call : undefined),
  });
  return told.type === 'ok';
}

async function exportAll(client: Client): Promise<boolean> {
  const told = await client.ask<Export>({
    call: { kind: 'export', edges: 0, dangling: [] },
    level: 'eventual',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/export`,
    timeoutMs: 30_000,
    answer: ({ status, body }) => (status === 200 ? judgeExport(body as string) : undefined),
  });
  return told.type === 'ok';
}

interface Line {
  readonly type: string;
  readonly id: string;
  readonly start: { readonly id: string };
  readonly end: { readonly id: string };
}

function judgeExport(text: string): Export {
  const nodes = new Set<string>();
  const dangling: string[] = [];
  let edges = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { type, id, start, end } = JSON.parse(line) as Line;
    if (type === 'node') nodes.add(id);
    else {
      edges++;
      if (!nodes.has(start.id) || !nodes.has(end.id)) dangling.push(`${id} (${start.id} -> ${end.id})`);
    }
  }
  return { kind: 'export', edges, dangling };
}
