/** Paths through a graph that is not in memory, whose nodes are deleted meanwhile. */
import { expect, it } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import type { Store } from '../../storage/store.ts';
import { edge, node, remove, run, TINY, turns } from '../engine-on-disk.model.ts';

const [A, B, C, D] = ['a', 'b', 'c', 'd'] as NodeId[] as [NodeId, NodeId, NodeId, NodeId];

/** Calls `each` before every read of a partition. */
function beforeReads(each: () => Promise<void>): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        if (name !== 'readPartition') return member.bind(target);
        return async (...request: Parameters<Store['readPartition']>) => {
          await each();
          return target.readPartition(...request);
        };
      },
    });
}

it('a node of the path is deleted during the search -> a path that is whole, or none', async () => {
  let reads = 0;
  let meanwhile: (() => void) | undefined;
  let at = 0;
  const wrap = beforeReads(async () => {
    if (++reads !== at) return;
    meanwhile?.();
    await turns(30);
  });
  const { engine, graph } = await run({ memoryBudgetBytes: TINY, wrap });
  let isReached = true;
  for (let first = 1; isReached; first++) {
    await graph.write([node(A), node(B), node(C), node(D)]);
    await graph.write([edge('ab', A, B), edge('bc', B, C), edge('cd', C, D)]);
    let written: Promise<unknown> | undefined;
    meanwhile = () => {
      written = graph.write([remove(B, true)]);
    };
    reads = 0;
    at = first;
    const path = await graph.shortestPath({ from: A, to: D, direction: 'out', maxDepth: 9 });
    isReached = written !== undefined;
    await written;
    if (path !== null) {
      const { nodes, edges } = path;
      expect([first, nodes.map(({ id }) => id)]).toEqual([first, [A, ...edges.map(({ to }) => to)]]);
    }
    for (const id of [A, B, C, D]) await graph.write([remove(id, true)]).catch(() => undefined);
  }
  await engine.close();
});
