/**
 * A statement that only waits for what is not in memory answers of one state, whatever is committed meanwhile: what was written
 * together is seen together.
 */
import { expect, test } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Store } from '../../storage/store.ts';
import { LARGE, node, put, type Running, run, spreadIds, TINY, turns, watched } from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';
import { Gate } from '../residency/gate.model.ts';

const PARTITIONS = 16;
/** One in each partition, in the order in which partitions are read. */
const SPREAD = spreadIds(PARTITIONS).sort((a, b) =>
  partitionOfNode(a, PARTITIONS) < partitionOfNode(b, PARTITIONS) ? -1 : 1,
);
const MARKED = [SPREAD[0], SPREAD[5], SPREAD[10], SPREAD[15]] as NodeId[];
const HELD = partitionOfNode(SPREAD[8] as NodeId, PARTITIONS);
const OPTIONS = { accessMode: 'write', isCancelled: () => false } as const;

const marked = (value: number) => MARKED.map((id) => put(id, { name: id, value }, ['Marker']));

interface Cold extends Running {
  /** Closed: who reads the one partition from the store that nobody writes to waits. */
  readonly gate: Gate;
}

/** Nothing of it is in memory. */
async function cold(memoryBudgetBytes: number): Promise<Cold> {
  const before = await run();
  await before.graph.write(SPREAD.map((id) => node(`other ${id}`, {}, ['Marker'])));
  await before.graph.write([node(SPREAD[8] as NodeId)]);
  await before.engine.close();
  const gate = new Gate();
  const wrap = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        const readPartition: Store['readPartition'] = async (key, want) => {
          if (key.partition === HELD) await gate.pass();
          return target.readPartition(key, want);
        };
        const member = name === 'readPartition' ? readPartition : (Reflect.get(target, name, target) as unknown);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  return { ...(await run({ disk: before.disk, memoryBudgetBytes, wrap })), gate };
}

const READ = `UNWIND ${JSON.stringify(MARKED)} AS id MATCH (n:Marker {name: id}) WHERE n.value = 2 RETURN n.value`;

const rowsOf: readonly [string, (graph: Graph) => Promise<readonly (readonly unknown[])[]>][] = [
  ['whole', async (graph) => (await graph.queryRows({ text: READ, parameters: {} }, OPTIONS)).rows],
  [
    'streamed',
    async (graph) => {
      const answer = await graph.query({ text: READ, parameters: {} }, OPTIONS);
      const rows: (readonly unknown[])[] = [];
      for (let batch = await answer.next(); batch !== undefined; batch = await answer.next()) rows.push(...batch);
      answer.close();
      return rows;
    },
  ],
  [
    'written on',
    async (graph) => {
      const text = `${READ.replace('RETURN', 'WITH')} AS value WITH collect(value) AS values CREATE (:Copy) RETURN values`;
      const [row] = (await graph.queryRows({ text, parameters: {} }, OPTIONS)).rows;
      return ((row ?? [])[0] as unknown[]).map((value) => [value]);
    },
  ],
  [
    'of several statements',
    async (graph) => {
      const statements = ['CREATE (:Copy)', READ].map((text) => ({ text, parameters: {} }));
      const [, read] = await graph.transaction(statements, OPTIONS);
      return (await read?.next()) ?? [];
    },
  ],
  [
    'of several statements with a key',
    async (graph) => {
      const statements = ['CREATE (:Copy)', READ].map((text) => ({ text, parameters: {} }));
      const { answers } = await graph.transactionOnce(statements, OPTIONS, { key: 'key', fingerprint: '' });
      return answers[1]?.rows ?? [];
    },
  ],
];

for (const budget of [LARGE, TINY]) {
  test.each(rowsOf)(
    `a batch is committed while a statement waits for a partition (memory for ${budget === TINY ? 'nothing' : 'all'}), answer %s -> all of the batch, or nothing of it`,
    async (_how, ask) => {
      const { graph, engine, gate } = await cold(budget);
      gate.close();
      const asked = ask(graph);
      const state = watched(asked);
      await turns();
      expect(state.settled).toBe(false);
      await graph.write(marked(2));
      gate.open();
      const rows = await asked;
      expect([0, MARKED.length]).toContain(rows.length);
      const { rows: copies } = await graph.queryRows({ text: 'MATCH (c:Copy) RETURN c', parameters: {} }, OPTIONS);
      expect(copies.length).toBeLessThan(2);
      await engine.close();
    },
  );
}
