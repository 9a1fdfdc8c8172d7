import { expect, test } from 'vitest';
import { openTestServer } from '../api/server.model.ts';
import { testEnv } from '../src/test-env.model.ts';
import { MachinePressure, machineOf } from './machine-pressure.ts';

const MEGABYTE = 2 ** 20;
const NODES = '/v1/graphs/default/nodes';

async function served() {
  const heap = { usedBytes: 0, limitBytes: 1000 };
  const resident = { usedBytes: 0, limitBytes: 1000 };
  const disk = { freeBytes: 1000 * MEGABYTE, sizeBytes: 10_000 * MEGABYTE };
  const pressure = new MachinePressure(testEnv(), {
    heap: () => heap,
    resident: () => resident,
    disk: async () => disk,
  });
  const server = await openTestServer({ pressure });
  await server.call('POST', NODES, { id: 'a' });
  /** What a read is answered once memory was looked at. */
  const read = async () => {
    await pressure.look();
    return (await server.call('GET', `${NODES}/a`)).status;
  };
  return { heap, resident, disk, pressure, server, read };
}

test('memory: nearly full -> requests for graphs are turned away until there is more than enough again', async () => {
  const { heap, pressure, server, read } = await served();
  heap.usedBytes = 915;
  expect(await read()).toBe(200);
  heap.usedBytes = 930;
  await pressure.look();
  const refused = await server.call('GET', `${NODES}/a`);
  expect(refused.json).toMatchObject({
    status: 503,
    code: 'overloaded',
    definite: true,
    retryable: true,
    limit: 'memory',
  });
  expect(refused.headers['retry-after']).toBe('2');
  expect((await server.call('GET', '/metrics')).status).toBe(200);
  expect((await server.call('GET', '/readyz')).json).toMatchObject({ ready: false, canRead: false });
  heap.usedBytes = 915;
  expect(await read()).toBe(503);
  heap.usedBytes = 800;
  expect(await read()).toBe(200);
  await server.close();
});

test('memory: the container is nearly full though the heap is not -> turned away until both have room', async () => {
  const { heap, resident, server, read } = await served();
  resident.usedBytes = 930;
  expect(await read()).toBe(503);
  resident.usedBytes = 800;
  heap.usedBytes = 915;
  expect(await read()).toBe(503);
  heap.usedBytes = 800;
  expect(await read()).toBe(200);
  const measured = machineOf('.').resident();
  expect(measured.usedBytes).toBeGreaterThan(MEGABYTE);
  expect(measured.limitBytes).toBeGreaterThan(measured.usedBytes);
  await server.close();
});

test('disk: nearly full -> read-only, said by every write and by readiness; space returns -> writes again', async () => {
  const { disk, pressure, server } = await served();
  disk.freeBytes = 60 * MEGABYTE;
  await pressure.look();
  const query = (statement: string) => server.call('POST', '/v1/graphs/default/query', { statement });
  for (const refused of [
    await server.call('POST', NODES, { id: 'b' }),
    await server.call('DELETE', `${NODES}/a`),
    await server.call('POST', '/v1/graphs/default/batch', { operations: [{ op: 'createNode', id: 'b' }] }),
    await server.call('POST', '/v1/graphs/default/import', '{"type":"node","id":"b"}', {
      'content-type': 'application/x-ndjson',
    }),
    await server.call('POST', '/v1/graphs/default/integrity'),
    await server.call('PUT', '/v1/graphs/other', {}),
    await query('CREATE (:N)'),
    await query('CREATE INDEX i FOR (n:N) ON (n.a)'),
  ]) {
    expect(refused.json, refused.text).toMatchObject({ status: 503, code: 'disk-full', definite: true });
  }
  expect((await query('MATCH (n) RETURN count(n)')).json.data.values).toEqual([[1]]);
  expect((await server.call('GET', '/readyz')).json).toMatchObject({ ready: false, canRead: true, canWrite: false });
  expect((await server.call('GET', '/readyz/read')).status).toBe(200);
  disk.freeBytes = 100 * MEGABYTE;
  await pressure.look();
  expect((await server.call('POST', NODES, { id: 'b' })).status).toBe(201);
  await server.close();
});

test('machine: measured -> numbers of this process and of the folder', async () => {
  const machine = machineOf('.');
  const { usedBytes, limitBytes } = machine.heap();
  expect(usedBytes).toBeLessThan(limitBytes);
  const { freeBytes, sizeBytes } = await machine.disk();
  expect(freeBytes).toBeLessThanOrEqual(sizeBytes);
});
