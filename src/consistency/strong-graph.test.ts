/** A graph at level `strong`: everything that it offers, on servers that vote and on one that stands alone. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId, PartitionId } from '../../base/ids.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { DEFAULT, edge, increment, node, put, remove, run, spreadIds, TINY } from '../engine-on-disk.model.ts';
import type { Graph, IdempotencyKey } from '../engine-port.ts';
import { Cluster, type Server } from '../replication/cluster.model.ts';

const ANY = { direction: 'both' } as const;
const OPTIONS = { accessMode: 'write', isCancelled: () => false } as const;
const IDS = spreadIds(4) as [NodeId, NodeId, NodeId, NodeId];
const [A, B, C, D] = IDS;
const CONTENT = [
  ...IDS.map((id, i) => node(id, { i }, ['L'])),
  edge('e1', A, B),
  edge('e2', B, C),
  edge('e3', C, D, 'U'),
];
const COUNT = { text: 'MATCH (n:L) RETURN count(n) AS count', parameters: {} };
const ADD = { text: 'CREATE (n:M) RETURN 1 AS one', parameters: {} };

/** Every read that there is, as plain data. */
const READS: Readonly<Record<string, (graph: Graph) => unknown>> = {
  description: async (graph) => graph.description,
  node: (graph) => graph.node(A),
  edge: (graph) => graph.edge('e1' as EdgeId),
  nodes: async (graph) => (await graph.nodes({ label: 'L' }, { limit: 10 })).items,
  edgesOf: async (graph) => (await graph.edgesOf(B, ANY, { limit: 10 })).items,
  neighbors: async (graph) => (await graph.neighbors(A, { ...ANY, depth: 2 }, { limit: 10 })).items,
  shortestPath: (graph) => graph.shortestPath({ ...ANY, from: A, to: D, maxDepth: 5 }),
  counts: (graph) => graph.counts(),
  usage: (graph) => graph.usage(),
  digest: (graph) => graph.digest(),
  integrity: (graph) => graph.integrity(),
  queryRows: async (graph) => (await graph.queryRows(COUNT, OPTIONS)).rows,
  transaction: async (graph) => (await graph.transaction([COUNT, COUNT], OPTIONS)).length,
};

const strong = ({ engine }: Pick<Server, 'engine'>): Graph => engine.graph(DEFAULT, 'strong');
const keyOf = (key: string): IdempotencyKey => ({ key, fingerprint: 'f' }) as IdempotencyKey;

describe('three servers', () => {
  // How much a graph holds is counted in the background.
  const reads = Object.entries(READS).filter(([name]) => name !== 'usage');
  test.each(reads)('%s -> on every server what was written on another one before', async (name, read) => {
    const cluster = new Cluster('a', 'b', 'c');
    const [a, ...others] = (await cluster.startVoting()) as [Server, Server, Server];
    await cluster.during(strong(a).write(CONTENT));
    // Not converged: what a read of a lower level shows may be nothing yet.
    for (const other of others) {
      const shown = await cluster.during(Promise.resolve(read(strong(other))));
      await cluster.converge(a, ...others);
      expect(shown).toEqual(await read(a.graph));
    }
    const { strongReadsTotal, strongWritesTotal } = others[0]?.engine.metrics().strong ?? {};
    expect((strongReadsTotal ?? 0) + (strongWritesTotal ?? 0)).toBe(name === 'description' ? 0 : 1);
    expect(cluster.bugs).toEqual([]);
  });

  test('a batch, a statement and a transaction with one key, on two servers -> each happens once, and the second hears so', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const [a, b] = (await cluster.startVoting()) as [Server, Server, Server];
    const write = (server: Server) => strong(server).write([increment(A, 'n')], keyOf('batch'));
    await cluster.during(strong(a).write([node(A)]));
    expect(await cluster.during(write(a))).toMatchObject([{ element: { properties: { n: 1 } } }]);
    const [again] = await cluster.during(write(b));
    expect(again).toMatchObject({ replayed: true, element: { properties: { n: 1 } } });
    const once = (server: Server) => strong(server).transactionOnce([ADD, ADD], OPTIONS, keyOf('statements'));
    const first = await cluster.during(once(a));
    const second = await cluster.during(once(b));
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answers).toEqual(first.answers);
    expect((await cluster.during(strong(b).counts())).nodes).toBe(3);
    expect(cluster.bugs).toEqual([]);
  });

  test('a statement -> its rows come as they are asked for, after it was decided', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const [a, b] = (await cluster.startVoting()) as [Server, Server, Server];
    const answer = await cluster.during(strong(a).query(ADD, OPTIONS));
    expect((await cluster.during(strong(b).counts())).nodes).toBe(1);
    expect(await answer.next()).toBeDefined();
    await answer.close();
  });
});

