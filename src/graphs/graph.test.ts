import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Direction } from '../../graph/model.ts';
import {
  contents,
  edge,
  increment,
  LARGE,
  node,
  pages,
  put,
  type Running,
  remove,
  removeEdge,
  run,
  spreadIds,
  TINY,
} from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';
import {
  PropertyGraph,
  RANDOM_EDGES,
  RANDOM_LABELS,
  RANDOM_NODES,
  RANDOM_TYPES,
  randomBatch,
} from './property-graph.model.ts';

/** `WEFT_SEED=n` replays one run. */
const SEEDS = process.env.WEFT_SEED === undefined ? [1, 2, 3, 4, 5, 6] : [Number(process.env.WEFT_SEED)];
const ALL = { limit: LIMITS.pageItemsMax };

async function codeOf(promise: Promise<unknown>): Promise<{ code: string; operation?: number }> {
  try {
    await promise;
    return { code: 'done' };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    const { operation } = error.context;
    return typeof operation === 'number' ? { code: error.code, operation } : { code: error.code };
  }
}

/** Every kind of read, against the model. */
async function compare(graph: Graph, model: PropertyGraph, random: SeededRandom): Promise<void> {
  expect(await contents(graph)).toEqual(model.contents());
  expect(await graph.counts()).toEqual({ nodes: model.nodes.size, edges: model.edges.size });
  for (const id of RANDOM_NODES) {
    const held = model.node(id);
    if (held === undefined) expect(await codeOf(graph.node(id))).toEqual({ code: 'node-not-found' });
    else expect((await graph.node(id)).element).toEqual(held);
  }
  for (const id of RANDOM_EDGES) {
    const held = model.edge(id);
    if (held === undefined) expect(await codeOf(graph.edge(id))).toEqual({ code: 'edge-not-found' });
    else expect((await graph.edge(id)).element).toEqual(held);
  }
  const { nodes } = model.contents();
  for (const label of RANDOM_LABELS) {
    const found = await pages((cursor) => graph.nodes({ label }, { limit: 2, ...(cursor && { cursor }) }));
    expect(found.map(({ id }) => id).sort()).toEqual(nodes.filter(({ labels }) => labels.includes(label)).map(idOf));
  }
  const sevens = await graph.nodes({ properties: [['p', 7]] }, ALL);
  expect(sevens.items.map(idOf).sort()).toEqual(nodes.filter(({ properties }) => properties.p === 7).map(idOf));
  for (const direction of ['out', 'in', 'both'] as const) {
    await compareTraversals(
      graph,
      model,
      random,
      direction,
      random.chance(0.5) ? random.pick(RANDOM_TYPES) : undefined,
    );
  }
  expect(await graph.integrity()).toMatchObject({
    hiddenEdges: [],
    orphanStubs: [],
    missingStubs: [],
    duplicateEdges: [],
  });
}

async function compareTraversals(
  graph: Graph,
  model: PropertyGraph,
  random: SeededRandom,
  direction: Direction,
  type: string | undefined,
): Promise<void> {
  const filter = { direction, ...(type !== undefined && { type }) };
  for (const id of random.some(RANDOM_NODES, 0.5)) {
    if (!model.nodes.has(id)) {
      expect(await codeOf(graph.edgesOf(id, filter, ALL))).toEqual({ code: 'node-not-found' });
      expect(await codeOf(graph.neighbors(id, { ...filter, depth: 1 }, ALL))).toEqual({ code: 'node-not-found' });
      continue;
    }
    const edges = await pages((cursor) => graph.edgesOf(id, filter, { limit: 2, ...(cursor && { cursor }) }));
    expect(edges).toEqual(model.edgesOf(id, direction, type));
    const distances = model.distances(id, direction, type);
    const depth = 1 + random.below(4);
    const near = [...distances].filter(([, hops]) => hops > 0 && hops <= depth).map(([at]) => at);
    const found = await pages((cursor) =>
      graph.neighbors(id, { ...filter, depth }, { limit: 2, ...(cursor && { cursor }) }),
    );
    expect(found).toEqual(near.sort().map((at) => model.node(at)));
    const to = random.pick(RANDOM_NODES);
    const request = { from: id, to, ...filter, maxDepth: depth };
    if (!model.nodes.has(to)) {
      expect(await codeOf(graph.shortestPath(request))).toEqual({ code: 'node-not-found' });
      continue;
    }
    const path = await graph.shortestPath(request);
    const hops = distances.get(to);
    if (hops === undefined || hops > depth) expect(path).toBeNull();
    else checkPath(model, path, id, to, hops, direction, type);
  }
}

