/** Sessions that hop between servers with their tokens, reading and writing a few registers. */
import type { NodeId } from '../../base/ids.ts';
import type { Arena, Workload } from '../arena.ts';
import { putNode, setProperty } from '../client.ts';

const KEYS = ['session-1', 'session-2', 'session-3', 'session-4'];
const CLIENTS = 3;

export const sessions: Workload = {
  name: 'sessions',
  setup: KEYS.map((key) => putNode(key, ['Register'])),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`sessions-${i}`, { usesToken: true, stays: 0.3 });
      return arena.repeat(client, () => step(arena, client));
    }),
};

async function step(arena: Arena, client: ReturnType<Arena['client']>): Promise<void> {
  const key = client.random.pick(KEYS);
  const note = (
    kind: 'read' | 'write',
    value: string | undefined,
    session: string,
    { outcome, server }: { outcome: 'ok' | 'failed' | 'unknown'; server: string },
  ) => arena.sessions.push({ session, kind, key, value, outcome, server, atMs: arena.nowMs });
  const { session } = client;
  if (client.random.chance(0.4)) {
    const value = client.unique();
    note('write', value, session, await client.write(`sets ${key} to ${value}`, [setProperty(key, 'value', value)]));
    return;
  }
  const done = await client.read(`reads ${key}`, async (graph) => (await graph.node(key as NodeId)).element.properties);
  const value = done.value?.value;
  note('read', typeof value === 'string' ? value : undefined, session, done);
}
