import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { float, type Value } from '../../graph/value.ts';
import { LARGE, node, put, remove, run, TINY } from '../engine-on-disk.model.ts';
import type { Graph, NodeFilter } from '../engine-port.ts';

const VALUES: readonly Value[] = [0, 1, float(1), float(0.5), '1', '', true, false, 2n ** 60n, [1], [], float(NaN)];

async function declare(graph: Graph, text: string): Promise<void> {
  await graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false });
}

/** All ids, page by page. */
async function listed(graph: Graph, filter: NodeFilter, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await graph.nodes(filter, { limit, ...(cursor !== undefined && { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
}

describe.each([
  ['everything', LARGE],
  ['nothing', TINY],
])('nodes by label and property, %s in memory', (_, memoryBudgetBytes) => {
  it('an index is declared -> the same nodes in the same order as without, whatever was written since', async () => {
    const random = new SeededRandom(11);
    const { graph } = await run({ memoryBudgetBytes });
    const write = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const id = `${random.chance(0.2) ? 's!' : ''}n${random.below(60)}`;
        const labels = random.chance(0.8) ? ['L'] : ['M'];
        const properties = { p: random.pick(VALUES), q: random.below(2) };
        await graph.write([random.chance(0.85) ? put(id, properties, labels) : remove(id)]).catch(() => undefined);
      }
    };
    await write(150);
    const filters = VALUES.flatMap((value): NodeFilter[] => [
      { label: 'L', properties: [['p', value]] },
      {
        label: 'L',
        properties: [
          ['q', 1],
          ['p', value],
        ],
      },
    ]);
    const all = async (limit: number) => Promise.all(filters.map((filter) => listed(graph, filter, limit)));
    const before = await all(1000);
    expect(before.filter((ids) => ids.length > 0).length).toBeGreaterThan(12);
    await declare(graph, 'CREATE INDEX FOR (n:L) ON (n.p)');
    expect(await all(1000)).toEqual(before);
    expect(await all(2)).toEqual(before);
    await write(100);
    const after = await all(3);
    await declare(graph, 'DROP INDEX ON :L(p)');
    expect(await all(1000)).toEqual(after);
  });
});

it('the index is dropped between two pages -> the list goes on where it was', async () => {
  const { graph } = await run();
  await graph.write(Array.from({ length: 9 }, (_, i) => node(`n${i}`, { p: 1 }, ['L'])));
  const filter: NodeFilter = { label: 'L', properties: [['p', 1]] };
  const whole = await listed(graph, filter, 100);
  await declare(graph, 'CREATE INDEX FOR (n:L) ON (n.p)');
  const first = await graph.nodes(filter, { limit: 4 });
  await declare(graph, 'DROP INDEX ON :L(p)');
  const second = await graph.nodes(filter, { limit: 4, cursor: String(first.cursor) });
  await declare(graph, 'CREATE INDEX FOR (n:L) ON (n.p)');
  const third = await graph.nodes(filter, { limit: 4, cursor: String(second.cursor) });
  expect(third.cursor).toBeUndefined();
  expect([first, second, third].flatMap(({ items }) => items.map(({ id }) => id))).toEqual(whole);
});
