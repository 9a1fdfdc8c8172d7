import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Graph } from '../src/engine-port.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const GRAPH = '/v1/graphs/default';
const EDGES = `${GRAPH}/edges`;

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
  const nodes = ['a', 'b', 'c', 'd', 'lonely'].map((id) => ({ op: 'createNode', id, labels: ['N'] }));
  const edges = [
    ['ab', 'T', 'a', 'b'],
    ['bc', 'T', 'b', 'c'],
    ['ac', 'U', 'a', 'c'],
    ['cd', 'T', 'c', 'd'],
    ['aa', 'SELF', 'a', 'a'],
  ].map(([id, type, from, to]) => ({ op: 'createEdge', id, type, from, to, properties: { w: 1 } }));
  await server.call('POST', `${GRAPH}/batch`, { operations: [...nodes, ...edges] });
});
afterAll(() => server.close());

const idsOf = (list: { id: string }[]) => list.map(({ id }) => id).sort();

describe('edge routes', () => {
  test('create, read, patch, delete: an edge -> as any resource', async () => {
    const created = await server.call('POST', EDGES, { type: 'T', from: 'a', to: 'd', properties: { w: 2 } });
    expect(created.status).toBe(201);
    const { id } = created.json;
    expect(created.json).toEqual({ id, type: 'T', from: 'a', to: 'd', properties: { w: 2 } });
    const url = String(created.headers.location);
    expect(url).toBe(`${EDGES}/${encodeURIComponent(id)}`);
    expect((await server.call('GET', url)).text).toBe(created.text);
    const etag = String(created.headers.etag);
    expect((await server.call('GET', url, undefined, { 'if-none-match': etag })).status).toBe(304);
    const patched = await server.call('PATCH', url, { properties: { w: { $inc: 1 }, x: true } }, { 'if-match': etag });
    expect(patched.json.properties).toEqual({ w: 3, x: true });
    expect((await server.call('PATCH', url, {}, { 'if-match': etag })).json.code).toBe('precondition-failed');
    expect((await server.call('DELETE', url, undefined, { 'if-match': etag })).status).toBe(412);
    expect((await server.call('DELETE', url)).status).toBe(204);
    expect((await server.call('GET', url)).json.code).toBe('edge-not-found');
  });

  test.each([
    [{ type: 'T', from: 'a', to: 'absent' }, 409, 'endpoint-missing'],
    [{ id: 'ab', type: 'T', from: 'a', to: 'b' }, 409, 'edge-exists'],
    [{ from: 'a', to: 'b' }, 400, 'invalid-request'],
    [{ type: 'T', to: 'b' }, 400, 'invalid-request'],
    [{ type: '', from: 'a', to: 'b' }, 400, 'invalid-name'],
    [{ type: 'T', from: 'a', to: 5 }, 400, 'invalid-request'],
    [{ type: 'T', from: 'a', to: 'b', label: 'x' }, 400, 'invalid-request'],
  ])('create: %o -> %i %s', async (body, status, code) => {
    expect((await server.call('POST', EDGES, body)).json).toMatchObject({ status, code });
  });

  test('create without an id: a condition on what exists -> 412, nothing is made; on what does not -> made', async () => {
    const edge = { type: 'ONCE', from: 'lonely', to: 'lonely' };
    const make = (headers: Readonly<Record<string, string>>) => server.call('POST', EDGES, edge, headers);
    const operations = [{ op: 'createEdge', ...edge, ifMatch: 'other' }];
    const refused = [
      await make({ 'if-match': '*' }),
      await make({ 'if-match': '"other"' }),
      await server.call('POST', `${GRAPH}/batch`, { operations }),
    ];
    expect(refused.map(({ json }) => json.code)).toEqual(Array(3).fill('precondition-failed'));
    const { edges } = (await server.call('GET', `${GRAPH}/nodes/lonely/edges`)).json;
    expect(edges).toEqual([]);
    const made = await make({ 'if-none-match': '*' });
    expect(made.status).toBe(201);
    await server.call('DELETE', String(made.headers.location));
  });

  test('patch: type or endpoints -> 400, they are fixed', async () => {
    expect((await server.call('PATCH', `${EDGES}/ab`, { type: 'U' })).json).toMatchObject({
      status: 400,
      field: 'type',
    });
  });
});

