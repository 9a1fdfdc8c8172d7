/** The client against real servers, over a network that the tests can break: every answer passes through `network`. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import { WeftError } from '../base/errors.ts';
import { toUtf8 } from '../base/text.ts';
import { Float, Point, Temporal } from '../graph/value.ts';
import { ambientPlatform } from './ambient.ts';
import type { ImportElement } from './graph-client-types.ts';
import type { Fetch, Platform } from './platform.ts';
import { WeftClient, type WeftClientOptions } from './weft-client.ts';

const real = ambientPlatform();
let servers: TestServer[] = [];
let urls: string[] = [];
/** What becomes of requests; by default they pass. */
let network: Fetch = real.fetch;
let sent: { readonly url: string; readonly headers: Readonly<Record<string, string>> }[] = [];
let names = 0;
/** Where nothing listens. */
let deadUrl = '';

const platform: Platform = {
  ...real,
  fetch: (url, init) => {
    sent.push({ url, headers: init.headers });
    return network(url, init);
  },
};

beforeAll(async () => {
  servers = [await openTestServer({ token: 'secret' }), await openTestServer({ token: 'secret', seed: 8 })];
  for (const { app } of servers) {
    await app.listen({ host: '127.0.0.1', port: 0 });
    urls.push(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  }
  const passing = createServer().listen(0, '127.0.0.1');
  await once(passing, 'listening');
  deadUrl = `http://127.0.0.1:${(passing.address() as AddressInfo).port}`;
  passing.close();
  await once(passing, 'close');
});

beforeEach(() => {
  network = real.fetch;
  sent = [];
});

afterAll(async () => {
  for (const server of servers) await server.close();
  urls = [];
});

function client(options: Partial<WeftClientOptions> = {}): WeftClient {
  return new WeftClient({ urls: urls.slice(0, 1), token: 'secret', platform, ...options });
}

async function freshGraph(options: Partial<WeftClientOptions> = {}) {
  return client(options).createGraph(`g${++names}`);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it succeeded',
    (error) => (error instanceof WeftError ? error.code : error),
  );

const PROPERTIES = {
  text: 'Skarvøy "x"\u0000',
  integer: 9007199254740993n,
  half: 0.5,
  float: new Float(2),
  flag: true,
  bytes: new Uint8Array([0, 255, 7]),
  list: [1, 'a', new Float(-0), null],
  day: new Temporal('Date', '2026-01-31'),
  at: new Temporal('DateTime', '2026-01-31T12:30Z'),
  place: new Point(4326, [8.5, 47.4]),
  constructor: 1,
};

describe('elements', () => {
  test('node: every kind of value -> comes back as it was written, by CRUD, query and export', async () => {
    const graph = await freshGraph({ exactNumbers: true });
    const created = await graph.createNode({ id: 'a/b?c', labels: ['L'], properties: PROPERTIES });
    expect(created).toEqual({ id: 'a/b?c', labels: ['L'], properties: PROPERTIES, version: expect.any(String) });
    expect(await graph.getNode('a/b?c')).toEqual(created);
    const { rows } = await graph.query('MATCH (n {text: $text}) RETURN n, properties(n).list AS list', {
      text: PROPERTIES.text,
    });
    const { version: _version, ...node } = created;
    expect(rows).toEqual([{ n: node, list: PROPERTIES.list }]);
    expect(await all(graph.export())).toEqual([{ kind: 'node', ...node }]);
  });

  test('numbers: not asked to be exact -> floats are numbers everywhere', async () => {
    const graph = await freshGraph();
    const made = await graph.createNode({ id: 'n', properties: { float: new Float(2), list: [new Float(3)] } });
    expect(made.properties).toEqual({ float: 2, list: [3] });
    expect((await graph.query('MATCH (n) RETURN n.float + 1 AS more, [n.float] AS list')).rows).toEqual([
      { more: 3, list: [2] },
    ]);
  });

  test('changes: put, patch, conditions, edges, deletion -> what the server has', async () => {
    const graph = await freshGraph();
    await graph.putNode('a', { labels: ['L'], properties: { count: 1, tags: ['x'] } });
    await graph.putNode('b', {});
    const a = await graph.patchNode('a', {
      labels: { add: ['M'] },
      properties: { count: { $inc: 2 }, tags: { $add: ['y'] }, gone: null },
    });
    expect(a).toMatchObject({ labels: ['L', 'M'], properties: { count: 3, tags: ['x', 'y'] } });
    expect(await codeOf(graph.putNode('a', {}, { ifAbsent: true }))).toBe('precondition-failed');
    await graph.patchNode('a', { properties: { count: 9 } }, { ifMatch: a.version });
    expect(await codeOf(graph.patchNode('a', {}, { ifMatch: a.version }))).toBe('precondition-failed');
    const edge = await graph.createEdge({ type: 'T', from: 'a', to: 'b', properties: { km: 7 } });
    await graph.patchEdge(edge.id, { properties: { km: { $inc: 1 } } });
    expect((await all(graph.edgesOf('a', { direction: 'out', type: 'T' })))[0]?.properties).toEqual({ km: 8 });
    expect((await all(graph.neighbors('b', { depth: 2 }))).map(({ id }) => id)).toEqual(['a']);
    expect((await graph.shortestPath({ from: 'a', to: 'b' }))?.nodes.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await graph.shortestPath({ from: 'b', to: 'a' })).toBeNull();
    expect(await codeOf(graph.deleteNode('a'))).toBe('node-has-edges');
    await graph.deleteEdge(edge.id);
    await graph.deleteNode('b', { detach: true });
    expect([await graph.getEdge(edge.id), await graph.getNode('b')]).toEqual([undefined, undefined]);
  });

  test('ids and names that a URL takes for a step within it, or cannot hold -> refused, not taken for something else', async () => {
    const graph = await freshGraph();
    await graph.batch([
      { op: 'createNode', id: '..' },
      { op: 'createNode', id: 'a' },
      { op: 'createEdge', type: 'T', from: 'a', to: 'a' },
    ]);
    const edges = async (id: string) => all(graph.edgesOf(id));
    for (const id of ['.', '..', '', '\ud800']) {
      const calls = [graph.getNode(id), edges(id), graph.patchNode(id, {}), graph.deleteNode(id), graph.getEdge(id)];
      expect(await Promise.all(calls.map(codeOf)), JSON.stringify(id)).toEqual(calls.map(() => 'invalid-name'));
      expect(await codeOf(client().createGraph(id))).toBe('invalid-name');
      expect(await codeOf((async () => client().graph(id).digest())())).toBe('invalid-name');
    }
    expect((await all(graph.nodes())).map(({ id }) => id)).toEqual(['..', 'a']);
  });

  test('batch: a bad operation -> nothing happens, and the error names it', async () => {
    const graph = await freshGraph();
    const results = await graph.batch([
      { op: 'createNode', id: 'a' },
      { op: 'createNode', id: 'b', labels: ['L'] },
      { op: 'createEdge', id: 'e', type: 'T', from: 'a', to: 'b' },
    ]);
    expect(results.map(({ id, element }) => [id, element?.id])).toEqual(['a', 'b', 'e'].map((id) => [id, id]));
    const failing = graph.batch([
      { op: 'createNode', id: 'c' },
      { op: 'createNode', id: 'a' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'node-exists', context: { operation: 1, status: 409 } });
    expect(await graph.getNode('c')).toBeUndefined();
  });

  test('lists: more than a page, filters -> everything once', async () => {
    const graph = await freshGraph();
    const nodes = Array.from({ length: 25 }, (_, i) => ({ op: 'createNode' as const, id: `n${i}` }));
    await graph.batch([...nodes, { op: 'createNode', id: 'odd', labels: ['O'], properties: { k: '30' } }]);
    expect((await all(graph.nodes({}, { pageItems: 10 }))).length).toBe(26);
    expect((await all(graph.nodes({ label: 'O', properties: { k: '30' } }))).map(({ id }) => id)).toEqual(['odd']);
  });

  test('import: an export of another graph, then a bad line -> the same elements, and the line counted over all', async () => {
    const source = await freshGraph();
    const operations = Array.from({ length: 50 }, (_, i) => ({ op: 'createNode' as const, id: `n${i}` }));
    await source.batch([...operations, { op: 'createEdge', id: 'e', type: 'T', from: 'n0', to: 'n1' }]);
    const copy = await freshGraph();
    expect(await copy.import(source.export())).toEqual({ nodes: 50, edges: 1, lines: 51 });
    expect(await all(copy.export())).toEqual(await all(source.export()));
    expect(await copy.digest()).not.toBe('');
    const large = Array.from({ length: 3 }, (_, i): ImportElement => {
      return { kind: 'node', id: `large${i}`, labels: [], properties: { text: 'x'.repeat(600_000) } };
    });
    const bad: ImportElement = { kind: 'edge', type: 'T', from: 'n0', to: 'nobody', properties: {} };
    await expect(copy.import([...large, bad])).rejects.toMatchObject({
      code: 'invalid-import-line',
      context: { line: 4 },
    });
  });

  test('import: more than a request holds, with a key, and the same again -> everything once', async () => {
    const graph = await freshGraph();
    await graph.batch([{ op: 'createNode', id: 'n' }]);
    const edges = Array.from({ length: 3 }, (_, i): ImportElement => {
      return { kind: 'edge', type: 'T', from: 'n', to: 'n', properties: { i, text: 'x'.repeat(600_000) } };
    });
    for (let times = 0; times < 2; times++) {
      expect(await graph.import(edges, { idempotencyKey: 'mine' })).toEqual({ nodes: 0, edges: 3, lines: 3 });
    }
    expect((await all(graph.edgesOf('n'))).map(({ properties }) => properties.i).sort()).toEqual([0, 1, 2]);
  });
});

describe('queries', () => {
  test('stream: many rows -> one at a time, and ending early ends the statement', async () => {
    const graph = await freshGraph();
    let sum = 0;
    for await (const { i } of graph.stream<{ i: number }>('UNWIND range(1, 5000) AS i RETURN i')) sum += i;
    expect(sum).toBe((5000 * 5001) / 2);
    for await (const { i } of graph.stream('UNWIND range(1, 1000000) AS i RETURN i', {}, { readOnly: true })) {
      expect(i).toBe(1);
      break;
    }
    const running = async () => (await servers[0]?.call('GET', '/v1/queries', undefined, AUTHORIZED))?.json.queries;
    while ((await running()).length > 0) await real.env.scheduler.yield();
  });

  test('errors: of the text, of a read-only statement, in the middle of a stream -> typed', async () => {
    const graph = await freshGraph();
    await expect(graph.query('MATCH (n RETURN n')).rejects.toMatchObject({
      code: 'query-error',
      context: { errorType: 'SyntaxError', position: expect.anything() },
    });
    expect(await codeOf(graph.query('CREATE (n)', {}, { readOnly: true }))).toBe('query-error');
    const dividing = all(graph.stream('UNWIND range(5000, 0, -1) AS i RETURN 1 / i'));
    expect(await codeOf(dividing)).toBe('query-error');
  });

  test('paths and counters -> as objects', async () => {
    const graph = await freshGraph();
    const { counters } = await graph.query('CREATE (:A {k: 1})-[:T {w: 2}]->(:B)');
    expect(counters).toMatchObject({ containsUpdates: true, nodesCreated: 2 });
    expect((await graph.query('MATCH p = (:A)-->(:B) RETURN p')).rows[0]?.p).toMatchObject({
      nodes: [{ labels: ['A'], properties: { k: 1 } }, { labels: ['B'] }],
      relationships: [{ type: 'T', properties: { w: 2 } }],
    });
  });
});

const AUTHORIZED = { authorization: 'Bearer secret' };

describe('sessions', () => {
  test('session: calls one after the other and side by side -> each presents what all before it have seen', async () => {
    const weft = client();
    const graph = weft.graph();
    await graph.putNode('s', {});
    await Promise.all([graph.putNode('s1', {}), graph.putNode('s2', {})]);
    expect(weft.session.tokens.length).toBeGreaterThan(0);
    const presented = weft.session.tokens.join(', ');
    await graph.getNode('s');
    expect(sent.at(-1)?.headers['Session-Token']).toBe(presented);
    expect(weft.session.tokens).toHaveLength(1);
    await weft.newSession().graph().getNode('s');
    expect(sent.at(-1)?.headers['Session-Token']).toBeUndefined();
  });

  test('session: a token of another cluster -> refused, and forgotten', async () => {
    const weft = client();
    weft.session.join(['nonsense']);
    expect(await codeOf(weft.graph().getNode('s'))).toBe('invalid-session-token');
    expect(await codeOf(weft.graph().getNode('s'))).toBe('it succeeded');
  });

  test('level: of the call, of the client -> sent', async () => {
    const graph = client({ consistency: 'eventual' }).graph();
    await graph.getNode('s');
    await graph.getNode('s', { consistency: 'session' });
    expect(sent.map(({ headers }) => headers['Consistency-Level'])).toEqual(['eventual', 'session']);
  });
});

describe('a network that fails', () => {
  /** Loses the answers of the first `count` requests that it lets through. */
  function losing(count: number): Fetch {
    let left = count;
    return async (url, init) => {
      const answer = await real.fetch(url, init);
      if (left-- <= 0) return answer;
      await answer.text();
      throw new TypeError('the connection broke');
    };
  }

  test('fail-over: the first server is down -> the next one answers, and is kept to', async () => {
    const graph = client({ urls: [deadUrl, urls[0] as string] }).graph();
    await graph.createNode({ id: `over${++names}` });
    await graph.getNode('x');
    expect(sent.map(({ url }) => url.split('/v1')[0])).toEqual([deadUrl, urls[0], urls[0]]);
  });

  test('fail-over: no server is there -> unreachable, which is definite', async () => {
    const graph = client({ urls: [deadUrl], triesMax: 3 }).graph();
    expect(await codeOf(graph.createNode({}))).toBe('unreachable');
    expect(sent).toHaveLength(3);
  });

  test('write: its answers are lost -> repeated with its key at the same server, and done once', async () => {
    const graph = await freshGraph({ urls });
    network = losing(2);
    sent = [];
    const node = await graph.createNode({ labels: ['Once'] });
    expect(new Set(sent.map(({ url }) => url)).size).toBe(1);
    expect(new Set(sent.map(({ headers }) => headers['Idempotency-Key'])).size).toBe(1);
    expect((await all(graph.nodes({ label: 'Once' }))).map(({ id }) => id)).toEqual([node.id]);
  });

  test('query that writes: its answer is lost -> answer-lost, not repeated; one that reads is', async () => {
    const graph = await freshGraph();
    network = losing(1);
    sent = [];
    expect(await codeOf(graph.query('CREATE (:Q)'))).toBe('answer-lost');
    expect(sent).toHaveLength(1);
    network = losing(2);
    const { rows } = await graph.query('MATCH (n:Q) RETURN count(*) AS n', {}, { readOnly: true });
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('server: says that it is retryable -> retried; says that it is not -> not', async () => {
    const graph = await freshGraph();
    let refusals = 2;
    const refusal = (code: string, status: number): Fetch => {
      const problem = new Response(JSON.stringify({ code, detail: 'no' }), { status, headers: { 'retry-after': '0' } });
      return async (url, init) => (refusals-- > 0 ? (problem.clone() as never) : real.fetch(url, init));
    };
    network = refusal('session-not-reached', 503);
    expect(await codeOf(graph.createNode({}))).toBe('it succeeded');
    refusals = 1;
    network = refusal('node-exists', 409);
    expect(await codeOf(graph.createNode({}))).toBe('node-exists');
    refusals = 1;
    network = refusal('storage-failed', 503);
    expect(await codeOf(graph.query('CREATE (n)'))).toBe('storage-failed');
  });

  test('something in between says when to come back as a date -> pauses as if it had said nothing', async () => {
    const graph = await freshGraph({ triesMax: 3 });
    const delaysMs: number[] = [];
    const after: Platform['env']['scheduler']['after'] = (delayMs, task) => {
      delaysMs.push(delayMs);
      return real.env.scheduler.after(delayMs, task);
    };
    const env = { ...real.env, scheduler: { ...real.env.scheduler, after } };
    const headers = { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' };
    network = async () => new Response('busy', { status: 503, headers }) as never;
    const patient = client({ triesMax: 3, platform: { ...platform, env } }).graph(graph.name);
    expect(await codeOf(patient.getNode('a'))).toBe('answer-lost');
    expect(
      delaysMs.every((delayMs) => delayMs >= 0),
      delaysMs.join(),
    ).toBe(true);
  });

  test('server: does not answer -> the call ends by its own time, or by its signal', async () => {
    const graph = await freshGraph();
    network = (_url, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    expect(await codeOf(graph.createNode({}, { timeoutMs: 20 }))).toBe('answer-lost');
    expect(await codeOf(graph.getNode('a', { timeoutMs: 20 }))).toBe('unreachable');
    const controller = new AbortController();
    const waiting = codeOf(graph.createNode({}, { signal: controller.signal }));
    controller.abort('enough');
    expect(await waiting).toBe('enough');
    expect(await codeOf(graph.createNode({}, { signal: AbortSignal.abort('before') }))).toBe('before');
  });

  test('query: asks for more time than a try has -> a try takes as long and its answer a little more; other calls do not', async () => {
    const graph = await freshGraph();
    const delaysMs: number[] = [];
    const after: Platform['env']['scheduler']['after'] = (delayMs, task) => {
      delaysMs.push(delayMs);
      return real.env.scheduler.after(delayMs, task);
    };
    const clock = { ...real.env.clock, monotonicMs: () => 5 };
    const env = { ...real.env, clock, scheduler: { ...real.env.scheduler, after } };
    const counted = client({ tryMs: 10_000, platform: { ...platform, env } }).graph(graph.name);
    await counted.query('RETURN 1', {}, { timeoutMs: 60_000 });
    await all(counted.stream('RETURN 1', {}, { timeoutMs: 60_000 }));
    await counted.query('RETURN 1', {}, { timeoutMs: 20 });
    await counted.query('RETURN 1');
    await counted.getNode('a', { timeoutMs: 60_000 });
    expect(delaysMs).toEqual([61_000, 61_000, 1_020, 10_000, 10_000]);
  });

  test('read: its answer is lost, and the repetition finds nothing -> nothing is there, whatever the first try was', async () => {
    const graph = await freshGraph({ urls: urls.slice(0, 1) });
    network = losing(1);
    sent = [];
    expect(await graph.getNode('nowhere')).toBeUndefined();
    expect(sent).toHaveLength(2);
    network = losing(1);
    expect(await codeOf(all(graph.edgesOf('nowhere')))).toBe('node-not-found');
  });

  test('writes that may be repeated anywhere: no answer ever comes -> answer-lost, as they may have happened', async () => {
    const graph = await freshGraph({ triesMax: 2 });
    const node: ImportElement = { kind: 'node', id: 'imported', labels: [], properties: {} };
    network = losing(6);
    expect(await codeOf(graph.putNode('put', {}))).toBe('answer-lost');
    expect(await codeOf(graph.import([node]))).toBe('answer-lost');
    expect(await codeOf(client({ triesMax: 2 }).createGraph(`g${++names}`))).toBe('answer-lost');
    expect((await all(graph.nodes())).map(({ id }) => id).sort()).toEqual(['imported', 'put']);
  });

  test('stream, export: the connection breaks after a line -> answer-lost; the signal ends it -> its reason', async () => {
    const graph = await freshGraph();
    /** Answers with one line, and breaks when the next is wanted. */
    const breaking = (line: string, why: unknown): void => {
      let left = 1;
      const pull = (stream: ReadableStreamDefaultController) =>
        left-- > 0 ? stream.enqueue(toUtf8(`${line}\n`)) : stream.error(why);
      network = async () => new Response(new ReadableStream({ pull })) as never;
    };
    const terminated = new TypeError('terminated');
    breaking('{"$event":"Header","_body":{"fields":["i"]}}', terminated);
    expect(await codeOf(all(graph.stream('RETURN 1 AS i', {}, { readOnly: true })))).toBe('answer-lost');
    breaking('{"type":"node","id":"a","labels":[],"properties":{}}', terminated);
    expect(await codeOf(all(graph.export()))).toBe('answer-lost');
    const controller = new AbortController();
    breaking('{"type":"node","id":"a","labels":[],"properties":{}}', 'enough');
    const exporting = async () => {
      for await (const _ of graph.export({ signal: controller.signal })) controller.abort('enough');
    };
    expect(await codeOf(exporting())).toBe('enough');
  });

  test('token: missing -> unauthorized', async () => {
    const { token: _token, ...without } = { token: 'x', urls: urls.slice(0, 1), platform };
    expect(await codeOf(new WeftClient(without).graph().getNode('a'))).toBe('unauthorized');
  });
});