/** A path is right if it is as short as the model says and each step is an edge of the graph. */
function checkPath(
  model: PropertyGraph,
  path: Awaited<ReturnType<Graph['shortestPath']>>,
  from: string,
  to: string,
  hops: number,
  direction: Direction,
  type: string | undefined,
): void {
  expect(path?.edges).toHaveLength(hops);
  expect(path?.nodes.map(idOf)[0]).toBe(from);
  expect(path?.nodes.map(idOf).at(-1)).toBe(to);
  for (const [i, step] of (path?.edges ?? []).entries()) {
    const [before, after] = [path?.nodes[i], path?.nodes[i + 1]];
    expect(before).toEqual(model.node(String(before?.id)));
    expect(model.edgesOf(String(before?.id), direction, type)).toContainEqual(step);
    expect([step.from, step.to].sort()).toEqual([before?.id, after?.id].sort());
  }
}

const idOf = ({ id }: { readonly id: string }) => id;

describe('random operations, compared with a dumb model', () => {
  it.each(
    SEEDS.flatMap(
      (seed) =>
        [
          [seed, 'large', LARGE],
          [seed, 'tiny', TINY],
        ] as const,
    ),
  )('seed %i, %s memory budget -> every answer is the same, also after restarts', async (seed, _, budget) => {
    const random = new SeededRandom(seed);
    const model = new PropertyGraph();
    let running: Running = await run({ memoryBudgetBytes: budget });
    for (let step = 0; step < 250; step++) {
      const batch = randomBatch(random);
      expect(await codeOf(running.graph.write(batch)), JSON.stringify(batch)).toEqual(model.write(batch));
      if (random.chance(0.03)) {
        if (random.chance(0.5)) running.disk.crash();
        else await running.engine.close();
        running = await run({ disk: running.disk, memoryBudgetBytes: budget });
        await compare(running.graph, model, random);
      } else if (random.chance(0.04)) {
        await compare(running.graph, model, random);
      }
    }
    await compare(running.graph, model, random);
    expect(model.nodes.size + model.edges.size).toBeGreaterThan(5);
    if (budget === TINY) expect(running.engine.metrics().passivationsTotal).toBeGreaterThan(50);
  });

  it.each(SEEDS)(
    'seed %i, concurrent writers [crash in the middle] -> the acknowledged ones are there, each whole',
    async (seed) => {
      const random = new SeededRandom(seed);
      const pairs = Array.from({ length: 40 }, (_, i) => [`a${i}`, `s${i}!b`, `e${i}`] as const);
      let armed = false;
      let reached = 0;
      const crashAfter = random.below(12);
      const running = await run({
        memoryBudgetBytes: random.chance(0.5) ? TINY : LARGE,
        beforeWrite: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          if (armed && reached++ === crashAfter) running.disk.crash({ keep: random.below(2) });
        },
      });
      armed = true;
      const acknowledged = new Set<string>();
      const writing = pairs.map(async ([from, to, id]) => {
        for (let turn = random.below(6); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
        await running.graph.write([node(from), node(to), edge(id, from, to)]);
        acknowledged.add(id);
      });
      // Writers of a crashed process hear nothing, or that it failed.
      void Promise.allSettled(writing);
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (reached <= crashAfter) running.disk.crash();
      const after = (await run({ disk: running.disk })).graph;
      const found = await contents(after);
      const ids = new Set([...found.nodes, ...found.edges].map(idOf));
      for (const triple of pairs) {
        const there = triple.filter((id) => ids.has(id)).length;
        expect([0, 3]).toContain(there);
        if (acknowledged.has(triple[2])) expect(there).toBe(3);
      }
      expect(await after.integrity()).toMatchObject({ hiddenEdges: [], orphanStubs: [], missingStubs: [] });
    },
  );
});