describe('traversal routes', () => {
  const get = async (path: string) => (await server.call('GET', `${GRAPH}${path}`)).json;

  test('edges of a node: direction and type -> those; a self-loop once', async () => {
    expect(idsOf((await get('/nodes/a/edges')).edges)).toEqual(['aa', 'ab', 'ac']);
    expect(idsOf((await get('/nodes/b/edges?direction=in')).edges)).toEqual(['ab']);
    expect(idsOf((await get('/nodes/b/edges?direction=out')).edges)).toEqual(['bc']);
    expect(idsOf((await get('/nodes/a/edges?direction=both&type=T')).edges)).toEqual(['ab']);
    expect((await get('/nodes/lonely/edges')).edges).toEqual([]);
    expect((await get('/nodes/absent/edges')).code).toBe('node-not-found');
    expect(await get('/nodes/a/edges?direction=up')).toMatchObject({ status: 400, field: 'direction' });
  });

  test('edges of a node: pages -> every edge once', async () => {
    const first = await get('/nodes/a/edges?limit=2');
    const second = await get(`/nodes/a/edges?limit=2&cursor=${encodeURIComponent(first.cursor)}`);
    expect(idsOf([...first.edges, ...second.edges])).toEqual(['aa', 'ab', 'ac']);
    expect(second.cursor).toBeUndefined();
  });

  test('neighbors: depth, direction, type -> distinct nodes without the start', async () => {
    expect(idsOf((await get('/nodes/a/neighbors')).nodes)).toEqual(['b', 'c']);
    expect(idsOf((await get('/nodes/a/neighbors?depth=2&direction=out')).nodes)).toEqual(['b', 'c', 'd']);
    expect(idsOf((await get('/nodes/d/neighbors?depth=3&direction=in&type=T')).nodes)).toEqual(['a', 'b', 'c']);
    expect(idsOf((await get('/nodes/d/neighbors?direction=out')).nodes)).toEqual([]);
    expect(await get('/nodes/a/neighbors?depth=0')).toMatchObject({ status: 400, field: 'depth' });
  });

  test('shortest path: reachable or not -> the path and its length, or null', async () => {
    const path = await get('/paths/shortest?from=a&to=d');
    expect(path.length).toBe(2);
    expect(path.path.nodes.map(({ id }: { id: string }) => id)).toEqual(['a', 'c', 'd']);
    expect(path.path.edges.map(({ id }: { id: string }) => id)).toEqual(['ac', 'cd']);
    expect((await get('/paths/shortest?from=a&to=d&type=T')).length).toBe(3);
    expect(await get('/paths/shortest?from=a&to=d&type=T&maxDepth=2')).toEqual({ path: null, length: null });
    expect(await get('/paths/shortest?from=d&to=a')).toEqual({ path: null, length: null });
    expect((await get('/paths/shortest?from=d&to=a&direction=in')).length).toBe(2);
    expect((await get('/paths/shortest?from=d&to=a&direction=both')).length).toBe(2);
    expect(await get('/paths/shortest?from=a&to=a')).toMatchObject({ length: 0, path: { edges: [] } });
    expect(await get('/paths/shortest?from=a')).toMatchObject({ status: 400, field: 'to' });
    expect((await get('/paths/shortest?from=a&to=absent')).code).toBe('node-not-found');
  });

  test('digest and integrity: a sound graph -> a digest, nothing to repair', async () => {
    const digest = await get('/digest');
    expect(digest).toEqual({ digest: expect.stringMatching(/^[0-9a-f]+$/), partitions: expect.any(Object) });
    const integrity = {
      nodes: 5,
      edges: 5,
      hiddenEdges: [],
      orphanStubs: [],
      missingStubs: [],
      duplicateEdges: [],
      indexDifferences: [],
      constraintViolations: [],
      found: { hiddenEdges: 0, orphanStubs: 0, missingStubs: 0, duplicateEdges: 0, indexDifferences: 0 },
      checked: { partitions: 16, stubs: 5, constraints: 0 },
    };
    expect(await get('/integrity')).toEqual({ ...integrity, repaired: 0 });
    expect((await server.call('POST', `${GRAPH}/integrity`)).json).toEqual({ ...integrity, repaired: 0 });
    expect(await get('/digest')).toEqual(digest);
    expect((await get('/integrity?partition=0&limit=1')).checked).toMatchObject({ partitions: 1 });
    expect(await get('/integrity?limit=-1')).toMatchObject({ status: 400, field: 'limit' });
  });
});

test('integrity: the caller goes away -> the check is told to end', async () => {
  const server = await openTestServer();
  const { engine } = server;
  const own = engine.graph.bind(engine);
  let tell: (isCancelled: () => boolean) => void = () => undefined;
  const asked = new Promise<() => boolean>((resolve) => {
    tell = resolve;
  });
  engine.graph = (...call) => {
    const graph = Object.create(own(...call)) as Graph;
    graph.integrity = (options) => {
      tell(options?.isCancelled ?? (() => false));
      return new Promise(() => undefined);
    };
    return graph;
  };
  const caller = new AbortController();
  const call = server.app.inject({ url: `${GRAPH}/integrity`, signal: caller.signal }).catch(() => undefined);
  const isCancelled = await asked;
  expect(isCancelled()).toBe(false);
  caller.abort();
  await call;
  expect(isCancelled()).toBe(true);
  await server.close();
});
