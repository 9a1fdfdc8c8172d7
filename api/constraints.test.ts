import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
  await query('CREATE CONSTRAINT one_email FOR (u:User) REQUIRE u.email IS UNIQUE');
  await query("CREATE (:User {email: 'a@x'})");
});
afterAll(() => server.close());

const GRAPH = '/v1/graphs/default';
const query = (statement: string, level = 'session') =>
  server.call('POST', `${GRAPH}/query`, { statement }, { 'consistency-level': level });
const body = (email: unknown) => ({ labels: ['User'], properties: { email } });
const A = 'key~ng8JVj7IqpyDpv71PrVxePInxRUJZnrc';

describe('constraints', () => {
  test.each<[string, 'POST' | 'PUT', string, unknown]>([
    ['POST of a node', 'POST', '/nodes', body('a@x')],
    ['POST of a node with an id', 'POST', '/nodes', { id: 'b', ...body('a@x') }],
    ['PUT of a node', 'PUT', '/nodes/b', body('a@x')],
    [
      'a batch',
      'POST',
      '/batch',
      {
        operations: [
          { op: 'createNode', id: 'z' },
          { op: 'createNode', ...body('a@x') },
        ],
      },
    ],
    ['a statement', 'POST', '/query', { statement: "CREATE (:User {email: 'a@x'})" }],
  ])(
    'constraints: %s that gives a key again, at session and strong -> 409 with the constraint and the ids',
    async (...row) => {
      const [, method, path, sent] = row;
      for (const level of ['session', 'strong']) {
        const { status, json } = await server.call(method, GRAPH + path, sent, { 'consistency-level': level });
        expect(status).toBe(409);
        expect(json).toMatchObject({
          code: 'constraint-violated',
          definite: true,
          retryable: false,
          constraint: 'one_email',
        });
        expect(json.ids).toEqual([A]);
        if (path === '/batch') expect(json.operation).toBe(1);
      }
      expect((await server.call('GET', `${GRAPH}/nodes/z`)).status).toBe(404);
    },
  );

  test('constraints: PATCH of the property or label -> 409; a create without an id -> Location names the id of the key', async () => {
    const created = await server.call('POST', `${GRAPH}/nodes`, body('b@x'));
    expect(created.status).toBe(201);
    const path = `${GRAPH}/nodes/${encodeURIComponent(created.json.id)}`;
    expect([created.headers.location, created.json.id]).toEqual([path, expect.stringMatching(/^key~/)]);
    expect((await server.call('PATCH', path, { properties: { email: 'a@x' } })).json.code).toBe('constraint-violated');
    await server.call('PUT', `${GRAPH}/nodes/plain`, { properties: { email: 'a@x' } });
    const labelled = await server.call('PATCH', `${GRAPH}/nodes/plain`, { labels: { add: ['User'] } });
    expect([labelled.status, labelled.json.code]).toEqual([409, 'constraint-violated']);
  });

  test('constraints: an import -> names the line; the rest as onError asks', async () => {
    const lines = ['c@x', 'a@x', 'd@x'].map((email, i) =>
      JSON.stringify({ type: 'node', id: `i${i}`, ...body(email) }),
    );
    const ndjson = { 'content-type': 'application/x-ndjson' };
    const stopped = await server.call('POST', `${GRAPH}/import`, lines.join('\n'), ndjson);
    expect(stopped.json).toMatchObject({ code: 'invalid-import-line', line: 2, applied: { nodes: 1 } });
    const went = await server.call('POST', `${GRAPH}/import?onError=continue`, lines.join('\n'), ndjson);
    expect(went.json).toMatchObject({ errors: [{ line: 2, code: 'constraint-violated' }] });
    expect((await server.call('GET', `${GRAPH}/nodes/i2`)).status).toBe(200);
  });

  test('constraints: shown, dropped, and declared over data that breaks it -> refused with the ids', async () => {
    const shown = await query('SHOW CONSTRAINTS');
    expect(shown.json.data.values).toEqual([
      ['one_email', 'UNIQUENESS', 'NODE', ['User'], ['email'], 'one_email', null, 0],
    ]);
    expect((await query('DROP CONSTRAINT one_email', 'strong')).json.counters.constraintsRemoved).toBe(1);
    await server.call('PUT', `${GRAPH}/nodes/twin`, body('a@x'));
    const again = await query('CREATE CONSTRAINT one_email FOR (u:User) REQUIRE u.email IS UNIQUE', 'strong');
    expect(again.status).toBe(409);
    expect(again.json).toMatchObject({ code: 'constraint-violated', ids: [A, 'twin'], elements: 2 });
  });
});
