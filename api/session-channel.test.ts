import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { turns } from '../src/engine-on-disk.model.ts';
import { type ChannelServer, openChannelServer } from './memory-socket.model.ts';

let server: ChannelServer;
beforeAll(async () => {
  server = await openChannelServer({ token: 'secret' });
});
afterAll(() => server.close());

const AUTHORISED = { authorization: 'Bearer secret' };
/** A member whose links lead nowhere. */
const ALONE = {
  peers: ['http://127.0.0.1:1'],
  secret: 'shared',
  transport: { listen: () => undefined, dial: () => undefined, close: () => undefined },
};
const open = (graph = 'default') => server.open(graph, AUTHORISED);
const query = (id: number, statement: string, more: object = {}) => ({ id, op: 'query', body: { statement, ...more } });
const overHttp = (path: string, body: unknown) =>
  server.call('POST', path, body, { ...AUTHORISED, accept: 'application/vnd.msgpack' });

describe('session channel: requests', () => {
  test('queries: many in one message -> all answered, in one message, each under its id', async () => {
    const channel = open();
    channel.ask(query(3, 'RETURN 2 AS i, 2.5 AS f'), query(1, 'RETURN $x AS x', { parameters: { x: [1, 'a'] } }));
    await channel.next();
    expect(channel.messages).toHaveLength(1);
    expect(channel.arrived).toEqual([{ id: 1, status: 200, body: { data: { fields: ['x'], values: [[[1, 'a']]] } } }]);
  });

  test('queries: one that writes -> counters, and a token that another server would wait for', async () => {
    const channel = open();
    const written = await channel.call(query(1, 'CREATE (n:Boat {name: "Ida"}) RETURN n.name'));
    expect(written).toMatchObject({
      id: 1,
      status: 200,
      body: { data: { fields: ['n.name'], values: [['Ida']] }, counters: { containsUpdates: true, nodesCreated: 1 } },
    });
    expect(written.sessionToken).toEqual(expect.any(String));
    // Nothing was written since, so the token is the same and is not repeated.
    expect((await channel.call(query(2, 'MATCH (n:Boat) RETURN count(n)'))).sessionToken).toBeUndefined();
  });

  test('queries: several statements -> one transaction, one result each', async () => {
    const channel = open();
    const statements = [{ statement: 'CREATE (:Ferry)' }, { statement: 'MATCH (f:Ferry) RETURN count(f) AS n' }];
    const { status, body } = await channel.call({ id: 1, op: 'query', body: { statements } });
    expect(status).toBe(200);
    expect(body.results[1].data).toEqual({ fields: ['n'], values: [[1]] });
  });

  test('elements and batches -> what the same calls over HTTP say', async () => {
    const channel = open();
    const node = { id: 'pier', labels: ['Pier'], properties: { depth: 2 } };
    const created = await channel.call({ id: 1, op: 'createNode', body: node });
    expect(created).toMatchObject({ status: 201, body: node, version: expect.any(String) });
    expect(await channel.call({ id: 2, op: 'createNode', body: node })).toMatchObject({
      status: 409,
      error: { code: 'node-exists', definite: true },
    });
    const read = await channel.call({ id: 3, op: 'node', body: { id: 'pier' } });
    expect(read).toEqual({ id: 3, status: 200, body: node, version: created.version });
    const patch = { id: 'pier', properties: { depth: { $inc: 1 } }, ifMatch: `"${created.version}"` };
    expect((await channel.call({ id: 4, op: 'patchNode', body: patch })).body.properties).toEqual({ depth: 3 });
    expect((await channel.call({ id: 5, op: 'patchNode', body: patch })).error.code).toBe('precondition-failed');
    const operations = [
      { op: 'createNode', id: 'mole' },
      { op: 'createEdge', id: 'between', type: 'NEXT', from: 'pier', to: 'mole' },
    ];
    expect((await channel.call({ id: 6, op: 'batch', body: { operations } })).body.results).toHaveLength(2);
    expect((await channel.call({ id: 7, op: 'edge', body: { id: 'between' } })).body).toMatchObject({ to: 'mole' });
    expect(await channel.call({ id: 8, op: 'deleteEdge', body: { id: 'between' } })).toMatchObject({ status: 204 });
    expect((await channel.call({ id: 9, op: 'edge', body: { id: 'between' } })).status).toBe(404);
  });

  test('errors: those of HTTP, member by member', async () => {
    const channel = open();
    const bad = { statement: 'MATCH (n RETURN n' };
    const { error, status } = await channel.call({ id: 1, op: 'query', body: bad });
    const http = (await server.call('POST', '/v1/graphs/default/query', bad, AUTHORISED)).json;
    expect(status).toBe(400);
    expect({ ...error, traceId: '' }).toEqual({ ...http, traceId: '' });
    expect((await open('nowhere').call(query(1, 'RETURN 1'))).error.code).toBe('graph-not-found');
  });

  test('levels and tokens: as the headers of HTTP', async () => {
    const channel = open();
    const strong = await channel.call({ ...query(1, 'RETURN 1'), consistency: 'strong' });
    expect(strong).toMatchObject({ status: 200, consistency: 'strong' });
    const unknown = await channel.call({ ...query(2, 'RETURN 1'), consistency: 'perfect' });
    expect(unknown.error).toMatchObject({ code: 'invalid-request', field: 'consistency' });
    const damaged = await channel.call({ ...query(3, 'RETURN 1'), sessionToken: 'x' });
    expect(damaged.error.code).toBe('invalid-session-token');
  });

  test('session: tokens kept for the connection -> later requests wait for them too, and their answers cover them', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map((seed) => openChannelServer({ seed, cluster: { ...ALONE, advertise: `http://${seed}` } })),
    );
    if (one === undefined || two === undefined) throw new Error('two servers');
    await one.open().call(query(1, 'CREATE ()'));
    const ahead = one.engine.sessionToken();
    const channel = two.open();
    const waiting = channel.call({ ...query(1, 'RETURN 1'), sessionToken: ahead, session: true });
    two.env.advance(LIMITS.sessionWaitMs);
    expect((await waiting).error.code).toBe('session-not-reached');
    const later = channel.call(query(2, 'RETURN 1'));
    two.env.advance(LIMITS.sessionWaitMs);
    expect((await later).error.code).toBe('session-not-reached');
    const eventual = await channel.call({ ...query(3, 'RETURN 1'), consistency: 'eventual' });
    expect(eventual.status).toBe(200);
    // Another connection knows nothing of it.
    expect((await two.open().call(query(1, 'RETURN 1'))).status).toBe(200);
    await Promise.all([one.close(), two.close()]);
  });

  test('traces: a traceparent -> continued in answer and error; without one the answer has none', async () => {
    const channel = open();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    expect((await channel.call({ ...query(1, 'RETURN 1'), traceparent })).traceparent).toContain(traceId);
    expect((await channel.call({ ...query(2, 'NONSENSE'), traceparent })).error.traceId).toBe(traceId);
    expect((await channel.call(query(3, 'RETURN 1'))).traceparent).toBeUndefined();
  });

  test('keys: a write repeated with its Idempotency-Key -> happens once; with another body 422', async () => {
    const channel = open();
    const body = { id: 'buoy', properties: { n: { $inc: 1 } } };
    await channel.call({ id: 1, op: 'createNode', body: { id: 'buoy' } });
    const patch = { op: 'patchNode', idempotencyKey: 'k1' };
    expect((await channel.call({ id: 2, ...patch, body })).body.properties).toEqual({ n: 1 });
    expect(await open().call({ id: 3, ...patch, body })).toMatchObject({
      replayed: true,
      body: { properties: { n: 1 } },
    });
    const other = { ...body, properties: { n: 5 } };
    expect((await channel.call({ id: 4, ...patch, body: other })).error.code).toBe('idempotency-key-reused');
  });

  test('keys: a body deeper than a value may be, with a key and without -> refused, definitely', async () => {
    const channel = open();
    const deep = new Uint8Array(2001).fill(0x91).fill(1, 2000);
    for (const [id, key] of [[1], [2, 'deep']] as const) {
      const body = encode({ id: 'deep', properties: { p: 0 } }).slice(0, -1);
      const frame = encode({ id, op: 'createNode', ...(key && { idempotencyKey: key }), body: 0 }).slice(0, -1);
      channel.bytes(Buffer.concat([frame, body, deep]));
      expect(await channel.next()).toMatchObject({
        id,
        status: 413,
        error: { code: 'payload-too-large', definite: true },
      });
    }
  });

  test('keys: the same request to two graphs under one key -> done in both', async () => {
    for (const graph of ['one', 'two']) {
      await server.call('PUT', `/v1/graphs/${graph}`, {}, AUTHORISED);
      const node = { op: 'createNode', idempotencyKey: 'graphs', body: { id: 'n' } };
      expect(await open(graph).call({ id: 1, ...node })).not.toHaveProperty('replayed');
      expect((await server.call('GET', `/v1/graphs/${graph}/nodes/n`, undefined, AUTHORISED)).status).toBe(200);
    }
  });

  test('keys: a query over HTTP repeated over a channel, whole and streamed -> the first result', async () => {
    const body = { statement: 'CREATE (n:Lamp {on: true}) RETURN n.on AS lit' };
    const key = { 'idempotency-key': 'both' };
    await server.call('POST', '/v1/graphs/default/query', body, { ...AUTHORISED, ...key });
    const channel = open();
    const again = await channel.call({ id: 1, op: 'query', body, idempotencyKey: 'both' });
    expect(again).toMatchObject({
      replayed: true,
      body: { data: { values: [[true]] }, counters: { nodesCreated: 1 } },
    });
    channel.ask({ id: 2, op: 'query', body, idempotencyKey: 'both', stream: true });
    expect(await channel.next()).toEqual({ id: 2, fields: ['lit'] });
    expect(await channel.next()).toEqual({ id: 2, rows: [[true]] });
    expect(await channel.next()).toMatchObject({ id: 2, status: 200, replayed: true });
    expect((await channel.call(query(3, 'MATCH (n:Lamp) RETURN count(n)'))).body.data.values).toEqual([[1]]);
  });

  test('ping -> answered at once', async () => {
    expect(await open().call({ id: 9, op: 'ping' })).toEqual({ id: 9, status: 200 });
  });
});

