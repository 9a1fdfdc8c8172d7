/**
 * Strong reads, writes, deletions, conditions and bounded increments on few hot registers, from clients on all servers, mixed
 * with writes at `session`. A condition rests on the version that its client saw last.
 */
import type { Arena, Workload } from '../arena.ts';
import { type Client, putNode } from '../client.ts';
import { changeEventually, changeRegister, readRegister } from './register-calls.ts';

const TEXTS = ['strong-1', 'strong-2'];
const COUNTER = 'strong-stock';
const CLIENTS = 4;
const STOCK_MAX = 6;

export const strongRegisters: Workload = {
  name: 'strong-registers',
  setup: [putNode(COUNTER)],
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`strong-registers-${i}`, { usesToken: false, stays: 0.6 });
      const versions = new Map<string, string>();
      return arena.repeat(client, () =>
        client.random.chance(0.25) ? count(arena, client) : change(arena, client, versions),
      );
    }),
};

async function change(arena: Arena, client: Client, versions: Map<string, string>): Promise<void> {
  const { random } = client;
  const key = random.pick(TEXTS);
  const roll = random.below(20);
  const value = client.unique();
  if (roll < 7) {
    const seen = await readRegister(arena, client, key);
    if (seen?.version !== undefined) versions.set(key, seen.version);
  } else if (roll < 9) {
    await changeRegister(arena, client, { key, kind: 'write', value });
  } else if (roll < 11) {
    await changeRegister(arena, client, { key, kind: 'compare-and-set', expected: { value: undefined }, value });
  } else if (roll < 12) {
    await changeRegister(arena, client, { key, kind: 'delete' });
  } else if (roll < 17) {
    const version = versions.get(key);
    if (version === undefined) return;
    await changeRegister(arena, client, { key, kind: 'compare-and-set', expected: { version }, value });
  } else {
    await changeEventually(arena, client, { key, kind: 'write', value });
  }
}

async function count(arena: Arena, client: Client): Promise<void> {
  const { random } = client;
  const by = random.pick([1, 2, -1, -2]);
  const roll = random.below(10);
  if (roll < 2) await readRegister(arena, client, COUNTER);
  else if (roll < 3) await changeEventually(arena, client, { key: COUNTER, kind: 'increment', by: 1 });
  else await changeRegister(arena, client, { key: COUNTER, kind: 'increment', by, min: 0, max: STOCK_MAX });
}
