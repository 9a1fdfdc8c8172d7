import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeValue } from '../graph/json-values.ts';
import { Float, type Value, valuesEqual } from '../graph/value.ts';
import { parseMessagePack, printMessagePack } from './msgpack.ts';
import { openTestServer, type TestServer } from './server.model.ts';
import { arbitraryValue } from './values.model.ts';

const NODES = '/v1/graphs/default/nodes';
const TYPE = 'application/vnd.msgpack';
const BOTH = { accept: TYPE, 'content-type': TYPE };

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const packed = (tree: unknown) => Buffer.from(encode(tree, { useBigInt64: true }));
const unpacked = (bytes: Uint8Array) => decode(new Uint8Array(bytes), { useBigInt64: true });

describe('messagepack routes', () => {
  test('create and read: integers, floats, bytes -> exact and apart', async () => {
    const properties = { i: 2, big: 9007199254740993n, f: 2.5, b: new Uint8Array([1, 255]), s: 'ä' };
    const created = await server.call('POST', NODES, packed({ id: 'm', labels: ['L'], properties }), BOTH);
    expect([created.status, created.headers['content-type']]).toEqual([201, TYPE]);
    expect(unpacked(created.bytes)).toEqual({ id: 'm', labels: ['L'], properties });
    expect((await server.call('GET', `${NODES}/m`)).text).toContain('"big":9007199254740993,"f":2.5,"i":2');
    const whole = Buffer.from(printMessagePack({ properties: { f: new Float(2) } }));
    await server.call('PUT', `${NODES}/whole`, whole, BOTH);
    expect((await server.call('GET', `${NODES}/whole`)).text).toContain('"f":2.0');
    const read = await server.call('GET', `${NODES}/whole`, undefined, { accept: TYPE });
    expect(read.bytes.toString('hex')).toContain('a166cb4000000000000000');
  });

  test('values: any value by MessagePack, read as JSON and MessagePack -> the same', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryValue, async (value) => {
        const put = await server.call(
          'PUT',
          `${NODES}/any`,
          Buffer.from(printMessagePack({ properties: { v: value } })),
          BOTH,
        );
        expect(put.status).toBeLessThan(300);
        const tree = parseMessagePack(put.bytes) as { properties: { v: unknown } };
        if (value === null) return;
        expect(valuesEqual(decodeValue(tree.properties.v, 'v') as Value, value)).toBe(true);
        const text = (await server.call('GET', `${NODES}/any`)).text;
        const again = await server.call('PUT', `${NODES}/any2`, text.replace('"id":"any"', '"id":"any2"'));
        expect(again.text.replace('any2', 'any')).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  test('lists, batches, paths, graphs -> the documents of JSON', async () => {
    const operations = [
      { op: 'putNode', id: 'p' },
      { op: 'putNode', id: 'q' },
      { op: 'createEdge', id: 'pq', type: 'T', from: 'p', to: 'q' },
    ];
    const batch = await server.call('POST', '/v1/graphs/default/batch', packed({ operations }), BOTH);
    expect(unpacked(batch.bytes)).toMatchObject({ results: [{ op: 'putNode' }, {}, { edge: { id: 'pq' } }] });
    for (const path of [
      `${NODES}?limit=1`,
      `${NODES}/p/edges`,
      '/v1/graphs',
      '/v1/cluster',
      '/v1/graphs/default/digest',
    ]) {
      const json = await server.call('GET', path);
      const bytes = (await server.call('GET', path, undefined, { accept: TYPE })).bytes;
      expect(decode(bytes)).toEqual(json.json);
    }
  });

  test('accept: its type in capitals -> MessagePack, as types have no case', async () => {
    const { headers } = await server.call('GET', `${NODES}/absent`, undefined, { accept: TYPE.toUpperCase() });
    expect(headers['content-type']).toBe(TYPE);
  });

  test('problems: MessagePack accepted -> the problem document in it', async () => {
    const { status, headers, bytes } = await server.call('GET', `${NODES}/absent`, undefined, { accept: TYPE });
    expect([status, headers['content-type']]).toEqual([404, TYPE]);
    expect(decode(bytes)).toMatchObject({ code: 'node-not-found', status: 404, definite: true });
    const malformed = await server.call('POST', NODES, Buffer.from('82a1', 'hex'), BOTH);
    expect(decode(malformed.bytes)).toMatchObject({
      code: 'malformed-request',
      detail: expect.stringMatching(/byte \d/),
    });
    const unknown = await server.call('GET', '/nope', undefined, { accept: TYPE });
    expect(decode(unknown.bytes)).toMatchObject({ code: 'route-not-found' });
  });

  test('replay: an answer in MessagePack -> the same bytes again', async () => {
    const headers = { ...BOTH, 'idempotency-key': 'packed' };
    const first = await server.call('POST', NODES, packed({ labels: ['P'] }), headers);
    const second = await server.call('POST', NODES, packed({ labels: ['P'] }), headers);
    expect(second.bytes.equals(first.bytes)).toBe(true);
    expect(second.headers['content-type']).toBe(TYPE);
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test.each([
    ['application/vnd.msgpack', 'application/vnd.msgpack'],
    ['application/msgpack', 'application/msgpack'],
    ['application/x-msgpack;q=0.9, application/json;q=0.5', 'application/x-msgpack'],
    ['application/json, application/msgpack;q=0.5', 'application/json; charset=utf-8'],
    ['application/json, application/msgpack', 'application/msgpack'],
    ['application/msgpack;q=0', 'application/json; charset=utf-8'],
    ['text/html, */*;q=0.1', 'application/json; charset=utf-8'],
    ['image/png', 'application/json; charset=utf-8'],
  ])('accept: %s -> %s', async (accept, type) => {
    const { headers } = await server.call('GET', '/v1/graphs', undefined, { accept });
    expect(headers['content-type']).toBe(type);
  });

  test.each(['application/msgpack', 'application/x-msgpack', 'APPLICATION/VND.MSGPACK'])(
    'content type: %s -> read as MessagePack',
    async (type) => {
      const { status } = await server.call('POST', NODES, packed({ labels: ['C'] }), { 'content-type': type });
      expect(status).toBe(201);
    },
  );
});
