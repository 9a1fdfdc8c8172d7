/**
 * Counters that are added to at two levels: by 1 at `session`, by 2 at `strong`, whose answer tells the sum; and strong reads.
 * A sum says which increments came before it, so a strong one that is read to come after what it was decided without shows
 * up. A counter is used for a while only, so that what is judged stays small.
 */
import type { Workload } from '../arena.ts';
import { putNode } from '../client.ts';
import { changeEventually, changeRegister, readRegister } from './register-calls.ts';

const COUNTERS = Array.from({ length: 20 }, (_, i) => `level-${i}`);
const CLIENTS_PER_SERVER = 2;
/** Operations until the next counter takes the place of one. */
const USES = 100;

export const strongLevels: Workload = {
  name: 'strong-levels',
  setup: COUNTERS.map((counter) => putNode(counter)),
  start: (arena) =>
    Array.from({ length: CLIENTS_PER_SERVER * arena.cluster.servers.length }, (_, i) => {
      const client = arena.client(`strong-levels-${i}`, { usesToken: false, stays: 0.7 });
      return arena.repeat(client, async () => {
        const key = COUNTERS[Math.floor(arena.begun / USES) % COUNTERS.length] as string;
        const roll = client.random.below(10);
        if (roll < 6) await readRegister(arena, client, key);
        else if (roll < 9) await changeEventually(arena, client, { key, kind: 'increment', by: 1 });
        else await changeRegister(arena, client, { key, kind: 'increment', by: 2 });
      });
    }),
};
