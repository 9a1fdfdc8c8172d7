/** What holds for grants on every way in: graphs of the server itself, keys of others, the change feed, session channels. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { type ChannelServer, openChannelServer } from '../memory-socket.model.ts';
import { AnyToken } from './any-token.ts';
import { adminToken, parseTokenFile } from './static-tokens.ts';

const GRANTS = {
  everywhere: [{ graphs: '*', rights: ['write'] }],
  other: [{ graphs: '*', rights: ['write'] }],
  acme: [{ graphs: ['default'], scopes: ['acme'], rights: ['write'] }],
  elsewhere: [{ graphs: ['shop'], rights: ['write'] }],
};
type Name = keyof typeof GRANTS | 'admin';
const tokenOf = (name: Name): string => `token-of-${name}-0123456789`;
const headersOf = (name: Name) => ({ authorization: `Bearer ${tokenOf(name)}` });
const GRAPH = '/v1/graphs/default';

const accepted = () => {
  const tokens = Object.entries(GRANTS).map(([name, grants]) => ({ name, grants, token: tokenOf(name as Name) }));
  return { listed: [...parseTokenFile(JSON.stringify({ tokens })), adminToken(tokenOf('admin'))], web: undefined };
};

let server: ChannelServer;
beforeAll(async () => {
  server = await openChannelServer({ authenticator: new AnyToken(accepted()) });
  for (const id of ['acme!a', 'rival!x']) {
    expect((await server.call('POST', `${GRAPH}/nodes`, { id }, headersOf('admin'))).status).toBe(201);
  }
});
afterAll(() => server.close());

describe('HTTP', () => {
  test.each(['_system', '_outcomes'])(
    '%s: a grant on all graphs without `admin` -> does not reach it',
    async (name) => {
      const refused = await server.call('GET', `/v1/graphs/${name}/nodes`, undefined, headersOf('everywhere'));
      expect(refused.json).toMatchObject({ code: 'forbidden', right: 'read' });
      const admin = await server.call('GET', `/v1/graphs/${name}/nodes`, undefined, headersOf('admin'));
      expect(admin.json.code).not.toBe('forbidden');
    },
  );

  test('Idempotency-Key of somebody else, with the same request -> not his answer', async () => {
    const create = (name: Name) =>
      server.call('POST', `${GRAPH}/nodes`, { id: 'once' }, { ...headersOf(name), 'idempotency-key': 'k' });
    expect((await create('everywhere')).status).toBe(201);
    expect((await create('everywhere')).headers['idempotency-replayed']).toBe('true');
    expect((await create('other')).json.code).toBe('idempotency-key-reused');
  });

  test('changes: rights in a scope -> refused; on the graph -> answered', async () => {
    const changes = (name: Name) => server.call('GET', `${GRAPH}/changes`, undefined, headersOf(name));
    expect((await changes('acme')).json).toMatchObject({ code: 'forbidden', right: 'read' });
    expect((await changes('everywhere')).status).toBe(200);
  });
});

describe('streams of changes', () => {
  test('token: is withdrawn while a stream or a long poll is open -> it ends, and says so', async () => {
    const tokenList = new AnyToken(accepted());
    const own = await openChannelServer({ authenticator: tokenList });
    const ask = (feed: string) =>
      own.call('GET', `${GRAPH}/changes?since=now&feed=${feed}`, undefined, headersOf('everywhere'));
    const [stream, poll] = [ask('sse'), ask('longpoll')];
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 20; i++) await turn();
    tokenList.replace({ listed: [adminToken(tokenOf('admin'))], web: undefined });
    own.env.advance(LIMITS.tokenLookMs);
    for (let i = 0; i < 20; i++) await turn();
    await own.call('POST', `${GRAPH}/nodes`, { id: 'secret' }, headersOf('admin'));
    for (let i = 0; i < 20; i++) await turn();
    own.env.advance(LIMITS.changeWaitMsMax);
    expect(await poll).toMatchObject({ status: 401, json: { code: 'unauthorized' } });
    for (let i = 0; i < 20; i++) await turn();
    // What it would not end by itself ends with the server.
    const closed = own.close();
    const { text } = await stream;
    expect(text).toContain('event: problem\ndata: {"type":"urn:weft:error:unauthorized"');
    expect(text).not.toContain('secret');
    await closed;
  });
});

describe('session channel', () => {
  test('no right on the graph -> refused before the upgrade, as is a wrong token', () => {
    expect(() => server.open('default', headersOf('elsewhere'))).toThrow(/lacks the right `read`/);
    expect(() => server.open('default', { authorization: 'Bearer wrong' })).toThrow(/token is wrong/);
  });

  test('rights in a scope -> kept by every operation', async () => {
    const channel = server.open('default', headersOf('acme'));
    expect(await channel.call({ id: 1, op: 'node', body: { id: 'acme!a' } })).toMatchObject({ status: 200 });
    const refused = [
      { op: 'node', body: { id: 'rival!x' } },
      { op: 'createNode', body: { id: 'rival!y' } },
      { op: 'batch', body: { operations: [{ op: 'deleteNode', id: 'rival!x' }] } },
      { op: 'query', body: { statement: 'MATCH (n) RETURN n' } },
    ];
    for (const [index, frame] of refused.entries()) {
      const { status, error } = await channel.call({ id: index + 2, ...frame });
      expect([status, error.code], frame.op).toEqual([403, 'forbidden']);
    }
  });

  test.each([
    ['is withdrawn', []],
    ['gets other rights', [{ name: 'acme', token: tokenOf('acme'), grants: GRANTS.elsewhere }]],
  ])(
    'token: %s while a channel is open -> closed with 4403; one whose token stays as it is stays open',
    async (_, tokens) => {
      const tokenList = new AnyToken(accepted());
      const own = await openChannelServer({ authenticator: tokenList });
      const [channel, other] = [own.open('default', headersOf('acme')), own.open('default', headersOf('admin'))];
      expect(await channel.call({ id: 1, op: 'createNode', body: { id: 'acme!new' } })).toMatchObject({ status: 201 });
      tokenList.replace({
        listed: [...parseTokenFile(JSON.stringify({ tokens })), adminToken(tokenOf('admin'))],
        web: undefined,
      });
      own.env.advance(LIMITS.tokenLookMs);
      await new Promise((resolve) => setImmediate(resolve));
      expect(channel.closing?.[0]).toBe(4403);
      expect(other.closing).toBeUndefined();
      await own.close();
    },
  );

  test('more requests than a second allows -> too-many-requests, as over HTTP', async () => {
    const limited = await openChannelServer({ authenticator: new AnyToken(accepted()), requestsPerSecond: 1 });
    const channel = limited.open('default', headersOf('admin'));
    const ask = async (id: number) => (await channel.call({ id, op: 'query', body: { statement: 'RETURN 1' } })).status;
    expect([await ask(1), await ask(2)]).toEqual([200, 429]);
    limited.env.advance(1000);
    expect(await ask(3)).toBe(200);
    await limited.close();
  });
});
