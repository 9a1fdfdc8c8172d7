import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Graph } from '../../src/engine-port.ts';
import { RunningQueries } from '../running-queries.ts';
import { openTestServer, type TestServer } from '../server.model.ts';
import { AnyToken } from './any-token.ts';
import { tokenDigest } from './authenticator.ts';
import { mayDo } from './authorise.ts';
import { guarded } from './guarded-graph.ts';
import { parseGrants } from './parse-grants.ts';
import { principalOf } from './principal.ts';
import { adminToken, parseTokenFile } from './static-tokens.ts';
import { parseKeyFile, type WebTokenOptions } from './web-tokens.ts';

const ALL = '*';
const GRANTS = {
  reader: [{ graphs: ['shop'], rights: ['read'] }],
  acme: [{ graphs: ['shop'], scopes: ['acme'], rights: ['write'] }],
  // Reads everything, writes in one scope.
  clerk: [
    { graphs: ['shop'], rights: ['read'] },
    { graphs: ['shop'], scopes: ['acme'], rights: ['write'] },
  ],
  writer: [{ graphs: ['shop'], rights: ['write'] }],
  architect: [{ graphs: ['shop'], rights: ['schema'] }],
  owner: [{ graphs: ['shop'], rights: ['admin'] }],
  prometheus: [{ graphs: ALL, rights: ['observe'] }],
  nobody: [],
};
type Name = keyof typeof GRANTS | 'admin';
const tokenOf = (name: Name): string => `token-of-${name}-0123456789`;
const SHOP = '/v1/graphs/shop';

let server: TestServer;
beforeAll(async () => {
  const file = {
    tokens: Object.entries(GRANTS).map(([name, grants], index) => ({
      name,
      grants,
      ...(index % 2 === 0
        ? { token: tokenOf(name as Name) }
        : { sha256: tokenDigest(tokenOf(name as Name)).toString('hex') }),
    })),
  };
  const listed = [...parseTokenFile(JSON.stringify(file)), adminToken(tokenOf('admin'))];
  server = await openTestServer({ authenticator: new AnyToken({ listed, web: undefined }) });
  await as('admin', 'PUT', SHOP, { partitions: 4 });
  const operations = [
    ...['acme!a', 'acme!b', 'rival!x', 'shared'].map((id) => ({ op: 'createNode', id, labels: ['N'] })),
    { op: 'createEdge', id: 'inside', type: 'T', from: 'acme!a', to: 'acme!b' },
    { op: 'createEdge', id: 'across', type: 'T', from: 'acme!a', to: 'rival!x' },
    { op: 'createEdge', id: 'foreign', type: 'T', from: 'rival!x', to: 'rival!x' },
  ];
  expect((await as('admin', 'POST', `${SHOP}/batch`, { operations })).status).toBe(200);
});
afterAll(() => server.close());

const as = (name: Name, method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: unknown) =>
  server.call(method, url, body, { authorization: `Bearer ${tokenOf(name)}` });
const query = (name: Name, statement: string) => as(name, 'POST', `${SHOP}/query`, { statement });
const ids = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);

