import { expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';

/** So many that those beyond the limit are dropped on the way, and later rows are compared with the last that is kept. */
const ROWS = 5000;

it.each([
  ['x', (a: number, b: number) => a - b],
  ['x DESC', (a: number, b: number) => b - a],
  ['x % 7, x DESC', (a: number, b: number) => (a % 7) - (b % 7) || b - a],
  ['x % 7 DESC, x', (a: number, b: number) => (b % 7) - (a % 7) || a - b],
])('the first rows by %s of thousands -> as sorted in full', async (by, compare) => {
  // Every number below a prime, in no order.
  const numbers = Array.from({ length: ROWS }, (_, i) => (i * 1237) % 5003);
  const text = `UNWIND $numbers AS x WITH x ORDER BY ${by} LIMIT 9 RETURN x`;
  const { rows } = await runStatement(text, new MemoryGraph(), { parameters: { numbers } });
  expect(rows).toEqual(
    numbers
      .sort(compare)
      .slice(0, 9)
      .map((x) => [x]),
  );
});

it.each([
  ['{a: x}', 0, 0],
  ['x', 3, Number.MAX_SAFE_INTEGER],
  ['x', 2n ** 63n - 1n, 2n ** 63n - 1n],
])('ORDER BY %s SKIP %d LIMIT %d, in a statement that writes -> the rows between', async (by, skip, limit) => {
  const text = `UNWIND range(1, ${ROWS}) AS x CREATE (n) WITH x ORDER BY ${by} SKIP $skip LIMIT $limit RETURN count(x)`;
  const { rows, counters } = await runStatement(text, new MemoryGraph(), { parameters: { skip, limit } });
  expect(counters.nodesCreated).toBe(ROWS);
  const left = Math.max(0, ROWS - Number(skip));
  expect(rows).toEqual([[Math.min(left, Number(limit))]]);
});
