/**
 * Money that moves between accounts on several partitions, by strong batches: some take and give within bounds, some set both
 * balances if both versions still hold. A strong read of all accounts shows the same total at any time.
 */
import type { NodeId } from '../../base/ids.ts';
import type { Node, Operation } from '../../graph/model.ts';
import type { Versioned } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import { readEach } from './strong-reads.ts';

const ACCOUNTS = Array.from({ length: 4 }, (_, i) => `account-${i}` as NodeId);
const BALANCE = 10;
const LABEL = 'Account';
const CLIENTS = 3;

export const strongBank: Workload = {
  name: 'strong-bank',
  setup: ACCOUNTS.map((id) => ({ op: 'putNode', id, labels: [LABEL], properties: { balance: BALANCE } })),
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`strong-bank-${i}`, { usesToken: false, stays: 0.5 });
      return arena.repeat(client, async () => {
        if (client.random.chance(0.4)) await observe(arena, client);
        else await transfer(client);
      });
    }),
};

async function observe(arena: Arena, client: Client): Promise<void> {
  const done = await client.strong('strongly reads all accounts', (graph) =>
    graph.nodes({ label: LABEL }, { limit: ACCOUNTS.length + 1 }),
  );
  if (done.value === undefined) return;
  const balances = done.value.items.map(balanceOf);
  arena.bank.push({ balances, total: BALANCE * ACCOUNTS.length, server: done.server, atMs: arena.nowMs });
}

async function transfer(client: Client): Promise<void> {
  const [from, to] = client.random.shuffled(ACCOUNTS) as [NodeId, NodeId];
  const amount = 1 + client.random.below(BALANCE);
  const what = `moves ${amount} from ${from} to ${to}`;
  if (client.random.chance(0.5)) {
    const change = (id: NodeId, by: number): Operation => ({
      op: 'patchNode',
      id,
      properties: { balance: { kind: 'increment', by, min: 0 } },
    });
    await client.strong(what, (graph) => graph.write([change(from, -amount), change(to, amount)]));
    return;
  }
  const [giver, taker] = (await readEach(client, [from, to])) ?? [];
  if (giver === undefined || taker === undefined || balanceOf(giver.element) < amount) return;
  const set = ({ element, version }: Versioned<Node>, balance: number): Operation => ({
    op: 'patchNode',
    id: element.id,
    properties: { balance: { kind: 'set', value: balance } },
    condition: { match: [version] },
  });
  await client.strong(`${what} if both are as they were`, (graph) =>
    graph.write([set(giver, balanceOf(giver.element) - amount), set(taker, balanceOf(taker.element) + amount)]),
  );
}

function balanceOf({ properties }: Node): number {
  return typeof properties.balance === 'number' ? properties.balance : Number.NaN;
}
