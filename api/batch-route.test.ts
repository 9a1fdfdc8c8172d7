import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const GRAPH = '/v1/graphs/default';
const BATCH = `${GRAPH}/batch`;

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

describe('batch route', () => {
  test('batch: every operation -> a result each, in order', async () => {
    const { status, json } = await server.call('POST', BATCH, {
      operations: [
        { op: 'createNode', id: 'a', labels: ['A'], properties: { n: 1 } },
        { op: 'putNode', id: 'b' },
        { op: 'patchNode', id: 'a', labels: { add: ['B'] }, properties: { n: { $inc: 1 } } },
        { op: 'createEdge', id: 'e', type: 'T', from: 'a', to: 'b' },
        { op: 'createEdge', id: 'f', type: 'T', from: 'b', to: 'a' },
        { op: 'patchEdge', id: 'e', properties: { w: 1 } },
        { op: 'deleteEdge', id: 'f' },
        { op: 'createNode', id: 'c' },
        { op: 'deleteNode', id: 'c' },
      ],
    });
    expect(status).toBe(200);
    expect(json.results.map(({ op, id, created }: Record<string, unknown>) => [op, id, created])).toEqual([
      ['createNode', 'a', true],
      ['putNode', 'b', true],
      ['patchNode', 'a', false],
      ['createEdge', 'e', true],
      ['createEdge', 'f', true],
      ['patchEdge', 'e', false],
      ['deleteEdge', 'f', false],
      ['createNode', 'c', true],
      ['deleteNode', 'c', false],
    ]);
    expect(json.results[2].node).toEqual({ id: 'a', labels: ['A', 'B'], properties: { n: 2 } });
    expect(json.results[5].edge).toEqual({ id: 'e', type: 'T', from: 'a', to: 'b', properties: { w: 1 } });
    const { headers } = await server.call('GET', `${GRAPH}/nodes/a`);
    expect(headers.etag).toBe(`"${json.results[2].version}"`);
    expect(json.results[8]).toEqual({ op: 'deleteNode', id: 'c', created: false });
  });

  test('batch: one operation fails -> its index, and nothing happened', async () => {
    const { json } = await server.call('POST', BATCH, {
      operations: [
        { op: 'createNode', id: 'never' },
        { op: 'createEdge', type: 'T', from: 'never', to: 'absent' },
      ],
    });
    expect(json).toMatchObject({ status: 409, code: 'endpoint-missing', operation: 1, definite: true });
    expect((await server.call('GET', `${GRAPH}/nodes/never`)).status).toBe(404);
  });

  test('batch: the only operation fails -> its index too, and none of a single write', async () => {
    const operation = { op: 'createEdge', type: 'T', from: 'absent', to: 'absent' };
    const refused = { status: 409, code: 'endpoint-missing', operation: 0, definite: true };
    expect((await server.call('POST', BATCH, { operations: [operation] })).json).toMatchObject(refused);
    const { op: _, ...edge } = operation;
    expect((await server.call('POST', `${GRAPH}/edges`, edge)).json).not.toHaveProperty('operation');
  });

  test('batch: conditions -> decided per operation', async () => {
    const { headers } = await server.call('PUT', `${GRAPH}/nodes/cond`, {});
    const etag = String(headers.etag);
    const patch = (ifMatch: unknown) => ({
      operations: [{ op: 'patchNode', id: 'cond', properties: { x: 1 }, ifMatch }],
    });
    expect((await server.call('POST', BATCH, patch('"x"'))).json).toMatchObject({ status: 412 });
    expect((await server.call('POST', BATCH, patch([etag, 'x']))).status).toBe(200);
    expect((await server.call('POST', BATCH, patch('*'))).status).toBe(200);
    const put = { operations: [{ op: 'putNode', id: 'cond', ifNoneMatch: '*' }] };
    expect((await server.call('POST', BATCH, put)).json.code).toBe('precondition-failed');
  });

  test.each([
    [{}, 'operations', undefined],
    [{ operations: {} }, 'operations', undefined],
    [{ operations: [], more: 1 }, 'more', undefined],
    [{ operations: [5] }, 'operations[0]', 0],
    [{ operations: [{ op: 'createNode' }, { op: 'nope' }] }, 'operations[1].op', 1],
    [{ operations: [{ op: 'putEdge', id: 'x' }] }, 'operations[0].op', 0],
    [{ operations: [{ op: 'putNode' }] }, 'operations[0].id', 0],
    [{ operations: [{ op: 'createNode', detach: true }] }, 'operations[0].detach', 0],
    [{ operations: [{ op: 'deleteNode', id: 'a', detach: 'yes' }] }, 'operations[0].detach', 0],
    [{ operations: [{ op: 'deleteEdge', id: 'a', type: 'T' }] }, 'operations[0].type', 0],
    [{ operations: [{ op: 'patchNode', id: 'a', labels: { plus: [] } }] }, 'operations[0].labels.plus', 0],
    [
      { operations: [{ op: 'patchNode', id: 'a', properties: { s: { $add: 1 } } }] },
      'operations[0].properties.s.$add',
      0,
    ],
    [
      { operations: [{ op: 'patchEdge', id: 'a', properties: { s: { $inc: 'x' } } }] },
      'operations[0].properties.s.$inc',
      0,
    ],
    [{ operations: [{ op: 'deleteEdge', id: 'a', ifMatch: 5 }] }, 'operations[0].ifMatch', 0],
  ])('batch: body %o -> 400 that names %s', async (body, field, operation) => {
    const { json } = await server.call('POST', BATCH, body);
    expect(json).toMatchObject({ status: 400, code: 'invalid-request', field });
    expect(json.operation).toBe(operation);
  });

  test('batch: empty, or over the limit -> nothing to do, or 413', async () => {
    expect((await server.call('POST', BATCH, { operations: [] })).json).toMatchObject({ results: [] });
    const operations = Array.from({ length: LIMITS.batchOperationsMax + 1 }, () => ({ op: 'createNode' }));
    expect((await server.call('POST', BATCH, { operations })).json).toMatchObject({ status: 413 });
  });
});

