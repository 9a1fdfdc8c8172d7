/** Strong requests over HTTP, to any of three servers whose links can be cut. */
import { afterEach, describe, expect, test } from 'vitest';
import { Cluster, type Server } from '../src/replication/cluster.model.ts';
import { type Answered, callerOf, type TestServer } from './server.model.ts';
import { buildServer } from './server.ts';

const NODES = '/v1/graphs/default/nodes';
const STRONG = { 'consistency-level': 'strong' };

interface Called extends Server {
  readonly call: TestServer['call'];
}

let cluster: Cluster;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  expect(cluster.bugs).toEqual([]);
});

async function threeServers(): Promise<[Called, Called, Called]> {
  cluster = new Cluster('a', 'b', 'c');
  const starting = (await cluster.startVoting()).map(async (server) => {
    const app = buildServer({
      engine: server.engine,
      env: cluster.network.env,
      onBug: (bug) => cluster.bugs.push(bug),
    });
    closers.push(async () => {
      await app.close();
      await cluster.stop(server);
    });
    // That takes real time, in which the time of the cluster would run away from the first request.
    await app.ready();
    return { ...server, call: callerOf(app) };
  });
  return (await Promise.all(starting)) as [Called, Called, Called];
}

const answer = (asked: Promise<Answered>): Promise<Answered> => cluster.during(asked);

describe('strong over HTTP', () => {
  test('write on one server, read on another -> seen; the answers say `strong`, and their token covers it', async () => {
    const [a, b, c] = await threeServers();
    const written = await answer(a.call('POST', NODES, { id: 'n', properties: { p: 1 } }, STRONG));
    expect([written.status, written.headers['consistency-effective']]).toEqual([201, 'strong']);
    const read = await answer(b.call('GET', `${NODES}/n`, undefined, STRONG));
    expect([read.status, read.json.properties, read.headers.etag]).toEqual([200, { p: 1 }, written.headers.etag]);
    const token = { 'session-token': String(written.headers['session-token']) };
    expect((await answer(c.call('GET', `${NODES}/n`, undefined, token))).status).toBe(200);
    expect((await answer(c.call('GET', `${NODES}?consistency=strong`))).json.nodes).toHaveLength(1);
  });

  test('If-Match with one version on three servers at once -> exactly one wins, the others get 412', async () => {
    const servers = await threeServers();
    const created = await answer(servers[0].call('POST', NODES, { id: 'n' }, STRONG));
    const headers = { ...STRONG, 'if-match': String(created.headers.etag) };
    const patches = servers.map((server, i) =>
      answer(server.call('PATCH', `${NODES}/n`, { properties: { by: i } }, headers)),
    );
    const statuses = (await Promise.all(patches)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412, 412]);
  });

  test('$inc below $min -> 409 out-of-bounds; bounds at session -> 400, nothing happens', async () => {
    const [a, b] = await threeServers();
    await answer(a.call('POST', NODES, { id: 's', properties: { stock: 1 } }, STRONG));
    const take = { properties: { stock: { $inc: -1, $min: 0 } } };
    expect((await answer(a.call('PATCH', `${NODES}/s`, take, STRONG))).json.properties).toEqual({ stock: 0 });
    const refused = await answer(b.call('PATCH', `${NODES}/s`, take, STRONG));
    expect([refused.status, refused.json.code, refused.json.definite]).toEqual([409, 'out-of-bounds', true]);
    const weak = await answer(b.call('PATCH', `${NODES}/s`, take));
    expect([weak.status, weak.json.code]).toEqual([400, 'invalid-request']);
  });

  test('one Idempotency-Key on two servers -> one write, two equal answers; another body -> 422', async () => {
    const [a, b, c] = await threeServers();
    await answer(a.call('POST', NODES, { id: 's', properties: { stock: 5 } }, STRONG));
    const headers = { ...STRONG, 'idempotency-key': 'k1' };
    const take = { properties: { stock: { $inc: -1, $min: 0 } } };
    const first = await answer(a.call('PATCH', `${NODES}/s`, take, headers));
    const again = await answer(b.call('PATCH', `${NODES}/s`, take, headers));
    expect([again.status, again.json, again.headers.etag]).toEqual([200, first.json, first.headers.etag]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    const other = { properties: { stock: { $inc: -2 } } };
    expect((await answer(c.call('PATCH', `${NODES}/s`, other, headers))).status).toBe(422);
  });

  test('a server that is cut off -> 503, outcome none, not ready; with allowDowngrade=session it answers at session', async () => {
    const [a, b, c] = await threeServers();
    cluster.cut(a, b);
    cluster.cut(a, c);
    await cluster.until(() => !a.engine.quorum().isReachable, 'a to notice');
    const refused = await answer(a.call('POST', NODES, { id: 'n' }, STRONG));
    expect([refused.status, refused.json.code, refused.json.outcome]).toEqual([503, 'quorum-unavailable', 'none']);
    expect(refused.headers['retry-after']).toBe('1');
    expect((await a.call('GET', '/readyz/write-quorum')).status).toBe(503);
    expect((await b.call('GET', '/readyz/write-quorum')).status).toBe(200);
    const weaker = await answer(a.call('POST', `${NODES}?allowDowngrade=session`, { id: 'n' }, STRONG));
    expect([weaker.status, weaker.headers['consistency-effective']]).toEqual([201, 'session']);
    const wrong = await answer(a.call('POST', `${NODES}?allowDowngrade=eventual`, { id: 'n' }, STRONG));
    expect([wrong.status, wrong.json.code]).toEqual([400, 'invalid-request']);
  });

  test('two servers create one graph with different settings at once -> one is refused', async () => {
    const [a, b, c] = await threeServers();
    const [one, other] = await Promise.all([
      answer(a.call('PUT', '/v1/graphs/g', { partitions: 2 }, STRONG)),
      answer(b.call('PUT', '/v1/graphs/g', { partitions: 4 }, STRONG)),
    ]);
    expect([one.status, other.status].sort()).toEqual([201, 409]);
    const partitions = one.status === 201 ? 2 : 4;
    await cluster.converge(a, b, c);
    expect((await c.call('GET', '/v1/graphs/g')).json.partitions).toBe(partitions);
    expect((await answer(c.call('DELETE', '/v1/graphs/g', undefined, STRONG))).status).toBe(204);
    expect((await answer(a.call('GET', '/v1/graphs/g', undefined, STRONG))).status).toBe(404);
  });

  test('export, import -> no strong operations: 400 that says so', async () => {
    const [a] = await threeServers();
    const exported = await answer(a.call('GET', '/v1/graphs/default/export', undefined, STRONG));
    expect([exported.status, exported.json.code]).toEqual([400, 'invalid-request']);
    const imported = await answer(
      a.call('POST', '/v1/graphs/default/import', '{"type":"node","id":"a"}', {
        ...STRONG,
        'content-type': 'application/x-ndjson',
      }),
    );
    expect(imported.status).toBe(400);
  });
});
