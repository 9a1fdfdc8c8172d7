/**
 * Unique keys, made and found by openCypher's MERGE at level `session` on every server, on both sides of every cut: whoever
 * merges a key gets the same node (CON-2), and a node of another id is refused the key. And keys that are claimed at `strong`, each time with another id: one claim wins.
 * Keys are used a bounded number of times, so that many are still new when a link is cut.
 */
import { type Arena, GRAPH, numbered, type Workload, type WorkloadOptions } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Merge = Extract<Call, { kind: 'merge' }>;

const CALLS_OF_A_KEY = 8;
const MERGED = 'Merged';
const CLAIMED = 'Claimed';
const MERGE = `MERGE (n:${MERGED} {key: $key}) ON CREATE SET n.by = $by RETURN elementId(n)`;

const unique = (name: string, label: string) => `CREATE CONSTRAINT ${name} FOR (n:${label}) REQUIRE n.key IS UNIQUE`;

/** Each key is the choice of all clients for some calls, then the next one is. */
function keys(
  arena: Arena,
  name: string,
  options: WorkloadOptions,
  use: (client: Client, key: string) => Promise<boolean>,
) {
  const { clients = 4 } = options;
  let calls = 0;
  return numbered(clients).map((index) => {
    const client = arena.client(name, index, { stays: 0.5 });
    return arena.repeat(client, options, () => use(client, `${name}-${Math.floor(calls++ / CALLS_OF_A_KEY)}`));
  });
}

export const merges: Workload = {
  name: 'merges',
  about: 'MERGE on a unique key, on both sides of every cut: one node for each key',
  checkers: ['uniqueness'],
  declarations: [unique('merged', MERGED)],
  start(arena, options) {
    let number = 0;
    return keys(arena, 'merges', options, (client, key) =>
      client.random.chance(0.2)
        ? make(client, 'session', { key, id: `other-${++number}`, label: MERGED })
        : merge(client, key),
    );
  },
};

async function merge(client: Client, key: string): Promise<boolean> {
  const told = await client.ask<Merge>({
    call: { kind: 'merge', key, id: '' },
    level: client.random.pick(['session', 'eventual']),
    method: 'POST',
    path: `${GRAPH}/query`,
    body: { statement: MERGE, parameters: { key, by: client.name } },
    answer: ({ status, body }) => {
      const id: unknown = status === 200 ? body.data.values[0]?.[0] : undefined;
      return typeof id === 'string' ? { kind: 'merge', key, id } : undefined;
    },
  });
  return told.type === 'ok';
}

export const strongClaims: Workload = {
  name: 'strong-claims',
  about: 'a unique key claimed at strong by many, each with an id of its own: one of them gets it',
  checkers: ['uniqueness'],
  declarations: [unique('claimed', CLAIMED)],
  start(arena, options) {
    let number = 0;
    return keys(arena, 'strong-claims', options, (client, key) =>
      make(client, 'strong', { key, id: `claim-${++number}`, label: CLAIMED }),
    );
  },
};

/** A node with an id of its own and the key. */
async function make(
  client: Client,
  level: 'session' | 'strong',
  { key, id, label }: { readonly key: string; readonly id: string; readonly label: string },
): Promise<boolean> {
  const call: Merge = { kind: 'merge', key, id };
  const told = await client.ask<Merge>({
    call,
    level,
    method: 'POST',
    path: `${GRAPH}/nodes`,
    body: { id, labels: [label], properties: { key } },
    answer: ({ status }) => (status === 201 ? call : undefined),
  });
  return told.type === 'ok' || told.reply.code === 'constraint-violated';
}