describe('rights', () => {
  test.each<[Name, Parameters<typeof as>[1], string, unknown, string]>([
    ['nobody', 'GET', `${SHOP}/nodes/shared`, undefined, 'read'],
    ['nobody', 'GET', SHOP, undefined, 'read'],
    // Whether the graph exists is not told.
    ['nobody', 'GET', '/v1/graphs/absent', undefined, 'read'],
    ['reader', 'GET', '/v1/graphs/_system/nodes', undefined, 'read'],
    ['prometheus', 'GET', '/v1/graphs/_outcomes/nodes', undefined, 'read'],
    ['reader', 'POST', `${SHOP}/nodes`, { id: 'new' }, 'write'],
    ['reader', 'PATCH', `${SHOP}/nodes/shared`, { properties: { a: 1 } }, 'write'],
    ['reader', 'DELETE', `${SHOP}/edges/inside`, undefined, 'write'],
    ['reader', 'POST', `${SHOP}/query`, { statement: 'CREATE (:N)' }, 'write'],
    ['reader', 'POST', `${SHOP}/query`, { statements: [{ statement: 'CREATE (:N)' }] }, 'write'],
    ['writer', 'POST', `${SHOP}/query`, { statement: 'CREATE INDEX i FOR (n:N) ON (n.a)' }, 'schema'],
    ['architect', 'POST', `${SHOP}/nodes`, { id: 'new' }, 'write'],
    ['writer', 'POST', `${SHOP}/integrity`, undefined, 'admin'],
    ['writer', 'DELETE', SHOP, undefined, 'admin'],
    ['owner', 'PUT', '/v1/graphs/other', {}, 'read'],
    ['owner', 'GET', '/metrics', undefined, 'observe'],
    ['owner', 'GET', '/v1/cluster', undefined, 'observe'],
  ])('%s: %s %s -> 403 with the right that is missing', async (name, method, url, body, right) => {
    const answer = await as(name, method, url, body);
    expect(answer.json).toMatchObject({ status: 403, code: 'forbidden', definite: true, right });
  });

  test('what the grants allow -> done', async () => {
    expect((await as('reader', 'GET', `${SHOP}/nodes/shared`)).status).toBe(200);
    expect((await query('reader', 'MATCH (n) RETURN count(n)')).json.data.values).toEqual([[4]]);
    expect((await query('clerk', 'MATCH (n) RETURN count(n)')).status).toBe(200);
    expect((await query('architect', 'CREATE INDEX i FOR (n:N) ON (n.a)')).status).toBe(200);
    expect((await as('owner', 'POST', `${SHOP}/integrity`)).status).toBe(200);
    expect((await as('prometheus', 'GET', '/metrics')).status).toBe(200);
    expect((await as('prometheus', 'GET', '/v1/cluster')).status).toBe(200);
  });

  test('list of graphs -> those that one has rights on', async () => {
    const listOf = async (name: Name) =>
      (await as(name, 'GET', '/v1/graphs')).json.graphs.map((graph: { readonly name: string }) => graph.name);
    expect(await listOf('acme')).toEqual(['shop']);
    expect(await listOf('nobody')).toEqual([]);
    expect(await listOf('admin')).toEqual(['default', 'shop']);
  });

  test('every route of the reference: a principal without grants -> sees and does nothing', async () => {
    const { paths } = (await as('admin', 'GET', '/openapi.json')).json;
    const open: string[] = [];
    for (const [path, methods] of Object.entries<Record<string, { readonly security?: readonly object[] }>>(paths)) {
      for (const [method, { security }] of Object.entries(methods)) {
        if (security?.length === 0 || method === 'head') continue;
        const url = path.replace('{graph}', 'shop').replace(/\{\w+\}/g, 'shared');
        const body = path.endsWith('/import') || method === 'get' || method === 'delete' ? undefined : {};
        const answer = await as('nobody', method.toUpperCase() as 'GET', url, body);
        if (answer.status !== 403) open.push(`${method} ${path} ${answer.status}`);
      }
    }
    expect(open.sort()).toEqual([
      'delete /v1/queries/{id} 404',
      'get /v1/graphs 200',
      'get /v1/queries 200',
      'get /v1/queries/{id} 404',
    ]);
  });

  test('queries of others -> neither listed nor cancelled', async () => {
    expect((await as('nobody', 'GET', '/v1/queries')).json.queries).toEqual([]);
  });
});

