import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Operation } from '../../graph/model.ts';
import type { QuotaChange } from '../../graph/quota.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import {
  DEFAULT,
  edge,
  LARGE,
  node,
  put,
  remove,
  removeEdge,
  run,
  spreadIds,
  TINY,
  turns,
} from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';
import { Cluster, type Server } from '../replication/cluster.model.ts';
import type { EngineGraph } from './graph.ts';
import { PropertyGraph, randomOperation } from './property-graph.model.ts';

const [a, b, c, d] = spreadIds(4) as [NodeId, NodeId, NodeId, NodeId];

async function refusal(work: Promise<unknown>): Promise<object | undefined> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return undefined;
  if (!(error instanceof WeftError)) throw error;
  return { code: error.code, ...error.context };
}

const query = (graph: Graph, text: string) =>
  Promise.resolve(graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false }));

describe.each([
  ['everything in memory', LARGE],
  ['nothing stays in memory', TINY],
])('quota, %s', (_, memoryBudgetBytes) => {
  async function limited(quota: QuotaChange) {
    const running = await run({ memoryBudgetBytes });
    await running.engine.changePolicy(DEFAULT, { quota });
    return running;
  }

  it('elements: one too many by every way in -> refused whole with limit, use and wish; deletes make room', async () => {
    const { graph, engine } = await limited({ elements: 3 });
    await graph.write([node(a), node(b), edge('e', a, b)]);
    const excess = { code: 'quota-exceeded', limit: 'elements', max: 3, used: 3, wanted: 1 };
    expect(await refusal(graph.write([node(c)]))).toEqual(excess);
    expect(await refusal(graph.write([edge('f', b, a)]))).toEqual(excess);
    expect(await refusal(graph.write([put(a, { x: 1 }), put(c)]))).toEqual({ ...excess, operation: 1 });
    expect(await refusal(query(graph, 'CREATE (:N)'))).toMatchObject(excess);
    const loaded = await graph.load([put(a, { x: 2 }), put(c), put(b, { x: 2 })], { stopAtFirst: true });
    expect(loaded).toMatchObject({ applied: 1, failures: [{ index: 1 }] });
    expect(await refusal(Promise.reject(loaded.failures[0]?.error))).toMatchObject(excess);
    expect((await graph.load([put(c), put(b, { x: 3 })], { stopAtFirst: false })).applied).toBe(1);
    expect(await graph.usage()).toMatchObject({ nodes: 2, edges: 1 });
    expect(engine.metrics().quotaRefusalsTotal).toBeGreaterThan(5);
    await graph.write([removeEdge('e'), node(c)]);
    expect(await refusal(graph.write([node(d)]))).toEqual(excess);
    await graph.write([remove(c), remove(b)]);
    await query(graph, 'CREATE (:N), (:N)');
    expect(await graph.usage()).toMatchObject({ nodes: 3, edges: 0 });
  });

  it('a quota below what is there -> everything that does not grow it passes', async () => {
    const { graph, engine } = await limited({});
    await graph.write([node(a, { x: 'long text' }), node(b), edge('e', a, b)]);
    const { quota } = await engine.changePolicy(DEFAULT, { quota: { elements: 1, bytes: 0 } });
    expect(quota).toEqual({ elements: 1, bytes: 0 });
    await graph.write([put(a, { x: 'short' })]);
    await graph.write([{ op: 'patchNode', id: a, properties: { x: { kind: 'remove' } } }]);
    const longer: Operation = { op: 'patchNode', id: a, properties: { y: { kind: 'set', value: 'z' } } };
    expect(await refusal(graph.write([longer]))).toMatchObject({ limit: 'bytes', max: 0 });
    await graph.write([remove(a, true)]);
    await engine.changePolicy(DEFAULT, { quota: { elements: null, bytes: null } });
    expect(graph.description.quota).toBeUndefined();
    await graph.write([node(c), node(d)]);
  });

  it('bytes: values count, whatever is overwritten does not', async () => {
    const { graph } = await limited({ bytes: 100 + 1 + 50 });
    await graph.write([node(a, { x: 'y'.repeat(50) })]);
    for (let i = 0; i < 20; i++) await graph.write([put(a, { x: String(i).repeat(20) })]);
    expect(await refusal(graph.write([put(a, { x: 'y'.repeat(51) })]))).toMatchObject({ limit: 'bytes', wanted: 11 });
    expect(await refusal(graph.write([node(b)]))).toMatchObject({ limit: 'bytes', max: 151 });
  });

  it('scopes: one is full -> refused there, free in others and outside', async () => {
    const { graph } = await limited({ scopeElements: 2, scopeBytes: 1000 });
    await graph.write([node('t!a'), node('t!b'), node('u!a'), node(a)]);
    const excess = { code: 'quota-exceeded', limit: 'scopeElements', max: 2, used: 2, wanted: 1, scope: 't!' };
    expect(await refusal(graph.write([node('t!c')]))).toEqual(excess);
    expect(await refusal(graph.write([edge('e', 't!a', a)]))).toEqual(excess);
    await graph.write([node('u!b'), edge('e', a, 't!a'), node(b)]);
    expect(await refusal(graph.write([put('t!a', { x: 'y'.repeat(1000) })]))).toMatchObject({ limit: 'scopeBytes' });
  });

  it('a restart, and much that was never in memory since -> counted before the next write', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk, memoryBudgetBytes });
    await first.engine.changePolicy(DEFAULT, { quota: { elements: 3 } });
    await first.graph.write([node(a), node(b), node('s!c')]);
    await first.engine.close();
    const { graph } = await run({ disk, memoryBudgetBytes });
    expect(await refusal(graph.write([node(d)]))).toMatchObject({ limit: 'elements', used: 3 });
    expect(await graph.usage()).toEqual({ nodes: 3, edges: 0, bytes: 300 });
  });

  it('random writes -> the counts that are kept are those of a scan', async () => {
    const { graph } = await limited({ elements: 1_000_000 });
    const random = new SeededRandom(5);
    const model = new PropertyGraph();
    for (let i = 0; i < 150; i++) {
      const operation = randomOperation(random);
      const { code } = model.write([operation]);
      const answer = await refusal(graph.write([operation]));
      expect(answer === undefined ? 'done' : (answer as { code: string }).code).toBe(code);
    }
    const { nodes, edges } = model.contents();
    expect(await graph.usage()).toMatchObject({ nodes: nodes.length, edges: edges.length });
    // Everything is closed and counted anew.
    const { resident } = graph as EngineGraph;
    const kept = await graph.usage();
    for (const partition of resident.partitionIds()) await graph.integrity({ partition });
    await turns();
    expect(await graph.usage()).toEqual(kept);
  });
});