describe('a server that stands alone', () => {
  test.each(Object.entries(READS))('%s -> the same as at a lower level', async (_, read) => {
    const alone = await run();
    await strong(alone).write(CONTENT);
    expect(await read(strong(alone))).toEqual(await read(alone.graph));
  });

  test('a batch and a transaction with a key, twice -> each happens once', async () => {
    const alone = await run();
    await strong(alone).write([node(A)]);
    for (const replayed of [false, true]) {
      const [result] = await strong(alone).write([increment(A, 'n')], keyOf('batch'));
      expect(result).toMatchObject({ element: { properties: { n: 1 } }, ...(replayed && { replayed }) });
    }
    await strong(alone).transactionOnce([ADD], OPTIONS, keyOf('statements'));
    expect((await alone.graph.counts()).nodes).toBe(2);
  });

  test('an import, an export, changes, a repair -> refused, with the field at fault', async () => {
    const alone = await run();
    const refused: Readonly<Record<string, (graph: Graph) => unknown>> = {
      'an import': (graph) => graph.load([], { stopAtFirst: true }),
      'an export': (graph) => graph.export(),
      'reading changes': (graph) => graph.changes(undefined, {} as never),
      'a repair': (graph) => graph.repair(),
    };
    for (const [what, call] of Object.entries(refused)) {
      expect(() => call(strong(alone))).toThrow(`${what} is no strong operation; use \`session\``);
      expect(() => call(strong(alone))).toThrow(
        expect.objectContaining({ code: 'invalid-request', context: { field: 'Consistency-Level' } }),
      );
    }
  });
});

describe('a read that takes several steps, since not all is in memory', () => {
  /** The counts of nodes that are shown while the n-th partition that is read finds a write, for the first `writes` ones. */
  async function counted(level: 'strong' | undefined, writes: number) {
    let left = 0;
    let reads = 0;
    const here = new Set<NodeId>(IDS);
    const alone = await run({
      memoryBudgetBytes: TINY,
      wrap: (store) => {
        const readPartition = store.readPartition.bind(store);
        store.readPartition = async (key, ...options) => {
          // Those before it were counted already.
          if (left > 0 && ++reads % 3 === 0) {
            left--;
            const budget = left;
            left = 0;
            await exchange(key.partition);
            left = budget;
          }
          return readPartition(key, ...options);
        };
        return store;
      },
    });
    /** One goes and another one comes, in one commit: there are always as many. None of the partition that is being read. */
    async function exchange(partition: PartitionId): Promise<void> {
      const others = spreadIds(16).filter((id) => partitionOfNode(id, 16) !== partition);
      const gone = others.find((id) => here.has(id)) as NodeId;
      const next = others.findLast((id) => !here.has(id)) as NodeId;
      await alone.graph.write([remove(gone), put(next)]);
      here.delete(gone);
      here.add(next);
    }
    await alone.graph.write(IDS.map((id) => put(id)));
    left = writes;
    return alone.engine.graph(DEFAULT, level).counts();
  }

  test('a write comes in between -> it is read again, and shows one state; without that it does not', async () => {
    const shown = async (level: 'strong' | undefined) => {
      const counts = [];
      for (const writes of [1, 2, 3, 4]) counts.push((await counted(level, writes)).nodes);
      return counts;
    };
    expect(await shown('strong')).toEqual([4, 4, 4, 4]);
    expect(await shown(undefined)).not.toEqual([4, 4, 4, 4]);
  });

  test('writes come in all the time -> the reader is told to come again', async () => {
    const error = await counted('strong', 1_000).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WeftError);
    expect(error).toMatchObject({ code: 'too-many-requests', context: { retryAfterSeconds: 1 } });
  });
});
