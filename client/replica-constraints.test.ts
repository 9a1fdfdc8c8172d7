/** Constraints on what offline replicas send: a server says of a batch what it says of the same batch over HTTP. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import { WeftError } from '../base/errors.ts';
import type { EdgeId, GraphName, NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import { ambientPlatform } from './ambient.ts';
import { MemoryLocalStore } from './memory-local-store.ts';
import { MemorySockets } from './memory-sockets.model.ts';
import { readReplica } from './replica-rows.ts';
import { WeftReplica } from './weft-replica.ts';

const URL_OF_SERVER = 'http://server';
const real = ambientPlatform();
let sockets: MemorySockets;
let server: TestServer;

beforeEach(async () => {
  sockets = new MemorySockets();
  server = await openTestServer({ sockets: sockets.at(URL_OF_SERVER), env: real.env });
});
afterEach(() => server.close());

const DECLARATIONS = [
  'CREATE CONSTRAINT one FOR (n:A) REQUIRE n.key IS UNIQUE',
  'CREATE CONSTRAINT named FOR (n:B) REQUIRE n.name IS NOT NULL',
  'CREATE CONSTRAINT aged FOR (n:A) REQUIRE n.age IS :: INTEGER',
  'CREATE CONSTRAINT weighed FOR ()-[r:T]-() REQUIRE r.weight IS NOT NULL',
];

async function declare(graph = 'default'): Promise<void> {
  for (const statement of DECLARATIONS) {
    const { status } = await server.call('POST', `/v1/graphs/${graph}/query`, { statement });
    expect(status).toBe(200);
  }
}

function open(graph = 'default', store = new MemoryLocalStore()): Promise<WeftReplica> {
  const platform = { ...real, openSocket: sockets.open };
  return WeftReplica.open({ urls: [URL_OF_SERVER], graph, store, platform });
}

function settled(replica: WeftReplica): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const stop = replica.onStatus(({ state, pending }) => {
      if (isOver || state !== 'live' || pending > 0) return;
      isOver = true;
      resolve();
      void Promise.resolve().then(() => stop());
    });
  });
}

const create = (id: string, labels: readonly string[], properties = {}): Operation => {
  return { op: 'createNode', id: id as NodeId, labels, properties };
};
const onServer = () => server.engine.graph('default' as GraphName);

test('written offline: of many batches one breaks a constraint -> it is handed back with the reason, and all others are taken', async () => {
  await declare();
  const replica = await open();
  await onServer().write([create('first', ['A'], { key: 1 })]);
  for (let i = 0; i < 60; i++) {
    await replica.write([create(`n${i}`, ['A'], { key: i === 20 ? 1 : i + 100 }), create(`m${i}`, [])]);
  }
  await replica.write([{ op: 'patchNode', id: 'm20' as NodeId, properties: { x: { kind: 'set', value: 1 } } }]);
  replica.connect();
  await settled(replica);
  const refusals = replica.status.refusals.map(({ number, code, operations }) => [number, code, operations.length]);
  // What was written to a node of the refused batch cannot be done without it.
  expect(refusals).toEqual([
    [21, 'constraint-violated', 2],
    [61, 'node-not-found', 1],
  ]);
  expect(replica.status.refusals[0]?.detail).toContain('`first` has this key');
  expect(replica.node('n20')).toBeUndefined();
  expect(replica.node('m20')).toBeUndefined();
  expect((await onServer().counts()).nodes).toBe(1 + 59 * 2);
  expect((await onServer().integrity()).constraintViolations).toEqual([]);
  expect(await replica.digest()).toBe((await onServer().digest()).digest);
  await replica.close();
});

test('a batch that another server took, and that comes again after the key went to others -> taken again; a new one is refused', async () => {
  await declare();
  const store = new MemoryLocalStore();
  const replica = await open('default', store);
  await replica.write([create('a', ['A'], { key: 1 })]);
  await replica.write([create('c', ['A'], { key: 1, age: 3 })]);
  const { outbox } = await readReplica(store);
  const [first, second] = outbox.map(({ patches }) => patches);
  if (first === undefined || second === undefined) throw new Error('two batches wait');
  const sync = server.engine.sync('default' as GraphName);
  await sync.accept(first);
  await onServer().write([{ op: 'deleteNode', id: 'a' as NodeId, detach: false }]);
  await onServer().write([create('b', ['A'], { key: 1 })]);
  await sync.accept(first);
  await expect(sync.accept(second)).rejects.toMatchObject({ code: 'constraint-violated', context: { ids: ['b'] } });
  expect((await onServer().counts()).nodes).toBe(1);
  await replica.close();
});

const id = fc.integer({ min: 0, max: 3 }).map((n) => `n${n}` as NodeId);
const edge = fc.integer({ min: 0, max: 2 }).map((n) => `e${n}` as EdgeId);
const value = fc.constantFrom<string | number>(1, 2, 'x');
const properties = fc.record({ key: value, name: value, age: value, weight: value }, { requiredKeys: [] });
const labels = fc.subarray(['A', 'B']);
const change = fc.oneof(
  value.map((set) => ({ kind: 'set' as const, value: set })),
  fc.constant({ kind: 'remove' as const }),
);
const changes = fc.record({ key: change, name: change, age: change, weight: change }, { requiredKeys: [] });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('putNode' as const), id, labels, properties }),
  fc.record({ op: fc.constant('createNode' as const), id, labels, properties }),
  fc.record({
    op: fc.constant('patchNode' as const),
    id,
    labels: fc.record({ kind: fc.constant('replace' as const), labels }),
    properties: changes,
  }),
  fc.record({ op: fc.constant('deleteNode' as const), id, detach: fc.boolean() }),
  fc.record({
    op: fc.constant('createEdge' as const),
    id: edge,
    type: fc.constantFrom('T', 'U'),
    from: id,
    to: id,
    properties,
  }),
  fc.record({ op: fc.constant('patchEdge' as const), id: edge, properties: changes }),
  fc.record({ op: fc.constant('deleteEdge' as const), id: edge }),
);

test('random batches: over HTTP and from a replica -> the same verdicts, and the same graphs', async () => {
  let runs = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 10, maxLength: 20 }),
      async (all) => {
        const names = [`here${runs}`, `there${runs++}`] as GraphName[];
        const [here, there] = names.map((name) => server.engine.graph.bind(server.engine, name));
        for (const name of names) {
          await server.engine.createGraph(name, {});
          await declare(name);
        }
        const replica = await open(names[1]);
        replica.connect();
        for (const batch of all) {
          const codeOf = async (done: Promise<unknown>): Promise<string> => {
            try {
              await done;
              return 'ok';
            } catch (error) {
              if (error instanceof WeftError) return error.code;
              throw error;
            }
          };
          const expected = await codeOf((here as NonNullable<typeof here>)().write(batch));
          let verdict = await codeOf(replica.write(batch));
          await settled(replica);
          const [refusal] = replica.status.refusals;
          if (refusal !== undefined) {
            refused++;
            verdict = refusal.code;
            await replica.dismiss(refusal.number);
          }
          expect(verdict).toBe(expected);
        }
        const rows = 'MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN n, r, m ORDER BY n.id, elementId(n), elementId(r)';
        const options = { accessMode: 'read', isCancelled: () => false } as const;
        const [one, other] = await Promise.all(
          [here, there].map(async (graph) => {
            const answer = await (graph as NonNullable<typeof here>)().queryRows(
              { text: rows, parameters: {} },
              options,
            );
            return answer.rows;
          }),
        );
        expect(other).toEqual(one);
        await replica.close();
      },
    ),
    { numRuns: 25 },
  );
  expect(refused).toBeGreaterThan(0);
});
