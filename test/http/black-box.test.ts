/** A real server over real sockets: what requests that are injected into the framework cannot show. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { decode, encode } from '@msgpack/msgpack';
import { request as undiciRequest } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { prefixFaults } from '../crash/server-kill.history.ts';
import { buildIfStale, killRemaining, type ServerProcess, serve } from '../server-process.ts';
import { type Answer, type CallOptions, call, chunked, RawConnection, rawRequest, statusesIn } from './wire.ts';

const MESSAGE_PACK = 'application/vnd.msgpack';
const NDJSON = { 'content-type': 'application/x-ndjson' };
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** What the collector may leave lying and buffers hold; an import that gathered its lines would need more. */
const GROWTH_MEGABYTES_MAX = 320;

let scratch = '';
let server: ServerProcess;
let graphs = 0;
/** Path of a fresh graph for each test. */
let graph = '';

beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-wire-'));
  server = await serve(join(scratch, 'data'));
}, 120_000);

beforeEach(async () => {
  graph = await newGraph();
});

afterAll(async () => {
  await killRemaining();
  await rm(scratch, { recursive: true, force: true });
});

const send = (method: string, path: string, options?: CallOptions): Promise<Answer> =>
  call(server.url, method, path, options);

async function newGraph(): Promise<string> {
  const path = `/v1/graphs/g${++graphs}`;
  expect((await send('PUT', path)).status).toBe(201);
  return path;
}

const nodeLine = (id: string, properties: object = {}): string =>
  `${JSON.stringify({ type: 'node', id, labels: ['L'], properties })}\n`;
const edgeLine = (id: string, from: string, to: string): string =>
  `${JSON.stringify({ type: 'relationship', id, label: 'T', start: { id: from }, end: { id: to } })}\n`;

const exported = async (path = graph): Promise<string> => (await send('GET', `${path}/export`)).text;
const sortedLines = (ndjson: string): string[] => ndjson.trim().split('\n').sort();

describe('names', () => {
  const IDS = [
    'a/b',
    '/',
    'what?',
    '?a=1&b=2',
    '#part',
    '100%',
    '%2F',
    '%',
    'a+b',
    ' two  spaces ',
    '.',
    '..',
    '../../digest',
    'a\tb\nc',
    '🚂',
    '👩‍🚀 月森 Αστερινή',
    'e\u0301',
    '\u00e9',
    'x'.repeat(1024),
    '🚂'.repeat(256),
    '%'.repeat(1024),
  ];

  test('ids: any text in a real URL -> created, found, listed, linked and deleted under exactly that id', async () => {
    for (const id of IDS) {
      const created = await send('POST', `${graph}/nodes`, { body: { id } });
      expect(created.status, id).toBe(201);
      const path = `${graph}/nodes/${encodeURIComponent(id)}`;
      expect((await send('GET', path)).json.id).toBe(id);
      expect((await send('GET', String(created.headers.location))).json.id).toBe(id);
      const edge = { id, type: id, from: IDS[0], to: id };
      const linked = await send('POST', `${graph}/edges`, { body: edge });
      expect(linked.status, id).toBe(201);
      expect((await send('GET', String(linked.headers.location))).json).toMatchObject(edge);
      const query = new URLSearchParams({ from: 'a/b', to: id, type: id });
      if (id !== 'a/b') expect((await send('GET', `${graph}/paths/shortest?${query}`)).json.length).toBe(1);
      const type = new URLSearchParams({ type: id, direction: 'in' });
      expect((await send('GET', `${path}/edges?${type}`)).json.edges).toMatchObject([edge]);
    }
    const { nodes } = (await send('GET', `${graph}/nodes`)).json as { nodes: { id: string }[] };
    expect(nodes.map(({ id }) => id).sort()).toEqual(IDS.toSorted());
    for (const id of IDS.toReversed()) {
      expect((await send('DELETE', `${graph}/nodes/${encodeURIComponent(id)}?detach=true`)).status, id).toBe(204);
    }
    expect(await exported()).toBe('');
  });

  test('__proto__ and constructor: as properties, labels, types and ids -> ordinary names, in every format', async () => {
    const properties = '{"__proto__":1,"constructor":{"__proto__":[2.0]},"hasOwnProperty":true,"toString":"t"}';
    const node = `{"id":"__proto__","labels":["__proto__","constructor"],"properties":${properties}}`;
    expect((await send('POST', `${graph}/nodes`, { body: node })).status).toBe(201);
    const edge = `{"id":"constructor","type":"__proto__","from":"__proto__","to":"__proto__","properties":${properties}}`;
    expect((await send('POST', `${graph}/edges`, { body: edge })).status).toBe(201);
    const read = await send('GET', `${graph}/nodes/__proto__`);
    for (const part of ['"__proto__":1', '"constructor":{"__proto__":[2.0]}', '"hasOwnProperty":true']) {
      expect(read.text).toContain(part);
    }
    expect(read.json.labels).toEqual(['__proto__', 'constructor']);
    const found = await send('GET', `${graph}/nodes?label=__proto__&property.__proto__=1`);
    expect(found.json.nodes).toHaveLength(1);
    const patched = await send('PATCH', `${graph}/nodes/__proto__`, {
      body: '{"properties":{"__proto__":{"$inc":41}}}',
    });
    expect(patched.text).toContain('"__proto__":42');

    const other = await newGraph();
    expect((await send('POST', `${other}/import`, { body: await exported(), headers: NDJSON })).status).toBe(200);
    expect(sortedLines(await exported(other))).toEqual(sortedLines(await exported()));
    const packed = await send('GET', `${graph}/nodes/__proto__`, { headers: { accept: MESSAGE_PACK } });
    const again = await send('PUT', `${other}/nodes/packed`, {
      body: Buffer.concat([Buffer.from([0x81]), Buffer.from(encode('properties')), propertiesOf(packed.bytes)]),
      headers: { 'content-type': MESSAGE_PACK },
    });
    expect(again.text).toContain('"__proto__":42');
    expect(again.status).toBe(201);
  });

  /** The bytes of the member `properties`, the last of an element, as they stand. */
  function propertiesOf(bytes: Buffer): Buffer {
    const name = Buffer.from(encode('properties'));
    return bytes.subarray(bytes.indexOf(name) + name.length);
  }
});

