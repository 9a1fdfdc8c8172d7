import { afterEach, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { memberOf } from '../src/engine-on-disk.model.ts';
import { type Answered, openTestServer, type TestServer } from './server.model.ts';

const GRAPH = '/v1/graphs/default';
const NODES = `${GRAPH}/nodes`;

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Servers of one cluster, between which nothing passes. */
async function members(count: number): Promise<readonly TestServer[]> {
  const opened: TestServer[] = [];
  for (let i = 0; i < count; i++) opened.push(await openTestServer({ cluster: memberOf(), seed: 100 + i }));
  servers.push(...opened);
  return opened;
}

async function alone(): Promise<TestServer> {
  const server = await openTestServer();
  servers.push(server);
  return server;
}

const tokenOf = (answer: Answered): string => String(answer.headers['session-token']);

/** The answer to a request that waits until its time is up. */
async function afterTheWait(server: TestServer, answer: Promise<Answered>): Promise<Answered> {
  let isAnswered = false;
  void answer.then(() => {
    isAnswered = true;
  });
  while (!isAnswered) {
    server.env.advance(LIMITS.sessionWaitMs);
    await server.env.scheduler.yield();
  }
  return answer;
}

describe('session tokens: answers', () => {
  test('every call on a graph -> carries a token; a refused request and calls for operators do not', async () => {
    const server = await alone();
    await server.call('POST', NODES, { id: 'a' });
    const calls = [
      await server.call('GET', '/v1/graphs'),
      await server.call('GET', GRAPH),
      await server.call('PUT', '/v1/graphs/other', {}),
      await server.call('DELETE', '/v1/graphs/other'),
      await server.call('GET', NODES),
      await server.call('HEAD', `${NODES}/a`),
      await server.call('GET', `${NODES}/a`),
      await server.call('GET', `${NODES}/absent`),
      await server.call('PATCH', `${NODES}/a`, { properties: { x: 1 } }),
      await server.call('POST', NODES, { id: 'a' }),
      await server.call('POST', `${GRAPH}/edges`, { id: 'e', type: 'T', from: 'a', to: 'a' }),
      await server.call('GET', `${GRAPH}/edges/e`),
      await server.call('GET', `${NODES}/a/edges`),
      await server.call('GET', `${NODES}/a/neighbors`),
      await server.call('GET', `${GRAPH}/paths/shortest?from=a&to=a`),
      await server.call('POST', `${GRAPH}/batch`, { operations: [] }),
      await server.call('POST', `${GRAPH}/import`, '{"type":"node","id":"b"}\n', {
        'content-type': 'application/x-ndjson',
      }),
      await server.call('GET', `${GRAPH}/export`),
      await server.call('GET', `${GRAPH}/digest`),
      await server.call('GET', `${GRAPH}/integrity`),
      await server.call('POST', `${GRAPH}/integrity`),
      await server.call('DELETE', `${NODES}/a?detach=true`),
    ];
    for (const answer of calls) expect(tokenOf(answer), answer.text).toMatch(/^[\w-]{20,}$/);
    for (const url of ['/v1/cluster', '/livez', '/metrics', `${NODES}?consistency=weak`]) {
      expect((await server.call('GET', url)).headers).not.toHaveProperty('session-token');
    }
  });

  test('server that asks for a token of its own -> a stranger gets no session token', async () => {
    const server = await openTestServer({ token: 'secret' });
    servers.push(server);
    const answer = await server.call('GET', NODES);
    expect([answer.status, answer.headers['session-token']]).toEqual([401, undefined]);
  });

  test.each(['POST', 'batch', 'import'])('%s -> the token of the answer covers the write', async (kind) => {
    const server = await alone();
    const before = tokenOf(await server.call('GET', NODES));
    const answer =
      kind === 'POST'
        ? await server.call('POST', NODES, { id: 'a' })
        : kind === 'batch'
          ? await server.call('POST', `${GRAPH}/batch`, { operations: [{ op: 'createNode', id: 'a' }] })
          : await server.call('POST', `${GRAPH}/import`, '{"type":"node","id":"a"}\n', {
              'content-type': 'application/x-ndjson',
            });
    const after = tokenOf(answer);
    expect(after).not.toBe(before);
    expect(tokenOf(await server.call('GET', `${NODES}/a`))).toBe(after);
    if (kind === 'batch') expect(answer.json.bookmarks).toEqual([after]);
  });

  test('write repeated with its Idempotency-Key -> a token that covers it', async () => {
    const server = await alone();
    const headers = { 'idempotency-key': 'k' };
    const first = await server.call('POST', NODES, { id: 'a' }, headers);
    const other = await server.call('POST', NODES, { id: 'b' });
    const again = await server.call('POST', NODES, { id: 'a' }, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(tokenOf(other)).not.toBe(tokenOf(first));
    expect(tokenOf(again)).toBe(tokenOf(other));
  });
});

describe('session tokens: requests', () => {
  test('token of the same server -> answered at once, at every level', async () => {
    const server = await alone();
    const token = tokenOf(await server.call('POST', NODES, { id: 'a' }));
    for (const level of ['eventual', 'session', 'strong']) {
      const headers = { 'session-token': token, 'consistency-level': level };
      expect((await server.call('GET', `${NODES}/a`, undefined, headers)).status).toBe(200);
      expect((await server.call('PATCH', `${NODES}/a`, { properties: { x: 1 } }, headers)).status).toBe(200);
    }
  });

  test.each<[string, string, unknown]>([
    ['GET', `${NODES}/a`, undefined],
    ['GET', '/v1/graphs', undefined],
    ['GET', `${GRAPH}/export`, undefined],
    ['POST', NODES, { id: 'b' }],
    ['POST', `${GRAPH}/batch`, { operations: [{ op: 'createNode', id: 'b' }] }],
  ])(
    'token of another server, which never reaches this one: %s %s -> 503, and nothing was done',
    async (method, url, body) => {
      const [a, b] = (await members(2)) as [TestServer, TestServer];
      const token = tokenOf(await a.call('POST', NODES, { id: 'a' }));
      const call = b.call(method as 'GET', url, body, { 'session-token': token });
      const answer = await afterTheWait(b, call);
      expect([answer.status, answer.json.code, answer.json.definite]).toEqual([503, 'session-not-reached', true]);
      expect(answer.json.wanted).toEqual({ [a.engine.replicaId]: 1 });
      expect(answer.headers['retry-after']).toBe('1');
      expect((await b.call('GET', NODES)).json.nodes).toEqual([]);
    },
  );

  test('bookmarks in a batch -> waited for as tokens are; both together -> both', async () => {
    const [a, b] = (await members(2)) as [TestServer, TestServer];
    const token = tokenOf(await a.call('POST', NODES, { id: 'a' }));
    const own = tokenOf(await b.call('POST', NODES, { id: 'b' }));
    const body = { operations: [{ op: 'createNode', id: 'c' }], bookmarks: [token] };
    const call = b.call('POST', `${GRAPH}/batch`, body, { 'session-token': own });
    expect((await afterTheWait(b, call)).json.code).toBe('session-not-reached');
    const eventual = await b.call('POST', `${GRAPH}/batch?consistency=eventual`, body, { 'session-token': own });
    expect(eventual.status).toBe(200);
    const [bookmark] = eventual.json.bookmarks;
    expect(bookmark).toBe(tokenOf(eventual));
    // The new token covers what was presented, though it is not here.
    const later = b.call('GET', NODES, undefined, { 'session-token': bookmark });
    expect((await afterTheWait(b, later)).json.wanted).toEqual({ [a.engine.replicaId]: 1 });
  });

  test('level eventual -> no wait, and the answer covers the tokens that were presented', async () => {
    const [a, b] = (await members(2)) as [TestServer, TestServer];
    const token = tokenOf(await a.call('POST', NODES, { id: 'a' }));
    const answer = await b.call('GET', `${NODES}?consistency=eventual`, undefined, { 'session-token': token });
    expect([answer.status, answer.json]).toEqual([200, { nodes: [] }]);
    await a.engine.reachSession([tokenOf(answer)]);
    const call = b.call('GET', NODES, undefined, { 'session-token': tokenOf(answer) });
    expect((await afterTheWait(b, call)).status).toBe(503);
  });

  test('several tokens in one header -> all are waited for', async () => {
    const [a, b, c] = (await members(3)) as [TestServer, TestServer, TestServer];
    const tokens = [
      tokenOf(await a.call('POST', NODES, { id: 'a' })),
      tokenOf(await b.call('POST', NODES, { id: 'b' })),
    ];
    const call = c.call('GET', NODES, undefined, { 'session-token': tokens.join(', ') });
    const { wanted } = (await afterTheWait(c, call)).json;
    expect(Object.keys(wanted).sort()).toEqual([a, b].map(({ engine }) => String(engine.replicaId)).sort());
  });

  test.each(['eventual', 'session', 'strong'])(
    'damaged or foreign token [%s] -> 400, nothing was done',
    async (level) => {
      const server = await alone();
      const good = tokenOf(await server.call('POST', NODES, { id: 'a' }));
      const [member] = await members(1);
      const foreign = tokenOf(await (member as TestServer).call('POST', NODES, { id: 'a' }));
      const flipped = `${good.slice(0, 3)}${good[3] === 'A' ? 'B' : 'A'}${good.slice(4)}`;
      for (const token of ['nonsense', flipped, foreign, `${good}, nonsense`, `${good}x`]) {
        const headers = { 'session-token': token, 'consistency-level': level };
        const answer = await server.call('POST', NODES, { id: 'b' }, headers);
        expect([answer.status, answer.json.code, answer.json.definite]).toEqual([400, 'invalid-session-token', true]);
        const batch = { operations: [{ op: 'createNode', id: 'b' }], bookmarks: [token] };
        const refused = await server.call('POST', `${GRAPH}/batch?consistency=${level}`, batch);
        expect([refused.status, refused.json.code]).toEqual([400, 'invalid-session-token']);
      }
      expect((await server.call('GET', `${NODES}/b`)).status).toBe(404);
    },
  );

  test('too many tokens, or bookmarks that are none -> refused', async () => {
    const server = await alone();
    const token = tokenOf(await server.call('GET', NODES));
    const many = Array(LIMITS.sessionTokensMax + 1).fill(token);
    const body = (bookmarks: unknown) => ({ operations: [], bookmarks });
    for (const bookmarks of [many, 'text', [1], {}, null]) {
      const answer = await server.call('POST', `${GRAPH}/batch`, body(bookmarks));
      expect([bookmarks, answer.json.code]).toEqual([bookmarks, 'invalid-request']);
    }
    expect((await server.call('POST', `${GRAPH}/batch`, body(many.slice(1)))).status).toBe(200);
  });
});

describe('strong', () => {
  test('server without peers -> gives it', async () => {
    const headers = { 'consistency-level': 'strong' };
    const server = await alone();
    const answer = await server.call('POST', NODES, { id: 'a' }, headers);
    expect([answer.status, answer.headers['consistency-effective']]).toEqual([201, 'strong']);
    expect((await server.call('GET', '/readyz/write-quorum')).status).toBe(200);
  });
});