describe('session channel: streams', () => {
  const rows = (count: number) => query(1, `UNWIND range(1, ${count}) AS i RETURN i`);

  test('stream: as much as the connection takes -> fields, rows, the end', async () => {
    const channel = open();
    channel.ask({ ...rows(2500), stream: true });
    expect(await channel.next()).toEqual({ id: 1, fields: ['i'] });
    let count = 0;
    for (;;) {
      const frame = await channel.next();
      if (frame.status !== undefined) {
        expect(frame).toMatchObject({ id: 1, status: 200 });
        break;
      }
      for (const [i] of frame.rows) expect(i).toBe(++count);
    }
    expect(count).toBe(2500);
  });

  test('stream: credit of one -> one frame of rows, then no other before there is more', async () => {
    const channel = open();
    channel.ask({ ...rows(100_000), stream: 1 });
    await channel.next();
    const first = await channel.next();
    expect(first.rows.length).toBeLessThanOrEqual(1000);
    // Another request is served meanwhile.
    expect((await channel.call(query(2, 'RETURN 1'))).id).toBe(2);
    expect(channel.arrived).toEqual([]);
    channel.ask({ id: 1, op: 'more', credit: 2 });
    expect((await channel.next()).rows[0]).toEqual([first.rows.length + 1]);
    await channel.next();
    await channel.call(query(3, 'RETURN 1'));
    expect(channel.arrived).toEqual([]);
    channel.ask({ id: 1, op: 'cancel' });
    expect(await channel.next()).toMatchObject({ id: 1, status: 409, error: { code: 'query-cancelled' } });
  });

  test.each(['gives no credit', 'reads nothing'])(
    'stream: the client %s for five minutes -> the query ends, whatever else goes on, and the channel stays',
    async (does) => {
      const other = await openChannelServer();
      const listed = async () => (await other.call('GET', '/v1/queries')).json.queries;
      const channel = other.open();
      channel.isStuck = does === 'reads nothing';
      channel.ask({ ...rows(1_000_000), stream: channel.isStuck || 1 });
      await turns(50);
      other.env.advance(LIMITS.queryStallMsMax - 1);
      if (does === 'gives no credit') channel.drain();
      await turns(50);
      expect(await listed()).toHaveLength(1);
      other.env.advance(1);
      await turns(50);
      expect(channel.arrived.at(-1)).toMatchObject({ id: 1, status: 409, error: { code: 'query-cancelled' } });
      expect(await listed()).toEqual([]);
      channel.drain();
      channel.ask({ id: 1, op: 'more', credit: 1 }, query(2, 'RETURN 1'));
      await turns(50);
      expect(channel.arrived.at(-1)).toMatchObject({ id: 2, status: 200 });
      await other.close();
    },
  );

  test('stream: a client that takes its time, but not too long -> all rows', async () => {
    const other = await openChannelServer();
    const channel = other.open();
    channel.ask({ ...rows(5000), stream: 1 });
    await channel.next();
    let count = 0;
    for (let frame = await channel.next(); frame.status === undefined; frame = await channel.next()) {
      count += frame.rows.length;
      await turns(5);
      other.env.advance(LIMITS.queryStallMsMax - 1);
      channel.ask({ id: 1, op: 'more', credit: 1 });
    }
    expect(count).toBe(5000);
    await other.close();
  });

  test.each<[string, string, object]>([
    ['reads', 'UNWIND range(1, 3000) AS i RETURN i', { status: 409, error: { code: 'query-cancelled' } }],
    [
      'has written',
      'UNWIND range(1, 3000) AS i CREATE (:Cut) RETURN i',
      { status: 503, error: { code: 'answer-lost' } },
    ],
  ])(
    'stream: one that %s waits for credit, and its query is cancelled from elsewhere -> ends at once',
    async (_, text, end) => {
      const other = await openChannelServer();
      const channel = other.open();
      channel.ask({ ...query(1, text), stream: 1 });
      await turns(50);
      expect(channel.arrived).toHaveLength(2);
      const [{ id }] = (await other.call('GET', '/v1/queries')).json.queries;
      expect((await other.call('DELETE', `/v1/queries/${id}`)).status).toBe(204);
      await turns(50);
      expect(channel.arrived.at(-1)).toMatchObject({ id: 1, ...end });
      expect((await other.call('GET', '/v1/queries')).json.queries).toEqual([]);
      await other.close();
    },
  );

  test('stream: cancelled when the statement has written already -> no answer says that it did nothing', async () => {
    const channel = open();
    channel.ask({ ...query(1, 'UNWIND range(1, 3000) AS i CREATE (:Moored) RETURN i'), stream: 1 });
    await channel.next();
    await channel.next();
    channel.ask({ id: 1, op: 'cancel' });
    expect(await channel.next()).toMatchObject({ id: 1, status: 503, error: { code: 'answer-lost', definite: false } });
    const { body } = await channel.call(query(2, 'MATCH (m:Moored) RETURN count(m)'));
    expect(body.data.values).toEqual([[3000]]);
  });

  test('stream: the client reads nothing -> it pauses with a bounded buffer, and goes on when there is room', async () => {
    const channel = open();
    channel.isStuck = true;
    channel.ask({
      ...query(1, 'UNWIND range(1, 200000) AS i RETURN i, "some text that fills the buffer" AS t'),
      stream: true,
    });
    while (!channel.isPaused) await server.env.scheduler.yield();
    for (let i = 0; i < 50; i++) await server.env.scheduler.yield();
    expect(channel.bufferedBytes).toBeLessThan(2 * LIMITS.channelBufferBytes);
    expect(channel.arrived.at(-1).status).toBeUndefined();
    channel.drain();
    let count = 0;
    for (;;) {
      const frame = await channel.next();
      if (frame.status !== undefined) break;
      count += frame.rows?.length ?? 0;
    }
    expect(count).toBe(200_000);
    expect(channel.isPaused).toBe(false);
  });

  test('many requests in one message: the client reads nothing -> answered as there is room, the rest and what follows in order', async () => {
    const channel = open();
    channel.isStuck = true;
    const asked = Array.from({ length: 400 }, (_, id) => query(id, 'RETURN range(1, 10000) AS list'));
    channel.ask(...asked);
    channel.ask(query(400, 'RETURN 1'));
    await turns();
    expect(channel.isPaused).toBe(true);
    expect(channel.bufferedBytes).toBeLessThan(2 * LIMITS.channelBufferBytes);
    expect(channel.arrived.length).toBeLessThan(400);
    channel.drain();
    await turns();
    expect(channel.arrived.map(({ id, status }) => [id, status])).toEqual(
      Array.from({ length: 401 }, (_, id) => [id, 200]),
    );
    expect(channel.isPaused).toBe(false);
  });

  test('many requests in one message: they take long -> others have a turn in between; all are answered, also by a server that stops', async () => {
    const other = await openChannelServer();
    const channel = other.open();
    let nowMs = 0;
    Object.assign(other.env.clock, { monotonicMs: () => ++nowMs });
    channel.ask(...Array.from({ length: 100 }, (_, id) => ({ id, op: 'ping' })));
    channel.ask({ id: 100, op: 'ping' });
    await Promise.resolve();
    expect(channel.arrived.length).toBeLessThan(20);
    expect(channel.isPaused).toBe(true);
    await turns(50);
    expect(channel.arrived.map(({ id }) => id)).toEqual(Array.from({ length: 101 }, (_, id) => id));
    expect(channel.isPaused).toBe(false);
    channel.ask(...Array.from({ length: 30 }, (_, id) => ({ id, op: 'ping' })));
    channel.stop();
    await turns(50);
    expect(channel.arrived).toHaveLength(131);
    expect(channel.arrived.at(-1)).toMatchObject({ id: 29, error: { code: 'shutting-down' } });
    expect(channel.closing).toEqual([1001, 'the server is stopping']);
    await other.close();
  });

  test('stream: an error in the middle -> rows before it, then the error', async () => {
    const channel = open();
    channel.ask({ ...query(1, 'UNWIND range(1, 100000) AS i RETURN 1 / (90000 - i)'), stream: true });
    let count = 0;
    for (;;) {
      const frame = await channel.next();
      if (frame.status !== undefined) {
        expect(frame).toMatchObject({ status: 400, error: { code: 'query-error' } });
        break;
      }
      count += frame.rows?.length ?? 0;
    }
    expect(count).toBeGreaterThan(0);
  });

  test('cancel, and a connection that breaks -> a query that would take for ever ends', async () => {
    const busy = await openChannelServer();
    // Time passes while it computes, so that it gives way to what else there is.
    let nowMs = 0;
    Object.assign(busy.env.clock, { monotonicMs: () => nowMs++ });
    const listed = async () => (await busy.call('GET', '/v1/queries')).json.queries;
    const endless = 'UNWIND range(1, 100000) AS i UNWIND range(1, 100000) AS j RETURN count(*)';
    const channel = busy.open();
    channel.ask(query(1, endless));
    expect(await listed()).toMatchObject([{ graph: 'default', statement: endless }]);
    channel.ask({ id: 1, op: 'cancel' });
    expect((await channel.next()).error.code).toBe('query-cancelled');
    channel.ask(query(2, endless));
    expect(await listed()).toHaveLength(1);
    channel.drop();
    while ((await listed()).length > 0) await busy.env.scheduler.yield();
    await busy.close();
  });
});

