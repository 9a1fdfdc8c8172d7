import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../graph/model.ts';
import { ship, shipAll, transfer } from '../commits/shipping.model.ts';
import {
  contents,
  edge,
  increment,
  LARGE,
  memberOf,
  node,
  put,
  type Running,
  remove,
  removeEdge,
  run,
  TINY,
} from '../engine-on-disk.model.ts';
import type { Change, ChangeOptions, ChangePage } from '../engine-port.ts';

const member = () => run({ cluster: memberOf() });
const ALL: ChangeOptions = { limit: 1000, withAfter: false };

/** Reads to the end. */
async function follow(
  { graph }: Running,
  since: string | undefined,
  options = ALL,
): Promise<{ readonly changes: readonly Change[]; readonly since: string }> {
  const changes: Change[] = [];
  let page: ChangePage = await graph.changes(since, options);
  changes.push(...page.changes);
  while (page.more) {
    page = await graph.changes(page.since, options);
    changes.push(...page.changes);
  }
  return { changes, since: page.since };
}

const REMOVE = { kind: 'remove' } as const;
const setTo = (value: number) => ({ kind: 'set', value }) as const;
const brief = ({ kind, change, id }: Change) => `${change} ${kind} ${id}`;

describe('changes of a graph', () => {
  it('every kind of write -> its patch, in order, with what it set; the copies of edges at their targets are none', async () => {
    const server = await run();
    await server.graph.write([node('a', { x: 1 }, ['L']), node('b'), edge('e', 'a', 'b', 'T', { w: 2 })]);
    await server.graph.write([
      {
        op: 'patchNode',
        id: 'a' as never,
        labels: { kind: 'change', add: ['M'], remove: ['L'] },
        properties: { x: REMOVE, y: setTo(2) },
      },
      increment('b', 'n', 3),
    ]);
    await server.graph.write([removeEdge('e'), remove('b')]);
    const { changes } = await follow(server, undefined);
    expect(changes.map(brief)).toEqual([
      'create node a',
      'create node b',
      'create edge e',
      'update node a',
      'update node b',
      'delete edge e',
      'delete node b',
    ]);
    expect(changes[0]).toMatchObject({ labels: ['L'], properties: { x: 1 }, replica: server.engine.replicaId });
    expect(changes[2]).toMatchObject({ type: 'T', from: 'a', to: 'b', properties: { w: 2 } });
    expect(changes[3]).toMatchObject({
      labelsAdded: ['M'],
      labelsRemoved: ['L'],
      properties: { y: 2 },
      propertiesRemoved: ['x'],
    });
    expect(changes[4]).toMatchObject({ merged: ['n'] });
  });

  it('after: asked for -> the element now, or null', async () => {
    const server = await run();
    await server.graph.write([node('a', { x: 1 })]);
    await server.graph.write([increment('a', 'n', 3)]);
    await server.graph.write([node('b')]);
    await server.graph.write([remove('b')]);
    const { changes } = await follow(server, undefined, { ...ALL, withAfter: true });
    expect(changes.map(({ after }) => after)).toEqual([
      { id: 'a', labels: [], properties: { x: 1, n: 3 } },
      { id: 'a', labels: [], properties: { x: 1, n: 3 } },
      null,
      null,
    ]);
  });

  it('before: asked for -> the element before each change, in one commit too, or null', async () => {
    const server = await run();
    const { graph } = server;
    await graph.write([put('a', { x: 1 }, ['L']), put('a', { y: 2 }), increment('a', 'n', 3)]);
    await graph.write([put('b'), edge('e', 'a', 'b', 'T', { w: 1 })]);
    await graph.write([{ op: 'patchEdge', id: 'e' as never, properties: { w: setTo(2) } }]);
    await graph.write([remove('a', true)]);
    await graph.write([put('a', { z: 1 })]);
    const { changes } = await follow(server, undefined, { ...ALL, withBefore: true });
    const e = { id: 'e', type: 'T', from: 'a', to: 'b' };
    expect(changes.map((change) => [brief(change), change.before])).toEqual([
      ['create node a', null],
      ['create node a', { id: 'a', labels: ['L'], properties: { x: 1 } }],
      ['update node a', { id: 'a', labels: [], properties: { y: 2 } }],
      ['create node b', null],
      ['create edge e', null],
      ['update edge e', { ...e, properties: { w: 1 } }],
      ['delete edge e', { ...e, properties: { w: 2 } }],
      ['delete node a', { id: 'a', labels: [], properties: { y: 2, n: 3 } }],
      ['create node a', null],
    ]);
  });

  it.each([LARGE, TINY])(
    'before: writes of two servers that meet, budget %i -> on each what it had itself',
    async (memoryBudgetBytes) => {
      const [one, other] = [
        await run({ cluster: memberOf(), memoryBudgetBytes }),
        await run({ cluster: memberOf(), memoryBudgetBytes }),
      ];
      const meet = () => shipAll([one, other].map(({ engine }) => engine.replica));
      await one.graph.write([put('a', { x: 0 })]);
      await meet();
      await one.graph.write([{ op: 'patchNode', id: 'a' as never, properties: { x: setTo(1) } }]);
      await other.graph.write([{ op: 'patchNode', id: 'a' as never, properties: { x: setTo(2) } }]);
      await meet();
      const valuesOn = async (server: Running) =>
        (await follow(server, undefined, { ...ALL, withBefore: true })).changes.map(({ properties, before }) => [
          properties?.x,
          before?.properties.x,
        ]);
      expect(await valuesOn(one)).toEqual([
        [0, undefined],
        [1, 0],
        [2, 1],
      ]);
      // The later stamp has won here before the earlier one came.
      expect(await valuesOn(other)).toEqual([
        [0, undefined],
        [2, 0],
        [1, 2],
      ]);
    },
  );

  it('CHG-4: overwritten until segments are compacted -> before each change what was there', async () => {
    const server = await run();
    await server.graph.write(Array.from({ length: 40 }, (_, i) => put(`k!${i}`, { v: -1 })));
    for (let round = 0; round < 60; round++) {
      await server.graph.write(
        Array.from({ length: 100 }, (_, i) => put(`k!${i % 20}`, { v: round * 5 + Math.floor(i / 20) })),
      );
    }
    expect(server.engine.metrics().compactionsTotal).toBeGreaterThan(0);
    const { changes } = await follow(server, undefined, { ...ALL, withBefore: true });
    const wrong = changes
      .slice(40)
      .filter(({ before, properties }) => before?.properties.v !== Number(properties?.v) - 1);
    expect(wrong).toEqual([]);
  });

  it('CHG-4: any writes, restarts that put states in one -> what is said is what was; the rest is not said', async () => {
    const text = 'x'.repeat(20_000);
    const operation = fc.oneof(
      fc
        .tuple(fc.nat(3), fc.nat(9))
        .map(([n, v]): Operation => put(`s!n${n}`, { v, text }, v % 2 === 0 ? ['Even'] : [])),
      fc
        .tuple(fc.nat(3), fc.nat(9))
        .map(
          ([n, v]): Operation => ({ op: 'patchNode', id: `s!n${n}` as never, properties: { v: setTo(v), w: REMOVE } }),
        ),
      fc.nat(3).map((n): Operation => increment(`s!n${n}`, 'w')),
      fc.nat(3).map((n): Operation => remove(`s!n${n}`, true)),
      fc.tuple(fc.nat(2), fc.nat(3), fc.nat(3)).map(([e, a, b]): Operation => edge(`e${e}`, `s!n${a}`, `s!n${b}`)),
    );
    let said = 0;
    let unsaid = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 5, arbitrary: operation }, fc.constant('restart' as const)), {
          minLength: 10,
          maxLength: 30,
        }),
        async (steps) => {
          let server = await run();
          const { disk } = server;
          const expected: (object | null)[] = [];
          let { since } = await follow(server, undefined);
          for (const step of steps) {
            if (step === 'restart') {
              await server.engine.close();
              server = await run({ disk });
              continue;
            }
            const { nodes, edges } = await contents(server.graph);
            const all = new Map([...nodes, ...edges].map((one) => [one.id as string, one]));
            await server.graph.write([step]).catch(() => undefined);
            const made = await follow(server, since);
            since = made.since;
            for (const { id } of made.changes) expected.push(all.get(id) ?? null);
          }
          const { changes } = await follow(server, undefined, { ...ALL, withBefore: true });
          expect(changes).toHaveLength(expected.length);
          for (const [i, { before }] of changes.entries()) {
            if (before === undefined) unsaid++;
            else {
              said++;
              expect(before).toEqual(expected[i]);
            }
          }
          await server.engine.close();
        },
      ),
      { numRuns: 40 },
    );
    expect(Math.min(said, unsaid)).toBeGreaterThan(20);
  });

  it('filters: label, type, scope -> only those, and deletions', async () => {
    const server = await run();
    const { graph } = server;
    await graph.write([
      put('s!a', {}, ['L']),
      put('b', {}, ['L']),
      put('c'),
      edge('e', 's!a', 'b'),
      edge('f', 'b', 'c', 'U'),
    ]);
    await graph.write([increment('b', 'n')]);
    await graph.write([removeEdge('f'), remove('c')]);
    const read = async (filter: Partial<ChangeOptions>) =>
      (await follow(server, undefined, { ...ALL, ...filter })).changes.map(brief);
    expect(await read({ label: 'L' })).toEqual(['create node s!a', 'create node b', 'update node b', 'delete node c']);
    expect(await read({ type: 'U' })).toEqual(['create edge f', 'delete edge f']);
    expect(await read({ label: 'L', type: 'T' })).toContain('create edge e');
    expect(await read({ scope: 's' })).toEqual(['create node s!a', 'create edge e', 'delete edge f']);
    const { since } = await graph.changes('now', ALL);
    await graph.write([put('b', {}, ['M']), put('d', {}, ['M'])]);
    const labelled = (await follow(server, since, { ...ALL, label: 'L' })).changes;
    expect(labelled.map(brief), 'replaced by one without the label').toEqual(['create node b']);
  });

  it('now -> only what comes; another graph moves the position and shows nothing', async () => {
    const server = await run();
    await server.graph.write([node('a')]);
    const { since } = await server.graph.changes('now', ALL);
    await server.engine.createGraph('other' as never, {});
    await server.engine.graph('other' as never).write([node('x')]);
    expect((await follow(server, since)).changes).toEqual([]);
    await server.graph.write([node('b')]);
    expect((await follow(server, since)).changes.map(brief)).toEqual(['create node b']);
  });

  it('a graph that was deleted and made again -> must-refetch', async () => {
    const { engine } = await run();
    const name = 'g' as never;
    await engine.createGraph(name, {});
    const { since } = await engine.graph(name).changes('now', ALL);
    await engine.deleteGraph(name);
    await engine.createGraph(name, {});
    await expect(engine.graph(name).changes(since, ALL)).rejects.toMatchObject({ code: 'must-refetch' });
  });

  it('a position of another cluster, cut off, or none at all -> invalid-request', async () => {
    const [one, other] = [await run(), await run({ cluster: memberOf({ secret: 'another' }) })];
    const { since } = await other.graph.changes('now', ALL);
    for (const bad of [since, since.slice(2), 'soon', '', 'x'.repeat(10_000)]) {
      await expect(one.graph.changes(bad, ALL)).rejects.toMatchObject({ code: 'invalid-request' });
    }
  });

  it('CHG-2: overwritten until segments are compacted -> each write is one change', async () => {
    const server = await run();
    await server.graph.write(Array.from({ length: 40 }, (_, i) => put(`k!${i}`)));
    for (let round = 0; round < 60; round++) {
      // The other half keeps living patches in the segments that are rewritten.
      await server.graph.write(Array.from({ length: 100 }, (_, i) => increment(`k!${i % 20}`, 'n')));
    }
    expect(server.engine.metrics().compactionsTotal).toBeGreaterThan(0);
    const { changes } = await follow(server, undefined);
    expect(changes).toHaveLength(40 + 60 * 100);
  });

  it('CHG-3: the log does not reach back -> must-refetch; from now on it goes on', async () => {
    const [from, to] = [await member(), await member()];
    const { since } = await to.graph.changes('now', ALL);
    await from.graph.write([node('a')]);
    await transfer(from.engine.replica, to.engine.replica);
    await expect(to.graph.changes(since, ALL)).rejects.toMatchObject({ code: 'must-refetch' });
    const now = (await to.graph.changes('now', ALL)).since;
    await from.graph.write([node('b')]);
    await ship(from.engine.replica, to.engine.replica);
    expect((await follow(to, now)).changes.map(brief)).toEqual(['create node b']);
  });

  it('CHG-3: a stream that came and ended while nobody read -> its changes are read; ends that are not known here -> must-refetch', async () => {
    const [one, gone, other] = [await member(), await member(), await member()];
    await one.graph.write([node('a')]);
    await shipAll([one, gone, other].map(({ engine }) => engine.replica));
    const before = (await one.graph.changes('now', ALL)).since;
    await gone.graph.write([node('b')]);
    await shipAll([one, gone, other].map(({ engine }) => engine.replica));
    await one.engine.replica.retire(gone.engine.replicaId);
    const late = await follow(one, before);
    expect(late.changes.map(brief)).toEqual(['create node b']);
    expect((await follow(one, late.since)).changes).toEqual([]);
    await expect(other.graph.changes(late.since, ALL)).rejects.toMatchObject({ code: 'must-refetch' });
    await other.engine.replica.retire(gone.engine.replicaId);
    expect((await follow(other, late.since)).changes).toEqual([]);
  });

  it('CHG-1: readers of any page size that change servers, while both are written to -> each write once, in causal order', async () => {
    const step = fc.record({
      writer: fc.nat(1),
      count: fc.integer({ min: 0, max: 3 }),
      ships: fc.boolean(),
      reader: fc.nat(1),
      limit: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const servers = [await member(), await member()] as const;
        const replicas = servers.map(({ engine }) => engine.replica);
        const { graph } = servers[0];
        let since = (await graph.changes('now', ALL)).since;
        const seen: number[] = [];
        const seenBefore = new Map<number, readonly number[]>();
        const written: number[][] = [[], []];
        let made = 0;
        for (const { writer, count, ships, reader, limit } of steps) {
          for (let i = 0; i < count; i++) {
            const n = made++;
            seenBefore.set(n, Array.from(written[writer] as number[]));
            (written[writer] as number[]).push(n);
            await servers[writer as 0 | 1].graph.write([put(`n${n % 5}`, { n })]);
          }
          if (ships) {
            await shipAll(replicas);
            const all = [...new Set(written.flat())];
            written[0] = [...all];
            written[1] = [...all];
          }
          const page = await servers[reader as 0 | 1].graph.changes(since, { limit, withAfter: false });
          since = page.since;
          seen.push(...page.changes.map(({ properties }) => properties?.n as number));
        }
        await shipAll(replicas);
        const rest = await follow(servers[0], since, { limit: 2, withAfter: false });
        seen.push(...rest.changes.map(({ properties }) => properties?.n as number));
        expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: made }, (_, n) => n));
        for (const [n, earlier] of seenBefore) {
          for (const m of earlier) expect(seen.indexOf(m)).toBeLessThan(seen.indexOf(n));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('all changes, applied in order by somebody who knows nothing else -> the graph', async () => {
    const operation = fc.oneof(
      fc.nat(4).map((n): Operation => put(`n${n}`, { v: n })),
      fc
        .tuple(fc.nat(4), fc.nat(9))
        .map(
          ([n, v]): Operation => ({ op: 'patchNode', id: `n${n}` as never, properties: { v: setTo(v), w: REMOVE } }),
        ),
      fc.nat(4).map((n): Operation => remove(`n${n}`, true)),
      fc.tuple(fc.nat(3), fc.nat(4), fc.nat(4)).map(([e, a, b]): Operation => edge(`e${e}`, `n${a}`, `n${b}`)),
      fc.nat(3).map((e): Operation => removeEdge(`e${e}`)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
        const server = await run();
        for (const one of operations) await server.graph.write([one]).catch(() => undefined);
        const nodes = new Map<string, object>();
        const edges = new Map<string, object>();
        for (const { kind, change, id, properties, propertiesRemoved = [], ...more } of (
          await follow(server, undefined)
        ).changes) {
          const into = kind === 'node' ? nodes : edges;
          if (change === 'delete') into.delete(id);
          else {
            const before = (into.get(id) as { properties: object } | undefined)?.properties;
            const now: Record<string, unknown> = { ...(change === 'update' ? before : {}), ...properties };
            for (const name of propertiesRemoved) delete now[name];
            const { labels = [], type, from, to } = more;
            into.set(id, kind === 'node' ? { id, labels, properties: now } : { id, type, from, to, properties: now });
          }
        }
        const byId = (a: object, b: object) => ((a as { id: string }).id < (b as { id: string }).id ? -1 : 1);
        expect({ nodes: Array.from(nodes.values()).sort(byId), edges: Array.from(edges.values()).sort(byId) }).toEqual(
          await contents(server.graph),
        );
      }),
      { numRuns: 50 },
    );
  });
});
