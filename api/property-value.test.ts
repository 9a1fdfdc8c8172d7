import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestServer, type TestServer } from './server.model.ts';

const NODE = '/v1/graphs/default/nodes/n';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const typed = ([$type, _value]: readonly [string, string]) => ({ $type, _value });

const REAL = [
  ['Date', '2024-02-29'],
  ['Date', '-0044-03-15'],
  ['LocalTime', '23:59:59.999999999'],
  ['Time', '12:00+18:00'],
  ['LocalDateTime', '2026-01-31T00:00'],
  ['DateTime', '2026-01-31T00:00:00Z'],
  ['DateTime', '2026-01-31T00:00+01:00[Europe/Berlin]'],
  ['Duration', 'P1Y2M3DT4H5M6.789S'],
  ['Point', 'SRID=4326;POINT (190.0 -90.0)'],
  ['Point', 'SRID=4979;POINT Z (8.5 90.0 1000.0)'],
  ['Point', 'SRID=7203;POINT (0.0 91.0)'],
] as const;

const UNREAL = [
  ['Date', '2026-02-29'],
  ['Date', '2026-13-01'],
  ['Date', '12345-01-01'],
  ['LocalTime', '24:00'],
  ['Time', '12:00+19:00'],
  ['LocalDateTime', '2026-01-00T00:00'],
  ['DateTime', '2026-01-31T00:60Z'],
  ['DateTime', '2026-01-31T00:00Z[No/Where]'],
  ['Duration', 'PT'],
  ['Point', 'SRID=4326;POINT (8.5 91.0)'],
  ['Point', 'SRID=4979;POINT Z (8.5 -90.5 0.0)'],
] as const;

describe('temporal values and points of bodies', () => {
  test.each(REAL)('%s %s -> kept, and read by statements', async (...value) => {
    expect((await server.call('PUT', NODE, { properties: { v: typed(value) } })).status).toBeLessThan(300);
    const statement = 'MATCH (n) RETURN n.v, toString(n.v)';
    expect((await server.call('POST', '/v1/graphs/default/query', { statement })).status).toBe(200);
  });

  test.each(UNREAL)('%s %s, which is none -> 400 in every body, nothing kept', async (...value) => {
    await server.call('PUT', NODE, { properties: { kept: true } });
    const v = typed(value);
    const line = JSON.stringify({ type: 'node', id: 'n', properties: { v } });
    for (const [method, path, body] of [
      ['PUT', NODE, { properties: { v } }],
      ['PUT', NODE, { properties: { v: [1, { deep: v }] } }],
      ['PATCH', NODE, { properties: { v } }],
      ['PATCH', NODE, { properties: { v: { $add: [v] } } }],
      ['POST', '/v1/graphs/default/edges', { type: 'T', from: 'n', to: 'n', properties: { v } }],
      ['POST', '/v1/graphs/default/batch', { operations: [{ op: 'patchNode', id: 'n', properties: { v } }] }],
    ] as const) {
      const answer = await server.call(method, path, body);
      expect([answer.status, answer.json.code, answer.json.field]).toEqual([400, 'invalid-value', 'v']);
      expect(answer.json.detail).toMatch(/^`v`: (".*" is no |the latitude .* is beyond a pole)/);
    }
    const imported = await server.call('POST', '/v1/graphs/default/import', line, {
      'content-type': 'application/x-ndjson',
    });
    expect([imported.status, imported.json.line, imported.json.reasonCode]).toEqual([400, 1, 'invalid-value']);
    expect((await server.call('GET', NODE)).json.properties).toEqual({ kept: true });
  });
});

test('a parameter is a point beyond a pole, on its own or in a map -> 400', async () => {
  const v = typed(['Point', 'SRID=4326;POINT (8.5 91.0)']);
  for (const parameters of [{ v }, { m: { v } }]) {
    const statement = 'RETURN $v';
    const answer = await server.call('POST', '/v1/graphs/default/query', { statement, parameters });
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid-value']);
  }
});
