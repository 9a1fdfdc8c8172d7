import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };

let server: TestServer;
let graphs = 0;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

/** A new graph, as URL. */
async function newGraph(): Promise<string> {
  const url = `/v1/graphs/import${++graphs}`;
  await server.call('PUT', url, { partitions: 3 });
  return url;
}

const importTo = (graph: string, lines: string | Buffer, query = '', headers: Record<string, string> = NDJSON) =>
  server.call('POST', `${graph}/import${query}`, lines, headers);
const exportOf = async (graph: string) => (await server.call('GET', `${graph}/export`)).text;

const node = (id: string, more = '') => `{"type":"node","id":"${id}"${more}}`;
const edge = (id: string, from: string, to: string, more = '') =>
  `{"type":"relationship","id":"${id}","label":"T","start":{"id":"${from}"},"end":{"id":"${to}"}${more}}`;

describe('import', () => {
  test('import: lines as APOC exports them -> the graph', async () => {
    const graph = await newGraph();
    const lines = [
      '{"type":"node","id":"1","labels":["User"],"properties":{"name":"Ann","age":30,"score":2.0,"big":9007199254740993}}',
      '{"id":2,"type":"node"}',
      '{"id":"9","type":"relationship","label":"KNOWS","properties":{"since":1993},"start":{"id":"1","labels":["User"]},"end":{"id":2}}',
      '{"type":"relationship","label":"KNOWS","start":{"id":2},"end":{"id":"1"}}',
    ].join('\n');
    expect(await importTo(graph, lines)).toMatchObject({ status: 200, json: { nodes: 2, edges: 2, lines: 4 } });
    const { text } = await server.call('GET', `${graph}/nodes/1`);
    expect(text).toContain('"score":2.0');
    expect(text).toContain('"big":9007199254740993');
    const { edges } = (await server.call('GET', `${graph}/nodes/2/edges`)).json;
    expect(edges).toHaveLength(2);
    expect(edges).toContainEqual({ id: '9', type: 'KNOWS', from: '1', to: '2', properties: { since: 1993 } });
  });

  test('import: elements that several requests made larger than one may -> what the export says', async () => {
    const graph = await newGraph();
    await importTo(graph, [node('a'), edge('e', 'a', 'a')].join('\n'));
    const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
    for (const letter of ['x', 'y']) {
      const properties = Object.fromEntries(numbered(letter, LIMITS.propertiesMax).map((name) => [name, 1]));
      const add = numbered(letter, LIMITS.labelsMax);
      for (const [path, body] of [
        ['nodes/a', { labels: { add }, properties }],
        ['edges/e', { properties }],
      ] as const) {
        expect((await server.call('PATCH', `${graph}/${path}`, body)).status).toBe(200);
      }
    }
    const lines = await exportOf(graph);
    expect(JSON.parse(lines.split('\n')[0] ?? '').labels).toHaveLength(2 * LIMITS.labelsMax);
    const other = await newGraph();
    expect(await importTo(other, lines)).toMatchObject({ status: 200, json: { nodes: 1, edges: 1 } });
    expect(await exportOf(other)).toBe(lines);
  });

  test('import: blank lines, CRLF, byte order mark, no newline at the end -> ignored', async () => {
    const graph = await newGraph();
    const lines = `\ufeff${node('a')}\r\n\r\n  \n\n${node('b')}\r\n${edge('e', 'a', 'b')}`;
    expect((await importTo(graph, lines)).json).toEqual({ nodes: 2, edges: 1, lines: 3 });
    expect((await importTo(graph, '')).json).toEqual({ nodes: 0, edges: 0, lines: 0 });
    expect((await importTo(graph, '\n\n')).json).toEqual({ nodes: 0, edges: 0, lines: 0 });
  });

  test.each([
    'application/x-ndjson',
    'application/jsonl',
    'application/json',
    'text/plain; charset=utf-8',
    'application/octet-stream',
  ])('import: content type %s -> accepted', async (type) => {
    expect((await importTo(await newGraph(), node('a'), '', { 'content-type': type })).status).toBe(200);
  });

  test('import: another content type or a compressed body -> 415; an unknown graph -> 404', async () => {
    const graph = await newGraph();
    expect((await importTo(graph, node('a'), '', { 'content-type': 'text/csv' })).status).toBe(415);
    expect((await importTo(graph, node('a'), '', { ...NDJSON, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await importTo('/v1/graphs/absent', node('a'))).status).toBe(404);
    expect((await importTo('/v1/graphs/_system', node('a'))).json.code).toBe('graph-protected');
    expect((await importTo(graph, node('a'), '?onError=skip')).json).toMatchObject({ status: 400, field: 'onError' });
  });

  test.each([
    ['nonsense', 'malformed-request', 'at position 0'],
    ['[1]', 'invalid-request', 'object'],
    ['{"type":"edge"}', 'invalid-request', '`type`'],
    ['{"type":"node"}', 'invalid-request', '`id` is missing'],
    ['{"type":"node","id":1.5}', 'invalid-request', '`id`'],
    ['{"type":"node","id":""}', 'invalid-name', 'empty'],
    ['{"type":"node","id":"x","propertys":{}}', 'invalid-request', '`propertys`'],
    ['{"type":"node","id":"x","labels":"L"}', 'invalid-request', '`labels`'],
    ['{"type":"node","id":"x","properties":{"p":{"$type":"Date","_value":"no"}}}', 'invalid-value', '`p`'],
    [`{"type":"node","id":"x","properties":{"p":${'['.repeat(40)}${']'.repeat(40)}}}`, 'payload-too-large', '32'],
    ['{"type":"relationship","id":"e","start":{"id":"a"},"end":{"id":"a"}}', 'invalid-request', '`label`'],
    ['{"type":"relationship","label":"T","start":"a","end":{"id":"a"}}', 'invalid-request', '`start`'],
    ['{"type":"relationship","label":"T","start":{"id":"a"},"end":{}}', 'invalid-request', '`end.id`'],
    ['{"type":"relationship","label":"T","start":{"id":"a"},"end":{"id":"absent"}}', 'endpoint-missing', 'absent'],
  ])('import: bad line %s -> stops there, lines before it applied', async (bad, code, detail) => {
    const graph = await newGraph();
    const { status, json } = await importTo(graph, `${node('a')}\n\n${bad}\n${node('after')}\n`);
    expect(status).toBe(400);
    expect(json).toMatchObject({
      code: 'invalid-import-line',
      line: 3,
      reasonCode: code,
      reason: expect.stringContaining(detail),
      applied: { nodes: 1, edges: 0, lines: 1 },
    });
    expect(json.detail).toContain('line 3');
    expect(await exportOf(graph)).toBe(`${node('a', ',"labels":[],"properties":{}')}\n`);
  });

  test('import: invalid UTF-8 in a line -> that line is named', async () => {
    const graph = await newGraph();
    const lines = Buffer.concat([
      Buffer.from(`${node('ä')}\n{"type":"node","id":"`),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}\n'),
    ]);
    expect((await importTo(graph, lines)).json).toMatchObject({ line: 2, applied: { nodes: 1 } });
    const all = await importTo(graph, Buffer.concat([lines, Buffer.from(node('b'))]), '?onError=continue');
    expect(all.json).toMatchObject({ nodes: 2, failed: 1, errors: [{ line: 2, code: 'malformed-request' }] });
  });

  test('import: a line over the limit -> that line is named, memory is not', async () => {
    const graph = await newGraph();
    const long = node('long', `,"properties":{"x":"${'ä'.repeat(LIMITS.importLineBytesMax / 2)}"}`);
    expect((await importTo(graph, `${node('a')}\n${long}\n${node('b')}`)).json).toMatchObject({
      line: 2,
      reasonCode: 'payload-too-large',
      applied: { nodes: 1 },
    });
    const all = await importTo(graph, `${node('a')}\n${long}\n${node('b')}`, '?onError=continue');
    expect(all.json).toMatchObject({ nodes: 2, lines: 3, errors: [{ line: 2, code: 'payload-too-large' }] });
  });

  test('import: onError=continue -> the rest applied, every bad line reported, the list bounded', async () => {
    const graph = await newGraph();
    const lines: string[] = [];
    for (let i = 0; i < 3000; i++) lines.push(i % 2 === 0 ? node(`n${i}`) : edge(`e${i}`, `n${i - 1}`, 'absent'));
    const { json } = await importTo(graph, lines.join('\n'), '?onError=continue');
    expect(json).toMatchObject({ nodes: 1500, edges: 0, lines: 3000, failed: 1500 });
    expect(json.errors).toHaveLength(LIMITS.importErrorsReportedMax);
    expect(json.errors[0]).toMatchObject({ line: 2, code: 'endpoint-missing' });
    const numbers = json.errors.map(({ line }: { line: number }) => line);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('import: onError=continue, lines that cannot be read behind bad ones that can -> the first are reported', async () => {
    const graph = await newGraph();
    const max = LIMITS.importErrorsReportedMax;
    const refused = Array.from({ length: max + 1 }, (_, i) => edge(`e${i}`, 'absent', 'absent'));
    const unreadable = Array.from({ length: 3 * max }, () => 'nonsense');
    const lines = [node('n'), ...refused, ...unreadable, ...refused];
    const { json } = await importTo(graph, lines.join('\n'), '?onError=continue');
    expect(json).toMatchObject({ nodes: 1, lines: lines.length, failed: lines.length - 1 });
    expect(json.errors.map(({ line }: { line: number }) => line)).toEqual(Array.from({ length: max }, (_, i) => i + 2));
  });

  test('import: a bad edge in an early load, an unreadable line in a later one -> the early one is named', async () => {
    const graph = await newGraph();
    const lines = Array.from({ length: 12_000 }, (_, i) => node(`n${i}`));
    lines[5000] = edge('bad', 'n1', 'absent');
    lines[9000] = 'nonsense';
    const { json } = await importTo(graph, lines.join('\n'));
    expect(json).toMatchObject({ line: 5001, applied: { nodes: 5000, edges: 0, lines: 5000 } });
    expect((await exportOf(graph)).split('\n')).toHaveLength(5001);
  });

  test('import twice, and export -> the same text and digest as the first time', async () => {
    const graph = await newGraph();
    const lines: string[] = [];
    for (let i = 0; i < 500; i++) {
      lines.push(
        node(
          `n${i}`,
          `,"labels":["L${i % 3}"],"properties":{"i":${i},"f":${i}.0,"t":"x\\n€","m":{"$type":"Map","_value":{"$type":1}}}`,
        ),
      );
    }
    for (let i = 0; i < 500; i++) lines.push(edge(`e${i}`, `n${i}`, `n${(i * 7) % 500}`, `,"properties":{"w":${i}}`));
    expect((await importTo(graph, lines.join('\n'))).json).toEqual({ nodes: 500, edges: 500, lines: 1000 });
    const text = await exportOf(graph);
    const digest = (await server.call('GET', `${graph}/digest`)).text;
    expect((await importTo(graph, text)).status).toBe(200);
    expect((await server.call('GET', `${graph}/digest`)).text).toBe(digest);
    const copy = await newGraph();
    await importTo(copy, text);
    expect(await exportOf(copy)).toBe(text);
    const kinds = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(kinds).toEqual([...Array(500).fill('node'), ...Array(500).fill('relationship')]);
  });

  test('export: head and content type -> NDJSON', async () => {
    const graph = await newGraph();
    await importTo(graph, node('a'));
    const { headers, text } = await server.call('GET', `${graph}/export`);
    expect(headers['content-type']).toMatch(/^application\/x-ndjson/);
    expect(text).toBe('{"type":"node","id":"a","labels":[],"properties":{}}\n');
    expect(await server.call('HEAD', `${graph}/export`)).toMatchObject({ status: 200, text: '' });
  });
});

describe('export over sockets', () => {
  test('export: the last one that may be open, its client goes away in the middle -> another one is served', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    const texts = Array.from({ length: 16 }, (_, i) =>
      node(`n${i}`, `,"properties":{"text":"${'x'.repeat(900_000)}"}`),
    );
    await own.call('POST', '/v1/graphs/default/import', texts.join('\n'), NDJSON);
    const graph = own.engine.graph('default' as never);
    const others = await Promise.all(Array.from({ length: LIMITS.storeCutsMax - 1 }, () => graph.export()));
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /v1/graphs/default/export HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    const refused = await own.call('GET', '/v1/graphs/default/export');
    expect([refused.status, refused.json.code]).toEqual([429, 'too-many-requests']);
    socket.destroy();
    let again = refused;
    while (again.status === 429) {
      await own.env.scheduler.yield();
      again = await own.call('GET', '/v1/graphs/default/export');
    }
    expect(again.status).toBe(200);
    for (const other of others) await other.close();
    await own.close();
  });
});

describe('export over sockets, its moment', () => {
  test.each([
    ['is closed because the client went away -> no failure in the log', true, 0],
    ['cannot be read, the client still there -> a failure in the log', false, 1],
  ])('export: its moment %s', async (_name, goesAway, failures) => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    let close = () => {};
    let fail = () => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const failed = new Promise<void>((resolve) => {
      fail = resolve;
    });
    async function* elements() {
      yield { kind: 'node', node: { id: 'a', labels: [], properties: { text: 'x'.repeat(100_000) } } };
      if (goesAway) await closed;
      fail();
      throw new Error('it is closed');
    }
    const moment = { [Symbol.asyncIterator]: elements, close: async () => close() };
    Object.defineProperty(own.engine, 'graph', { value: () => ({ export: async () => moment }) });
    const socket = connect(port, '127.0.0.1');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /v1/graphs/default/export HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    if (goesAway) socket.destroy();
    await Promise.all([failed, ended]);
    for (let i = 0; i < 10; i++) await own.env.scheduler.yield();
    expect(own.logged.filter(([, message]) => message === 'request failed')).toHaveLength(failures);
    await own.app.close();
    await own.engine.close();
  });
});

describe('import over sockets', () => {
  test('import: a stream of 100,000 lines without length -> imported', async () => {
    const own = await openTestServer();
    const url = await own.app.listen({ port: 0, host: '127.0.0.1' });
    function* pieces(): Generator<string> {
      for (let i = 0; i < 100_000; i += 100) {
        yield Array.from(
          { length: 100 },
          (_, j) => `${node(`n${i + j}`, `,"labels":["L"],"properties":{"i":${i + j}}`)}\n`,
        ).join('');
      }
    }
    const body = Readable.toWeb(Readable.from(pieces())) as ReadableStream;
    const request = { method: 'POST', headers: NDJSON, body, duplex: 'half' };
    const answer = await fetch(`${url}/v1/graphs/default/import`, request as RequestInit);
    expect(await answer.json()).toEqual({ nodes: 100_000, edges: 0, lines: 100_000 });
    await own.close();
  });

  test('import: a bad line while the client is still sending much -> the client gets to read which', async () => {
    const own = await openTestServer();
    const url = await own.app.listen({ port: 0, host: '127.0.0.1' });
    const body = `${node('a')}\nnonsense\n${`${node('b')}\n`.repeat(300_000)}`;
    const answer = await fetch(`${url}/v1/graphs/default/import`, { method: 'POST', headers: NDJSON, body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ line: 2, applied: { nodes: 1 } });
    await own.close();
  });

  test('import: the client disconnects in the middle -> whole lines, no half one, and the server serves on', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    const lines = Array.from({ length: 9000 }, (_, i) => `${node(`n${i}`)}\n`).join('');
    const half = '{"type":"node","id":"half';
    const socket = connect(port, '127.0.0.1');
    const path = '/v1/graphs/default/import';
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 9999999\r\n\r\n`,
    );
    await new Promise((resolve) => socket.write(lines + half, resolve));
    const metrics = async () => (await own.call('GET', '/metrics')).text;
    // Two loads of 4,000 lines are durable, 1,000 lines wait for more; then the client goes away.
    while (Number(/^weft_patches_total (\d+)/m.exec(await metrics())?.[1]) < 8000) await own.env.scheduler.yield();
    socket.destroy();
    const ended = /weft_http_requests_total\{method="POST",route="[^"]*import",status="499"\} 1/;
    while (!ended.test(await metrics())) await own.env.scheduler.yield();
    const exported = (await own.call('GET', '/v1/graphs/default/export')).text.trimEnd().split('\n');
    expect(exported).toHaveLength(8000);
    expect(exported.some((line) => line.includes('half'))).toBe(false);
    expect((await own.call('GET', '/v1/graphs/default/integrity')).json.nodes).toBe(8000);
    await own.close();
  });

  /** What the server says of an import that it ended after its first load. */
  async function endedByServer(graph: string, relationship: string) {
    const lines = [node('a'), node('b'), relationship, ...Array.from({ length: 9000 }, (_, i) => node(`n${i}`))];
    const open = server.engine.graph.bind(server.engine);
    vi.spyOn(server.engine, 'graph').mockImplementation((...args) => {
      const opened = open(...args);
      const load = opened.load.bind(opened);
      let loads = 0;
      vi.spyOn(opened, 'load').mockImplementation((...given) => {
        if (++loads > 1) throw new WeftError('too-many-requests', 'too much waits for the disk');
        return load(...given);
      });
      return opened;
    });
    const send = () => importTo(graph, lines.join('\n'), '', { ...NDJSON, 'idempotency-key': `ended-${graph}` });
    const first = await send();
    vi.restoreAllMocks();
    return { first, again: await send(), edges: (await server.call('GET', `${graph}/integrity`)).json.edges };
  }

  test('import with a key, ended by the server after edges without ids -> sent again it makes none', async () => {
    const edge = '{"type":"relationship","label":"T","start":{"id":"a"},"end":{"id":"b"}}';
    const { first, again, edges } = await endedByServer(await newGraph(), edge);
    expect(first).toMatchObject({ status: 503, json: { code: 'answer-lost', reasonCode: 'too-many-requests' } });
    expect(first.json).toMatchObject({ definite: false, retryable: false, applied: { edges: 1 } });
    expect([again.status, again.json]).toEqual([503, first.json]);
    expect(edges).toBe(1);
  });

  test('import with a key, ended by the server, of what may be done again -> sent again it comes to its end', async () => {
    const { first, again, edges } = await endedByServer(await newGraph(), edge('e', 'a', 'b'));
    expect(first).toMatchObject({ status: 429, json: { code: 'too-many-requests', applied: { edges: 1 } } });
    expect(again).toMatchObject({ status: 200, json: { nodes: 9002, edges: 1 } });
    expect(edges).toBe(1);
  });
});
