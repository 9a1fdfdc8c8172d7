import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

describe('graph routes', () => {
  test('default graph: a fresh server -> it exists, and no internal graph is listed', async () => {
    const graph = { name: 'default', partitions: LIMITS.partitionsDefault, restoringTypes: [] };
    expect((await server.call('GET', '/v1/graphs')).json).toEqual({ graphs: [graph] });
    expect((await server.call('GET', '/v1/graphs/default')).json).toEqual(graph);
    expect((await server.call('DELETE', '/v1/graphs/default')).json.code).toBe('graph-protected');
    expect((await server.call('PUT', '/v1/graphs/_system/nodes/x', {})).json.code).toBe('graph-protected');
  });

  test('put: new, again, with other settings -> 201, 200, 409', async () => {
    const settings = { partitions: 4, restoringTypes: ['OWNS'] };
    const created = await server.call('PUT', '/v1/graphs/g', settings);
    expect(created).toMatchObject({ status: 201, json: { name: 'g', ...settings } });
    expect(created.headers.location).toBe('/v1/graphs/g');
    const again = await server.call('PUT', '/v1/graphs/g', created.json);
    expect(again).toMatchObject({ status: 200, json: created.json });
    expect(await server.call('PUT', '/v1/graphs/g')).toMatchObject({ status: 200, json: created.json });
    expect((await server.call('PUT', '/v1/graphs/g', { partitions: 5 })).json).toMatchObject({
      status: 409,
      code: 'graph-exists',
    });
  });

  test('put: no majority any more once the graph is made -> what is said of its quota does not mean that nothing happened', async () => {
    const changePolicy = async () => {
      throw new WeftError('quorum-unavailable', 'no majority', { outcome: 'none' });
    };
    const engine = new Proxy(server.engine, {
      get(target, name) {
        if (name === 'changePolicy') return changePolicy;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const cut = await openTestServer({ engine });
    const first = await cut.call('PUT', '/v1/graphs/half', { quota: { elements: 5 } });
    expect(first.json).toMatchObject({ code: 'quorum-indeterminate', definite: false, outcome: 'indeterminate' });
    expect((await cut.call('GET', '/v1/graphs/half')).status).toBe(200);
    const again = await cut.call('PUT', '/v1/graphs/half', { quota: { elements: 5 } });
    expect(again.json).toMatchObject({ code: 'quorum-unavailable', definite: true, outcome: 'none' });
    await cut.close();
    await server.call('DELETE', '/v1/graphs/half');
  });

  test('put: a name of any Unicode -> decoded once, listed, deleted', async () => {
    const name = 'a/b ?#% ä';
    const url = `/v1/graphs/${encodeURIComponent(name)}`;
    expect((await server.call('PUT', url)).json.name).toBe(name);
    const node = await server.call('POST', `${url}/nodes`, { id: 'x/y' });
    expect(node.headers.location).toBe(`${url}/nodes/x%2Fy`);
    expect((await server.call('GET', '/v1/graphs')).text).toContain(JSON.stringify(name));
    expect((await server.call('DELETE', url)).status).toBe(204);
    expect((await server.call('GET', url)).json.code).toBe('graph-not-found');
    expect((await server.call('GET', `${url}/nodes/x%2Fy`)).json.code).toBe('graph-not-found');
    expect((await server.call('DELETE', url)).json.code).toBe('graph-not-found');
  });

  test.each([
    [{ partitions: 0 }, 'partitions'],
    [{ partitions: 1.5 }, 'partitions'],
    [{ partitions: '4' }, 'partitions'],
    [{ partitions: LIMITS.partitionsMax + 1 }, 'partitions'],
    [{ restoringTypes: 'OWNS' }, 'restoringTypes'],
    [{ partition: 4 }, 'partition'],
    [{ name: 'other' }, 'name'],
  ])('put: settings %o -> 400 that names %s', async (settings, field) => {
    expect((await server.call('PUT', '/v1/graphs/bad', settings)).json).toMatchObject({ status: 400, field });
  });
});
