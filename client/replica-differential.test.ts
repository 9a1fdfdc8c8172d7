/** One engine for queries, two places: the same operations on a server and on a replica that is offline give the same rows. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openTestServer } from '../api/server.model.ts';
import { WeftError } from '../base/errors.ts';
import type { EdgeId, GraphName, NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import { ambientPlatform } from './ambient.ts';
import { MemoryLocalStore } from './memory-local-store.ts';
import { WeftReplica } from './weft-replica.ts';

const QUERIES = [
  'MATCH (n) RETURN count(*) AS nodes, sum(n.k) AS sum, min(n.k) AS least',
  'MATCH (n:A) WHERE n.k > 2 RETURN n.k AS k, labels(n) AS labels ORDER BY k, labels',
  'MATCH (a)-[r]->(b) RETURN a.k AS a, type(r) AS r, b.k AS b ORDER BY a, r, b',
  'MATCH (a)-[:T*1..3]->(b) RETURN a.k AS a, count(DISTINCT b) AS reached ORDER BY a, reached',
  'MATCH (n) OPTIONAL MATCH (n)<-[:U]-(m) RETURN n.k AS k, collect(m.k) AS from ORDER BY k, from',
];

const node = fc.integer({ min: 0, max: 7 }).map((n) => `n${n}` as NodeId);
const edge = fc.integer({ min: 0, max: 9 }).map((n) => `e${n}` as EdgeId);
const small = fc.integer({ min: 0, max: 5 });
const labels = fc.subarray(['A', 'B']);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('putNode' as const), id: node, labels, properties: fc.record({ k: small }) }),
  fc.record({
    op: fc.constant('patchNode' as const),
    id: node,
    properties: fc.record({ k: fc.record({ kind: fc.constant('increment' as const), by: small }) }),
  }),
  fc.record({
    op: fc.constant('createEdge' as const),
    id: edge,
    type: fc.constantFrom('T', 'U'),
    from: node,
    to: node,
    properties: fc.constant({}),
  }),
  fc.record({ op: fc.constant('deleteEdge' as const), id: edge }),
  fc.record({ op: fc.constant('deleteNode' as const), id: node, detach: fc.boolean() }),
);

async function codeOf(done: Promise<unknown>): Promise<string> {
  try {
    await done;
    return 'ok';
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

test('random batches: on a server and on an offline replica -> the same refusals, and every query the same rows', async () => {
  const server = await openTestServer();
  const platform = ambientPlatform();
  let runs = 0;
  const batches = fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      const name = `g${runs++}` as GraphName;
      await server.engine.createGraph(name, {});
      const graph = server.engine.graph(name);
      const replica = await WeftReplica.open({ urls: ['http://nowhere'], store: new MemoryLocalStore(), platform });
      for (const batch of all) {
        expect(await codeOf(replica.write(batch))).toBe(await codeOf(graph.write(batch)));
      }
      for (const text of QUERIES) {
        const options = { accessMode: 'read', isCancelled: () => false } as const;
        const { rows } = await graph.queryRows({ text, parameters: {} }, options);
        expect((await replica.run(text)).rows).toEqual(rows);
      }
      await replica.close();
    }),
    { numRuns: 25 },
  );
  await server.close();
});
