/**
 * Increments at level `strong` with an Idempotency-Key, repeated on any server until they are decided: each counts exactly
 * once, however often its answer was lost.
 */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Call } from '../entry.ts';

const COUNTER = 'keyed';
const FIRST_TIMEOUT_MS = 2_000;

type Increment = Extract<Call, { kind: 'increment' }>;

export const strongKeys: Workload = {
  name: 'strong-keys',
  about: 'increments at strong with an Idempotency-Key, repeated on other servers until answered: each counts once',
  checkers: ['counters'],
  setup: () => [{ op: 'putNode', id: COUNTER, labels: ['Counter'], properties: { count: 0 } }],
  start(arena, options) {
    const { clients = 3 } = options;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-keys', index, { stays: 0.5 });
      let number = 0;
      let pending: string | undefined;
      return arena.repeat(client, options, async () => {
        pending ??= `${client.name}-${++number}`;
        const key = pending;
        // All tries are one increment: only the last one is the operation, the others say nothing yet.
        const call: Increment = { kind: 'increment', counter: COUNTER, by: 1, key };
        const told = await client.ask<Increment>({
          call,
          level: 'strong',
          method: 'PATCH',
          path: `${GRAPH}/nodes/${COUNTER}`,
          headers: { 'idempotency-key': key },
          body: { properties: { count: { $inc: 1 } } },
          timeoutMs: FIRST_TIMEOUT_MS,
          answer: ({ status }) => (status === 200 ? call : undefined),
        });
        if (told.type === 'ok') pending = undefined;
        return told.type === 'ok';
      });
    });
  },
};
