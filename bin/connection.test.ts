import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type Connection, requestJson } from './connection.ts';
import { OperationFailed } from './exit.ts';
import { scriptOf } from './query.ts';
import { ScriptRun } from './run-script.ts';
import { readStatus } from './status.ts';

let stand: Server | undefined;

afterEach(() => {
  stand?.closeAllConnections();
  stand?.close();
});

/** Something that answers as it is told to. */
async function answering(answer: RequestListener): Promise<Connection> {
  stand = createServer(answer);
  await new Promise<void>((resolve) => stand?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(stand.address() as AddressInfo).port}` };
}

const asked = (connection: Connection): Promise<unknown> =>
  requestJson(connection, 'GET', '/v1/cluster').catch((error: unknown) => error);

it('the server goes away in the middle of its answer -> the operation failed, which is no bug', async () => {
  const connection = await answering((_request, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    answer.write('{"self":', () => answer.destroy());
  });
  const failed = await asked(connection);
  expect(failed).toBeInstanceOf(OperationFailed);
  expect(failed).toMatchObject({ message: expect.stringContaining('the answer broke off') });
});

it('a page with status 200 -> another program, not a server that has nothing to say', async () => {
  const connection = await answering((_request, answer) => {
    answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>');
  });
  const failed = await asked(connection);
  expect(failed).toBeInstanceOf(OperationFailed);
  expect(failed).toMatchObject({ message: expect.stringContaining('is no weft server') });
});

it('status: a graph is deleted while it counts -> it is left out; refused for another reason -> the operation failed', async () => {
  let code = 'graph-not-found';
  const answers: Readonly<Record<string, unknown>> = {
    '/v1/cluster': { self: { name: 'a', replicaId: 5 }, members: [], vector: {} },
    '/v1/graphs': { graphs: ['kept', 'gone', 'last'].map((name) => ({ name, partitions: 16 })) },
    '/v1/graphs/kept/integrity': { nodes: 2, edges: 1 },
    '/v1/graphs/last/integrity': { nodes: 3, edges: 0 },
  };
  const connection = await answering((request, answer) => {
    const body = answers[request.url ?? ''];
    const type = body === undefined ? 'application/problem+json' : 'application/json';
    answer.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(JSON.stringify(body ?? { code }));
  });
  expect((await readStatus(connection)).graphs).toEqual([
    { name: 'kept', partitions: 16, nodes: 2, edges: 1 },
    { name: 'last', partitions: 16, nodes: 3, edges: 0 },
  ]);
  code = 'not-found';
  await expect(readStatus(connection)).rejects.toBeInstanceOf(OperationFailed);
});

it('a graph name that a URL takes for a step within it -> refused, and nothing is asked', async () => {
  let requests = 0;
  const connection = await answering((_request, answer) => {
    requests++;
    answer.end('{}');
  });
  const script = new ScriptRun({ ...connection, graph: '..' }, {}, () => undefined);
  await expect(script.run('RETURN 1')).rejects.toMatchObject({ code: 'invalid-name' });
  expect(requests).toBe(0);
});

it('script: UTF-8, with a byte order mark, of another encoding -> its text, or refused', () => {
  expect(scriptOf(Buffer.from("RETURN 'é'"))).toBe("RETURN 'é'");
  expect(scriptOf(Buffer.from('\ufeffRETURN 1'))).toBe('RETURN 1');
  expect(() => scriptOf(Buffer.from("RETURN 'é'", 'latin1'))).toThrow('not valid UTF-8');
});