describe('session channel: requests that wait for what a token covers', () => {
  const waits: [string, (token: string) => object][] = [
    ['a query, session token', (token) => ({ ...query(1, 'CREATE (:Late)'), sessionToken: token })],
    ['a query, bookmark', (token) => query(1, 'CREATE (:Late)', { bookmarks: [token] })],
    ['a write', (token) => ({ id: 1, op: 'createNode', body: { labels: ['Late'] }, sessionToken: token })],
  ];
  test.each(waits)('%s: cancelled meanwhile, or the connection breaks -> nothing is done', async (_what, frame) => {
    const waiting = await openChannelServer();
    const reached: (() => void)[] = [];
    waiting.engine.reachSession = () => new Promise((resolve) => void reached.push(resolve));
    const token = waiting.engine.sessionToken();
    const [cancelled, dropped] = [waiting.open(), waiting.open()];
    for (const channel of [cancelled, dropped]) channel.ask(frame(token));
    cancelled.ask({ id: 1, op: 'cancel' });
    dropped.drop();
    for (const reach of reached) reach();
    expect(await cancelled.next()).toMatchObject({ id: 1, status: 409, error: { code: 'query-cancelled' } });
    for (let i = 0; i < 50; i++) await waiting.env.scheduler.yield();
    expect((await waiting.engine.graph('default' as never).counts()).nodes).toBe(0);
    await waiting.close();
  });
});