describe('quota of several servers', () => {
  it('changed on one -> holds on the other; both write during a cut -> each up to what it sees, nothing is lost', async () => {
    const cluster = new Cluster('a', 'b');
    const [one, two] = (await cluster.startAll()) as [Server, Server];
    await cluster.linked(one, two);
    await cluster.during(one.engine.changePolicy(DEFAULT, { quota: { elements: 4 } }));
    await cluster.during(one.graph.write([node(a), node(b)]));
    await cluster.converge(one, two);
    expect(two.graph.description.quota).toEqual({ elements: 4 });
    cluster.cut(one, two);
    await cluster.during(one.graph.write([node('x1'), node('x2')]));
    await cluster.during(two.graph.write([node('y1'), node('y2')]));
    expect(await cluster.during(refusal(two.graph.write([node('y3')])))).toMatchObject({ used: 4 });
    cluster.heal(one, two);
    await cluster.linked(one, two);
    await cluster.converge(one, two);
    for (const { graph } of [one, two]) {
      expect(await cluster.during(graph.usage())).toMatchObject({ nodes: 6 });
      expect(await cluster.during(refusal(graph.write([node('z')])))).toMatchObject({ used: 6, max: 4 });
      await cluster.during(graph.edge('none' as EdgeId).catch(() => undefined));
    }
  });

  it('strong writes on two servers at once -> together exactly as many as the quota allows', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const servers = await cluster.startAll();
    await cluster.linked(...(servers as [Server, Server, Server]));
    await cluster.during((servers[0] as Server).engine.changePolicy(DEFAULT, { quota: { elements: 5 } }));
    await cluster.converge(...(servers as [Server, Server, Server]));
    const writes = Array.from({ length: 12 }, (_, i) => {
      const { engine } = servers[i % servers.length] as Server;
      return refusal(engine.graph(DEFAULT, 'strong').write([node(`s${i}`)]));
    });
    const outcomes = await cluster.during(Promise.all(writes));
    expect(outcomes.filter((each) => each === undefined)).toHaveLength(5);
    expect(outcomes.filter((each) => each !== undefined)).toEqual(
      Array.from({ length: 7 }, () => expect.objectContaining({ code: 'quota-exceeded', used: 5 })),
    );
  });
});
