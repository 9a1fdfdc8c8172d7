/** What an index finds, against the same questions without one. */
import { describe, expect, test } from 'vitest';
import type { Value } from '../../graph/value.ts';
import { node, run } from '../engine-on-disk.model.ts';

const QUERY = { accessMode: 'write', isCancelled: () => false } as const;

async function started(isIndexed: boolean, values: Readonly<Record<string, Value>>) {
  const { graph } = await run();
  const ask = async (text: string) => (await graph.queryRows({ text, parameters: {} }, QUERY)).rows;
  if (isIndexed) await ask('CREATE INDEX by_p FOR (n:L) ON (n.p)');
  await graph.write(Object.entries(values).map(([id, p]) => node(id, { id, p }, ['L'])));
  const found = async (where: string) =>
    (await ask(`MATCH (n:L) WHERE ${where} RETURN n.id ORDER BY n.id`)).map((row) => row[0]);
  return { ask, found };
}

describe.each([
  ['without an index', false],
  ['with one', true],
])('%s', (_, isIndexed) => {
  test('ranges: integers that no float equals -> found like any other number', async () => {
    const values = { a: 2n ** 53n + 1n, b: 5, c: -(2n ** 53n) - 1n, d: 2n ** 62n, e: 'x' };
    const { found } = await started(isIndexed, values);
    expect(await found('n.p > 0')).toEqual(['a', 'b', 'd']);
    expect(await found('n.p < 0')).toEqual(['c']);
    expect(await found('n.p > 0 AND n.p < 4611686018427387905')).toEqual(['a', 'b', 'd']);
    expect(await found('n.p >= 9007199254740993')).toEqual(['a', 'd']);
  });

  test('a range and a beginning: a node whose value changed within it -> once', async () => {
    const { ask, found } = await started(isIndexed, { a: 1, b: 'x1' });
    expect([await found('n.p > 0'), await found("n.p STARTS WITH 'x'")]).toEqual([['a'], ['b']]);
    await ask("MATCH (n:L) SET n.p = CASE n.id WHEN 'a' THEN 2 ELSE 'x2' END");
    expect([await found('n.p > 0'), await found("n.p STARTS WITH 'x'")]).toEqual([['a'], ['b']]);
  });

  test('a beginning: texts that go on with the last of all characters -> found', async () => {
    const { found } = await started(isIndexed, { a: 'x', b: 'x\uffff\uffff\uffff', c: 'y' });
    expect(await found("n.p STARTS WITH 'x'")).toEqual(['a', 'b']);
  });
});
