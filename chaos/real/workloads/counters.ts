/** `$inc` at level `session` on every server: all increments that were acknowledged add up, whatever links are cut. */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Call } from '../entry.ts';

type Increment = Extract<Call, { kind: 'increment' }>;

const counterName = (index: number) => `counter-${index}`;

export const counters: Workload = {
  name: 'counters',
  about: 'increments on every server, on both sides of every cut: they add up',
  checkers: ['counters'],
  setup: ({ size = 3 }) =>
    numbered(size).map((index) => ({
      op: 'putNode',
      id: counterName(index),
      labels: ['Counter'],
      properties: { count: 0 },
    })),
  start(arena, options) {
    const { clients = 4, size = 3 } = options;
    return numbered(clients).map((index) => {
      const client = arena.client('counters', index, { stays: 0.9 });
      return arena.repeat(client, options, async () => {
        const by = client.random.pick([1, 2, 5, -1]);
        const call: Increment = { kind: 'increment', counter: counterName(client.random.below(size)), by };
        const told = await client.ask<Increment>({
          call,
          level: client.random.pick(['session', 'eventual']),
          method: 'PATCH',
          path: `${GRAPH}/nodes/${call.counter}`,
          body: { properties: { count: { $inc: by } } },
          answer: ({ status }) => (status === 200 ? call : undefined),
        });
        return told.type === 'ok';
      });
    });
  },
};
