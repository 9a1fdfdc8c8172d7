import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DOCUMENTED_ERRORS } from '../base/error-docs.ts';
import type { ErrorCode } from '../base/errors.ts';
import { FaultyTransport } from '../src/replication/faulty-transport.ts';
import { memoryNetwork } from '../src/replication/memory-network.model.ts';
import { openTestServer, type TestServer } from './server.model.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
  readonly security?: readonly object[];
  readonly 'x-errors': readonly ErrorCode[];
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly enum?: readonly string[] }>> };
  readonly 'x-errors': unknown;
}

let server: TestServer;
let document: Document;
beforeAll(async () => {
  const { env, transport } = memoryNetwork();
  server = await openTestServer({
    linkFaults: new FaultyTransport(transport('http://a'), { env, peers: [] }),
    clockFault: { offsetMs: 0, shift: () => undefined },
  });
  document = (await server.call('GET', '/openapi.json')).json;
});
afterAll(() => server.close());

const CODES = Object.keys(DOCUMENTED_ERRORS) as ErrorCode[];

/** Codes that no request of these routes can get: they stop the server, or belong to other protocols. */
const NOT_OVER_HTTP: ReadonlySet<ErrorCode> = new Set([
  'clock-ahead',
  'unreachable',
  'answer-lost',
  'data-format',
  'data-locked',
  'data-corrupt',
  'route-not-found',
  'method-not-allowed',
  // Said by clients and offline replicas, and over their socket.
  'outside-scope',
  'storage-unavailable',
  'unreachable',
  'answer-lost',
]);

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
}