describe('lists', () => {
  it.each([
    ['large', LARGE],
    ['tiny', TINY],
  ])(
    'paging while others write, %s memory budget -> an element that exists throughout is there exactly once',
    async (_, budget) => {
      const random = new SeededRandom(7);
      const { graph } = await run({ memoryBudgetBytes: budget });
      const stable = Array.from({ length: 120 }, (_, i) => (i % 10 === 0 ? `s${i}!x` : `stable${i}`));
      await graph.load(
        [
          put('hub'),
          ...stable.map((id) => put(id, { x: 1 }, ['L'])),
          ...stable.map((id) => edge(`e-${id}`, 'hub', id)),
        ],
        { stopAtFirst: true },
      );
      const churn = async () => {
        const id = `churn${random.below(50)}`;
        await graph.write([random.chance(0.6) ? put(id, { x: 1 }, ['L']) : remove(id, true)]).catch(() => undefined);
        await graph.write([edge(`churn-edge${random.below(50)}`, 'hub', id)]).catch(() => undefined);
        await graph
          .write([increment(random.pick(stable), 'y'), removeEdge(`churn-edge${random.below(50)}`)])
          .catch(() => undefined);
        await graph.write([put(random.pick(stable), { x: 1, z: random.below(9) }, ['L', 'M'])]);
      };
      const lists = {
        nodes: (cursor?: string) =>
          graph.nodes({ label: 'L', properties: [['x', 1]] }, { limit: 7, ...(cursor && { cursor }) }),
        edges: (cursor?: string) =>
          graph.edgesOf('hub' as NodeId, { direction: 'out' }, { limit: 7, ...(cursor && { cursor }) }),
        neighbors: (cursor?: string) =>
          graph.neighbors('hub' as NodeId, { direction: 'out', depth: 1 }, { limit: 7, ...(cursor && { cursor }) }),
      };
      for (const [name, list] of Object.entries(lists)) {
        const found = await pages<{ readonly id: string }>(async (cursor) => {
          const page = await list(cursor);
          expect(page.items.length).toBeLessThanOrEqual(7);
          await churn();
          return page;
        });
        const ids = found.map(idOf);
        expect(new Set(ids).size, name).toBe(ids.length);
        const wanted = name === 'edges' ? stable.map((id) => `e-${id}`) : stable;
        expect(
          wanted.filter((id) => !ids.includes(id)),
          name,
        ).toEqual([]);
      }
    },
  );

  it('the element that a cursor names is deleted -> the list goes on behind it', async () => {
    const { graph } = await run();
    const ids = ['a', 'b', 'c', 'd'].map((id) => `s!${id}` as NodeId);
    await graph.write(ids.map((id) => node(id)));
    const first = await graph.nodes({}, { limit: 2 });
    await graph.write([remove('s!b'), remove('s!c')]);
    const second = await graph.nodes({}, { limit: 2, cursor: String(first.cursor) });
    expect(second.items.map(idOf)).toEqual(['s!d']);
    expect(second.cursor).toBeUndefined();
  });

  it('exactly one page -> no cursor', async () => {
    const { graph } = await run();
    await graph.write([node('a'), node('b'), edge('e', 'a', 'b')]);
    expect((await graph.nodes({}, { limit: 2 })).cursor).toBeUndefined();
    expect((await graph.edgesOf('a' as NodeId, { direction: 'out' }, { limit: 1 })).cursor).toBeUndefined();
    expect((await graph.neighbors('a' as NodeId, { direction: 'out', depth: 1 }, { limit: 1 })).cursor).toBeUndefined();
  });

  it.each([
    '',
    'x',
    '!!!',
    '%',
    'WyJhIl0',
    'bnVsbA',
    'W10',
    'WzEsMl0',
    'WyJhIiwiYiIsImMiXQ',
    '🦜',
    'A'.repeat(5000),
    '\ud800',
  ])('a cursor that nobody issued (%j) -> invalid-cursor', async (cursor) => {
    const { graph } = await run();
    await graph.write([node('a')]);
    expect(await codeOf(graph.nodes({}, { limit: 2, cursor }))).toEqual({ code: 'invalid-cursor' });
    if (cursor === 'WyJhIl0') return;
    const id = 'a' as NodeId;
    expect(await codeOf(graph.edgesOf(id, { direction: 'out' }, { limit: 2, cursor }))).toEqual({
      code: 'invalid-cursor',
    });
    expect(await codeOf(graph.neighbors(id, { direction: 'out', depth: 1 }, { limit: 2, cursor }))).toEqual({
      code: 'invalid-cursor',
    });
  });

  it('values in filters -> 2 is not 2.0, and an absent property equals nothing', async () => {
    const { Float } = await import('../../graph/value.ts');
    const { graph } = await run();
    await graph.write([node('int', { x: 2 }), node('float', { x: new Float(2) }), node('none')]);
    const found = async (value: Parameters<typeof graph.nodes>[0]['properties']) =>
      (await graph.nodes({ ...(value && { properties: value }) }, ALL)).items.map(idOf);
    expect(await found([['x', 2]])).toEqual(['int']);
    expect(await found([['x', new Float(2)]])).toEqual(['float']);
    expect(await found([['y', 2]])).toEqual([]);
    expect(
      await found([
        ['x', 2],
        ['y', 1],
      ]),
    ).toEqual([]);
  });
});