describe('scopes', () => {
  test('reads -> what lies elsewhere does not exist', async () => {
    expect(ids((await as('acme', 'GET', `${SHOP}/nodes`)).json.nodes)).toEqual(['acme!a', 'acme!b']);
    expect(ids((await as('acme', 'GET', `${SHOP}/nodes?limit=1`)).json.nodes)).toEqual(['acme!a']);
    expect(ids((await as('acme', 'GET', `${SHOP}/nodes/acme!a/edges`)).json.edges)).toEqual(['inside']);
    expect(ids((await as('acme', 'GET', `${SHOP}/nodes/acme!a/neighbors`)).json.nodes)).toEqual(['acme!b']);
    const lines = (await as('acme', 'GET', `${SHOP}/export`)).text.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).id).sort()).toEqual(['acme!a', 'acme!b', 'inside']);
  });

  test('edge that touches another scope -> answered as one that is not there', async () => {
    const absent = (await as('acme', 'GET', `${SHOP}/edges/absent`)).json;
    for (const id of ['across', 'foreign']) {
      const { traceId, ...answer } = (await as('acme', 'GET', `${SHOP}/edges/${id}`)).json;
      expect(JSON.stringify(answer)).toBe(JSON.stringify({ ...absent, traceId: undefined }).replaceAll('absent', id));
    }
  });

  test.each<[string, Parameters<typeof as>[1], string, unknown]>([
    ['a node of another scope', 'GET', `${SHOP}/nodes/rival!x`, undefined],
    ['a node without a scope', 'GET', `${SHOP}/nodes/shared`, undefined],
    ['a node of another scope that does not exist', 'GET', `${SHOP}/nodes/rival!absent`, undefined],
    ['a walk beyond neighbours', 'GET', `${SHOP}/nodes/acme!a/neighbors?depth=2`, undefined],
    ['a path', 'GET', `${SHOP}/paths/shortest?from=acme!a&to=acme!b`, undefined],
    ['a digest', 'GET', `${SHOP}/digest`, undefined],
    ['an integrity report', 'GET', `${SHOP}/integrity`, undefined],
    ['a query', 'POST', `${SHOP}/query`, { statement: 'RETURN 1' }],
    ['a node whose id the server makes', 'POST', `${SHOP}/nodes`, {}],
    ['a write elsewhere', 'PUT', `${SHOP}/nodes/rival!x`, {}],
    ['an edge to elsewhere', 'POST', `${SHOP}/edges`, { type: 'T', from: 'acme!a', to: 'rival!x' }],
    ['an edge from elsewhere', 'POST', `${SHOP}/edges`, { type: 'T', from: 'rival!x', to: 'acme!a' }],
    ['a node together with an edge to elsewhere', 'DELETE', `${SHOP}/nodes/acme!a?detach=true`, undefined],
  ])('%s -> refused', async (_what, method, url, body) => {
    const { status, json } = await as('acme', method, url, body);
    expect([status, json.code]).toEqual([403, 'forbidden']);
  });

  test('change of an edge that touches another scope -> as if it were not there', async () => {
    for (const id of ['across', 'foreign']) {
      expect((await as('acme', 'DELETE', `${SHOP}/edges/${id}`)).status).toBe(404);
      expect((await as('acme', 'PATCH', `${SHOP}/edges/${id}`, { properties: { a: 1 } })).status).toBe(404);
    }
    // Whoever sees it learns what is missing.
    expect((await as('clerk', 'DELETE', `${SHOP}/edges/across`)).json).toMatchObject({
      right: 'write',
      scope: 'rival',
    });
  });

  test('deletion of a node with edges -> how many it has is told only to who sees all of them', async () => {
    const { id, edges } = (await as('writer', 'DELETE', `${SHOP}/nodes/acme!a`)).json;
    expect([id, edges]).toEqual(['acme!a', 2]);
    const operations = [{ op: 'deleteNode', id: 'acme!a' }];
    for (const answer of [
      await as('acme', 'DELETE', `${SHOP}/nodes/acme!a`),
      await as('acme', 'POST', `${SHOP}/batch`, { operations }),
    ]) {
      expect(answer.json).toMatchObject({ code: 'node-has-edges', id: 'acme!a', detail: 'node `acme!a` has edges' });
      expect(answer.json.edges).toBeUndefined();
    }
  });

  test('batch with one operation elsewhere -> refused as a whole', async () => {
    const operations = [
      { op: 'createNode', id: 'acme!new' },
      { op: 'createNode', id: 'rival!new' },
    ];
    const answer = await as('acme', 'POST', `${SHOP}/batch`, { operations });
    expect(answer.json).toMatchObject({ code: 'forbidden', right: 'write', graph: 'shop', scope: 'rival' });
    expect((await as('acme', 'GET', `${SHOP}/nodes/acme!new`)).status).toBe(404);
  });

  test('own scope -> edges made, changed and deleted in one batch', async () => {
    const operations = [
      { op: 'createNode', id: 'acme!c' },
      { op: 'createEdge', id: 'made', type: 'T', from: 'acme!a', to: 'acme!c' },
      { op: 'patchEdge', id: 'made', properties: { since: 1 } },
      { op: 'deleteEdge', id: 'made' },
      { op: 'deleteNode', id: 'acme!c', detach: true },
    ];
    expect((await as('acme', 'POST', `${SHOP}/batch`, { operations })).status).toBe(200);
  });

  test('import -> stops at the first line elsewhere; with onError=continue the others are applied', async () => {
    const lines = ['acme!i1', 'rival!i', 'acme!i2'].map((id) => JSON.stringify({ type: 'node', id })).join('\n');
    const load = (parameters: string) =>
      server.call('POST', `${SHOP}/import${parameters}`, lines, {
        authorization: `Bearer ${tokenOf('acme')}`,
        'content-type': 'application/x-ndjson',
      });
    expect((await load('')).json).toMatchObject({ code: 'invalid-import-line', line: 2, applied: { nodes: 1 } });
    expect((await load('?onError=continue')).json).toMatchObject({ nodes: 2, failed: 1 });
    expect((await as('admin', 'GET', `${SHOP}/nodes/rival!i`)).status).toBe(404);
    for (const id of ['acme!i1', 'acme!i2']) await as('acme', 'DELETE', `${SHOP}/nodes/${id}`);
  });

  test('import that ends in its middle, with a line elsewhere before that -> told with its place among all lines', async () => {
    const error = new WeftError('partition-recovering', 'damaged');
    const load: Graph['load'] = async () => ({ applied: 1, failures: [], ended: { at: 1, error } });
    const graph = guarded(
      { description: { name: 'shop' }, load } as Graph,
      principalOf('acme', parseGrants(GRANTS.acme, 'grants')),
    );
    const put = (id: string): Operation => ({ op: 'putNode', id: id as NodeId, labels: [], properties: {} });
    const lines = ['rival!i', 'acme!i1', 'rival!j', 'acme!i2'].map(put);
    const { applied, failures, ended } = await graph.load(lines, { stopAtFirst: false });
    expect([applied, failures.map(({ index }) => index), ended]).toEqual([1, [0, 2], { at: 3, error }]);
  });

  test('statement that writes, of one who writes in a scope only -> refused', async () => {
    expect((await query('clerk', 'CREATE (:N)')).json).toMatchObject({ code: 'forbidden', right: 'write' });
  });

  test('id with the scope later in the text -> not of the scope', () => {
    const acme = principalOf('acme', parseGrants(GRANTS.acme, 'grants'));
    expect(mayDo(acme, 'write', { graph: 'shop', scope: 'acme' })).toBe(true);
    expect(mayDo(acme, 'write', { graph: 'shop', scope: 'acm' })).toBe(false);
    expect(mayDo(acme, 'write', { graph: 'shop' })).toBe(false);
    expect(mayDo(acme, 'write', { graph: 'shop2', scope: 'acme' })).toBe(false);
    expect(mayDo(acme, 'admin', { graph: 'shop', scope: 'acme' })).toBe(false);
  });
});