describe('session channel: bad input', () => {
  test.each<[string, object, string]>([
    ['no op', { id: 1 }, '`op` is missing'],
    ['an unknown op', { id: 1, op: 'fly' }, '`op` must be one of'],
    ['an unknown field', { id: 1, op: 'ping', boddy: {} }, 'boddy'],
    ['no body', { id: 1, op: 'query' }, 'is missing'],
    ['a stream of something else', { id: 1, op: 'node', stream: true, body: { id: 'x' } }, '`stream` is for queries'],
    ['no credit', { id: 1, op: 'query', stream: 0, body: { statement: 'RETURN 1' } }, '`stream` must be'],
    ['a key on a read', { id: 1, op: 'node', idempotencyKey: 'k', body: { id: 'x' } }, 'is for writes'],
  ])('frame: %s -> an error under its id, and the channel goes on', async (_what, frame, detail) => {
    const channel = open();
    const { id, error } = await channel.call(frame);
    expect(id).toBe(1);
    expect(error.code).toBe('invalid-request');
    expect(error.detail).toContain(detail);
    expect((await channel.call({ id: 2, op: 'ping' })).status).toBe(200);
  });

  test('frame: cannot be decoded, its id in front -> an error under it; those before it were served', async () => {
    const channel = open();
    const broken = encode({ id: 300, op: 'ping', body: 'x' }).slice(0, -2);
    channel.bytes(Buffer.concat([encode({ id: 1, op: 'ping' }), broken]));
    expect(await channel.next()).toEqual({ id: 1, status: 200 });
    expect(await channel.next()).toMatchObject({ id: 300, error: { code: 'malformed-request' } });
  });

  test.each<[string, Uint8Array]>([
    ['no MessagePack', Uint8Array.of(0xc1)],
    ['no map', encode([1])],
    ['no id', encode({ op: 'ping' })],
    ['a negative id', encode({ id: -1, op: 'ping' })],
    ['an id that is a float', encode({ id: 1.5, op: 'ping' })],
    ['a length that the message does not have', Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)],
  ])('frame: %s -> closed with 4400 and a reason', (_what, bytes) => {
    const channel = open();
    channel.bytes(bytes);
    expect(channel.closing?.[0]).toBe(4400);
    expect(channel.closing?.[1]).not.toBe('');
  });

  test('ids: one that is under way already -> closed, since nobody could tell whose the answer is', () => {
    const channel = open();
    const slow = { ...query(1, 'UNWIND range(1, 100000) AS i RETURN i'), stream: 1 };
    channel.ask(slow, { id: 1, op: 'ping' });
    expect(channel.closing).toEqual([4400, 'the id 1 is under way already']);
  });

  test('limits: more requests under way than may be -> 429 for those beyond, definite', async () => {
    const channel = open();
    const slow = (id: number) => ({ ...query(id, 'UNWIND range(1, 3000) AS i RETURN i'), stream: 1 });
    channel.ask(...Array.from({ length: LIMITS.channelRequestsMax + 1 }, (_, id) => slow(id)));
    let refused = await channel.next();
    while (refused.status === undefined) refused = await channel.next();
    const { id, error } = refused;
    expect(id).toBe(LIMITS.channelRequestsMax);
    expect(error).toMatchObject({ code: 'too-many-requests', definite: true, retryable: true });
    channel.drop();
  });

  test('limits: more bytes under way than may be -> 429 for those beyond, definite; with room again they are taken', async () => {
    const channel = open();
    const large = 'x'.repeat(LIMITS.bodyBytesMax / 2);
    const slow = (id: number) => ({
      ...query(id, 'UNWIND range(1, 2000) AS i RETURN i', { parameters: { large } }),
      stream: 1,
    });
    const fitting = LIMITS.channelRequestBytesMax / (LIMITS.bodyBytesMax / 2) - 1;
    for (let id = 0; id <= fitting; id++) channel.ask(slow(id));
    const end = async () => {
      for (let frame = await channel.next(); ; frame = await channel.next())
        if (frame.status !== undefined) return frame;
    };
    const { id, error } = await end();
    expect(id).toBe(fitting);
    expect(error).toMatchObject({ code: 'too-many-requests', definite: true, retryable: true });
    expect(channel.isPaused).toBe(false);
    channel.ask({ id: 0, op: 'more', credit: 10 });
    expect(await end()).toMatchObject({ id: 0, status: 200 });
    await turns(5);
    channel.ask({ ...slow(fitting), stream: 10 });
    expect(await end()).toMatchObject({ id: fitting, status: 200 });
    channel.drop();
  });

  test('stop: what is under way is answered, what comes is refused, then the channel closes', async () => {
    const channel = open();
    channel.ask({ ...query(1, 'UNWIND range(1, 3000) AS i RETURN i'), stream: 1 });
    await channel.next();
    channel.stop();
    channel.ask(query(2, 'RETURN 1'));
    channel.ask({ id: 1, op: 'more', credit: 10 });
    const frames: { id: number; status?: number }[] = [];
    while (channel.closing === undefined || channel.arrived.length > 0) frames.push(await channel.next());
    expect(frames.filter(({ status }) => status !== undefined).map(({ id, status }) => [id, status])).toEqual([
      [2, 503],
      [1, 200],
    ]);
    expect(channel.closing[0]).toBe(1001);
    const idle = open();
    idle.stop();
    expect(idle.closing?.[0]).toBe(1001);
  });

  test('admission: no token -> refused before the upgrade', () => {
    expect(() => server.open('default')).toThrow('the token is missing');
    expect(() => open('')).toThrow();
  });
});

test('session channel: its requests -> counted with those over HTTP', async () => {
  await open().call({ id: 1, op: 'ping' });
  const { text } = await server.call('GET', '/metrics', undefined, AUTHORISED);
  expect(text).toMatch(/weft_http_requests_total\{method="WS",route="\/v1\/graphs\/:graph\/session",status="200"\} \d/);
});

test('session channel and HTTP: the same statement in MessagePack -> the same rows', async () => {
  const body = {
    statement: 'RETURN 1 AS i, 1.0 AS f, [1, {a: null}] AS l, date("2020-02-29") AS d, point({x: 1, y: 2}) AS p',
  };
  const { decode } = await import('@msgpack/msgpack');
  const http = decode((await overHttp('/v1/graphs/default/query', body)).bytes) as { data: unknown };
  expect((await open().call({ id: 1, op: 'query', body })).body.data).toEqual(http.data);
});