describe('numbers', () => {
  const MAX = 9223372036854775807n;
  const MIN = -9223372036854775808n;
  const ODD = 9007199254740993n;
  const JSON_PROPERTIES = [`"max":${MAX}`, `"min":${MIN}`, `"odd":${ODD}`, '"int":2', '"float":2.0', '"large":1e+300'];

  test('numbers: sent as JSON -> the same digits in JSON, int and float 64 in MessagePack', async () => {
    const body = `{"id":"n","properties":{${JSON_PROPERTIES.join(',')}}}`;
    const created = await send('POST', `${graph}/nodes`, { body });
    expect(created.status).toBe(201);
    expectDigits(created.text);
    expectDigits((await send('GET', `${graph}/nodes/n`)).text);
    expectDigits(await exported());
    expectPacked((await send('GET', `${graph}/nodes/n`, { headers: { accept: MESSAGE_PACK } })).bytes);
  });

  test('numbers: sent as MessagePack by the stock encoder -> the same', async () => {
    const properties = { max: MAX, min: MIN, odd: ODD, int: 2n, float: 2, large: 1e300 };
    // Numbers become floats, bigints integers: the one way in which the stock encoder can say both.
    const body = encode({ id: 'n', properties }, { useBigInt64: true, forceIntegerToFloat: true });
    const headers = { 'content-type': MESSAGE_PACK, accept: MESSAGE_PACK };
    const created = await send('POST', `${graph}/nodes`, { body, headers });
    expect(created.status).toBe(201);
    expectPacked(created.bytes);
    expectDigits((await send('GET', `${graph}/nodes/n`)).text);
    const added = await send('PATCH', `${graph}/nodes/n`, {
      body: '{"properties":{"odd":{"$inc":2},"float":{"$inc":1}}}',
    });
    expect(added.text).toMatch(/"odd":9007199254740995\b/);
    expect(added.text).toMatch(/"float":3\.0\b/);
  });

  function expectDigits(text: string): void {
    for (const part of JSON_PROPERTIES) expect(text).toMatch(new RegExp(`${part.replace(/[.+]/g, '\\$&')}[,}]`));
  }

  function expectPacked(bytes: Buffer): void {
    const { properties } = decode(bytes, { useBigInt64: true }) as { properties: Record<string, number | bigint> };
    for (const [name, value] of Object.entries({ max: MAX, min: MIN, odd: ODD, int: 2n })) {
      expect(BigInt(properties[name] ?? 0)).toBe(value);
    }
    expect(properties.large).toBe(1e300);
    const tagOf = (name: string): number | undefined => bytes[bytes.indexOf(encode(name)) + name.length + 1];
    expect(tagOf('float'), 'float 64').toBe(0xcb);
    expect(tagOf('int'), 'positive fixint').toBe(0x02);
  }
});

