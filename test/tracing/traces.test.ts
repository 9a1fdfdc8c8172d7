import { beforeAll, describe, expect, test } from 'vitest';
import { openTestServer } from '../../api/server.model.ts';
import type { NodeId } from '../../base/ids.ts';
import { tracedLog } from '../../bin/open-telemetry.ts';
import { DEFAULT } from '../../src/engine-on-disk.model.ts';
import { Cluster, type Server } from '../../src/replication/cluster.model.ts';
import { Recorder } from './recorder.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;

describe('a strong write over three servers', () => {
  let recorder: Recorder;
  let cluster: Cluster;
  let coordinator: string;
  let asked: Server;
  let title: string;

  beforeAll(async () => {
    recorder = new Recorder();
    cluster = new Cluster('a', 'b', 'c');
    const names = cluster.names;
    const servers = await Promise.all(names.map((name) => cluster.start(name, { tracer: recorder.tracer(name) })));
    await cluster.linked(...servers);
    await cluster.until(() => servers.every(({ engine }) => engine.quorum().votes), 'votes');
    // Whoever is not asked by itself is asked by others: the first write finds out who coordinates.
    const rounds = () => servers.find(({ engine }) => (engine.metrics().strong?.roundsTotal ?? 0) > 0)?.name;
    await cluster.during((servers[0] as Server).engine.graph(DEFAULT, 'strong').write([create('first')]));
    coordinator = rounds() ?? '';
    asked = servers.find(({ name }) => name !== coordinator) as Server;
    title = `POST /v1/graphs/:graph/nodes`;
    const span = recorder.tracer(asked.name).begin('request', { parent: SAMPLED, isRoot: true, title });
    await cluster.during(asked.engine.graph(DEFAULT, 'strong', span?.traceparent).write([create('n')]));
    span?.end();
    await cluster.converge(...servers);
  });

  test('the trace -> of one caller, with the steps of all three servers below each other', () => {
    const others = cluster.names.filter((name) => name !== coordinator);
    const ask = 'quorum.ask < request < unknown';
    const round = `quorum.round < quorum.answer < ${ask}`;
    const vote = `quorum.vote < quorum.accept < ${round}`;
    expect(recorder.tree(TRACE)).toEqual(
      [
        `${asked.name}: request < unknown`,
        `${asked.name}: ${ask}`,
        `${coordinator}: quorum.answer < ${ask}`,
        `${coordinator}: ${round}`,
        `${coordinator}: quorum.accept < ${round}`,
        ...cluster.names.map((name) => `${name}: ${vote}`),
        `${coordinator}: commit < ${round}`,
        `${coordinator}: fsync < commit < ${round}`,
        ...others.flatMap((name) => [
          `${coordinator}: replication.send < commit < ${round}`,
          `${name}: replication.apply < replication.send < commit < ${round}`,
        ]),
      ].sort(),
    );
  });

  test('what servers do by themselves -> in no trace', () => {
    expect(recorder.spans.filter(({ traceId }) => traceId !== TRACE)).toEqual([]);
  });
});

describe('requests of one server', () => {
  test('session writes at once -> each has its commit, which share one fsync', async () => {
    const recorder = new Recorder();
    const server = await openTraced(recorder);
    const posts = ['x', 'y', 'z'].map((id) => server.call('POST', '/v1/graphs/default/nodes', { id }));
    expect((await Promise.all(posts)).map(({ status }) => status)).toEqual([201, 201, 201]);
    await server.close();
    const named = (name: string) => recorder.spans.filter((span) => span.name === name);
    const parents = named('commit').map(({ parent }) => parent);
    expect(parents.sort()).toEqual(
      named('request')
        .map(({ id }) => id)
        .sort(),
    );
    const [fsync, ...more] = named('fsync');
    expect(more).toEqual([]);
    const shared = [fsync?.parent, ...(fsync?.links ?? [])];
    expect(shared.sort()).toEqual(
      named('commit')
        .map(({ id }) => id)
        .sort(),
    );
    expect(fsync?.attributes).toMatchObject({ 'weft.requests': 3 });
  });

  test('a statement, twice -> planned once, executed twice, below its request', async () => {
    const recorder = new Recorder();
    const server = await openTraced(recorder);
    const statement = 'CREATE (n:Thing) RETURN n.missing';
    for (let run = 0; run < 2; run++) await server.call('POST', '/v1/graphs/default/query', { statement });
    await server.close();
    const lines = [...new Set(recorder.spans.map(({ traceId }) => traceId))].map((id) => recorder.tree(id));
    expect(lines).toEqual([
      [
        'one: commit < request',
        'one: fsync < commit < request',
        'one: query.execute < request',
        'one: query.plan < request',
        'one: request',
      ],
      ['one: commit < request', 'one: fsync < commit < request', 'one: query.execute < request', 'one: request'],
    ]);
    const [request] = recorder.spans.filter(({ name }) => name === 'request');
    expect(request?.title).toBe('POST /v1/graphs/:graph/query');
    expect(request?.attributes).toEqual({
      'weft.span': 'request',
      'http.request.method': 'POST',
      'http.route': '/v1/graphs/:graph/query',
      'http.response.status_code': 200,
      'weft.graph': 'default',
      'weft.consistency': 'session',
    });
    expect(JSON.stringify(recorder.spans)).not.toContain('Thing');
  });

  test('a caller whose trace is not sampled -> the trace goes on, nothing is recorded', async () => {
    const recorder = new Recorder();
    const server = await openTraced(recorder);
    const unsampled = `00-${TRACE}-${CALLER}-00`;
    const { headers } = await server.call('GET', '/v1/graphs/default', undefined, { traceparent: unsampled });
    await server.close();
    expect(headers.traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!${CALLER})[0-9a-f]{16}-00$`));
    expect(recorder.spans).toEqual([]);
  });

  test('the log in the course of a request -> names its trace, and no trace elsewhere', () => {
    const logged: unknown[] = [];
    const log = tracedLog({ write: (...entry) => void logged.push(entry) });
    const span = new Recorder().tracer('one').begin('request', { parent: SAMPLED, isRoot: true });
    span?.within(() => log.write('info', 'inside', { more: 1 }));
    log.write('info', 'outside', { more: 2 });
    expect(logged).toEqual([
      ['info', 'inside', { more: 1, traceId: TRACE }],
      ['info', 'outside', { more: 2 }],
    ]);
  });

  test('a refused request -> its trace is that of the problem document', async () => {
    const recorder = new Recorder();
    const server = await openTraced(recorder);
    const { json, headers } = await server.call('GET', '/v1/graphs/default/nodes/nobody');
    await server.close();
    const [span] = recorder.spans;
    expect(span).toMatchObject({ traceId: json.traceId, attributes: { 'http.response.status_code': 404 } });
    expect(headers.traceparent).toBe(`00-${json.traceId}-${span?.id}-01`);
  });
});

function create(id: string) {
  return { op: 'createNode', id: id as NodeId, labels: [], properties: {} } as const;
}

function openTraced(recorder: Recorder) {
  return openTestServer({ tracer: recorder.tracer('one') });
}