describe('openapi', () => {
  test('openapi: the routes of the design -> all described', () => {
    expect(document.openapi).toBe('3.1.0');
    const described = operations()
      .map(([name]) => name)
      .filter((name) => !name.startsWith('head '));
    const graph = '/v1/graphs/{graph}';
    expect(described.sort()).toEqual(
      [
        'get /v1/graphs',
        ...['get', 'put', 'patch', 'delete'].map((method) => `${method} ${graph}`),
        ...['get', 'post'].map((method) => `${method} ${graph}/nodes`),
        ...['get', 'put', 'patch', 'delete'].map((method) => `${method} ${graph}/nodes/{id}`),
        `get ${graph}/nodes/{id}/edges`,
        `get ${graph}/nodes/{id}/neighbors`,
        `post ${graph}/edges`,
        ...['get', 'patch', 'delete'].map((method) => `${method} ${graph}/edges/{id}`),
        `get ${graph}/paths/shortest`,
        `post ${graph}/batch`,
        `post ${graph}/import`,
        `get ${graph}/export`,
        `get ${graph}/changes`,
        `get ${graph}/digest`,
        ...['get', 'post'].map((method) => `${method} ${graph}/integrity`),
        `post ${graph}/query`,
        'post /db/{graph}/query/v2',
        'get /v1/queries',
        ...['get', 'delete'].map((method) => `${method} /v1/queries/{id}`),
        'get /v1/cluster',
        'post /v1/backup',
        'get /v1/backup/holds',
        'delete /v1/backup/holds/{name}',
        ...['put', 'delete'].map((method) => `${method} /v1/cluster/voters/{name}`),
        'get /v1/chaos/links',
        ...['put', 'delete'].map((method) => `${method} /v1/chaos/links/{peer}`),
        ...['get', 'put'].map((method) => `${method} /v1/chaos/clock`),
        'get /livez',
        'get /readyz',
        'get /readyz/read',
        'get /readyz/write-quorum',
        'get /metrics',
      ].sort(),
    );
  });

  test('errors: the table and the document -> the same codes, flags and texts', () => {
    expect(document['x-errors']).toEqual(DOCUMENTED_ERRORS);
    expect(document.components.schemas.ErrorCode?.enum).toEqual(CODES);
  });

  test('errors: every operation -> lists known codes under the status of the table', () => {
    for (const [name, operation] of operations()) {
      for (const code of operation['x-errors']) {
        const response = operation.responses[String(DOCUMENTED_ERRORS[code].status)];
        expect(response?.description, `${name}: ${code}`).toContain(`\`${code}\`: ${DOCUMENTED_ERRORS[code].doc}`);
      }
      for (const [status, response] of Object.entries(operation.responses)) {
        if (Number(status) < 400 || status === '503') continue;
        expect(Object.keys(response.content ?? {}), `${name}: ${status}`).toEqual([
          'application/problem+json',
          'application/vnd.msgpack',
        ]);
      }
    }
  });

  test('answers: each media type of queries, changes, health and errors -> described', async () => {
    const graph = '/v1/graphs/{graph}';
    const asked: readonly (readonly [method: string, route: string, status: number, accept: string, body?: object])[] =
      [
        ...['application/json', 'application/vnd.neo4j.query', 'application/jsonl', 'application/vnd.msgpack'].map(
          (accept) => ['POST', `${graph}/query`, 200, accept, { statement: 'RETURN 1' }] as const,
        ),
        ['POST', '/db/{graph}/query/v2', 200, 'application/jsonl', { statement: 'RETURN 1' }],
        ['POST', `${graph}/query`, 400, 'application/json', { statement: 'RETURN' }],
        ['POST', `${graph}/query`, 400, 'application/vnd.msgpack', { statement: 'RETURN' }],
        ['GET', '/livez', 200, 'application/json'],
        ['GET', '/livez', 200, 'application/vnd.msgpack'],
        ['GET', '/readyz', 200, 'application/vnd.msgpack'],
      ];
    for (const [method, route, status, accept, body] of asked) {
      const path = route.replace('{graph}', 'default');
      const answer = await server.call(method as 'GET', path, body, { accept });
      expect(answer.status).toBe(status);
      const type = String(answer.headers['content-type']).split(';')[0];
      const described = document.paths[route]?.[method.toLowerCase()]?.responses[String(status)]?.content ?? {};
      expect(Object.keys(described), `${method} ${route} ${status}`).toContain(type);
    }
    const changes = document.paths[`${graph}/changes`]?.get?.responses['200']?.content ?? {};
    expect(Object.keys(changes)).toContain('text/event-stream');
  });

  test('readiness: 503 in MessagePack -> what is missing, or a problem', () => {
    const content = document.paths['/readyz']?.get?.responses['503']?.content as Record<string, object>;
    const [health, problem] = ['Health', 'Problem'].map((name) => ({ $ref: `#/components/schemas/${name}` }));
    expect(content['application/vnd.msgpack']).toEqual({ schema: { anyOf: [health, problem] } });
  });

  test('errors: every code of the table -> some operation lists it', () => {
    const listed = new Set(operations().flatMap(([, operation]) => operation['x-errors']));
    const missing = CODES.filter((code) => !listed.has(code) && !NOT_OVER_HTTP.has(code));
    expect(missing).toEqual([]);
  });

  test('errors: docs/errors.md, if it is there -> the same rows as the table', () => {
    const page = new URL('../docs/errors.md', import.meta.url);
    if (!existsSync(page)) return;
    const rows = readFileSync(page, 'utf8')
      .split('\n')
      .filter((line) => /^\| `[a-z-]+` \|/.test(line));
    expect(rows).toEqual(
      CODES.map((code) => {
        const { status, definite, retryable, doc } = DOCUMENTED_ERRORS[code];
        return `| \`${code}\` | ${status} | ${definite ? 'yes' : 'no'} | ${retryable ? 'yes' : 'no'} | ${doc} |`;
      }),
    );
  });

  test('openapi: references and parameters -> all resolve, every path parameter declared', () => {
    const references = new Set(JSON.stringify(document).match(/"#\/components\/schemas\/[^"]+"/g));
    for (const reference of references) {
      const name = JSON.parse(reference).split('/').at(-1);
      expect(document.components.schemas, reference).toHaveProperty(name);
    }
    for (const [name, operation] of operations()) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map((parameter) => `{${parameter.name}}`).sort(), name).toEqual(
        (name.match(/\{\w+\}/g) ?? []).sort(),
      );
      expect(operation.summary, name).toBeTruthy();
    }
  });

  test('openapi: every call on an element that heeds a condition -> says so', async () => {
    const graph = '/v1/graphs/default';
    await server.call('PUT', `${graph}/nodes/n`, {});
    await server.call('POST', `${graph}/edges`, { id: 'e', type: 'T', from: 'n', to: 'n' });
    const edge = { type: 'T', from: 'n', to: 'n' };
    for (const [method, path, body] of [
      ['GET', 'nodes/{id}', undefined],
      ['POST', 'nodes', {}],
      ['PUT', 'nodes/{id}', {}],
      ['PATCH', 'nodes/{id}', {}],
      ['DELETE', 'nodes/{id}', undefined],
      ['GET', 'edges/{id}', undefined],
      ['POST', 'edges', edge],
      ['PATCH', 'edges/{id}', {}],
      ['DELETE', 'edges/{id}', undefined],
    ] as const) {
      const url = `${graph}/${path.replace('{id}', path.startsWith('nodes') ? 'n' : 'e')}`;
      const { json } = await server.call(method, url, body, { 'if-match': '"other"' });
      const described = document.paths[`/v1/graphs/{graph}/${path}`]?.[method.toLowerCase()];
      expect(described?.['x-errors'], `${method} ${path}`).toContain(json.code);
      expect(described?.parameters?.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['if-match', 'if-none-match']),
      );
    }
  });

  test('openapi: health -> open; everything else -> needs the token', () => {
    for (const [name, operation] of operations()) {
      const isOpen = /\/(livez|readyz)/.test(name);
      expect([name, operation.security]).toEqual([name, isOpen ? [] : undefined]);
    }
  });

  test('docs: the browsable page -> served', async () => {
    expect((await server.call('GET', '/docs')).text).toContain('Swagger UI');
    expect((await server.call('GET', '/docs/static/swagger-ui.css')).status).toBe(200);
    expect((await server.call('GET', '/docs/static/absent.js')).json.code).toBe('route-not-found');
  });
});
