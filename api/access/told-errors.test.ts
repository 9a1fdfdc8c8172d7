/** What a principal of one scope learns of the rest of the graph when his writes are refused. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../server.model.ts';
import { adminToken, parseTokenFile, StaticTokens } from './static-tokens.ts';

const [ADMIN, ACME] = ['token-of-the-admin-0123456789', 'token-of-acme-0123456789'];
const SHOP = '/v1/graphs/shop';

let server: TestServer;
const as = (token: string, method: 'PUT' | 'POST' | 'PATCH', url: string, body?: unknown) =>
  server.call(method, url, body, { authorization: `Bearer ${token}` });
beforeAll(async () => {
  const grants = [{ graphs: ['shop'], scopes: ['acme'], rights: ['write'] }];
  const listed = parseTokenFile(JSON.stringify({ tokens: [{ name: 'acme', token: ACME, grants }] }));
  server = await openTestServer({ authenticator: new StaticTokens([...listed, adminToken(ADMIN)]) });
  await as(ADMIN, 'PUT', SHOP);
  const statement = 'CREATE CONSTRAINT one_email FOR (n:User) REQUIRE n.email IS UNIQUE';
  await as(ADMIN, 'POST', `${SHOP}/query`, { statement });
  for (const [id, email] of Object.entries({ 'rival!secret': 'x@y', 'acme!own': 'own@y' })) {
    await as(ADMIN, 'POST', `${SHOP}/nodes`, { id, labels: ['User'], properties: { email } });
  }
});
afterAll(() => server.close());

const user = (id: string, email: unknown) => ({ id, labels: ['User'], properties: { email } });

test('a key that a node of another scope has -> refused by the constraint, without its id', async () => {
  const line = JSON.stringify({ type: 'node', ...user('acme!c', 'x@y') });
  for (const [path, body] of [
    ['nodes', user('acme!a', 'x@y')],
    ['batch', { operations: [{ op: 'createNode', ...user('acme!b', 'x@y') }] }],
    ['import?onError=continue', line],
    ['import', line],
  ] as const) {
    const { text } = await as(ACME, 'POST', `${SHOP}/${path}`, body);
    expect(text).toContain('constraint-violated');
    expect(text).toContain('one_email');
    expect(text).not.toContain('rival');
  }
});

test('a key that a node of his has -> the refusal names it', async () => {
  const { json } = await as(ACME, 'POST', `${SHOP}/nodes`, user('acme!d', 'own@y'));
  expect(json).toMatchObject({ code: 'constraint-violated', constraint: 'one_email', ids: ['acme!own'] });
});

test('the graph is full -> refused, without how much it holds; of his scope he is told', async () => {
  await as(ADMIN, 'PATCH', SHOP, { quota: { elements: 2 } });
  const full = (await as(ACME, 'POST', `${SHOP}/nodes`, { id: 'acme!e' })).json;
  expect([full.code, full.limit, full.max, full.used]).toEqual(['quota-exceeded', 'elements', 2, undefined]);
  expect(full.detail).not.toMatch(/\d/);
  expect((await as(ADMIN, 'POST', `${SHOP}/nodes`, {})).json.used).toBe(2);
  await as(ADMIN, 'PATCH', SHOP, { quota: { elements: null, scopeElements: 1 } });
  const ofScope = (await as(ACME, 'POST', `${SHOP}/nodes`, { id: 'acme!e' })).json;
  expect([ofScope.limit, ofScope.used, ofScope.scope]).toEqual(['scopeElements', 1, 'acme!']);
});
