import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestServer, type TestServer } from './server.model.ts';

const GRAPH = '/v1/graphs/default';
const NODES = `${GRAPH}/nodes`;
const key = (value: string) => ({ 'idempotency-key': value });

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

describe('idempotency', () => {
  test('repeated create: same key and body -> the same answer, one node', async () => {
    const first = await server.call('POST', NODES, { labels: ['Once'] }, key('k1'));
    const second = await server.call('POST', NODES, { labels: ['Once'] }, key('k1'));
    expect(first.status).toBe(201);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second.headers['idempotency-replayed']).toBe('true');
    for (const header of ['location', 'etag', 'content-type'])
      expect(second.headers[header]).toBe(first.headers[header]);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect((await server.call('GET', `${NODES}?label=Once`)).json.nodes).toHaveLength(1);
  });

  test('concurrent creates: one key -> one node, one answer', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => server.call('POST', NODES, { labels: ['Race'] }, key('k-race'))),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect((await server.call('GET', `${NODES}?label=Race`)).json.nodes).toHaveLength(1);
  });

  test('same key: another body, method or path -> 422, nothing happens', async () => {
    await server.call('PUT', `${NODES}/k2`, { labels: ['A'] }, key('k2'));
    for (const [method, url, body] of [
      ['PUT', `${NODES}/k2`, { labels: ['B'] }],
      ['PUT', `${NODES}/other`, { labels: ['A'] }],
      ['PATCH', `${NODES}/k2`, { labels: ['A'] }],
      ['DELETE', `${NODES}/k2`, undefined],
    ] as const) {
      const { json } = await server.call(method, url, body, key('k2'));
      expect(json).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    }
    expect((await server.call('GET', `${NODES}/k2`)).json.labels).toEqual(['A']);
  });

  test('same key: another condition -> 422, nothing happens', async () => {
    const { headers } = await server.call('PUT', `${NODES}/k-if`, { labels: ['A'] });
    const put = (tag: string) => server.call('PUT', `${NODES}/k-if`, {}, { ...key('k-if'), 'if-match': tag });
    expect((await put('"stale"')).status).toBe(412);
    expect((await put(String(headers.etag))).json.code).toBe('idempotency-key-reused');
    expect((await put('"stale"')).status).toBe(412);
  });

  test('same key in two graphs, in one that was deleted and made again -> counts in each', async () => {
    const write = (graph: string) => server.call('POST', `/v1/graphs/${graph}/nodes`, { id: 'n' }, key('k-graphs'));
    for (const graph of ['one', 'two']) {
      await server.call('PUT', `/v1/graphs/${graph}`, {});
      expect((await write(graph)).status).toBe(201);
    }
    await server.call('DELETE', '/v1/graphs/one');
    await server.call('PUT', '/v1/graphs/one', {});
    expect((await write('one')).headers['idempotency-replayed']).toBeUndefined();
    expect((await server.call('GET', '/v1/graphs/one/nodes/n')).status).toBe(200);
    expect((await write('two')).headers['idempotency-replayed']).toBe('true');
  });

  test('repeated increment and deletion -> applied once, 204 again', async () => {
    await server.call('PUT', `${NODES}/k3`, { properties: { n: 0 } });
    for (let i = 0; i < 3; i++)
      await server.call('PATCH', `${NODES}/k3`, { properties: { n: { $inc: 1 } } }, key('k3'));
    expect((await server.call('GET', `${NODES}/k3`)).json.properties).toEqual({ n: 1 });
    expect((await server.call('DELETE', `${NODES}/k3`, undefined, key('k3-delete'))).status).toBe(204);
    const again = await server.call('DELETE', `${NODES}/k3`, undefined, key('k3-delete'));
    expect(again).toMatchObject({ status: 204, text: '' });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  test('definite error: repeated after its cause is gone -> the first answer', async () => {
    const edge = { type: 'T', from: 'late', to: 'late' };
    const first = await server.call('POST', `${GRAPH}/edges`, edge, key('k4'));
    expect(first.json.code).toBe('endpoint-missing');
    await server.call('PUT', `${NODES}/late`, {});
    const second = await server.call('POST', `${GRAPH}/edges`, edge, key('k4'));
    expect([second.status, second.text]).toEqual([409, first.text]);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test('malformed request: corrected under the same key -> runs', async () => {
    expect((await server.call('POST', NODES, { lables: [] }, key('k5'))).status).toBe(400);
    expect((await server.call('POST', NODES, { labels: [] }, key('k5'))).status).toBe(201);
  });

  test('repeated batch and graph creation -> the first answers', async () => {
    const body = { operations: [{ op: 'createNode', labels: ['BatchOnce'] }] };
    const first = await server.call('POST', `${GRAPH}/batch`, body, key('k6'));
    expect((await server.call('POST', `${GRAPH}/batch`, body, key('k6'))).text).toBe(first.text);
    expect((await server.call('PUT', '/v1/graphs/once', {}, key('k7'))).status).toBe(201);
    expect((await server.call('PUT', '/v1/graphs/once', {}, key('k7'))).status).toBe(201);
    expect((await server.call('PUT', '/v1/graphs/once', {})).status).toBe(200);
  });

  test('repeated import: same lines -> runs once; other lines -> 422', async () => {
    const type = { 'content-type': 'application/x-ndjson' };
    const lines = '{"type":"node","id":"i"}\n{"type":"relationship","label":"T","start":{"id":"i"},"end":{"id":"i"}}\n';
    const first = await server.call('POST', `${GRAPH}/import`, lines, { ...key('k8'), ...type });
    expect(first.json).toEqual({ nodes: 1, edges: 1, lines: 2 });
    const second = await server.call('POST', `${GRAPH}/import`, lines, { ...key('k8'), ...type });
    expect([second.status, second.text, second.headers['idempotency-replayed']]).toEqual([200, first.text, 'true']);
    expect((await server.call('GET', `${NODES}/i/edges`)).json.edges).toHaveLength(1);
    const other = await server.call('POST', `${GRAPH}/import`, `${lines}\n`, { ...key('k8'), ...type });
    expect(other.json).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
  });

  test('repeated import that ended at a bad line -> the same problem, nothing twice', async () => {
    const type = { 'content-type': 'application/x-ndjson' };
    const edge = '{"type":"relationship","label":"BAD","start":{"id":"i"},"end":{"id":"i"}}\n';
    const run = () => server.call('POST', `${GRAPH}/import`, `${edge}nonsense\n`, { ...key('k9'), ...type });
    const first = await run();
    expect(first.json).toMatchObject({ code: 'invalid-import-line', line: 2, applied: { edges: 1 } });
    expect((await run()).text).toBe(first.text);
    expect((await server.call('GET', `${NODES}/i/edges?type=BAD`)).json.edges).toHaveLength(1);
  });
});

describe('idempotency of queries', () => {
  const QUERY = `${GRAPH}/query`;
  const create = { statement: 'CREATE (n:Bell {tone: $tone}) RETURN n.tone AS tone', parameters: { tone: 2.5 } };

  test('repeated: same statement and parameters -> the first rows and counters, in whichever form', async () => {
    const first = await server.call('POST', QUERY, create, key('q1'));
    const again = await server.call('POST', QUERY, create, key('q1'));
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect([again.json.data, again.json.counters]).toEqual([first.json.data, first.json.counters]);
    const lines = await server.call('POST', QUERY, create, { ...key('q1'), accept: 'application/jsonl' });
    expect(lines.text).toContain('{"$event":"Record","_body":[2.5]}');
    const typed = await server.call('POST', QUERY, create, { ...key('q1'), accept: 'application/vnd.neo4j.query' });
    expect(typed.json.data.values).toEqual([[{ $type: 'Float', _value: '2.5' }]]);
    const count = await server.call('POST', QUERY, { statement: 'MATCH (n:Bell) RETURN count(n)' });
    expect(count.json.data.values).toEqual([[1]]);
  });

  test('same key: other parameters, another statement, several statements -> 422', async () => {
    for (const body of [
      { ...create, parameters: { tone: 3 } },
      { statement: 'CREATE (:Bell)' },
      { statements: [create] },
    ]) {
      expect((await server.call('POST', QUERY, body, key('q1'))).json.code).toBe('idempotency-key-reused');
    }
  });

  test('a result too large to be kept -> refused before anything is written', async () => {
    const statement = 'UNWIND range(1, 40000) AS i CREATE (:Huge) RETURN i';
    const refused = await server.call('POST', QUERY, { statement }, key('q2'));
    expect(refused.status).toBe(413);
    expect(refused.json).toMatchObject({ code: 'query-limit', definite: true });
    const count = await server.call('POST', QUERY, { statement: 'MATCH (n:Huge) RETURN count(n)' });
    expect(count.json.data.values).toEqual([[0]]);
    const kept = await server.call('POST', QUERY, { statement: statement.replace('RETURN i', '') }, key('q2'));
    expect(kept.json.counters.nodesCreated).toBe(40_000);
  });

  test('one that fails -> nothing is remembered; the key may be used again', async () => {
    expect((await server.call('POST', QUERY, { statement: 'RETURN 1 / 0' }, key('q3'))).status).toBe(400);
    expect((await server.call('POST', QUERY, { statement: 'RETURN 1' }, key('q3'))).status).toBe(200);
  });
});
