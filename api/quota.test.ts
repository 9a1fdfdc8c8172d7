import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { RunningQueries } from './running-queries.ts';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const excess = { status: 507, json: { code: 'quota-exceeded', limit: 'elements', definite: true, retryable: false } };

describe('quota over HTTP', () => {
  test('set when the graph is made, changed, taken back -> shown with the use', async () => {
    const made = await server.call('PUT', '/v1/graphs/q', { partitions: 3, quota: { elements: 2, scopeBytes: 1000 } });
    expect(made).toMatchObject({ status: 201, json: { quota: { elements: 2, scopeBytes: 1000 } } });
    expect((await server.call('PUT', '/v1/graphs/q', { partitions: 3 })).status).toBe(200);
    await server.call('POST', '/v1/graphs/q/nodes', { id: 'a', properties: { x: 'four' } });
    const shown = await server.call('GET', '/v1/graphs/q');
    expect(shown.json).toMatchObject({ quota: { elements: 2 }, usage: { nodes: 1, edges: 0, bytes: 105 } });
    const changed = await server.call('PATCH', '/v1/graphs/q', { quota: { elements: 1, scopeBytes: null } });
    expect(changed).toMatchObject({ status: 200, json: { name: 'q', quota: { elements: 1 } } });
    expect(changed.json.quota).not.toHaveProperty('scopeBytes');
    const refused = await server.call('POST', '/v1/graphs/q/nodes', { id: 'b' });
    expect(refused).toMatchObject({ ...excess, json: { max: 1, used: 1, wanted: 1 } });
    expect((await server.call('DELETE', '/v1/graphs/q/nodes/a')).status).toBe(204);
    await server.call('PATCH', '/v1/graphs/q', { quota: { elements: null } });
    expect((await server.call('GET', '/v1/graphs/q')).json).not.toHaveProperty('quota');
  });

  test('every way to write -> refused with the limit, and where it was', async () => {
    const graph = '/v1/graphs/full';
    await server.call('PUT', graph, { quota: { elements: 1 } });
    await server.call('PUT', `${graph}/nodes/a`, {});
    expect(await server.call('PUT', `${graph}/nodes/b`, {})).toMatchObject(excess);
    expect(await server.call('POST', `${graph}/edges`, { type: 'T', from: 'a', to: 'a' })).toMatchObject(excess);
    const operations = [
      { op: 'patchNode', id: 'a', properties: { x: 1 } },
      { op: 'createNode', id: 'c' },
    ];
    expect(await server.call('POST', `${graph}/batch`, { operations })).toMatchObject({
      ...excess,
      json: { operation: 1 },
    });
    expect(await server.call('POST', `${graph}/query`, { statement: 'CREATE (:N)' })).toMatchObject(excess);
    const lines = ['a', 'b', 'c'].map((id) => JSON.stringify({ type: 'node', id, properties: { y: 2 } })).join('\n');
    const ndjson = { 'content-type': 'application/x-ndjson' };
    expect(await server.call('POST', `${graph}/import`, lines, ndjson)).toMatchObject({
      json: { line: 2, reasonCode: 'quota-exceeded', applied: { lines: 1 } },
    });
    expect((await server.call('GET', `${graph}/nodes`)).json.nodes).toMatchObject([{ id: 'a', properties: { y: 2 } }]);
    const metrics = await server.call('GET', '/metrics');
    expect(metrics.text).toMatch(/^weft_quota_refusals_total [1-9]/m);
  });

  test.each([
    [{ quota: { elements: -1 } }, 'quota.elements'],
    [{ quota: { bytes: 1.5 } }, 'quota.bytes'],
    [{ quota: { nodes: 1 } }, 'quota.nodes'],
    [{ quota: 3 }, 'quota'],
    [{}, 'quota'],
    [{ partitions: 3 }, 'partitions'],
  ])('%j -> names the field', async (body, field) => {
    expect(await server.call('PATCH', '/v1/graphs/default', body)).toMatchObject({ status: 400, json: { field } });
  });

  test("a graph that is not there, or is the server's own -> refused", async () => {
    const body = { quota: { elements: 1 } };
    expect((await server.call('PATCH', '/v1/graphs/none', body)).json.code).toBe('graph-not-found');
    expect((await server.call('PATCH', '/v1/graphs/_system', body)).json.code).toBe('graph-protected');
  });
});

test('running queries: as many of a principal, or on a graph, as may -> 429 that names the limit', () => {
  const running = new RunningQueries({ wallMs: () => 0, monotonicMs: () => 0 }, { perPrincipal: 2, perGraph: 3 });
  const ann = { identity: 'ann' } as Parameters<RunningQueries['begin']>[1];
  const bob = { identity: 'bob' } as typeof ann;
  const refused = (graph: string, principal: typeof ann) => {
    try {
      running.end(running.begin(graph, principal, ''));
      return undefined;
    } catch (error) {
      return error instanceof WeftError ? { code: error.code, ...error.context } : error;
    }
  };
  const first = running.begin('g', ann, '');
  running.begin('g', ann, '');
  const ofAnn = { code: 'too-many-requests', limit: 'queries of a principal', max: 2, used: 2 };
  expect(refused('h', ann)).toEqual(ofAnn);
  running.begin('g', bob, '');
  expect(refused('g', bob)).toEqual({ ...ofAnn, limit: 'queries of a graph', max: 3, used: 3 });
  expect(refused('h', bob)).toBeUndefined();
  running.end(first);
  expect(refused('g', ann)).toBeUndefined();
});
