/** Bounded counters at level `strong`: many clients take from a stock that must never fall below zero, some refill it. */
import type { RegisterOperation } from '../../checkers/register.ts';
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Reply } from '../http-client.ts';

const CALLS_OF_A_STOCK = 100;
const MAX = 8;

type Increment = Extract<RegisterOperation, { kind: 'increment' }>;
type Stock = { readonly kind: 'register'; readonly operation: RegisterOperation };

const stockName = (generation: number, index: number) => `stock-${generation}-${index}`;

export const strongStock: Workload = {
  name: 'strong-stock',
  about: 'counters with $min and $max at strong: nobody gets what is not there',
  checkers: ['linearizability'],
  start(arena, options) {
    const { clients = 3, size = 2 } = options;
    let calls = 0;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-stock', index, { stays: 0.6 });
      return arena.repeat(client, options, async () => {
        const key = stockName(Math.floor(calls++ / (CALLS_OF_A_STOCK * size)), client.random.below(size));
        const path = `${GRAPH}/nodes/${key}`;
        if (client.random.chance(0.3)) {
          const call: Stock = { kind: 'register', operation: { key, kind: 'read', value: undefined } };
          const told = await client.ask({
            call,
            level: 'strong',
            method: 'GET',
            path,
            isRead: true,
            answer: readOf(key),
          });
          return told.type === 'ok';
        }
        const operation: Increment = {
          key,
          kind: 'increment',
          by: client.random.pick([-3, -2, -1, 1, 4]),
          min: 0,
          max: MAX,
        };
        const made = await client.ask({
          call: { kind: 'register', operation },
          level: 'strong',
          method: 'PATCH',
          path,
          body: { properties: { count: { $inc: operation.by, $min: 0, $max: MAX } } },
          answer: (reply) => answerOf(operation, reply),
        });
        if (made.reply.code === 'node-not-found') await create(client, key);
        return made.type === 'ok' || made.reply.code === 'node-not-found';
      });
    });
  },
};

/** Creating it changes nothing: an absent register counts as 0. It is no call on the register. */
async function create(client: Client, key: string): Promise<void> {
  await client.ask({
    call: { kind: 'create', elements: [] },
    level: 'strong',
    method: 'POST',
    path: `${GRAPH}/nodes`,
    body: { id: key, labels: ['Stock'] },
    answer: ({ status }) => (status === 201 || status === 409 ? { kind: 'create', elements: [] } : undefined),
  });
}

function readOf(key: string): (reply: Reply) => Stock | undefined {
  return ({ status, code, body }) => {
    if (code !== 'node-not-found' && status !== 200) return undefined;
    const value = body.properties?.count as number | undefined;
    return { kind: 'register', operation: { key, kind: 'read', value } };
  };
}

function answerOf(operation: Increment, { status, code, body }: Reply): Stock | undefined {
  if (code === 'out-of-bounds') return { kind: 'register', operation: { ...operation, applied: false } };
  if (status !== 200) return undefined;
  const result = body.properties?.count as number | undefined;
  return { kind: 'register', operation: { ...operation, applied: true, ...(result !== undefined && { result }) } };
}