describe('import and export', () => {
  interface Begun {
    readonly outgoing: ReturnType<typeof request>;
    readonly answered: Promise<{ status: number; text: string }>;
  }

  function beginImport(url: string): Begun {
    const outgoing = request(`${url}/import`, { method: 'POST', headers: NDJSON });
    outgoing.setNoDelay(true);
    const answered = new Promise<{ status: number; text: string }>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      });
    });
    answered.catch(() => undefined);
    return { outgoing, answered };
  }

  test('import: the client goes away in the middle of a line -> the server serves on, whole elements, a prefix', async () => {
    const data = join(scratch, 'aborted');
    const own = await serve(data);
    const { outgoing, answered } = beginImport(`${own.url}/v1/graphs/default`);
    const keys: string[] = [];
    // More than any buffer on the way holds, so that loads are committed while it is being sent.
    for (let i = 0; i < 30_000; i++) {
      const isEdge = i % 3 === 2;
      keys.push(`${isEdge ? 'e' : 'n'}${i}`);
      const line = isEdge ? edgeLine(`e${i}`, `n${i - 1}`, `n${i - 2}`) : nodeLine(`n${i}`, { text: 'x'.repeat(100) });
      if (!outgoing.write(line)) await new Promise((resolve) => outgoing.once('drain', resolve));
    }
    await new Promise((resolve) => outgoing.write('{"type":"node","id":"half","labels":["L', resolve));
    outgoing.destroy();
    await expect(answered).rejects.toThrow();
    expect((await call(own.url, 'PUT', '/v1/graphs/default/nodes/after', { body: {} })).status).toBe(201);

    // Lines that had arrived may still be on their way to the disk, and an export is no snapshot: so after a stop.
    await own.stop();
    const again = await serve(data);
    const { text } = await call(again.url, 'GET', '/v1/graphs/default/export');
    const lines = text.trim().split('\n');
    const shown = lines.map((line) => JSON.parse(line) as { id: string; properties: { text?: string } });
    const ids = new Set(shown.map(({ id }) => id));
    expect(ids.delete('after')).toBe(true);
    expect(ids.size).toBeGreaterThan(0);
    expect(ids).not.toContain('half');
    expect(prefixFaults(keys, ids)).toEqual([]);
    for (const { id, properties } of shown) if (/^n\d/.test(id)) expect(properties.text, id).toHaveLength(100);
    const integrity = await call(again.url, 'GET', '/v1/graphs/default/integrity');
    expect(integrity.json).toMatchObject({ hiddenEdges: [], orphanStubs: [], missingStubs: [], duplicateEdges: [] });
    await again.stop();
  });

  test('import: bytes trickle in, other requests between them -> imported as if at once', async () => {
    const text = nodeLine('a', { name: 'Skarvøy 🚂 月森' }) + nodeLine('b', { n: 2 }) + edgeLine('e', 'a', 'b');
    const bytes = Buffer.from(text);
    const { outgoing, answered } = beginImport(server.url + graph);
    // Five bytes at a time: characters and lines are cut everywhere. An answer in between makes it a packet of its own.
    for (let at = 0; at < bytes.length; at += 5) {
      await new Promise((resolve) => outgoing.write(bytes.subarray(at, at + 5), resolve));
      expect((await send('GET', '/livez')).status).toBe(200);
    }
    outgoing.end();
    expect(await answered).toMatchObject({ status: 200 });
    expect((await send('GET', `${graph}/nodes/a`)).json.properties).toEqual({ name: 'Skarvøy 🚂 月森' });
    expect((await send('GET', `${graph}/edges/e`)).json).toMatchObject({ from: 'a', to: 'b' });
  });

  test('export: piped into an import while it is being sent -> an equal export and digest', async () => {
    const values = { i: 1, f: 1.5, t: 'x'.repeat(200), l: [1, 'two', null], m: { deep: { er: true } } };
    const nodes = Array.from({ length: 6000 }, (_, i) => nodeLine(`n${i}`, values));
    const edges = Array.from({ length: 6000 }, (_, i) => edgeLine(`e${i}`, `n${i}`, `n${(i * 7) % 6000}`));
    const typed =
      '{"type":"node","id":"typed","labels":[],"properties":{"two":2.0,"max":9223372036854775807,' +
      '"nan":{"$type":"Float","_value":"NaN"},"bytes":{"$type":"Base64","_value":"AQID"},' +
      '"day":{"$type":"Date","_value":"2026-01-31"}}}\n';
    const body = [...nodes, typed, ...edges].join('');
    expect((await send('POST', `${graph}/import`, { body, headers: NDJSON })).status).toBe(200);

    const copy = await newGraph();
    const source = await undiciRequest(`${server.url}${graph}/export`);
    const sunk = await undiciRequest(`${server.url}${copy}/import`, {
      method: 'POST',
      headers: NDJSON,
      body: source.body,
    });
    expect(sunk.statusCode, await sunk.body.text()).toBe(200);
    const original = await exported();
    expect(original.trim().split('\n')).toHaveLength(12_001);
    expect(sortedLines(await exported(copy))).toEqual(sortedLines(original));
  });

  test.runIf(process.platform === 'linux')(
    'import: 200,000 lines, 400 MB, most of it blanks that nobody keeps -> memory does not grow with what was sent',
    async () => {
      const own = await serve(join(scratch, 'large'));
      const blanks = ' '.repeat(2000);
      function* chunks(): Generator<string> {
        for (let i = 0; i < 200_000; i += 500) {
          const numbers = Array.from({ length: 500 }, (_, k) => i + k);
          yield numbers.map((n) => `{"type":"node","id":"n${n}",${blanks}"labels":["L"]}\n`).join('');
        }
      }
      const before = residentMegabytes(own, 'VmRSS');
      const answer = await undiciRequest(`${own.url}/v1/graphs/default/import`, {
        method: 'POST',
        headers: NDJSON,
        body: Readable.from(chunks()),
      });
      expect(await answer.body.json()).toMatchObject({ nodes: 200_000 });
      // The kernel keeps the peak, so nothing is missed between samples.
      const grownMegabytes = residentMegabytes(own, 'VmHWM') - before;
      console.log(`import of 400 MB: grown by ${Math.round(grownMegabytes)} MB`);
      expect(grownMegabytes).toBeLessThan(GROWTH_MEGABYTES_MAX);
      await own.stop();
    },
  );

  function residentMegabytes({ child }: ServerProcess, field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  }
});

