/** Numbers that JSON would distort are read as objects: where an object is wanted, none is taken for one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
  await server.call('PUT', '/v1/graphs/default/nodes/a', {});
});
afterAll(() => server.close());

const NODES = '/v1/graphs/default/nodes';
const QUERY = '/v1/graphs/default/query';

test.each([1.5, '2.0', '-0.0', '1e3', '9007199254740993'])(
  '%s for an object -> refused, and called a number',
  async (number) => {
    for (const [method, path, body, code] of [
      ['POST', NODES, `{"properties":${number}}`, 'invalid-request'],
      ['PUT', `${NODES}/b`, `{"properties":${number}}`, 'invalid-request'],
      ['PATCH', `${NODES}/a`, `{"properties":${number}}`, 'invalid-request'],
      ['PATCH', `${NODES}/a`, `{"labels":${number}}`, 'invalid-request'],
      ['POST', `/v1/graphs/default/batch`, `{"operations":[${number}]}`, 'invalid-request'],
      ['POST', QUERY, `{"statement":"RETURN 1","parameters":${number}}`, 'invalid-request'],
      ['PUT', '/v1/graphs/other', `{"expiresAfterMsByLabel":${number}}`, 'invalid-request'],
      ['POST', NODES, `${number}`, 'invalid-request'],
      ['POST', NODES, `{"properties":{"p":{"$type":"Map","_value":${number}}}}`, 'invalid-value'],
    ] as const) {
      const { status, json } = await server.call(method, path, body);
      expect([body, status, json.code]).toEqual([body, 400, code]);
      if (code === 'invalid-request') expect(json.detail).toContain('not a number');
    }
    expect((await server.call('GET', NODES)).json.nodes).toEqual([{ id: 'a', labels: [], properties: {} }]);
  },
);

test('properties of the names of a typed form -> kept, and given back by an import of their export', async () => {
  const properties = { $type: 'Float', _value: '2.0' };
  await server.call('PUT', `${NODES}/a`, { properties });
  const exported = await server.call('GET', '/v1/graphs/default/export');
  await server.call('PUT', '/v1/graphs/copy');
  await server.call('POST', '/v1/graphs/copy/import', exported.text);
  expect((await server.call('GET', '/v1/graphs/copy/nodes/a')).json.properties).toEqual(properties);
});
