/**
 * Transfers between accounts on several partitions at level `strong`, as batches with bounds and as openCypher statements; and
 * reads of all accounts at once, which must always show the same sum.
 */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Call } from '../entry.ts';

const BALANCE = 100;
const LABEL = 'Account';
const STATEMENT = `MATCH (a:${LABEL} {name: $from}), (b:${LABEL} {name: $to}) WHERE a.balance >= $amount
SET a.balance = a.balance - $amount, b.balance = b.balance + $amount RETURN a.balance`;

type Balances = Extract<Call, { kind: 'balances' }>;
type Transfer = Extract<Call, { kind: 'transfer' }>;

const account = (index: number) => `account-${index}`;

export const strongBank: Workload = {
  name: 'strong-bank',
  about: 'transfers across partitions at strong: the sum stays, no balance is negative',
  checkers: ['bank'],
  setup: ({ size = 6 }) =>
    numbered(size).map((index) => ({
      op: 'putNode',
      id: account(index),
      labels: [LABEL],
      properties: { name: account(index), balance: BALANCE },
    })),
  start(arena, options) {
    const { clients = 4, size = 6 } = options;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-bank', index, { stays: 0.7 });
      return arena.repeat(client, options, async () => {
        if (client.random.chance(0.4)) return readAll(client, size);
        const [from = 0, to = 1] = client.random.shuffled(numbered(size));
        const call: Transfer = {
          kind: 'transfer',
          from: account(from),
          to: account(to),
          amount: 1 + client.random.below(60),
        };
        return client.random.chance(0.7) ? inBatch(client, call) : inStatement(client, call);
      });
    });
  },
};

async function readAll(client: Client, size: number): Promise<boolean> {
  const total = size * BALANCE;
  const told = await client.ask<Balances>({
    call: { kind: 'balances', balances: [], total },
    level: 'strong',
    isRead: true,
    method: 'GET',
    path: `${GRAPH}/nodes?label=${LABEL}&limit=${size + 1}`,
    answer: ({ status, body }) =>
      status === 200
        ? {
            kind: 'balances',
            balances: body.nodes.map((node: { properties: { balance: number } }) => node.properties.balance),
            total,
          }
        : undefined,
  });
  return told.type === 'ok';
}

async function inBatch(client: Client, call: Transfer): Promise<boolean> {
  const { from, to, amount } = call;
  const change = (id: string, by: number) => ({
    op: 'patchNode',
    id,
    properties: { balance: { $inc: by, $min: 0 } },
  });
  const told = await client.ask<Transfer>({
    call,
    level: 'strong',
    method: 'POST',
    path: `${GRAPH}/batch`,
    body: { operations: [change(from, -amount), change(to, amount)] },
    answer: ({ status }) => (status === 200 ? call : undefined),
  });
  return told.type === 'ok' || told.reply.code === 'out-of-bounds';
}

async function inStatement(client: Client, call: Transfer): Promise<boolean> {
  const { from, to, amount } = call;
  const told = await client.ask<Transfer>({
    call,
    level: 'strong',
    method: 'POST',
    path: `${GRAPH}/query`,
    body: { statement: STATEMENT, parameters: { from, to, amount } },
    answer: ({ status, body }) => (status === 200 && body.data.values.length === 1 ? call : undefined),
  });
  return told.reply.status === 200;
}
