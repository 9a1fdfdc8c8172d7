/**
 * Causes and effects: a session writes a cause, sees it on another server, and then writes the effect there. Observers
 * without a token, at level `eventual`, never see an effect without its cause.
 */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

type Link = Extract<Call, { kind: 'link' }>;
type Observe = Extract<Call, { kind: 'observe' }>;

const OBSERVERS = 2;
/** Anew when the writer does not know whether its last link came about: two links could come in either order. */
const chainName = (index: number, client: Client) => `chain-${index}.${client.session}`;
const partName = (chain: string, part: 'cause' | 'effect') => `${chain}-${part}`;

export const causes: Workload = {
  name: 'causes',
  about: 'a cause on one server, its effect on another: nobody sees the effect without the cause, at any level',
  checkers: ['causality'],
  start(arena, options) {
    const { clients = 2 } = options;
    const chains: string[] = [];
    const writers = numbered(clients).map((index) => {
      const client = arena.client('causes', index, { stays: 0.2, hasToken: true });
      let value = 0;
      return arena.repeat(client, options, async () => {
        const chain = chainName(index, client);
        chains[index] = chain;
        value++;
        if (!(await write(client, { kind: 'link', chain, part: 'cause', value }))) return false;
        return write(client, { kind: 'link', chain, part: 'effect', value });
      });
    });
    const observers = numbered(OBSERVERS).map((index) => {
      const client = arena.client('causes-observer', index, { stays: 0.5, workload: 'causes' });
      return arena.repeat(client, options, async () => {
        const chain = chains[client.random.below(clients)];
        return chain !== undefined && observe(client, chain);
      });
    });
    return [...writers, ...observers];
  },
};

async function write(client: Client, call: Link): Promise<boolean> {
  const told = await client.ask<Link>({
    call,
    level: 'session',
    method: 'PUT',
    path: `${GRAPH}/nodes/${partName(call.chain, call.part)}`,
    body: { labels: ['Link'], properties: { value: call.value } },
    answer: ({ status }) => (status === 200 || status === 201 ? call : undefined),
  });
  return told.type === 'ok';
}

/** The effect first: a cause that is read later can only be newer, as long as it is the same incarnation. */
async function observe(client: Client, chain: string): Promise<boolean> {
  const { server } = client;
  const first = await read(client, chain, 'effect');
  client.server = server;
  if (first === undefined) return false;
  const second = await read(client, chain, 'cause', first);
  return second !== undefined;
}

interface Seen {
  readonly value: number;
  readonly replica: string | undefined;
}

async function read(client: Client, chain: string, part: 'cause' | 'effect', effect?: Seen): Promise<Seen | undefined> {
  let seen: Seen | undefined;
  await client.ask<Observe>({
    call: { kind: 'observe', chain, effect: effect?.value ?? 0, cause: 0 },
    level: 'eventual',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes/${partName(chain, part)}`,
    answer: ({ status, code, body, replica }) => {
      if (status !== 200 && code !== 'node-not-found') return undefined;
      seen = { value: body.properties?.value ?? 0, replica };
      const isPair = effect !== undefined && effect.replica === replica;
      // The effect alone says nothing yet.
      return { kind: 'observe', chain, effect: isPair ? effect.value : 0, cause: seen.value };
    },
  });
  return seen;
}
