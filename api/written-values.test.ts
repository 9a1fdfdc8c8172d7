/** What openCypher writes is bound as other requests are: whatever is acknowledged can be read back, exported and imported. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
  await server.call('POST', '/v1/graphs/default/query', { statement: 'CREATE (n:Kept)-[:KEPT]->(n)' });
});
afterAll(() => server.close());

const LONG = 'n'.repeat(LIMITS.nameBytesMax + 1);
const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

test.each<[what: string, code: string, statement: string, parameters?: object]>([
  ['an empty label', 'invalid-name', 'CREATE (:``)'],
  ['an empty label, added', 'invalid-name', 'MATCH (n:Kept) SET n:``'],
  ['a long label', 'invalid-name', `CREATE (:\`${LONG}\`)`],
  ['a label with a lone surrogate', 'invalid-name', 'CREATE (:`a\ud800`)'],
  ['more labels than fit', 'payload-too-large', `CREATE (:${numbered('L', LIMITS.labelsMax + 1).join(':')})`],
  ['an empty type', 'invalid-name', 'MATCH (n:Kept) CREATE (n)-[:``]->(n)'],
  ['a long type', 'invalid-name', `MATCH (n:Kept) MERGE (n)-[:\`${LONG}\`]->(n)`],
  ['a type with a lone surrogate', 'invalid-name', 'MATCH (n:Kept) CREATE (n)-[:`\udc00`]->(n)'],
  ['an empty property name', 'invalid-name', 'CREATE ({``: 1})'],
  ['an empty property name, set', 'invalid-name', 'MATCH (n:Kept) SET n.`` = 1'],
  ['a long property name', 'invalid-name', 'MATCH (n:Kept) SET n += $map', { map: { [LONG]: 1 } }],
  ['a property name of a relationship', 'invalid-name', 'MATCH ()-[r:KEPT]->() SET r = $map', { map: { '\ud800': 1 } }],
  [
    'more properties than fit',
    'payload-too-large',
    'CREATE (n) SET n = $map',
    { map: Object.fromEntries(numbered('p', LIMITS.propertiesMax + 1).map((name) => [name, 1])) },
  ],
  ['a text with a lone surrogate', 'invalid-value', "CREATE ({p: 'a\ud800'})"],
  ['a text with an escaped one, in a list', 'invalid-value', "MATCH (n:Kept) SET n.p = ['\\uD800']"],
  [
    'a list that is too deep',
    'payload-too-large',
    'MATCH (n:Kept) SET n.p = [$list]',
    { list: nested(LIMITS.valueDepthMax) },
  ],
  [
    'a list that is deeper than a stack',
    'query-limit',
    'MATCH (n:Kept) SET n.p = reduce(list = [], i IN range(1, 20000) | [list])',
  ],
  ['a point at infinity', 'query-error', 'CREATE ({p: point({x: 1.0 / 0.0, y: 0.0})})'],
])('%s -> refused, nothing is written', async (_, code, statement, parameters = {}) => {
  const before = await server.call('GET', '/v1/graphs/default/export');
  const { json } = await server.call('POST', '/v1/graphs/default/query', { statement, parameters });
  expect(json).toMatchObject({ code, definite: true });
  expect((await server.call('GET', '/v1/graphs/default/export')).text).toBe(before.text);
});

test('names, values and numbers of them at their limits -> a server that starts from the disk has them, and takes its export', async () => {
  const disk = new MemoryDisk();
  const first = await openTestServer({ disk });
  const longest = LONG.slice(1);
  const labels = [longest, ...numbered('L', LIMITS.labelsMax - 1)].map((label) => `\`${label}\``).join(':');
  const statement = `CREATE (n:${labels})-[r:\`${longest}\` {p: $list}]->(n) SET n = $map`;
  const map = {
    ...Object.fromEntries(numbered('p', LIMITS.propertiesMax - 1).map((name) => [name, 1])),
    [longest]: '💺',
  };
  const parameters = { map, list: nested(LIMITS.valueDepthMax) };
  expect((await first.call('POST', '/v1/graphs/default/query', { statement, parameters })).status).toBe(200);
  const before = (await first.call('GET', '/v1/graphs/default/export')).text;
  await first.close();
  const second = await openTestServer({ disk });
  const exported = await second.call('GET', '/v1/graphs/default/export');
  expect([exported.status, exported.text]).toEqual([200, before]);
  await second.call('PUT', '/v1/graphs/copy');
  const imported = await second.call('POST', '/v1/graphs/copy/import', exported.text);
  expect(imported.json).toMatchObject({ nodes: 1, edges: 1 });
  await second.close();
});

test('names that an earlier version let in -> a statement can take them away', async () => {
  const graph = server.engine.graph('default' as never);
  await graph.write([{ op: 'createNode', labels: ['Odd', ''], properties: { '': 1 } }]);
  const answer = await server.call('POST', '/v1/graphs/default/query', {
    statement: 'MATCH (n:Odd) REMOVE n:``, n.`` RETURN n',
  });
  expect([answer.status, answer.json.data.values[0][0].labels, answer.json.data.values[0][0].properties]).toEqual([
    200,
    ['Odd'],
    {},
  ]);
});
