/** Texts of a property have codes until there are too many of them, which may be in the middle of a statement. */
import { expect, it } from 'vitest';
import type { Operation } from '../../graph/model.ts';
import { edge, node, run } from '../engine-on-disk.model.ts';

/** A few less than have codes (`crdt/property-packs.ts`). */
const KNOWN = 65_530;
const GROUPS = 20;
const MORE = 100;

it('groups by a text: beyond the last code come the texts that each group collects -> the groups as they are', async () => {
  const { engine, graph } = await run();
  const made: Operation[] = [];
  for (let i = 0; i < KNOWN; i++) made.push(node(`n${i}`, { a: `text ${i}` }, i < GROUPS ? ['T', 'G'] : ['T']));
  for (let i = 0; i < MORE; i++) {
    made.push(node(`m${i}`, { a: `other ${i}` }), edge(`e${i}`, `n${i % GROUPS}`, `m${i}`));
  }
  for (let i = 0; i < made.length; i += 10_000) await graph.write(made.slice(i, i + 10_000));
  const ask = async (text: string) => {
    return (await graph.queryRows({ text, parameters: {} }, { accessMode: 'read', isCancelled: () => false })).rows;
  };
  // The first gives the property its column, the next ones codes to all texts.
  for (let i = 0; i < 3; i++) {
    expect(await ask('MATCH (n:T) WITH n.a AS a, count(*) AS c RETURN count(a)')).toEqual([[KNOWN]]);
  }
  const expected = Array.from({ length: GROUPS }, (_, i) => [`text ${i}`, MORE / GROUPS]);
  const rows = await ask('MATCH (n:G)-->(m) RETURN n.a AS a, count(DISTINCT m.a)');
  expect(rows.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual(
    expected.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
  await engine.close();
});
