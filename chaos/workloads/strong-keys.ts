/**
 * Strong increments with an Idempotency-Key, repeated on other servers until their outcome is known, and then once more. All
 * repetitions together are one operation: if one of them took effect twice, the sums would say so.
 */
import type { Arena, Workload } from '../arena.ts';
import { type Client, putNode } from '../client.ts';
import { answer, note, operationOf, readRegister } from './register-calls.ts';

const COUNTERS = ['keyed-1', 'keyed-2'];
const CLIENTS = 3;
const REPETITIONS_MAX = 4;
const MAX = 20;

export const strongKeys: Workload = {
  name: 'strong-keys',
  setup: COUNTERS.map((counter) => putNode(counter)),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`strong-keys-${i}`, { usesToken: false, stays: 0.3 });
      return arena.repeat(client, async () => {
        const key = client.random.pick(COUNTERS);
        if (client.random.chance(0.2)) await readRegister(arena, client, key);
        else await increment(arena, client, key);
      });
    }),
};

async function increment(arena: Arena, client: Client, key: string): Promise<void> {
  const { random } = client;
  const change = { key, kind: 'increment', by: random.pick([1, 2, -1]), min: 0, max: MAX } as const;
  const idempotency = { key: client.unique(), fingerprint: JSON.stringify(change) };
  const attempt = () =>
    client.strong(`adds ${change.by} to ${key} as ${idempotency.key}`, (graph) =>
      graph.write([operationOf(change)], idempotency),
    );
  const invokedMs = arena.nowMs;
  let isUnknown = false;
  for (let repetitions = 0; repetitions < REPETITIONS_MAX; repetitions++) {
    const done = await attempt();
    const answered = answer(change, done);
    if (answered === undefined) {
      // What refuses this attempt says nothing of those before it.
      isUnknown ||= done.outcome === 'unknown';
      if (!isUnknown) return;
      await client.think();
      if (repetitions + 1 === REPETITIONS_MAX)
        note(arena, client, { done: { ...done, outcome: 'unknown' }, invokedMs }, change);
      continue;
    }
    note(arena, client, { done: { ...done, outcome: 'ok' }, invokedMs }, answered);
    if (random.chance(0.5)) return;
    const again = await attempt();
    const repeated = answer(change, again);
    if (repeated === undefined) return;
    const [first, second] = [JSON.stringify(answered), JSON.stringify(repeated)];
    arena.repetitions.push({ key: idempotency.key, first, again: second, server: again.server, atMs: arena.nowMs });
    return;
  }
}
