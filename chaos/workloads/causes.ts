/**
 * Causes and effects: a session writes a number into one node, reads it back somewhere, and writes it into another node.
 * Observers without tokens read the effect and then the cause.
 */
import type { Graph } from '../../src/engine-port.ts';
import type { Arena, Workload } from '../arena.ts';
import { propertiesAt, putNode, setProperty } from '../client.ts';

const CHAINS = ['chain-1', 'chain-2'];
const OBSERVERS = 2;

/** Causes that may have been written later than others by the stamps, though nobody was told so: what they hide is no violation. */
type Unsure = ReadonlyMap<string, Set<number>>;

const causeOf = (chain: string) => `${chain}-cause`;
const effectOf = (chain: string) => `${chain}-effect`;

export const causes: Workload = {
  name: 'causes',
  setup: CHAINS.flatMap((chain) => [putNode(causeOf(chain)), putNode(effectOf(chain))]),
  start: (arena) => {
    const unsure: Unsure = new Map(CHAINS.map((chain) => [chain, new Set()]));
    return [
      ...CHAINS.map((chain) => writer(arena, chain, unsure)),
      ...Array.from({ length: OBSERVERS }, (_, i) => observer(arena, i, unsure)),
    ];
  },
};

function writer(arena: Arena, chain: string, unsure: Unsure): Promise<void> {
  const client = arena.client(`causes-${chain}`, { usesToken: true, stays: 0.2 });
  let number = 0;
  return arena.repeat(client, async () => {
    number++;
    const { session } = client;
    const cause = await client.write(`sets ${causeOf(chain)} to ${number}`, [
      setProperty(causeOf(chain), 'number', number),
    ]);
    if (cause.outcome === 'unknown') unsure.get(chain)?.add(number);
    // Without the token of the first write the second one is no effect of it.
    if (cause.outcome !== 'ok' || client.session !== session) return;
    await client.write(`sets ${effectOf(chain)} to ${number}`, [setProperty(effectOf(chain), 'number', number)]);
  });
}

function observer(arena: Arena, index: number, unsure: Unsure): Promise<void> {
  const client = arena.client(`causes-observer-${index}`, { usesToken: false, stays: 0 });
  return arena.repeat(client, async () => {
    const chain = client.random.pick(CHAINS);
    const done = await client.read(`observes ${chain}`, async (graph) => {
      const effect = await numberAt(graph, effectOf(chain));
      return { effect, cause: await numberAt(graph, causeOf(chain)) };
    });
    if (done.value === undefined || unsure.get(chain)?.has(done.value.cause)) return;
    arena.causal.push({ chain, ...done.value, server: done.server, atMs: arena.nowMs });
  });
}

async function numberAt(graph: Graph, id: string): Promise<number> {
  const { number } = await propertiesAt(graph, id);
  return typeof number === 'number' ? number : 0;
}
