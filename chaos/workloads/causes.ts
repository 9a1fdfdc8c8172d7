/**
 * Causes and effects: a session writes a number into one node, reads it back somewhere, and writes it into another node.
 * Observers without tokens read the effect and then the cause.
 */
import type { Graph } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import { propertiesAt, putNode, setProperty } from '../client.ts';

const CHAINS = ['chain-1', 'chain-2'];
const OBSERVERS = 2;

const causeOf = (chain: string) => `${chain}-cause`;
const effectOf = (chain: string) => `${chain}-effect`;

export const causes: Workload = {
  name: 'causes',
  setup: CHAINS.flatMap((chain) => [putNode(causeOf(chain)), putNode(effectOf(chain))]),
  start: (arena) => [
    ...CHAINS.map((chain) => writer(arena, chain)),
    ...Array.from({ length: OBSERVERS }, (_, i) => observer(arena, i)),
  ],
};

function writer(arena: Arena, chain: string): Promise<void> {
  const client = arena.client(`causes-${chain}`, { usesToken: true, stays: 0.2 });
  let number = 0;
  return arena.repeat(client, async () => {
    number++;
    const { session } = client;
    const cause = await client.write(`sets ${causeOf(chain)} to ${number}`, [
      setProperty(causeOf(chain), 'number', number),
    ]);
    // Without the token of the first write the second one is no effect of it.
    if (cause.outcome !== 'ok' || client.session !== session) return;
    await client.write(`sets ${effectOf(chain)} to ${number}`, [setProperty(effectOf(chain), 'number', number)]);
  });
}

function observer(arena: Arena, index: number): Promise<void> {
  const client = arena.client(`causes-observer-${index}`, { usesToken: false, stays: 0 });
  return arena.repeat(client, async () => {
    const chain = client.random.pick(CHAINS);
    const done = await client.read(`observes ${chain}`, async (graph) => {
      const effect = await numberAt(graph, effectOf(chain));
      return { effect, cause: await numberAt(graph, causeOf(chain)) };
    });
    if (done.value === undefined) return;
    arena.causal.push({ chain, ...done.value, server: done.server, atMs: arena.nowMs });
  });
}

async function numberAt(graph: Graph, id: string): Promise<number> {
  const { number } = await propertiesAt(graph, id);
  return typeof number === 'number' ? number : 0;
}
