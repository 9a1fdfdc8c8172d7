import { afterEach, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
async function opened(): Promise<TestServer> {
  const server = await openTestServer();
  servers.push(server);
  return server;
}
const NODES = '/v1/graphs/default/nodes';
const note = (server: TestServer) => server.call('GET', `${NODES}/note`);
const query = async (server: TestServer, statement: string) =>
  (await server.call('POST', '/v1/graphs/default/query', { statement })).json.data.values;

describe('text properties', () => {
  test('made and set again -> reads as a string, and stays the same text', async () => {
    const server = await opened();
    const made = await server.call('POST', NODES, { id: 'note', properties: { body: { $text: 'Hello' }, n: 1 } });
    expect(made.json).toMatchObject({
      properties: { body: 'Hello', n: 1 },
      texts: { body: expect.stringMatching(/^node\/note\/body\/.{15}$/) },
    });
    const changed = await server.call('PATCH', `${NODES}/note`, { properties: { body: { $text: 'Hello 🚲 world' } } });
    expect(changed.json).toEqual({ ...made.json, properties: { body: 'Hello 🚲 world', n: 1 } });
    expect(changed.headers.etag).not.toBe(made.headers.etag);
    const same = await server.call('PATCH', `${NODES}/note`, { properties: { body: { $text: 'Hello 🚲 world' } } });
    expect(same.headers.etag).toBe(changed.headers.etag);
    expect((await note(server)).json).toEqual(changed.json);
    expect(await query(server, "MATCH (n) WHERE n.body CONTAINS 'world' RETURN n.body, size(n.body)")).toEqual([
      ['Hello 🚲 world', 13],
    ]);
  });

  test('index -> finds what the text has become', async () => {
    const server = await opened();
    await query(server, 'CREATE INDEX body FOR (n:Note) ON (n.body)').catch(() => undefined);
    await server.call('PUT', `${NODES}/note`, { labels: ['Note'], properties: { body: { $text: 'one' } } });
    const found = (text: string) => query(server, `MATCH (n:Note {body: '${text}'}) RETURN n.body`);
    expect(await found('one')).toEqual([['one']]);
    await server.call('PATCH', `${NODES}/note`, { properties: { body: { $text: 'two' } } });
    expect(await found('one')).toEqual([]);
    expect(await found('two')).toEqual([['two']]);
  });

  test('plain string, null, delete -> no text any more; made again -> another one', async () => {
    const server = await opened();
    const body = { properties: { body: { $text: 'a' } } };
    const roots = new Set<string>();
    const root = async () => {
      const { texts } = (await note(server)).json;
      if (texts !== undefined) roots.add(texts.body);
      return texts?.body;
    };
    await server.call('PUT', `${NODES}/note`, body);
    expect(await root()).toBeDefined();
    await server.call('PATCH', `${NODES}/note`, { properties: { body: 'plain' } });
    expect(await root()).toBeUndefined();
    await server.call('PATCH', `${NODES}/note`, body);
    expect(await root()).toBeDefined();
    await server.call('PATCH', `${NODES}/note`, { properties: { body: null } });
    expect((await note(server)).json.properties).toEqual({});
    await server.call('PATCH', `${NODES}/note`, body);
    expect(await root()).toBeDefined();
    await server.call('DELETE', `${NODES}/note`);
    await server.call('PUT', `${NODES}/note`, body);
    expect(await root()).toBeDefined();
    expect(roots.size).toBe(4);
  });

  test('edges, export and import, maps of the same form -> the same graph on another server', async () => {
    const server = await opened();
    const map = { $type: 'Map', _value: { $text: 'no text' } };
    await server.call('POST', '/v1/graphs/default/batch', {
      operations: [
        { op: 'createNode', id: 'note', properties: { body: { $text: 'a "b"' }, map } },
        { op: 'createEdge', id: 'e', type: 'T', from: 'note', to: 'note', properties: { why: { $text: '' } } },
        { op: 'patchEdge', id: 'e', properties: { why: { $text: 'because' } } },
      ],
    });
    const { text } = await server.call('GET', '/v1/graphs/default/export');
    expect(text).toContain('"body":{"$text":"a "b""}'.replaceAll('"b"', '\\"b\\"'));
    const other = await opened();
    const done = await other.call('POST', '/v1/graphs/default/import', text, {
      'content-type': 'application/x-ndjson',
    });
    expect(done.status).toBe(200);
    expect((await other.call('GET', '/v1/graphs/default/export')).text).toBe(text);
    const edge = (await other.call('GET', '/v1/graphs/default/edges/e')).json;
    expect(edge).toMatchObject({
      properties: { why: 'because' },
      texts: { why: expect.stringContaining('edge/e/why/') },
    });
    expect((await note(other)).json.properties.map).toEqual(map);
    // Again, and nothing changes.
    await other.call('POST', '/v1/graphs/default/import', text, { 'content-type': 'application/x-ndjson' });
    expect((await other.call('GET', '/v1/graphs/default/edges/e')).json).toEqual(edge);
  });

  test('change feed -> tells of an edit as a merge into the property', async () => {
    const server = await opened();
    await server.call('PUT', `${NODES}/note`, { properties: { body: { $text: 'a' } } });
    await server.call('PATCH', `${NODES}/note`, { properties: { body: { $text: 'ab' } } });
    const { changes } = (await server.call('GET', '/v1/graphs/default/changes')).json;
    expect(changes).toMatchObject([
      { id: 'note', change: 'create', properties: { body: 'a' } },
      { id: 'note', change: 'update', merged: ['body'] },
    ]);
  });

  test.each([
    [{ $text: 1 }, 'invalid-request'],
    [{ $text: 'x'.repeat(LIMITS.textCharsMax + 1) }, 'payload-too-large'],
    [{ $text: '\ud800' }, 'invalid-value'],
  ])('%j -> refused', async (body, code) => {
    const server = await opened();
    await server.call('PUT', `${NODES}/note`, {});
    for (const [method, url] of [
      ['POST', NODES],
      ['PATCH', `${NODES}/note`],
    ] as const) {
      expect((await server.call(method, url, { properties: { body } })).json).toMatchObject({ code, definite: true });
    }
  });
});
