/** What an index finds, against the same questions without one. */
import { describe, expect, test } from 'vitest';
import { float, Temporal, type Value } from '../../graph/value.ts';
import { edge, node, run } from '../engine-on-disk.model.ts';

const QUERY = { accessMode: 'write', isCancelled: () => false } as const;

async function started(isIndexed: boolean, values: Readonly<Record<string, Value>>) {
  const { graph } = await run();
  const ask = async (text: string) => (await graph.queryRows({ text, parameters: {} }, QUERY)).rows;
  if (isIndexed) await ask('CREATE INDEX by_p FOR (n:L) ON (n.p)');
  await graph.write(Object.entries(values).map(([id, p]) => node(id, { id, p }, ['L'])));
  const found = async (where: string) =>
    (await ask(`MATCH (n:L) WHERE ${where} RETURN n.id ORDER BY n.id`)).map((row) => row[0]);
  return { ask, found, graph };
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

  test('ranges: infinity -> found like any other number', async () => {
    const values = { a: Number.POSITIVE_INFINITY, b: Number.NEGATIVE_INFINITY, c: 1, d: Number.NaN };
    const { found } = await started(isIndexed, values);
    expect([await found('n.p > 0'), await found('n.p <= 1')]).toEqual([
      ['a', 'c'],
      ['b', 'c'],
    ]);
    expect(await found('n.p >= 1.0 / 0.0')).toEqual(['a']);
  });

  test('ranges: texts with characters beyond 16 bits -> behind all others', async () => {
    const { found } = await started(isIndexed, { a: 'x\uffff', b: 'x😀', c: 'x', d: 'y' });
    expect(await found("n.p > 'x\uffff'")).toEqual(['b', 'd']);
    expect(await found("n.p < 'x😀'")).toEqual(['a', 'c']);
    expect(await found("n.p >= 'x' AND n.p < 'x😀'")).toEqual(['a', 'c']);
  });

  test('equality: lists, maps and temporal values -> as openCypher has it', async () => {
    const [hour, noon] = [new Temporal('Duration', 'PT60M'), new Temporal('LocalTime', '12:00:00.0')];
    const values = { a: [1], b: [float(1)], c: [null], d: { x: 1 }, e: hour, f: noon, g: [Number.NaN] };
    const { found } = await started(isIndexed, values);
    expect([await found('n.p = [1]'), await found('n.p IN [[1.0]]')]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect([await found('n.p = {x: 1.0}'), await found('n.p = [null]')]).toEqual([['d'], []]);
    expect([await found("n.p = duration('PT1H')"), await found("n.p = localtime('12:00')")]).toEqual([['e'], ['f']]);
    expect(await found('n.p = [0.0 / 0.0]')).toEqual([]);
  });

  test('a statement writes to nodes that are still to be found -> all are found', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `n${i}`);
    const { ask, graph } = await started(isIndexed, Object.fromEntries(ids.map((id, i) => [id, i + 1])));
    await graph.write(ids.map((id, i) => edge(`e${i}`, id, `n${(i * 7 + 50) % 100}`)));
    const pattern = 'MATCH (n:L) WHERE n.p > 0 MATCH (n)-->(m)';
    expect(await ask(`${pattern} SET m.q = 1 RETURN count(*)`)).toEqual([[100]]);
    expect(await ask('MATCH (n) WHERE n.q = 1 RETURN count(*)')).toEqual([[100]]);
  });

  test('two nodes are joined by what equals nothing -> not at all', async () => {
    const { ask } = await started(isIndexed, { a: [null], b: [Number.NaN], c: [1] });
    await ask('UNWIND [[null], [0.0 / 0.0], [1.0]] AS q CREATE (:R {q: q})');
    expect(await ask('MATCH (n:L), (r:R) WHERE n.p = r.q RETURN n.id')).toEqual([['c']]);
  });
});
