/**
 * Claims of unique keys at `strong`, each with an id of its own, on all servers; releases and look-ups. A key is a register
 * that holds who claimed it: a claim sets it if there is nothing, and the constraint says whether there was.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Arena, Workload } from '../arena.ts';
import type { RegisterOperation } from '../checkers/register.ts';
import { type Client, type Done, runStatement } from '../client.ts';
import { note } from './register-calls.ts';

export const CLAIMED_KEYS: readonly string[] = ['unique-1', 'unique-2'];
const CLIENTS = 4;
const LABEL = 'Claimed';

export const strongUnique: Workload = {
  name: 'strong-unique',
  setup: [],
  declarations: [`CREATE CONSTRAINT claimed FOR (n:${LABEL}) REQUIRE n.key IS UNIQUE`],
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`strong-unique-${i}`, { usesToken: false, stays: 0.5 });
      return arena.repeat(client, async () => {
        const key = client.random.pick(CLAIMED_KEYS);
        const roll = client.random.below(10);
        if (roll < 5) await claim(arena, client, key);
        else if (roll < 7) await release(arena, client, key);
        else await readClaim(arena, client, key);
      });
    }),
};

async function claim(arena: Arena, client: Client, key: string): Promise<void> {
  const value = client.unique();
  const invokedMs = arena.nowMs;
  const properties = { key, by: value };
  const id = client.random.chance(0.7) ? { id: value as NodeId } : {};
  const done = await client.strong(`claims ${key}`, (graph) =>
    graph.write([{ op: 'createNode', ...id, labels: [LABEL], properties }]),
  );
  const set = { key, kind: 'compare-and-set', expected: { value: undefined }, value } as const;
  const isRefused = done.code === 'constraint-violated';
  const isDecided = done.value !== undefined || isRefused;
  answered(arena, client, { done, invokedMs, isDecided }, isDecided ? { ...set, applied: !isRefused } : set);
}

async function release(arena: Arena, client: Client, key: string): Promise<void> {
  const invokedMs = arena.nowMs;
  const text = `MATCH (n:${LABEL} {key: $key}) DETACH DELETE n RETURN count(*)`;
  const done = await client.strong(`releases ${key}`, (graph) => runStatement(graph, text, { key }));
  const count = done.value?.rows[0]?.[0];
  const isDecided = count !== undefined;
  answered(
    arena,
    client,
    { done, invokedMs, isDecided },
    { key, kind: 'delete', ...(isDecided && { existed: count !== 0 }) },
  );
}

/** Who holds a key. */
export async function readClaim(arena: Arena, client: Client, key: string): Promise<void> {
  const invokedMs = arena.nowMs;
  const text = `MATCH (n:${LABEL} {key: $key}) RETURN n.by`;
  const done = await client.strong(`looks for ${key}`, (graph) => runStatement(graph, text, { key }));
  if (done.value === undefined) return;
  const holders = done.value.rows.map(([by]) => String(by));
  // Two holders are a value that nobody wrote.
  const value = holders.length === 0 ? undefined : holders.join(' and ');
  answered(arena, client, { done, invokedMs, isDecided: true }, { key, kind: 'read', value });
}

function answered(
  arena: Arena,
  client: Client,
  { done, invokedMs, isDecided }: { done: Done<unknown>; invokedMs: number; isDecided: boolean },
  operation: RegisterOperation,
): void {
  note(arena, client, { done: isDecided ? { ...done, outcome: 'ok' } : done, invokedMs }, operation);
}