describe('audit log', () => {
  test('administration and refusals -> one event each, without secrets', async () => {
    const before = server.logged.length;
    await as('owner', 'POST', `${SHOP}/integrity`);
    await as('reader', 'POST', `${SHOP}/nodes`, { id: 'private' });
    await server.call('GET', SHOP, undefined, { authorization: 'Bearer a-wrong-token' });
    await query('architect', 'SHOW INDEXES');
    await query('architect', 'DROP INDEX i IF EXISTS');
    await as('reader', 'GET', `${SHOP}/nodes/shared`);
    const events = server.logged.slice(before).filter(([, message]) => message === 'audit');
    expect(events.map(([, , fields]) => [fields?.principal, fields?.action, fields?.outcome])).toEqual([
      ['owner', 'POST /v1/graphs/:graph/integrity', 'done'],
      ['reader', 'POST /v1/graphs/:graph/nodes', 'denied'],
      [null, 'GET /v1/graphs/:graph', 'denied'],
      ['architect', 'schema statement', 'attempted'],
    ]);
    expect(JSON.stringify(server.logged)).not.toMatch(/token-of|a-wrong-token|private/);
  });
});

test.each([
  ['PUT /v1/graphs/:graph', 'PUT', '/v1/graphs/audited', 'done'],
  ['PATCH /v1/graphs/:graph', 'PATCH', '/v1/graphs/audited', 'done'],
  ['DELETE /v1/graphs/:graph', 'DELETE', '/v1/graphs/audited', 'done'],
  ['POST /v1/backup', 'POST', '/v1/backup', 'done'],
  ['DELETE /v1/backup/holds/:name', 'DELETE', '/v1/backup/holds/nightly', 'done'],
  ['DELETE /v1/queries/:id', 'DELETE', '/v1/queries/12', 'failed'],
] as const)('an act of administration [%s] -> stands in the audit log', async (action, method, url, outcome) => {
  const before = server.logged.length;
  await as('admin', method, url, method === 'PATCH' ? { expiresAfterMs: 60_000 } : method === 'POST' ? {} : undefined);
  const events = server.logged.slice(before).filter(([, message]) => message === 'audit');
  expect(events.map(([, , fields]) => [fields?.principal, fields?.action, fields?.outcome])).toEqual([
    ['admin', action, outcome],
  ]);
});