describe('export', () => {
  it('while others write -> every edge comes with both of its endpoints', async () => {
    const { graph } = await run();
    const ids = spreadIds(6);
    await graph.write([...ids.map((id) => node(id)), edge('e', String(ids[0]), String(ids[1]))]);
    const nodes = new Set<string>();
    const loose: string[] = [];
    let wrote = false;
    for await (const item of await graph.export()) {
      if (item.kind === 'node') nodes.add(item.node.id);
      else if (!nodes.has(item.edge.from) || !nodes.has(item.edge.to)) loose.push(item.edge.id);
      if (!wrote && nodes.size === ids.length) {
        wrote = true;
        await graph.write([node('late'), ...ids.map((id, i) => edge(`late${i}`, id, 'late'))]);
      }
    }
    expect(wrote).toBe(true);
    expect(loose).toEqual([]);
  });

  it('the same graph written in another order, on another server -> the same export', async () => {
    const lines = async (reverse: boolean) => {
      const { graph } = await run({ memoryBudgetBytes: reverse ? TINY : LARGE });
      const ids = Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? `s${i}!n` : `n${i}`));
      const order = reverse ? ids.toReversed() : ids;
      await graph.write(order.map((id) => put(id, reverse ? { b: 2, a: 1 } : { a: 1, b: 2 }, ['L'])));
      await graph.write(order.map((id) => edge(`e${id}`, id, String(ids[(ids.indexOf(id) * 7) % 60]))));
      const items: unknown[] = [];
      for await (const item of await graph.export()) items.push(item);
      return items;
    };
    expect(await lines(true)).toEqual(await lines(false));
  });
});

describe('edges of other partitions', () => {
  it('an edge between scopes -> found from both ends and by its id, after a restart too', async () => {
    const { graph, disk } = await run({ memoryBudgetBytes: TINY });
    await graph.write([node('s!a'), node('t!b'), node('plain')]);
    const [made] = await graph.write([
      { op: 'createEdge', type: 'T', from: 's!a' as NodeId, to: 't!b' as NodeId, properties: {} },
    ]);
    await graph.write([edge('mine', 't!b', 'plain')]);
    disk.crash();
    const after = (await run({ disk, memoryBudgetBytes: TINY })).graph;
    const id = String(made?.id) as EdgeId;
    expect(id.startsWith('s!')).toBe(true);
    expect((await after.edge(id)).element).toMatchObject({ from: 's!a', to: 't!b' });
    expect((await after.edge('mine' as EdgeId)).element).toMatchObject({ from: 't!b', to: 'plain' });
    const both = await after.edgesOf('t!b' as NodeId, { direction: 'both' }, ALL);
    expect(both.items.map(idOf).sort()).toEqual([id, 'mine'].sort());
  });

  it('scopes that look like hash partitions or like edge ids -> partitions of their own', async () => {
    const { graph, disk } = await run();
    const ids = ['3!a', '0!~b', '!a', '!!a', '~!a', 'ü!🦜', `${'s'.repeat(1000)}!a`, '3', '3~a'];
    await graph.write(ids.map((id) => node(id)));
    await graph.write(ids.map((id, i) => edge(`e${i}`, id, String(ids[(i + 1) % ids.length]))));
    disk.crash();
    const after = (await run({ disk, memoryBudgetBytes: TINY })).graph;
    const found = await contents(after);
    expect(found.nodes.map(idOf)).toEqual([...ids].sort());
    expect(found.edges).toHaveLength(ids.length);
    for (const id of ids) expect((await after.node(id as NodeId)).element.id).toBe(id);
    const { partitions } = await after.digest();
    for (const id of ids) expect(Object.keys(partitions)).toContain(partitionOfNode(id, 16));
  });
});