describe('connections', () => {
  test('keep-alive: errors of every kind -> the same connection goes on working', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const node = `${graph}/nodes/n`;
    const requests: readonly [number, string, string, CallOptions?][] = [
      [201, 'PUT', node, { body: {} }],
      [400, 'POST', `${graph}/nodes`, { body: '{"id":' }],
      [400, 'POST', `${graph}/nodes`, { body: { surplus: 1 } }],
      [404, 'GET', '/v1/nowhere'],
      [405, 'POST', node, { body: {} }],
      [409, 'POST', `${graph}/nodes`, { body: { id: 'n' } }],
      [412, 'PATCH', node, { body: {}, headers: { 'if-match': '"no"' } }],
      [415, 'POST', `${graph}/nodes`, { body: 'x', headers: { 'content-type': 'text/plain' } }],
      [400, 'POST', `${graph}/import`, { body: 'nonsense\n', headers: NDJSON }],
      [304, 'GET', node, { headers: { 'if-none-match': '*' } }],
      [200, 'HEAD', node],
      [204, 'DELETE', node],
      [404, 'GET', node],
    ];
    for (const [index, [status, method, path, options]] of requests.entries()) {
      const answer = await send(method, path, { ...options, agent });
      expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(status);
      expect(answer.reused, `${method} ${path}`).toBe(index > 0);
      if (status >= 400) expect(answer.json).toMatchObject({ status, definite: path !== `${graph}/import` });
      if (status === 405) expect(answer.headers.allow).toBe('DELETE, GET, HEAD, PATCH, PUT');
      if (method === 'HEAD' || status === 304) expect(answer.bytes).toHaveLength(0);
    }
    agent.destroy();
  });

  test('pipelining: errors between requests, most of them before the body was read -> every answer, in order', async () => {
    const connection = new RawConnection(server.url);
    const large = 'x'.repeat(1_000_000);
    const requests: readonly [number, string][] = [
      [400, rawRequest('POST', `${graph}/nodes`, '{"id":')],
      [200, rawRequest('GET', '/livez')],
      [413, rawRequest('POST', `${graph}/nodes`, ' '.repeat(BODY_BYTES_MAX + 1))],
      [201, rawRequest('PUT', `${graph}/nodes/a`, '{}')],
      [400, rawRequest('POST', `${graph}/import`, `nonsense\n${large}`, ['Content-Type: application/x-ndjson'])],
      [404, rawRequest('POST', '/v1/nowhere', large)],
      [415, rawRequest('POST', `${graph}/nodes`, large, ['Content-Type: text/plain'])],
      [404, rawRequest('GET', '/v1/nowhere')],
      [405, rawRequest('DELETE', `${graph}/nodes`)],
      [200, rawRequest('HEAD', `${graph}/nodes/a`)],
      [200, rawRequest('GET', `${graph}/nodes/a`)],
      [204, rawRequest('DELETE', `${graph}/nodes/a`, undefined, ['Connection: close'])],
    ];
    connection.socket.write(requests.map(([, text]) => text).join(''));
    expect(statusesIn(await connection.closed)).toEqual(requests.map(([status]) => status));
  });

  test('HEAD: on the wire -> the headers of GET, and not a byte of body', async () => {
    await send('PUT', `${graph}/nodes/n`, { body: { properties: { text: 'long enough' } } });
    const ask = async (method: string): Promise<string> => {
      const connection = new RawConnection(server.url);
      connection.socket.write(rawRequest(method, `${graph}/nodes/n`, undefined, ['Connection: close']));
      return connection.closed;
    };
    const [head = '', afterHead = ''] = (await ask('HEAD')).split('\r\n\r\n');
    const [get = '', body = ''] = (await ask('GET')).split('\r\n\r\n');
    const lasting = (text: string): string[] =>
      text.split('\r\n').filter((line) => !/^(date|traceparent):/i.test(line));
    expect(lasting(head)).toEqual(lasting(get));
    const names = get.split('\r\n').map((line) => line.toLowerCase().split(':')[0]);
    expect(names).toEqual([...new Set(names)]);
    expect(afterHead).toBe('');
    expect(head).toMatch(new RegExp(`^content-length: ${body.length}$`, 'im'));
  });

  test('chunked body: in any chunks -> read; over the limit without a length -> 413, and the connection stays good', async () => {
    const connection = new RawConnection(server.url);
    const parts = ['{"id"', ':', '"chunked","labels":["', 'L', '"]}'];
    connection.socket.write(
      rawRequest('POST', `${graph}/nodes`, chunked(parts), ['Transfer-Encoding: chunked']) +
        rawRequest('POST', `${graph}/nodes`, chunked(Array.from({ length: 17 }, () => ' '.repeat(2 ** 20))), [
          'Transfer-Encoding: chunked',
        ]) +
        rawRequest('GET', `${graph}/nodes/chunked`, undefined, ['Connection: close']),
    );
    const text = await connection.closed;
    expect(statusesIn(text)).toEqual([201, 413, 200]);
    expect(text).toContain('"code":"payload-too-large"');
  });

  test('body at the limit -> taken; a byte more -> 413 before it is sent', async () => {
    const prefix = '{"id":"full"}';
    const full = await send('POST', `${graph}/nodes`, { body: prefix.padEnd(BODY_BYTES_MAX, ' ') });
    expect(full.status).toBe(201);
    const connection = new RawConnection(server.url);
    await connection.write(rawRequest('POST', `${graph}/nodes`, '', [`Content-Length: ${BODY_BYTES_MAX + 1}`]));
    expect(await connection.until(/payload-too-large/)).toMatch(/^HTTP\/1\.1 413 /);
    connection.socket.destroy();
  });

  test('Expect: 100-continue -> asked to go on, then served', async () => {
    const connection = new RawConnection(server.url);
    const body = '{"id":"expected"}';
    const headers = ['Expect: 100-continue', `Content-Length: ${body.length}`, 'Connection: close'];
    await connection.write(rawRequest('POST', `${graph}/nodes`, '', headers));
    await connection.until(/^HTTP\/1\.1 100 /);
    await connection.write(body);
    expect(statusesIn(await connection.closed)).toEqual([100, 201]);
  });
});

describe('retries', () => {
  test('Idempotency-Key: the answer got lost and the request is repeated on other connections -> applied once', async () => {
    await send('PUT', `${graph}/nodes/counter`, { body: { properties: { count: 0 } } });
    const body = '{"properties":{"count":{"$inc":1}}}';
    const headers = ['Idempotency-Key: once', 'Connection: close'];
    const lost = new RawConnection(server.url);
    await lost.write(rawRequest('PATCH', `${graph}/nodes/counter`, body, headers));
    lost.socket.destroy();
    const patch = (): Promise<Answer> =>
      send('PATCH', `${graph}/nodes/counter`, { body, headers: { 'idempotency-key': 'once' } });
    const answers = await Promise.all(Array.from({ length: 8 }, patch));
    const last = await patch();
    expect(last.headers['idempotency-replayed']).toBe('true');
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.text).toBe(last.text);
      expect(answer.headers.etag).toBe(last.headers.etag);
    }
    expect((await send('GET', `${graph}/nodes/counter`)).json.properties.count).toBe(1);
  });
});
