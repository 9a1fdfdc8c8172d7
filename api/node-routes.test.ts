import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const NODES = '/v1/graphs/default/nodes';
const node = (id: string) => `${NODES}/${encodeURIComponent(id)}`;

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

describe('node routes', () => {
  test('create: an id of our own -> 201, Location, ETag, the node as read later', async () => {
    const created = await server.call('POST', NODES, { id: 'own', labels: ['B', 'A', 'B'], properties: { x: 1 } });
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe('/v1/graphs/default/nodes/own');
    expect(created.headers.etag).toMatch(/^"[^"]+"$/);
    expect(created.json).toEqual({ id: 'own', labels: ['A', 'B'], properties: { x: 1 } });
    const read = await server.call('GET', String(created.headers.location));
    expect(read).toMatchObject({ status: 200, text: created.text });
    expect(read.headers.etag).toBe(created.headers.etag);
    expect((await server.call('POST', NODES, { id: 'own' })).json).toMatchObject({ code: 'node-exists', status: 409 });
  });

  test('create: no id -> the server makes one', async () => {
    const { json, headers, status } = await server.call('POST', NODES, {});
    expect(status).toBe(201);
    expect(json).toEqual({ id: expect.any(String), labels: [], properties: {} });
    expect(headers.location).toBe(node(json.id));
  });

  test('put: new, then again, then changed -> 201, 200, 200 with another ETag', async () => {
    const first = await server.call('PUT', node('put'), { labels: ['L'], properties: { a: 1, b: 2 } });
    const second = await server.call('PUT', node('put'), { id: 'put', labels: ['L'], properties: { a: 1, b: 2 } });
    const third = await server.call('PUT', node('put'), { properties: { a: 2 } });
    expect([first.status, second.status, third.status]).toEqual([201, 200, 200]);
    expect(second.json).toEqual(first.json);
    expect(third.headers.etag).not.toBe(second.headers.etag);
    expect(third.json).toEqual({ id: 'put', labels: [], properties: { a: 2 } });
    expect((await server.call('PUT', node('put'), { id: 'other' })).json).toMatchObject({ field: 'id', status: 400 });
  });

  test('patch: every kind of change -> what it says', async () => {
    await server.call('PUT', node('patch'), { labels: ['A', 'B'], properties: { n: 1, gone: 1, keep: 'k', f: 1.5 } });
    const patched = await server.call('PATCH', node('patch'), {
      labels: { add: ['C'], remove: ['A'] },
      properties: {
        n: { $inc: 2 },
        gone: null,
        set: { $add: ['x', 'y'] },
        map: { $inc: 1, plain: true },
        literal: { $type: 'Map', _value: { $inc: 1 } },
        f: { $inc: 0.25 },
      },
    });
    expect(patched.json).toEqual({
      id: 'patch',
      labels: ['B', 'C'],
      properties: {
        n: 3,
        keep: 'k',
        set: ['x', 'y'],
        map: { $inc: 1, plain: true },
        literal: { $inc: 1 },
        f: 1.75,
      },
    });
    const again = await server.call('PATCH', node('patch'), { labels: ['Z'], properties: { set: { $remove: ['x'] } } });
    expect(again.json).toMatchObject({ labels: ['Z'], properties: { set: ['y'] } });
    for (const slip of [
      { $inc: 1, $mni: 0 },
      { $inc: 1, $add: [1] },
      { $add: [1], $rmove: [2] },
    ]) {
      const refused = await server.call('PATCH', node('patch'), { properties: { n: slip } });
      expect(refused).toMatchObject({ status: 400, json: { code: 'invalid-request', field: 'properties.n' } });
      expect(refused.json.detail).toContain('"$type": "Map"');
    }
    const mismatch = await server.call('PATCH', node('patch'), { properties: { keep: { $inc: 1 } } });
    expect(mismatch.json).toMatchObject({ code: 'property-type', status: 400 });
    expect((await server.call('PATCH', node('absent'), {})).json.code).toBe('node-not-found');
  });

  test('delete: a node with edges -> 409 until detached, then gone with them', async () => {
    for (const id of ['d1', 'd2']) await server.call('PUT', node(id), {});
    await server.call('POST', '/v1/graphs/default/edges', { id: 'de', type: 'T', from: 'd1', to: 'd2' });
    expect((await server.call('DELETE', node('d1'))).json.code).toBe('node-has-edges');
    const gone = await server.call('DELETE', `${node('d1')}?detach=true`);
    expect(gone).toMatchObject({ status: 204, text: '' });
    expect((await server.call('GET', node('d1'))).json.code).toBe('node-not-found');
    expect((await server.call('GET', '/v1/graphs/default/edges/de')).json.code).toBe('edge-not-found');
    expect((await server.call('DELETE', node('d1'))).status).toBe(404);
    // Clients that always send a Content-Type send it without a body too.
    expect((await server.call('DELETE', node('d2'), '')).status).toBe(204);
  });

  test('values: every kind of number and typed value -> exact in the answer text', async () => {
    const properties =
      '{"big":9007199254740993,"f":2.0,"i":2,"max":9223372036854775807,"min":-9223372036854775808,"z":-0.0,' +
      '"nan":{"$type":"Float","_value":"NaN"},"d":{"$type":"Date","_value":"2026-01-31"},"list":[1.0,1],' +
      '"bytes":{"$type":"Base64","_value":"AQL/"},"p":{"$type":"Point","_value":"SRID=4326;POINT (1.0 2.0)"},' +
      '"__proto__":{"x":3.0},"$type":"a name","m":{"$type":"Map","_value":{"$type":1}},"nil":null}';
    const put = await server.call('PUT', node('values'), `{"properties":${properties}}`);
    expect(put.status).toBe(201);
    for (const part of properties.slice(1, -1).split(/,(?="[a-z_$]+":)(?!"_value")/)) expect(put.text).toContain(part);
    expect((await server.call('GET', node('values'))).text).toBe(put.text);
  });

  test('names: any Unicode id -> percent-decoded exactly once, in path and Location', async () => {
    const samples = [
      'a/b',
      'a?b#c',
      '100%',
      '%2F',
      '%252F',
      'ä€😀',
      'a b+c',
      ';:@&=$,',
      'scope!rest',
      '€'.repeat(341),
      '"\\',
      'x'.repeat(1024),
    ];
    for (const id of samples) {
      const put = await server.call('PUT', node(id), {});
      expect([id, put.status, put.json.id]).toEqual([id, 201, id]);
      expect((await server.call('GET', String(put.headers.location))).json.id).toBe(id);
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), async (id) => {
        // URL parsing in clients, not the server, resolves dot segments.
        fc.pre(id !== '.' && id !== '..');
        expect((await server.call('PUT', node(id), {})).json.id).toBe(id);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    [`${NODES}/${'x'.repeat(1025)}`, 'invalid-name'],
    [`${NODES}/${encodeURIComponent('€'.repeat(342))}`, 'invalid-name'],
    [`${NODES}/%C3%28`, 'malformed-request'],
    [`${NODES}/%`, 'malformed-request'],
    [`${NODES}?limit=0`, 'invalid-request'],
    [`${NODES}?limit=x`, 'invalid-request'],
    [`${NODES}?limit=1&limit=2`, 'invalid-request'],
    [`${NODES}?lable=x`, 'invalid-request'],
    [`${NODES}?label=%zz`, 'malformed-request'],
    [`${NODES}?cursor=nonsense`, 'invalid-cursor'],
    [`${NODES}?property.=1`, 'invalid-name'],
    ['/v1/graphs/default/nodes/x?detach=true', 'invalid-request'],
  ])('names and parameters: GET %s -> 400 %s', async (url, code) => {
    expect((await server.call('GET', url)).json).toMatchObject({ status: 400, code });
  });

  test.each([
    ['{"id":5}', 'invalid-request', 'id'],
    ['{"id":""}', 'invalid-name', undefined],
    ['{"id":"\\ud800"}', 'invalid-name', undefined],
    ['{"labels":"A"}', 'invalid-request', 'labels'],
    ['{"labels":["A",2]}', 'invalid-request', 'labels[1]'],
    ['{"labels":[""]}', 'invalid-name', undefined],
    ['{"properties":[]}', 'invalid-request', 'properties'],
    ['{"property":{}}', 'invalid-request', 'property'],
    ['{"properties":{"":1}}', 'invalid-name', undefined],
    ['{"properties":{"x":99999999999999999999}}', 'invalid-value', undefined],
    ['[]', 'invalid-request', undefined],
    ['null', 'invalid-request', undefined],
    ['', 'invalid-request', undefined],
    ['{', 'malformed-request', undefined],
    ['"\u00ff', 'malformed-request', undefined],
  ])('create: body %s -> 400 %s', async (body, code, field) => {
    const { json } = await server.call('POST', NODES, body);
    expect(json).toMatchObject({ status: 400, code, definite: true, ...(field === undefined ? {} : { field }) });
  });

  test('create: too many labels or properties, or too deep -> 413', async () => {
    const many = Array.from({ length: LIMITS.labelsMax + 1 }, (_, i) => `L${i}`);
    expect((await server.call('POST', NODES, { labels: many })).status).toBe(413);
    const wide = Object.fromEntries(Array.from({ length: LIMITS.propertiesMax + 1 }, (_, i) => [`p${i}`, i]));
    expect((await server.call('POST', NODES, { properties: wide })).status).toBe(413);
    const deep = `{"properties":{"x":${'['.repeat(33)}${']'.repeat(33)}}}`;
    expect((await server.call('POST', NODES, deep)).json).toMatchObject({ status: 413, code: 'payload-too-large' });
  });

  test('list: a cursor of another graph, node, list or filter -> invalid-cursor; with another limit, or a server that starts anew -> goes on', async () => {
    const graph = (name: string) => `/v1/graphs/${name}`;
    const operations = [
      ...['a', 'b', 'c'].map((id) => ({ op: 'createNode', id, labels: ['L'], properties: { x: 1 } })),
      ...['b', 'c'].flatMap((to) => ['a', 'c'].map((from) => ({ op: 'createEdge', type: 'T', from, to }))),
    ];
    const disk = new MemoryDisk();
    const first = await openTestServer({ disk });
    for (const name of ['one', 'other']) {
      await first.call('PUT', graph(name), {});
      expect((await first.call('POST', `${graph(name)}/batch`, { operations })).status).toBe(200);
    }
    const lists = [
      `${graph('one')}/nodes?`,
      `${graph('other')}/nodes?`,
      `${graph('one')}/nodes?label=L`,
      `${graph('one')}/nodes?label=L&property.x=1`,
      `${graph('one')}/nodes/a/edges?`,
      `${graph('one')}/nodes/c/edges?`,
      `${graph('one')}/nodes/a/edges?type=T`,
      `${graph('one')}/nodes/a/neighbors?`,
      `${graph('one')}/nodes/a/neighbors?depth=2`,
    ];
    const cursors: string[] = [];
    for (const list of lists) cursors.push((await first.call('GET', `${list}&limit=1`)).json.cursor);
    await first.close();
    const again = await openTestServer({ disk });
    for (const [at, list] of lists.entries()) {
      for (const [from, cursor] of cursors.entries()) {
        const { json } = await again.call('GET', `${list}&limit=2&cursor=${cursor}`);
        expect([list, from, json.code]).toEqual([list, from, at === from ? undefined : 'invalid-cursor']);
      }
    }
    await again.close();
  });

  test('list: filters and pages -> every match exactly once', async () => {
    await server.call('PUT', '/v1/graphs/listed', {});
    const operations = Array.from({ length: 250 }, (_, i) => ({
      op: 'createNode',
      id: `n${i}`,
      labels: i % 2 === 0 ? ['Even'] : ['Odd'],
      properties: { i, third: i % 3 === 0, name: `30`, tag: i % 5 },
    }));
    expect((await server.call('POST', '/v1/graphs/listed/batch', { operations })).status).toBe(200);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await server.call('GET', `/v1/graphs/listed/nodes?limit=60${cursor}`);
      seen.push(...page.json.nodes.map(({ id }: { id: string }) => id));
      cursor = page.json.cursor === undefined ? '' : `&cursor=${encodeURIComponent(page.json.cursor)}`;
    } while (cursor !== '');
    expect(seen.sort()).toEqual(operations.map(({ id }) => id).sort());
    const count = async (query: string) =>
      (await server.call('GET', `/v1/graphs/listed/nodes?limit=1000&${query}`)).json.nodes.length;
    expect(await count('label=Even')).toBe(125);
    expect(await count('label=Even&property.third=true')).toBe(42);
    expect(await count('property.third=true&property.tag=0')).toBe(17);
    expect(await count('property.i=7')).toBe(1);
    expect(await count('property.i=7.0')).toBe(0);
    expect(await count('property.name=%2230%22')).toBe(250);
    expect(await count('property.name=30')).toBe(0);
    expect(await count('label=None')).toBe(0);
  });

  test('conditions: If-Match and If-None-Match -> RFC 9110', async () => {
    const { headers } = await server.call('PUT', node('cond'), { properties: { v: 1 } });
    const etag = String(headers.etag);
    const get = (name: string, value: string) => server.call('GET', node('cond'), undefined, { [name]: value });
    const put = (name: string, value: string) =>
      server.call('PUT', node('cond'), { properties: { v: 2 } }, { [name]: value });
    expect(await get('if-none-match', etag)).toMatchObject({ status: 304, text: '' });
    expect((await get('if-none-match', `"x", W/${etag}`)).status).toBe(304);
    expect((await get('if-none-match', '*')).status).toBe(304);
    expect((await get('if-none-match', '"x"')).status).toBe(200);
    expect((await get('if-match', `"x",${etag}`)).status).toBe(200);
    expect((await get('if-match', '"x"')).json).toMatchObject({ status: 412, code: 'precondition-failed' });
    expect((await get('if-match', 'unquoted')).json).toMatchObject({ status: 400, code: 'malformed-request' });
    expect((await put('if-match', '"x"')).status).toBe(412);
    expect((await put('if-match', `W/${etag}`)).status).toBe(412);
    expect((await put('if-none-match', '*')).status).toBe(412);
    expect((await put('if-none-match', `W/${etag}`)).status).toBe(412);
    expect((await put('if-match', `"x", ${etag}`)).status).toBe(200);
    expect((await put('if-match', etag)).status).toBe(412);
    expect((await put('if-match', '*')).status).toBe(200);
    const absent = node('cond-new');
    expect((await server.call('PUT', absent, {}, { 'if-match': '*' })).status).toBe(412);
    expect((await server.call('PUT', absent, {}, { 'if-none-match': '*' })).status).toBe(201);
    expect((await server.call('DELETE', absent, undefined, { 'if-match': '"x"' })).status).toBe(412);
    expect((await server.call('PATCH', absent, {}, { 'if-match': '*' })).status).toBe(200);
  });

  test('HEAD: a node -> the headers of GET, no body', async () => {
    await server.call('PUT', node('head'), {});
    const get = await server.call('GET', node('head'));
    const head = await server.call('HEAD', node('head'));
    expect(head).toMatchObject({ status: 200, text: '' });
    expect([head.headers.etag, head.headers['content-length']]).toEqual([
      get.headers.etag,
      get.headers['content-length'],
    ]);
  });
});
