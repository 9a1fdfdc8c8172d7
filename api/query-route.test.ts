import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stopQueriesMs } from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const TYPED = 'application/vnd.neo4j.query';
const query = (body: unknown, headers = {}, path = '/v1/graphs/default/query') =>
  server.call('POST', path, body, headers);

describe('query', () => {
  test('query: a statement that writes -> rows, counters and a bookmark; the graph shows it', async () => {
    const statement = 'CREATE (a:Person {name: $name, height: 2.0})-[r:KNOWS]->(b) RETURN a.name AS name, a.height, r';
    const { status, json, text } = await query({ statement, parameters: { name: 'Zoë' } });
    expect(status).toBe(200);
    expect(json.data.fields).toEqual(['name', 'a.height', 'r']);
    expect(text).toContain('["Zoë",2.0,{"elementId":');
    expect(json.counters).toMatchObject({ containsUpdates: true, nodesCreated: 2, relationshipsCreated: 1 });
    const seen = await query({ statement: 'MATCH (p:Person) RETURN count(*)', bookmarks: json.bookmarks });
    expect(seen.json.data.values).toEqual([[1]]);
  });

  test('query: the path of the Neo4j Query API, typed JSON both ways -> integers and floats stay apart', async () => {
    const body = {
      statement: 'RETURN $i + 1 AS i, $f AS f, $l AS l, date("2020-02-29") AS d',
      parameters: {
        i: { $type: 'Integer', _value: '9223372036854775806' },
        f: { $type: 'Float', _value: '2.0' },
        l: {
          $type: 'List',
          _value: [
            { $type: 'Null', _value: null },
            { $type: 'String', _value: 'x' },
          ],
        },
      },
    };
    const { status, json } = await query(body, { accept: TYPED, 'content-type': TYPED }, '/db/default/query/v2');
    expect(status).toBe(200);
    expect(json.data.values).toEqual([
      [
        { $type: 'Integer', _value: '9223372036854775807' },
        { $type: 'Float', _value: '2.0' },
        {
          $type: 'List',
          _value: [
            { $type: 'Null', _value: null },
            { $type: 'String', _value: 'x' },
          ],
        },
        { $type: 'Date', _value: '2020-02-29' },
      ],
    ]);
  });

  test.each([
    ['default', { statement: 'RETURN' }, 400, 'Neo.ClientError.Statement.SyntaxError'],
    ['default', { statement: 'RETURN $missing' }, 400, 'Neo.ClientError.Statement.ParameterMissing'],
    ['default', { statement: 'RETURN 1 / 0' }, 400, 'Neo.ClientError.Statement.ArithmeticError'],
    ['default', { statement: 1 }, 400, 'Neo.ClientError.Request.Invalid'],
    ['default', { statement: 'RETURN 1', impersonatedUser: 'ada' }, 400, 'Neo.ClientError.Request.Invalid'],
    ['absent', { statement: 'RETURN 1' }, 404, 'Neo.ClientError.Database.DatabaseNotFound'],
  ])('query: the path of the Neo4j Query API, graph %s, %j -> %i with %s', async (graph, body, status, code) => {
    const answer = await query(body, {}, `/db/${graph}/query/v2`);
    expect(answer.status).toBe(status);
    expect(answer.json.errors).toEqual([{ code, message: expect.stringMatching(/./) }]);
    expect((await query(body, {}, `/v1/graphs/${graph}/query`)).json.errors).toBeUndefined();
  });

  test('query: fields and paths of the Neo4j Query API -> a timeout in seconds; its transactions are refused with a hint', async () => {
    const body = { statement: 'RETURN 1', includeCounters: true, accessMode: 'Read', maxExecutionTime: 30 };
    expect((await query(body, {}, '/db/default/query/v2')).status).toBe(200);
    expect((await query({ ...body, maxExecutionTime: 0 }, {}, '/db/default/query/v2')).status).toBe(400);
    const { status, json } = await query(body, {}, '/db/default/query/v2/tx');
    expect(status).toBe(404);
    expect(json.detail).toContain('`statements`');
  });

  test('query: a map that a node got over CRUD -> read like any map; a statement that would set one is refused', async () => {
    const node = { id: 'mapped', properties: { place: { km: 7, name: 'sea' } } };
    await server.call('POST', '/v1/graphs/default/nodes', node);
    const find = 'MATCH (n) WHERE elementId(n) = "mapped"';
    const { json } = await query({ statement: `${find} RETURN n.place.km AS km, n.place AS place` });
    expect(json.data.values).toEqual([[7, { km: 7, name: 'sea' }]]);
    for (const write of ['SET n.other = n.place', 'SET n.other = {a: 1}', 'CREATE ({place: {a: 1}})']) {
      const refused = await query({ statement: `${find} ${write}` });
      expect(refused.json).toMatchObject({ code: 'query-error', errorType: 'TypeError' });
    }
    // What it does not touch stays.
    await query({ statement: `${find} SET n.seen = true` });
    const { properties } = (await server.call('GET', '/v1/graphs/default/nodes/mapped')).json;
    expect(properties).toEqual({ ...node.properties, seen: true });
  });

  test('query: JSON Lines -> header, records, summary; an error before the first row has a status of its own', async () => {
    const headers = { accept: 'application/jsonl' };
    const { text } = await query({ statement: 'UNWIND range(1, 2000) AS x RETURN x' }, headers);
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events[0]).toEqual({ $event: 'Header', _body: { fields: ['x'] } });
    expect(events.slice(1, -1).map(({ _body }) => _body[0])).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    expect(events.at(-1).$event).toBe('Summary');
    expect((await query({ statement: 'RETURN 1 / 0' }, headers)).status).toBe(400);
    const late = await query({ statement: 'UNWIND range(2000, 0, -1) AS x RETURN 1 / x' }, headers);
    expect(late.status).toBe(200);
    expect(JSON.parse(late.text.trim().split('\n').at(-1) ?? '')).toMatchObject({
      $event: 'Error',
      _body: [{ code: 'query-error', errorDetail: 'DivisionByZero' }],
    });
  });

  test('query: wrong in itself -> 400 that says what and where', async () => {
    const { status, json } = await query({ statement: 'MATCH (n)\nRETURN m' });
    expect(status).toBe(400);
    expect(json).toMatchObject({
      code: 'query-error',
      definite: true,
      errorType: 'SyntaxError',
      errorPhase: 'compile time',
      errorDetail: 'UndefinedVariable',
      position: { offset: 17, line: 2, column: 8 },
    });
    expect(json.detail).toContain('RETURN m\n       ^');
  });

  test('query: statements of which the last one fails -> nothing of them happened', async () => {
    const statements = [{ statement: 'CREATE (:Temporary)' }, { statement: 'MATCH (t:Temporary) RETURN 1 / 0' }];
    expect((await query({ statements })).status).toBe(400);
    const { json } = await query({ statement: 'MATCH (t:Temporary) RETURN count(*)' });
    expect(json.data.values).toEqual([[0]]);
  });

  test('query: statements as a list -> each sees those before it, one answer each', async () => {
    const statements = [
      { statement: 'CREATE (:Listed {n: 1})' },
      { statement: 'MATCH (l:Listed) SET l.n = l.n + 1 RETURN l.n' },
    ];
    const { json } = await query({ statements });
    expect(json.results.map(({ data }: { data: { values: unknown } }) => data.values)).toEqual([[], [[2]]]);
  });

  test('query: accessMode read, maxRows, timeoutMs -> refused beyond them', async () => {
    expect((await query({ statement: 'CREATE ()', accessMode: 'READ' })).json.errorDetail).toBe('AccessMode');
    const rows = await query({ statement: 'UNWIND range(1, 100) AS x RETURN x', maxRows: 10 });
    expect([rows.status, rows.json.code]).toEqual([413, 'query-limit']);
    expect((await query({ statement: 'RETURN 1', timeoutMs: 0 })).json.code).toBe('invalid-request');
  });

  test('query: a node that still has relationships -> not deleted, and the error of the standard', async () => {
    const { status, json } = await query({ statement: 'MATCH (p:Person) DELETE p' });
    expect(status).toBe(400);
    expect(json).toMatchObject({ errorType: 'ConstraintVerificationFailed', errorDetail: 'DeleteConnectedNode' });
  });

  test('query: an index -> declared once, shown, used, dropped', async () => {
    const create = { statement: 'CREATE INDEX by_name FOR (p:Person) ON (p.name)' };
    expect((await query(create)).json.counters.indexesAdded).toBe(1);
    expect((await query(create)).json.code).toBe('schema-conflict');
    expect((await query({ statement: 'SHOW INDEXES' })).json.data.values).toEqual([
      ['by_name', 'RANGE', 'NODE', ['Person'], ['name'], null],
    ]);
    const explained = await query({ statement: "EXPLAIN MATCH (p:Person {name: 'Zoë'}) RETURN p" });
    expect(JSON.stringify(explained.json.queryPlan)).toContain('"IndexSeek"');
    expect((await query({ statement: "MATCH (p:Person {name: 'Zoë'}) RETURN p.name" })).json.data.values).toEqual([
      ['Zoë'],
    ]);
    expect((await query({ statement: 'DROP INDEX by_name' })).json.counters.indexesRemoved).toBe(1);
  });

  test('queries: none is running -> an empty list, and none to cancel', async () => {
    expect((await server.call('GET', '/v1/queries')).json).toEqual({ queries: [] });
    expect((await server.call('DELETE', '/v1/queries/q1')).json.code).toBe('query-not-found');
  });

  test('queries: one still runs seconds after the server was told to stop -> cancelled, and its client is told', async () => {
    const stopping = await openTestServer();
    // Time passes while it computes, so that it gives way to what else there is.
    let nowMs = 0;
    Object.assign(stopping.env.clock, { monotonicMs: () => nowMs++ });
    const statement = 'UNWIND range(1, 100000) AS i UNWIND range(1, 100000) AS j RETURN count(*)';
    const url = await stopping.app.listen({ host: '127.0.0.1', port: 0 });
    const answer = fetch(`${url}/v1/graphs/default/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ statement, timeoutMs: 600_000 }),
    });
    const listed = async () => (await stopping.call('GET', '/v1/queries')).json.queries;
    while ((await listed()).length === 0) await stopping.env.scheduler.yield();
    const closed = stopping.app.close();
    for (let turn = 0; turn < 20; turn++) await stopping.env.scheduler.yield();
    stopping.env.advance(stopQueriesMs);
    expect(await (await answer).json()).toMatchObject({ code: 'query-cancelled', definite: true });
    await closed;
    await stopping.engine.close();
  });
});
