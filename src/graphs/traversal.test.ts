import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Direction, Operation } from '../../graph/model.ts';
import { edge, LARGE, node, remove, removeEdge, run, TINY } from '../engine-on-disk.model.ts';
import { PropertyGraph } from './property-graph.model.ts';

/** `WEFT_SEED=n` replays one run. */
const SEEDS = process.env.WEFT_SEED === undefined ? [1, 2, 3] : [Number(process.env.WEFT_SEED)];
const ALL = { limit: LIMITS.pageItemsMax };
const at = (id: string) => id as NodeId;
const idOf = ({ id }: { readonly id: string }) => id;

/** Runs an engine on which reads of the whole graph go one way only: over ordinals, or partition by partition. */
async function opened(memoryBudgetBytes: number) {
  const running = await run({ memoryBudgetBytes });
  // Opens every partition, and with a large budget they stay open.
  await running.graph.counts();
  return running;
}

async function chain(length: number, memoryBudgetBytes = LARGE) {
  const running = await opened(memoryBudgetBytes);
  const operations: Operation[] = [node('c0')];
  for (let i = 1; i <= length; i++) operations.push(node(`c${i}`), edge(`e${i}`, `c${i - 1}`, `c${i}`));
  await running.graph.write(operations);
  return running;
}

describe.each([
  ['all in memory', LARGE],
  ['nothing stays in memory', TINY],
])('%s', (_, budget) => {
  it('a chain -> a path of every length up to the bound, against the direction only if asked', async () => {
    const { graph } = await chain(12, budget);
    const path = (from: string, to: string, direction: Direction, maxDepth: number) =>
      graph.shortestPath({ from: at(from), to: at(to), direction, maxDepth });
    for (let length = 0; length <= 12; length++) {
      const found = await path('c0', `c${length}`, 'out', length);
      expect(found?.nodes.map(idOf)).toEqual(Array.from({ length: length + 1 }, (_, i) => `c${i}`));
      expect(found?.edges.map(idOf)).toEqual(Array.from({ length }, (_, i) => `e${i + 1}`));
      if (length > 0) expect(await path('c0', `c${length}`, 'out', length - 1)).toBeNull();
    }
    expect(await path('c5', 'c0', 'out', 12)).toBeNull();
    expect((await path('c5', 'c0', 'in', 5))?.edges.map(idOf)).toEqual(['e5', 'e4', 'e3', 'e2', 'e1']);
    expect((await path('c5', 'c0', 'both', 5))?.nodes.map(idOf)).toEqual(['c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    const within = async (depth: number) =>
      (await graph.neighbors(at('c3'), { direction: 'both', depth }, ALL)).items.map(idOf);
    expect(await within(1)).toEqual(['c2', 'c4']);
    expect(await within(2)).toEqual(['c1', 'c2', 'c4', 'c5']);
    expect(await within(100)).toHaveLength(12);
  });

  it('a type -> only its edges count; an unknown one has none', async () => {
    const { graph } = await opened(budget);
    await graph.write([
      ...['a', 'b', 'c'].map((id) => node(id)),
      edge('ab', 'a', 'b', 'T'),
      edge('bc', 'b', 'c', 'T'),
      edge('ac', 'a', 'c', 'U'),
    ]);
    const request = { from: at('a'), to: at('c'), direction: 'out', maxDepth: 5 } as const;
    expect((await graph.shortestPath(request))?.edges.map(idOf)).toEqual(['ac']);
    expect((await graph.shortestPath({ ...request, type: 'T' }))?.edges.map(idOf)).toEqual(['ab', 'bc']);
    expect(await graph.shortestPath({ ...request, type: 'X' })).toBeNull();
    expect((await graph.shortestPath({ ...request, to: at('a'), type: 'X' }))?.nodes.map(idOf)).toEqual(['a']);
    const typed = { direction: 'both', type: 'X' } as const;
    expect((await graph.neighbors(at('a'), { ...typed, depth: 3 }, ALL)).items).toEqual([]);
    expect((await graph.edgesOf(at('a'), typed, ALL)).items).toEqual([]);
  });

  /** Open defect: on a graph that is in memory as a whole, a scope that nobody wrote to ends in `Unhydrated`. */
  const test = it;
  test('a node that does not exist, in a scope that does not -> node-not-found', async () => {
    const { graph } = await opened(budget);
    await graph.write([node('a'), node('c'), edge('e', 'a', 'c')]);
    const typed = { direction: 'both', type: 'T' } as const;
    const request = { from: at('a'), to: at('c'), direction: 'out', maxDepth: 5 } as const;
    for (const id of ['no', 's!no']) {
      await expect(graph.neighbors(at(id), { ...typed, depth: 3 }, ALL)).rejects.toMatchObject({
        code: 'node-not-found',
      });
      await expect(graph.edgesOf(at(id), typed, ALL)).rejects.toMatchObject({ code: 'node-not-found' });
      await expect(graph.shortestPath({ ...request, to: at(id) })).rejects.toMatchObject({ code: 'node-not-found' });
      await expect(graph.shortestPath({ ...request, from: at(id) })).rejects.toMatchObject({ code: 'node-not-found' });
    }
  });

  it('a ring with a chord -> the shorter way round, before and after the chord goes', async () => {
    const { graph } = await opened(budget);
    const ids = Array.from({ length: 10 }, (_, i) => `r${i}`);
    await graph.write([
      ...ids.map((id) => node(id)),
      ...ids.map((id, i) => edge(`e${i}`, id, `r${(i + 1) % 10}`)),
      edge('chord', 'r1', 'r7'),
      edge('loop', 'r3', 'r3'),
      edge('twin', 'r0', 'r1'),
    ]);
    const hops = async (from: string, to: string, direction: Direction) =>
      (await graph.shortestPath({ from: at(from), to: at(to), direction, maxDepth: 50 }))?.edges.length;
    expect(await hops('r0', 'r8', 'out')).toBe(3);
    expect(await hops('r0', 'r6', 'both')).toBe(3);
    expect(await hops('r3', 'r3', 'out')).toBe(0);
    await graph.write([removeEdge('chord')]);
    expect(await hops('r0', 'r8', 'out')).toBe(8);
    expect(await hops('r0', 'r6', 'both')).toBe(4);
    await graph.write([remove('r5', true)]);
    expect(await hops('r0', 'r8', 'out')).toBeUndefined();
    expect(await hops('r0', 'r8', 'both')).toBe(2);
  });

  it.each(SEEDS)('seed %i, a random graph -> distances and neighbourhoods of a dumb search', async (seed) => {
    const random = new SeededRandom(seed);
    const { graph } = await opened(budget);
    const model = new PropertyGraph();
    const ids = Array.from({ length: 40 }, (_, i) => (i % 9 === 0 ? `s${i}!n` : `n${i}`));
    const operations = [
      ...ids.map((id) => node(id)),
      ...Array.from({ length: 55 }, (_, i) =>
        edge(`e${i}`, random.pick(ids), random.pick(ids), random.pick(['T', 'U'])),
      ),
      ...random.some(ids, 0.05).map((id) => remove(id, true)),
    ];
    model.write(operations);
    await graph.write(operations);
    const alive = [...model.nodes.keys()];
    for (let round = 0; round < 40; round++) {
      const from = random.pick(alive);
      const direction = random.pick(['out', 'in', 'both'] as const);
      const type = random.chance(0.4) ? random.pick(['T', 'U']) : undefined;
      const depth = 1 + random.below(7);
      const filter = { direction, ...(type !== undefined && { type }) };
      const distances = model.distances(from, direction, type);
      const found = await graph.neighbors(at(from), { ...filter, depth }, ALL);
      const near = [...distances].filter(([, hops]) => hops > 0 && hops <= depth).map(([id]) => id);
      expect(found.items.map(idOf)).toEqual(near.sort());
      const to = random.pick(alive);
      const path = await graph.shortestPath({ from: at(from), to: at(to), ...filter, maxDepth: depth });
      const hops = distances.get(to) ?? Number.POSITIVE_INFINITY;
      if (hops > depth) expect(path).toBeNull();
      else expect(path?.edges).toHaveLength(hops);
    }
  });
});

it('a neighbourhood read page by page -> each node once, in canonical order', async () => {
  const { graph } = await chain(30);
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await graph.neighbors(
      at('c0'),
      { direction: 'out', depth: 20 },
      { limit: 3, ...(cursor && { cursor }) },
    );
    found.push(...page.items.map(idOf));
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(found).toEqual(Array.from({ length: 20 }, (_, i) => `c${i + 1}`).sort());
});