test.each([
  ['POST', BATCH, { operations: [{ op: 'createNode', id: 'vain' }] }],
  ['POST', `${GRAPH}/query`, { statement: "CREATE ({id: 'vain'})" }],
  ['POST', '/db/default/query/v2', { statement: "CREATE ({id: 'vain'})" }],
  ['POST', `${GRAPH}/import`, { type: 'node', id: 'vain' }],
  ['POST', `${GRAPH}/integrity`, undefined],
  ['PUT', '/v1/graphs/vain', {}],
  ['DELETE', GRAPH, undefined],
] as const)(
  '%s %s with If-Match or If-None-Match, on which it does not decide -> 400, nothing is done',
  async (method, path, body) => {
    const before = (await server.call('GET', `${GRAPH}/digest`)).json.digest;
    for (const header of ['If-Match', 'If-None-Match']) {
      const { json } = await server.call(method, `${path}?consistency=session`, body, {
        [header.toLowerCase()]: '"1"',
      });
      expect(json).toMatchObject({ status: 400, code: 'invalid-request', header, definite: true });
      expect(json.detail).toMatch(new RegExp(`^${method} ${path} takes no ${header}: .*\`ifMatch\``));
    }
    expect((await server.call('GET', '/v1/graphs/vain')).status).toBe(404);
    expect((await server.call('GET', `${GRAPH}/digest`)).json.digest).toBe(before);
  },
);

test('a read with If-None-Match on which it does not decide -> the answer', async () => {
  expect((await server.call('GET', `${GRAPH}/nodes`, undefined, { 'if-none-match': '"1"' })).status).toBe(200);
});