describe('token file', () => {
  test.each([
    ['no JSON', '{', /not JSON/],
    ['no list', '{"tokens": {}}', /list/],
    ['an unknown field', '{"tokens": [{"name": "a", "token": "0123456789abcdef", "grants": [], "role": 1}]}', /`role`/],
    ['a short token', '{"tokens": [{"name": "a", "token": "hunter2", "grants": []}]}', /16/],
    [
      'a misspelt right',
      '{"tokens": [{"name": "a", "token": "0123456789abcdef", "grants": [{"graphs": "*", "rights": ["raed"]}]}]}',
      /`raed`/,
    ],
    [
      'a scope with its mark',
      '{"tokens": [{"name": "a", "token": "0123456789abcdef", "grants": [{"graphs": "*", "scopes": ["a!"], "rights": ["read"]}]}]}',
      /scope/,
    ],
    [
      'both forms',
      `{"tokens": [{"name": "a", "token": "0123456789abcdef", "sha256": "${'0'.repeat(64)}", "grants": []}]}`,
      /one of/,
    ],
  ])('%s -> refused with where, never with the token', (_what, text, message) => {
    let error: unknown;
    try {
      parseTokenFile(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toMatch(/hunter2|0123456789abcdef/);
  });
});

describe('JSON Web Tokens', () => {
  const SECRET = Buffer.alloc(32, 7);
  const CLAIMS = { weft: [{ graphs: ['default'], rights: ['read'] }] };
  let web: TestServer;
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  let options: WebTokenOptions;
  let nowS = 0;

  beforeAll(async () => {
    pair = await generateKeyPair('EdDSA', { extractable: true });
    const keys = await parseKeyFile(
      JSON.stringify({
        keys: [
          { kty: 'oct', alg: 'HS256', kid: 'shared', k: SECRET.toString('base64url') },
          { ...(await exportJWK(pair.publicKey)), alg: 'EdDSA', kid: 'signer' },
        ],
      }),
    );
    let clock = { wallMs: () => 0, monotonicMs: () => 0 };
    options = {
      keys,
      issuer: 'issuer',
      audience: 'weft',
      clock: { wallMs: () => clock.wallMs(), monotonicMs: () => 0 },
    };
    const authenticator = new AnyToken({ listed: [], web: options });
    web = await openTestServer({ authenticator });
    clock = web.env.clock;
    nowS = Math.floor(clock.wallMs() / 1000);
  });
  afterAll(() => web.close());

  const signed = (claims: object, alg: 'HS256' | 'EdDSA' = 'HS256', header: object = {}) =>
    new SignJWT({ ...CLAIMS, ...claims })
      .setProtectedHeader({ alg, ...header })
      .setSubject('alice')
      .setIssuer('issuer')
      .setAudience('weft')
      .setExpirationTime(nowS + 60);
  const read = async (token: string) =>
    (await web.call('GET', '/v1/graphs/default', undefined, { authorization: `Bearer ${token}` })).status;

  test('shared secret, public key, with and without the id of the key -> taken, also the second time', async () => {
    for (const token of [
      await signed({}).sign(SECRET),
      await signed({}, 'HS256', { kid: 'shared' }).sign(SECRET),
      await signed({}, 'EdDSA').sign(pair.privateKey),
      await signed({}, 'EdDSA', { kid: 'signer' }).sign(pair.privateKey),
    ]) {
      expect([await read(token), await read(token)]).toEqual([200, 200]);
    }
  });

  test('rights of the claim -> kept', async () => {
    const authorization = `Bearer ${await signed({}).sign(SECRET)}`;
    const answer = await web.call('POST', '/v1/graphs/default/nodes', {}, { authorization });
    expect(answer.json).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('alice'), right: 'write' });
  });

  test('`sub` is the name of a listed token -> another principal all the same: of rates, running queries and keys', async () => {
    const tokens = [
      { name: 'alice', token: 'the-listed-token-of-alice', grants: [{ graphs: ALL, rights: ['write'] }] },
    ];
    const authenticator = new AnyToken({ listed: parseTokenFile(JSON.stringify({ tokens })), web: options });
    const both = await openTestServer({ authenticator, requestsPerSecond: 1 });
    const ask = async (token: string, key: string) =>
      both.call(
        'POST',
        '/v1/graphs/default/nodes',
        { id: 'n' },
        { authorization: `Bearer ${token}`, 'idempotency-key': key },
      );
    const claims = { weft: [{ graphs: ['default'], rights: ['write'] }] };
    const token = await signed(claims).sign(SECRET);
    expect((await ask('the-listed-token-of-alice', 'k')).status).toBe(201);
    expect((await ask(token, 'k')).json.code).toBe('idempotency-key-reused');
    const running = new RunningQueries(both.env.clock);
    const [listed, web] = [
      await authenticator.authenticate('the-listed-token-of-alice'),
      await authenticator.authenticate(token),
    ];
    expect([listed.name, web.name]).toEqual(['alice', 'alice']);
    running.begin('default', listed, 'RETURN 1');
    expect([running.list(listed).length, running.list(web).length]).toEqual([1, 0]);
    await both.close();
  });

  test('signed by somebody else, expired, for others, without an end, of no algorithm -> 401', async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(
      JSON.stringify({ ...CLAIMS, sub: 'a', iss: 'issuer', aud: 'weft', exp: nowS + 60 }),
    ).toString('base64url')}.`;
    const publicBytes = Buffer.from(JSON.stringify(await exportJWK(pair.publicKey)));
    for (const token of [
      await signed({}).sign(Buffer.alloc(32, 8)),
      await signed({})
        .setExpirationTime(nowS - 1)
        .sign(SECRET),
      await signed({})
        .setNotBefore(nowS + 30)
        .sign(SECRET),
      await signed({}).setIssuer('other').sign(SECRET),
      await signed({}).setAudience('other').sign(SECRET),
      await signed({}, 'HS256', { kid: 'signer' }).sign(SECRET),
      await signed({}, 'HS256', { kid: 'signer' }).sign(publicBytes),
      await signed({ weft: [{ graphs: '*', rights: ['everything'] }] }).sign(SECRET),
      await signed({ weft: undefined }).sign(SECRET),
      await new SignJWT(CLAIMS)
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('a')
        .setIssuer('issuer')
        .setAudience('weft')
        .sign(SECRET),
      unsigned,
      `${unsigned}x`,
      'a.b.c',
    ]) {
      expect(await read(token), token).toBe(401);
    }
  });

  test('remembered token -> refused once it has expired', async () => {
    const token = await signed({})
      .setExpirationTime(nowS + 5)
      .sign(SECRET);
    expect(await read(token)).toBe(200);
    web.env.advance(6_000);
    expect(await read(token)).toBe(401);
  });

  test.each([
    ['a short secret', { kty: 'oct', alg: 'HS256', k: 'AAAA' }, /32 bytes/],
    ['no algorithm', { kty: 'oct', k: SECRET.toString('base64url') }, /alg/],
    ['an algorithm that does not fit', { kty: 'oct', alg: 'EdDSA', k: SECRET.toString('base64url') }, /fit/],
    ['a damaged key', { kty: 'OKP', alg: 'EdDSA', crv: 'Ed25519', x: 'AAAA' }, /valid/],
  ])('key file with %s -> refused', async (_what, key, message) => {
    await expect(parseKeyFile(JSON.stringify({ keys: [key] }))).rejects.toThrow(message);
  });
});

describe('rate limits', () => {
  test('more requests than a second allows -> 429 with when to come back; the next second is open again', async () => {
    const listed = [
      adminToken(tokenOf('admin')),
      ...parseTokenFile(
        JSON.stringify({
          tokens: [{ name: 'other', token: tokenOf('reader'), grants: [{ graphs: ALL, rights: ['read'] }] }],
        }),
      ),
    ];
    const limited = await openTestServer({
      authenticator: new AnyToken({ listed, web: undefined }),
      requestsPerSecond: 2,
    });
    const ask = (name: Name) =>
      limited.call('GET', '/v1/graphs', undefined, { authorization: `Bearer ${tokenOf(name)}` });
    expect([(await ask('admin')).status, (await ask('admin')).status]).toEqual([200, 200]);
    const refused = await ask('admin');
    expect(refused.json).toMatchObject({ code: 'too-many-requests', definite: true, limit: 'requests per second' });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await ask('reader')).status).toBe(200);
    limited.env.advance(500);
    expect([(await ask('admin')).status, (await ask('admin')).status]).toEqual([200, 429]);
    expect((await limited.call('GET', '/livez')).status).toBe(200);
    await limited.close();
  });
});

test('answers -> say that they are data; the page at /docs has a policy of its own', async () => {
  for (const url of ['/v1/graphs', '/livez', '/nowhere']) {
    const { headers } = await as('admin', 'GET', url);
    expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
  const page = await as('admin', 'GET', '/docs/');
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
});
