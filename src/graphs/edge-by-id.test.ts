/**
 * An edge is found by its id though partitions leave memory while it is looked for: an id alone does not say what must be in
 * memory, so whoever finds nothing must have had all of that open.
 */
import { expect, it } from 'vitest';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { NotResident } from '../../graph/not-resident.ts';
import type { StatementGraph } from '../../graph/query-graph.ts';
import type { Store } from '../../storage/store.ts';
import {
  DEFAULT,
  edge,
  LARGE,
  node,
  put,
  type RunOptions,
  remove,
  removeEdge,
  run,
  spreadIds,
  TINY,
  turns,
} from '../engine-on-disk.model.ts';
import { Gate } from '../residency/gate.model.ts';
import type { EngineGraph } from './graph.ts';

const SPREAD = spreadIds(16);
const [A, B, C, D, E] = SPREAD as [NodeId, NodeId, NodeId, NodeId, NodeId];
const CHOSEN = 'chosen' as EdgeId;

/** An engine whose reads of partitions pass a gate. */
async function opened(options: RunOptions) {
  const gate = new Gate();
  const wrap = (store: Store): Store => {
    const readPartition: Store['readPartition'] = async (key, want) => {
      await gate.pass();
      return store.readPartition(key, want);
    };
    return new Proxy(store, {
      get(target, name) {
        const member = name === 'readPartition' ? readPartition : (Reflect.get(target, name, target) as unknown);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const running = await run({ ...options, wrap });
  return { ...running, graph: running.engine.graph(DEFAULT) as EngineGraph, gate };
}

/** Nodes in five partitions, two edges from A to B, and one from C to E. Nothing stays in memory that nobody holds. */
async function made() {
  const running = await opened({ memoryBudgetBytes: TINY });
  const { graph, gate } = running;
  await graph.write([A, B, C, D, E].map((id) => node(id)));
  await graph.write([edge(CHOSEN, A, B), edge('far', C, E)]);
  const [result] = await graph.write([{ op: 'createEdge', type: 'T', from: A, to: B, properties: {} }]);
  /** Asks while somebody holds partitions in memory, who lets go as the first one is read from the store. */
  const meanwhile = async <T>(held: Held, ask: () => Promise<T>): Promise<T> => {
    await turns();
    const holder = await holding(graph, held);
    // What was written to needs no wait for its document.
    await graph.write([put(A)]);
    gate.close();
    const arrival = gate.arrival();
    const asked = ask();
    await arrival;
    holder.release();
    await turns();
    gate.open();
    return asked;
  };
  return { ...running, meanwhile, named: result?.id as EdgeId };
}

type Held = readonly NodeId[] | 'all';

/** Holds the partitions of these nodes in memory. */
async function holding(graph: EngineGraph, ids: Held): Promise<StatementGraph> {
  const statement = graph.statementGraph();
  const read = () => {
    if (ids === 'all') statement.findEdge('none');
    else for (const id of ids) statement.findNode(id);
  };
  for (;;) {
    try {
      read();
      statement.keepResident();
      return statement;
    } catch (error) {
      if (!(error instanceof NotResident)) throw error;
      await statement.makeResident(error);
    }
  }
}

it('edge: read by id while its source leaves memory -> found', async () => {
  const { graph, meanwhile, named, engine } = await made();
  for (const id of [named, CHOSEN]) {
    const { element } = await meanwhile([A], () => graph.edge(id));
    expect(element).toMatchObject({ id, from: A, to: B });
  }
  await engine.close();
});

it.each<[string, Held]>([
  ['all', 'all'],
  ['its source', [A]],
])('edge: deleted while %s leaves memory -> it was there, and is gone', async (_, held) => {
  const { graph, meanwhile, named, engine } = await made();
  for (const id of [named, CHOSEN]) {
    expect(await meanwhile(held, () => graph.write([removeEdge(id)]))).toHaveLength(1);
    await expect(graph.edge(id)).rejects.toMatchObject({ code: 'edge-not-found' });
  }
  await engine.close();
});

it('two edges: deleted at once while the source of one leaves memory and that of the other comes -> both are gone', async () => {
  const { graph, meanwhile, engine } = await made();
  const deleted = await meanwhile([A], () => graph.write([removeEdge(CHOSEN), removeEdge('far')]));
  expect(deleted.map(({ id }) => id)).toEqual([CHOSEN, 'far']);
  await engine.close();
});

it('edge: made once more, elsewhere, while its source leaves memory and a node before it waits for another one -> refused', async () => {
  const { graph, meanwhile, engine } = await made();
  const again = () => graph.write([remove(C, true), edge(CHOSEN, D, D)]);
  await expect(meanwhile([A, C, D], again)).rejects.toMatchObject({ code: 'edge-exists' });
  expect((await graph.integrity()).duplicateEdges).toEqual([]);
  await engine.close();
});

it('edge: read by id while the partition that has it, the last one, comes into memory -> found', async () => {
  const before = await made();
  await before.engine.close();
  // Each number of turns by which it may be asked for before the partition is there.
  for (let turn = 0; turn < 20; turn++) {
    const { graph, gate, engine } = await opened({ disk: before.disk, memoryBudgetBytes: LARGE });
    for (const id of SPREAD) if (id !== A) await graph.node(id).catch(() => undefined);
    gate.close();
    const arrival = gate.arrival();
    const last = graph.node(A);
    await arrival;
    gate.open();
    for (let i = 0; i < turn; i++) await null;
    expect((await graph.edge(CHOSEN)).element.from).toBe(A);
    await last;
    await engine.close();
  }
});
