/** An export is one moment: of whatever was written meanwhile it shows all or nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import {
  contents,
  edge,
  increment,
  LARGE,
  node,
  put,
  type Running,
  remove,
  run,
  spreadIds,
  TINY,
} from '../engine-on-disk.model.ts';
import type { Graph, GraphElement } from '../engine-port.ts';

async function all(items: AsyncIterable<GraphElement>): Promise<GraphElement[]> {
  const read: GraphElement[] = [];
  for await (const item of items) read.push(item);
  return read;
}

const balances = (items: readonly GraphElement[]): number[] =>
  items.map((item) => (item.kind === 'node' ? Number(item.node.properties.balance ?? 0) : 0));

const total = (items: readonly GraphElement[]): number => balances(items).reduce((sum, one) => sum + one, 0);

describe('export', () => {
  test.each([
    ['everything', LARGE],
    ['nothing', TINY],
  ])(
    'bank, %s in memory: transfers while it is read, in every piece -> the total is conserved, and the transfers went on',
    async (_, budget) => {
      const { graph } = await run({ memoryBudgetBytes: budget });
      const accounts = spreadIds(16);
      await graph.write(accounts.map((id) => put(id, { balance: 0 })));
      await graph.write([increment(String(accounts[0]), 'balance', 1000)]);
      let transfers = 0;
      for (let round = 0; round < 3; round++) {
        const items: GraphElement[] = [];
        for await (const item of await graph.export()) {
          items.push(item);
          // From what has passed to what has not, and back.
          const from = String(accounts[transfers % 16]);
          const to = String(accounts[15 - (transfers % 16)]);
          await graph.write([increment(from, 'balance', -7), increment(to, 'balance', 7)]);
          transfers++;
        }
        expect(items).toHaveLength(16);
        expect(total(items)).toBe(1000);
      }
      expect(transfers).toBe(48);
      const [first, second] = await Promise.all([graph.export(), graph.export()]);
      expect(await all(first)).toEqual(await all(second));
    },
  );

  test('its vector -> covers what it shows and nothing that came after it was opened', async () => {
    const { graph, engine } = await run();
    await graph.write([node('a')]);
    const moment = await graph.export();
    await graph.write([node('b')]);
    expect((await all(moment)).map((item) => (item.kind === 'node' ? item.node.id : ''))).toEqual(['a']);
    const now = engine.cluster().vector[engine.replicaId] as number;
    expect(moment.vector?.get(engine.replicaId)).toBe(now - 1);
    expect(engine.sessionToken([], moment.vector)).not.toBe(engine.sessionToken());
    expect(engine.sessionToken([engine.sessionToken()], moment.vector)).toBe(engine.sessionToken());
  });

  test('any writes, everything or nothing in memory -> what reads show, and nothing is opened for it', async () => {
    const operation = fc.oneof(
      fc.nat(6).map((n) => put(`n${n}`, { v: n }, ['L'])),
      fc.nat(6).map((n) => increment(`n${n}`, 'c')),
      fc.nat(6).map((n) => remove(`n${n}`, n % 2 === 0)),
      fc.tuple(fc.nat(3), fc.nat(6), fc.nat(6)).map(([e, a, b]) => edge(`e${e}`, `n${a}`, `n${b}`)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), fc.boolean(), async (operations, isTiny) => {
        const { graph, engine } = await run({ memoryBudgetBytes: isTiny ? TINY : LARGE });
        for (const one of operations) await graph.write([one]).catch(() => undefined);
        const { hydrationsTotal } = engine.metrics();
        const exported = await contents(graph);
        expect(engine.metrics().hydrationsTotal).toBe(hydrationsTotal);
        const ids = { nodes: exported.nodes.length, edges: exported.edges.length };
        expect(ids).toEqual(await graph.counts());
        for (const each of exported.nodes) expect((await graph.node(each.id)).element).toEqual(each);
        for (const each of exported.edges) expect((await graph.edge(each.id)).element).toEqual(each);
      }),
      { numRuns: 40 },
    );
  });

  test('more open at a time than there may be -> too-many-requests, until one is closed or read', async () => {
    const { graph } = (await run()) as Running & { graph: Graph };
    const open = await Promise.all(Array.from({ length: LIMITS.storeCutsMax }, () => graph.export()));
    await expect(graph.export()).rejects.toMatchObject({ code: 'too-many-requests' });
    await open[0]?.close();
    await all(open[1] as AsyncIterable<GraphElement>);
    const again = await Promise.all([graph.export(), graph.export()]);
    for (const each of [...open, ...again]) await each.close();
  });
});
