import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { turns } from '../src/engine-on-disk.model.ts';
import { adminToken, StaticTokens } from './access/static-tokens.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const CHANGES = '/v1/graphs/default/changes';
const NODES = '/v1/graphs/default/nodes';
const put = (server: TestServer, id: string, properties = {}) => server.call('PUT', `${NODES}/${id}`, { properties });

/** Reads events of a stream until `count` of a name have come; the reader leaves then. */
async function eventsOf(server: TestServer, query: string, count: number, headers = {}): Promise<readonly Event[]> {
  const { port } = server.app.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${CHANGES}?feed=sse&${query}`, { headers });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const events: Event[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/s) as [string, string]),
      );
      events.push({
        event: fields.get('event') ?? '',
        id: fields.get('id'),
        data: JSON.parse(fields.get('data') ?? ''),
      });
      text = text.slice(end + 2);
    }
    if (events.filter(({ event }) => event === 'change').length >= count) break;
  }
  return events;
}

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  readonly data: any;
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 50));
const connectionsOf = (server: TestServer) =>
  new Promise<number>((resolve) => server.app.server.getConnections((_, count) => resolve(count)));

const listening = async () => {
  const server = await openTestServer();
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  return server;
};

describe('GET /v1/graphs/{g}/changes', () => {
  it('include=before, and both -> members of each change', async () => {
    const server = await openTestServer();
    await put(server, 'a', { x: 1 });
    await put(server, 'a', { x: 2 });
    const only = await server.call('GET', `${CHANGES}?include=before`);
    expect(only.json.changes.map(({ before }: { readonly before: unknown }) => before)).toEqual([
      null,
      { id: 'a', labels: [], properties: { x: 1 } },
    ]);
    expect(only.text).not.toContain('"after"');
    const both = await server.call('GET', `${CHANGES}?include=before,after`);
    expect(both.json.changes[1]).toMatchObject({ before: { properties: { x: 1 } }, after: { properties: { x: 2 } } });
    expect((await server.call('GET', CHANGES)).text).not.toMatch(/"(?:before|after)"/);
    await server.close();
  });

  it('from the beginning -> what was written, and a position to go on from', async () => {
    const server = await openTestServer();
    await put(server, 'a', { x: 1, big: 5 });
    await put(server, 'b');
    await server.call('DELETE', `${NODES}/b`);
    const first = await server.call('GET', `${CHANGES}?limit=1`);
    expect(first.status).toBe(200);
    expect(first.json).toMatchObject({
      changes: [{ kind: 'node', change: 'create', id: 'a', properties: { x: 1, big: 5 } }],
      more: true,
    });
    const rest = await server.call('GET', `${CHANGES}?include=after&since=${first.json.since}`);
    expect(rest.json).toMatchObject({
      changes: [
        { id: 'b', change: 'create', after: null },
        { id: 'b', change: 'delete', after: null },
      ],
      more: false,
    });
    expect((await server.call('GET', `${CHANGES}?since=${rest.json.since}`)).json.changes).toEqual([]);
    await server.close();
  });

  it('position, parameter or graph that is not valid; strong -> a problem that names it', async () => {
    const server = await openTestServer();
    const ask = async (query: string, headers = {}) =>
      (await server.call('GET', CHANGES + query, undefined, headers)).json;
    expect(await ask('?since=soon')).toMatchObject({ status: 400, code: 'invalid-request', field: 'since' });
    expect(await ask('?feed=sse', { 'last-event-id': 'soon' })).toMatchObject({ status: 400, field: 'since' });
    expect(await ask('?feed=fast')).toMatchObject({ status: 400, field: 'feed' });
    expect(await ask('?heartbeat=0')).toMatchObject({ status: 400, field: 'heartbeat' });
    expect(await ask('?consistency=strong')).toMatchObject({ status: 400, field: 'Consistency-Level' });
    expect((await server.call('GET', '/v1/graphs/none/changes')).json).toMatchObject({ code: 'graph-not-found' });
    await server.close();
  });

  it('longpoll: nothing yet -> answers when something comes, or nothing when its time is up', async () => {
    const server = await openTestServer();
    const { since } = (await server.call('GET', `${CHANGES}?since=now`)).json;
    const waiting = server.call('GET', `${CHANGES}?feed=longpoll&since=${since}`);
    // Another graph wakes it, and is none of its business.
    await server.call('PUT', '/v1/graphs/other');
    await server.call('PUT', '/v1/graphs/other/nodes/x', {});
    await put(server, 'a');
    expect((await waiting).json.changes).toMatchObject([{ id: 'a' }]);
    const idle = server.call('GET', `${CHANGES}?feed=longpoll&timeoutMs=5000&since=${(await waiting).json.since}`);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    server.env.advance(5001);
    expect((await idle).json).toMatchObject({ changes: [], more: false });
    await server.close();
  });

  it('sse: written before and while it is open -> one event each; from the id of an event it goes on', async () => {
    const server = await listening();
    await server.call('POST', '/v1/graphs/default/batch', {
      operations: ['a', 'b'].map((id) => ({ op: 'createNode', id })),
    });
    const open = eventsOf(server, 'include=after', 3);
    await put(server, 'c', { n: 1 });
    const events = await open;
    expect(events[0]).toMatchObject({ event: 'open', id: expect.any(String) });
    const changes = events.filter(({ event }) => event === 'change');
    expect(changes.map(({ data }) => data.id)).toEqual(['a', 'b', 'c']);
    // A commit is followed whole or not at all.
    expect(changes.map(({ id }) => id !== undefined)).toEqual([false, true, true]);
    expect(changes[2]?.data.after).toEqual({ id: 'c', labels: [], properties: { n: 1 } });
    const again = await eventsOf(server, '', 1, { 'last-event-id': changes[1]?.id ?? '' });
    expect(again.filter(({ event }) => event === 'change').map(({ data }) => data.id)).toEqual(['c']);
    await server.close();
  });

  it('sse: silence -> a heartbeat with the position, as often as was asked for', async () => {
    const server = await listening();
    await put(server, 'a');
    const { port } = server.app.server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}${CHANGES}?feed=sse&since=now&heartbeat=2000`);
    const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    const opened = (await reader.read()).value ?? '';
    expect(opened).toContain('event: open');
    await turn();
    server.env.advance(2000);
    const [position] = opened.match(/^id: .*$/m) ?? [];
    expect((await reader.read()).value).toBe(`${position}\nevent: heartbeat\ndata: {}\n\n`);
    await reader.cancel();
    await server.close();
  });

  it('sse: a reader that stops reading -> cut off, nothing more is read for it; others go on', async () => {
    const server = await listening();
    const { port } = server.app.server.address() as AddressInfo;
    const deaf = connect(port, '127.0.0.1').pause();
    deaf.on('error', () => undefined);
    deaf.write(`GET ${CHANGES}?feed=sse HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const text = 'x'.repeat(100_000);
    // More than the buffers of both sides of a connection hold.
    for (let i = 0; i < 200; i++) await put(server, `n${i}`, { text });
    await turn();
    server.env.advance(LIMITS.changeStallMsMax - 1);
    await turn();
    expect(await connectionsOf(server)).toBe(1);
    server.env.advance(1);
    await vi.waitFor(async () => expect(await connectionsOf(server)).toBe(0));
    deaf.destroy();
    expect((await eventsOf(server, 'limit=1', 2)).length).toBeGreaterThan(2);
    await server.close();
  });

  it('sse: the graph is deleted -> a problem, and the end', async () => {
    const server = await listening();
    await server.call('PUT', '/v1/graphs/g');
    const { port } = server.app.server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/v1/graphs/g/changes?feed=sse`);
    await server.call('DELETE', '/v1/graphs/g');
    expect(await answer.text()).toMatch(/event: problem\ndata: .*graph-not-found/);
    await server.close();
  });

  it.each(['longpoll', 'sse'])(
    '%s: the server stops before it waits -> it is answered, and not waited for',
    async (feed) => {
      let admit = (): void => undefined;
      let untilAdmitted: Promise<void> | undefined;
      const tokens = new StaticTokens([adminToken('secret')]);
      const authenticate = async (bearer: string | undefined) => {
        await untilAdmitted;
        return tokens.authenticate(bearer);
      };
      const server = await openTestServer({ authenticator: { authenticate } });
      const headers = { authorization: 'Bearer secret' };
      const { since } = (await server.call('GET', `${CHANGES}?since=now`, undefined, headers)).json;
      untilAdmitted = new Promise((resolve) => {
        admit = resolve;
      });
      const asking = server.call('GET', `${CHANGES}?feed=${feed}&since=${since}`, undefined, headers);
      await turns();
      const stopping = server.close();
      await turns();
      admit();
      expect((await asking).status).toBe(200);
      await stopping;
    },
  );

  it('the server stops -> open streams end, and it does not wait for them', async () => {
    const server = await listening();
    const { port } = server.app.server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}${CHANGES}?feed=sse`);
    await server.close();
    expect(await answer.text()).toContain('event: open');
  });
});
