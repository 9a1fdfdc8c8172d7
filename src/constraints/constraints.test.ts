/** Constraints on a server that stands alone, where every level decides for all. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { keyText } from '../../crdt/unique-key.ts';
import type { Operation } from '../../graph/model.ts';
import type { Properties, Value } from '../../graph/value.ts';
import { type DEFAULT, edge, node, put, type Running, remove, removeEdge, run, TINY } from '../engine-on-disk.model.ts';
import type { Graph, OperationResult } from '../engine-port.ts';
import { PropertyGraph, RANDOM_LABELS, randomBatch } from '../graphs/property-graph.model.ts';

const QUERY = { accessMode: 'write', isCancelled: () => false } as const;

async function query(graph: Graph, text: string, parameters: Record<string, Value> = {}) {
  return graph.queryRows({ text, parameters }, QUERY);
}

const UNIQUE = 'CREATE CONSTRAINT one_email FOR (u:User) REQUIRE u.email IS UNIQUE';
const user = (id: string, email: Value): Operation => node(id, { email }, ['User']);
const made = (email: Value, more: Properties = {}): Operation => ({
  op: 'createNode',
  labels: ['User'],
  properties: { email, ...more },
});
const set = (id: string, email: Value): Operation => ({
  op: 'patchNode',
  id: id as NodeId,
  properties: { email: email === null ? { kind: 'remove' } : { kind: 'set', value: email } },
});
const label = (id: string, add: string[], removed: string[] = []): Operation => ({
  op: 'patchNode',
  id: id as NodeId,
  labels: { kind: 'change', add, remove: removed },
});

async function withUnique(): Promise<Running> {
  const running = await run();
  await query(running.graph, UNIQUE);
  return running;
}

function refusal(work: Promise<unknown>): Promise<{ code: ErrorCode; context: Record<string, unknown> }> {
  return work.then(
    () => expect.fail('it was not refused'),
    (thrown) => thrown,
  );
}

describe('unique constraint', () => {
  test.each<[string, Operation]>([
    ['a create with a free id', user('b', 'a@x')],
    ['a create without an id', made('a@x')],
    ['a put', put('b', { email: 'a@x' }, ['User', 'Admin'])],
    ['a put that changes nothing but the label', put('d', { email: 'a@x' }, ['User'])],
    ['the property of another node', set('c', 'a@x')],
    ['the label of a node that has the value', label('d', ['User'])],
  ])('%s would be the second of a key -> refused, nothing changed', async (_, operation) => {
    const { graph } = await withUnique();
    await graph.write([user('a', 'a@x'), user('c', 'c@x'), node('d', { email: 'a@x' })]);
    const before = await graph.digest();
    const error = await refusal(graph.write([operation]));
    expect([error.code, error.context]).toEqual(['constraint-violated', { constraint: 'one_email', ids: ['a'] }]);
    expect(await graph.digest()).toEqual(before);
  });

  test.each<[string, Operation[]]>([
    ['a value changes hands', [set('a', 'new@x'), user('b', 'a@x')]],
    ['two nodes swap their values', [set('a', 'c@x'), set('c', 'a@x')]],
    ['the holder is deleted, and the key made again', [remove('a'), made('a@x')]],
    ['the key is made again, and the holder deleted', [user('b', 'a@x'), remove('a')]],
    ['the holder loses its label', [label('a', [], ['User']), made('a@x')]],
    ['the value becomes null', [set('a', null), made('a@x')]],
    ['many have no value', [node('e', {}, ['User']), node('f', {}, ['User']), node('g', { email: null }, ['User'])]],
    ['others have the value without the label', [node('e', { email: 'a@x' }), node('f', { email: 'a@x' }, ['Robot'])]],
    ['a node is put as it is', [put('a', { email: 'a@x' }, ['User'])]],
  ])('batch: %s -> what counts is the end', async (_, operations) => {
    const { graph } = await withUnique();
    await graph.write([user('a', 'a@x'), user('c', 'c@x')]);
    await graph.write(operations);
    expect(await graph.integrity()).toMatchObject({ constraintViolations: [] });
  });

  test('batch: two of its operations give one key -> refused with the later one', async () => {
    const { graph } = await withUnique();
    const error = await refusal(graph.write([node('z'), user('a', 1), user('b', 2), set('b', 1)]));
    expect(error).toMatchObject({ code: 'constraint-violated', context: { operation: 1, ids: ['b'] } });
    expect((await graph.counts()).nodes).toBe(0);
  });

  test('values: equal as queries take them -> one key; NaN and null -> none', async () => {
    const { graph } = await withUnique();
    await query(graph, 'CREATE (:User {email: 1}), (:User {email: 0.0 / 0.0}), (:User {email: 0.0 / 0.0})');
    await expect(query(graph, 'CREATE (:User {email: 1.0})')).rejects.toMatchObject({ code: 'constraint-violated' });
    await query(graph, "CREATE (:User {email: '1'}), (:User {email: true}), (:User {email: 1.5})");
    const large = 'x'.repeat(200_000);
    await query(graph, 'CREATE (:User {email: $large})', { large });
    await expect(query(graph, 'CREATE (:User {email: $large})', { large })).rejects.toThrow('one_email');
  });

  test('composite: each part may repeat, both together may not; either order of names is one constraint', async () => {
    const { graph } = await run();
    await query(graph, 'CREATE CONSTRAINT room FOR (r:Room) REQUIRE (r.house, r.number) IS UNIQUE');
    await query(
      graph,
      'CREATE (:Room {house: 1, number: 1}), (:Room {house: 1, number: 2}), (:Room {house: 2, number: 1})',
    );
    await query(graph, 'CREATE (:Room {house: 1}), (:Room {house: 1})');
    const again = query(graph, 'CREATE (:Room {house: 1, number: 2.0})');
    await expect(again).rejects.toMatchObject({ code: 'constraint-violated', context: { constraint: 'room' } });
  });

  test('ids: a node is made without one -> it follows from the key, wherever it is made', async () => {
    const one = await withUnique();
    const other = await withUnique();
    const [{ id }] = (await one.graph.write([made('ada@example.org')])) as [OperationResult];
    expect(id).toBe('key~1hdauS4J1WWhcWU6ris4PhG9B_Uf19Si');
    const { rows } = await query(other.graph, "MERGE (u:User {email: 'ada@example.org'}) RETURN elementId(u)");
    expect(rows).toEqual([[id]]);
    const joined = await query(
      other.graph,
      "CREATE (u:User {email: 'b'})-[:KNOWS]->(:User {email: 'c'}) RETURN elementId(u)",
    );
    expect(String(joined.rows[0]?.[0])).toMatch(/^key~/);
  });

  test('ids: the node of a key has another key now -> a new one gets an id of its own', async () => {
    const { graph } = await withUnique();
    const [{ id }] = (await graph.write([made('a@x')])) as [OperationResult];
    await graph.write([set(id, 'b@x')]);
    const [again] = (await graph.write([made('a@x')])) as [OperationResult];
    expect(again).toMatchObject({ created: true, element: { properties: { email: 'a@x' } } });
    expect(again.id).not.toBe(id);
  });

  test('declaration: data breaks it -> refused with the ids, and nothing is declared', async () => {
    const { graph } = await run();
    await graph.write([user('b', 1), user('a', 1), user('c', 2), user('d', null)]);
    const error = await refusal(query(graph, UNIQUE));
    expect(error).toMatchObject({ code: 'constraint-violated', context: { ids: ['a', 'b'], elements: 2 } });
    expect((await query(graph, 'SHOW CONSTRAINTS')).rows).toEqual([]);
    await graph.write([user('e', 1)]);
  });

  test('declaration: relationships break it, others were deleted -> refused with the ids of those that are there', async () => {
    const { graph } = await run();
    await graph.write([node('a'), node('b'), edge('bad', 'a', 'b'), edge('gone', 'a', 'b')]);
    await graph.write([removeEdge('gone')]);
    const declared = query(graph, 'CREATE CONSTRAINT e FOR ()-[r:T]-() REQUIRE r.since IS NOT NULL');
    expect((await refusal(declared)).context).toMatchObject({ constraint: 'e', ids: ['bad'] });
    await graph.write([removeEdge('bad')]);
    await query(graph, 'CREATE CONSTRAINT e FOR ()-[r:T]-() REQUIRE r.since IS NOT NULL');
  });

  test('declaration: a restart -> it is kept all the same; dropped -> no more', async () => {
    const { graph, engine, disk } = await withUnique();
    await graph.write([user('a', 1)]);
    await engine.close();
    const again = await run({ disk });
    await expect(again.graph.write([user('b', 1)])).rejects.toMatchObject({ code: 'constraint-violated' });
    await query(again.graph, 'DROP CONSTRAINT one_email');
    await again.graph.write([user('b', 1)]);
  });

  test('declaration: a graph that is not in memory -> all of its partitions are looked through, and kept', async () => {
    const { graph } = await run({ memoryBudgetBytes: TINY });
    await graph.write(Array.from({ length: 40 }, (_, i) => user(`n${i}`, i)));
    await query(graph, UNIQUE);
    await expect(graph.write([user('new', 39)])).rejects.toMatchObject({ context: { ids: ['n39'] } });
    await graph.write([user('new', 40)]);
    await query(graph, 'DROP CONSTRAINT one_email');
    await graph.write([user('other', 40)]);
    await expect(query(graph, UNIQUE)).rejects.toMatchObject({ context: { ids: ['new', 'other'] } });
  });

  test('import: every line is decided by itself; lines that break it are reported, and repeating it changes nothing', async () => {
    const { graph } = await withUnique();
    const lines = [
      put('a', { email: 1 }, ['User']),
      put('b', { email: 1 }, ['User']),
      put('c', { email: 2 }, ['User']),
    ];
    const swap = put('a', { email: 3 }, ['User']);
    const { applied, failures } = await graph.load([...lines, swap, put('d', { email: 1 }, ['User'])], {
      stopAtFirst: false,
    });
    expect([applied, failures.map(({ index }) => index)]).toEqual([4, [1]]);
    expect(failures[0]?.error).toMatchObject({ code: 'constraint-violated', context: { ids: ['a'] } });
    const before = await graph.digest();
    await graph.load([swap, put('c', { email: 2 }, ['User'])], { stopAtFirst: true });
    expect(await graph.digest()).toEqual(before);
    expect(await graph.integrity()).toMatchObject({ nodes: 3, constraintViolations: [] });
  });

  test('random batches: compared with a dumb model -> the same refusals and the same graph', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = new SeededRandom(seed);
      const { graph } = await run(seed % 3 === 0 ? { memoryBudgetBytes: TINY } : {});
      const [first, second] = RANDOM_LABELS as [string, string];
      await query(graph, `CREATE CONSTRAINT a FOR (n:${first}) REQUIRE n.p IS UNIQUE`);
      await query(graph, `CREATE CONSTRAINT b FOR (n:${second}) REQUIRE (n.q, n.p) IS UNIQUE`);
      const model = new PropertyGraph();
      for (let i = 0; i < 60; i++) {
        const batch = randomBatch(random);
        const [nodes, edges] = [new Map(model.nodes), new Map(model.edges)];
        let { code } = model.write(batch);
        if (code === 'done' && (hasTwo(model, first, ['p']) || hasTwo(model, second, ['p', 'q']))) {
          code = 'constraint-violated';
          Object.assign(model, { nodes, edges });
        }
        const outcome = await graph.write(batch).then(
          () => 'done',
          (error) => error.code,
        );
        expect([seed, i, outcome]).toEqual([seed, i, code]);
      }
      const ids = model.contents().nodes.map(({ id }) => String(id));
      const { rows } = await query(graph, 'MATCH (n) RETURN elementId(n)');
      expect(rows.map(([id]) => String(id)).sort()).toEqual(ids.sort());
      expect((await graph.integrity()).constraintViolations).toEqual([]);
    }
  });
});

/** Whether two nodes of the label have one key, by comparing all with all. */
function hasTwo(model: PropertyGraph, of: string, names: readonly string[]): boolean {
  const { nodes } = model.contents();
  const keys = nodes
    .filter(({ labels }) => labels.includes(of))
    .map(({ properties }) => keyText(properties, names))
    .filter((key) => key !== undefined);
  return keys.some((key, i) => keys.indexOf(key) !== i);
}

describe('statements', () => {
  test('merge: of a unique key -> a look-up; made once in the statement, found by later rows', async () => {
    const { graph } = await withUnique();
    const merge =
      'UNWIND [1, 2, 1, 1.0, 2] AS e MERGE (u:User {email: e}) ON CREATE SET u.n = 1 ON MATCH SET u.n = u.n + 1';
    const { counters } = await query(graph, merge);
    expect(counters.nodesCreated).toBe(2);
    expect((await query(graph, 'MATCH (u:User) RETURN u.email, u.n ORDER BY u.email')).rows).toEqual([
      [1, 3],
      [2, 2],
    ]);
    const { plan } = await query(graph, 'EXPLAIN MERGE (u:User {email: 1})');
    expect(JSON.stringify(plan)).toContain('"IndexSeek"');
    expect(JSON.stringify(plan)).not.toContain('LabelScan');
  });

  test('merge: after a create in one statement -> finds it; with another property -> the constraint refuses a second', async () => {
    const { graph } = await withUnique();
    const { rows } = await query(
      graph,
      'CREATE (:User {email: 7, n: 1}) WITH 1 AS x MERGE (u:User {email: 7}) RETURN u.n',
    );
    expect(rows).toEqual([[1]]);
    await expect(query(graph, 'MERGE (:User {email: 7, n: 2})')).rejects.toMatchObject({ code: 'constraint-violated' });
  });

  test('delete and create of one key in one statement -> the new node has the id of the key, and nothing of the old', async () => {
    const { graph } = await withUnique();
    const created = await query(graph, 'CREATE (u:User {email: 7, old: true})-[:T]->() RETURN elementId(u)');
    const { rows } = await query(
      graph,
      'MATCH (u:User {email: 7}) DETACH DELETE u CREATE (v:User {email: 7})-[:T]->(:User {email: 8}) RETURN elementId(v), v.old',
    );
    expect(rows).toEqual([[created.rows[0]?.[0], null]]);
    expect(await graph.integrity()).toMatchObject({ nodes: 3, edges: 1, constraintViolations: [] });
  });

  test('key: properties of a node key must be there; existence and types -> kept for nodes and relationships', async () => {
    const { graph } = await run();
    await query(graph, 'CREATE CONSTRAINT k FOR (n:K) REQUIRE (n.a, n.b) IS NODE KEY');
    await query(graph, 'CREATE CONSTRAINT e FOR ()-[r:R]-() REQUIRE r.since IS NOT NULL');
    await query(graph, 'CREATE CONSTRAINT t FOR (n:T) REQUIRE n.x IS :: STRING | LIST<INTEGER NOT NULL>');
    await query(graph, 'CREATE CONSTRAINT rt FOR ()-[r:R]-() REQUIRE r.since IS TYPED DATE');
    const refused = [
      'CREATE (:K {a: 1})',
      'CREATE (:K {a: 1, b: 2}), (:K {a: 1, b: 2})',
      'CREATE ()-[:R]->()',
      "CREATE ()-[:R {since: '2026-01-01'}]->()",
      'CREATE (:T {x: 1})',
      "CREATE (:T {x: [1, 'a']})",
    ];
    for (const text of refused) {
      await expect(query(graph, text), text).rejects.toMatchObject({ code: 'constraint-violated' });
    }
    await query(
      graph,
      "CREATE (:K {a: 1, b: 2})-[:R {since: date('2026-01-01')}]->(:T {x: [1, 2]}), (:T), (:T {x: ''})",
    );
    await expect(query(graph, 'MATCH (k:K) REMOVE k.b')).rejects.toMatchObject({ code: 'constraint-violated' });
    await expect(query(graph, 'MATCH ()-[r:R]->() SET r.since = null')).rejects.toMatchObject({
      context: { constraint: 'e' },
    });
    await expect(query(graph, 'MATCH (t:T) SET t.x = true')).rejects.toMatchObject({ context: { constraint: 't' } });
    const shown = await query(graph, 'SHOW CONSTRAINTS YIELD name, type, propertyType, ownedIndex');
    expect(shown.rows).toEqual([
      ['e', 'RELATIONSHIP_PROPERTY_EXISTENCE', null, null],
      ['k', 'NODE_KEY', null, 'k'],
      ['rt', 'RELATIONSHIP_PROPERTY_TYPE', 'DATE', null],
      ['t', 'NODE_PROPERTY_TYPE', 'STRING | LIST<INTEGER NOT NULL>', null],
    ]);
  });

  test('existence: a put leaves out the property alone -> refused; a node of two labels -> bound by those of these labels only', async () => {
    const { graph } = await run();
    for (const [label, property] of [
      ['A', 'x'],
      ['B', 'y'],
      ['C', 'z'],
    ])
      await query(graph, `CREATE CONSTRAINT FOR (n:${label}) REQUIRE n.${property} IS NOT NULL`);
    await graph.write([node('n', { x: 1, y: 2 }, ['A', 'B'])]);
    const error = await refusal(graph.write([put('n', { x: 1 }, ['A', 'B'])]));
    expect([error.code, error.context.ids]).toEqual(['constraint-violated', ['n']]);
  });

  test('declarations: repeated, alike, unsupported, unknown -> what each says', async () => {
    const { graph, engine } = await withUnique();
    await expect(query(graph, UNIQUE)).rejects.toMatchObject({ code: 'schema-conflict' });
    const same = 'CREATE CONSTRAINT other IF NOT EXISTS FOR (u:User) REQUIRE u.email IS UNIQUE';
    expect((await query(graph, same)).counters.constraintsAdded).toBe(0);
    await expect(query(graph, same.replace('IF NOT EXISTS', ''))).rejects.toMatchObject({ code: 'schema-conflict' });
    const ofEdges = 'CREATE CONSTRAINT FOR ()-[r:R]-() REQUIRE r.x IS UNIQUE';
    await expect(query(graph, ofEdges)).rejects.toMatchObject({ errorDetail: 'UnsupportedConstraint' });
    await expect(query(graph, 'DROP CONSTRAINT none')).rejects.toMatchObject({ errorDetail: 'SchemaNotFound' });
    expect((await query(graph, 'DROP CONSTRAINT none IF EXISTS')).counters.constraintsRemoved).toBe(0);
    const reading = { ...QUERY, accessMode: 'read' } as const;
    const read = async () => graph.queryRows({ text: 'DROP CONSTRAINT one_email', parameters: {} }, reading);
    await expect(read()).rejects.toMatchObject({ errorDetail: 'AccessMode' });
    expect((await query(graph, 'SHOW UNIQUE CONSTRAINTS')).rows).toEqual([
      ['one_email', 'UNIQUENESS', 'NODE', ['User'], ['email'], 'one_email', null, 0],
    ]);
    expect((await query(graph, 'SHOW INDEXES')).rows).toEqual([
      ['one_email', 'RANGE', 'NODE', ['User'], ['email'], 'one_email'],
    ]);
    await graph.write([edge('e', 'x', 'y')]).catch(() => undefined);
    expect((await query(graph, 'DROP CONSTRAINT one_email')).counters.constraintsRemoved).toBe(1);
    await engine.createGraph('other' as typeof DEFAULT, {});
    await query(engine.graph('other' as typeof DEFAULT), UNIQUE);
    const older = 'DROP CONSTRAINT ON (u:User) ASSERT u.email IS UNIQUE';
    expect((await query(engine.graph('other' as typeof DEFAULT), older)).counters.constraintsRemoved).toBe(1);
    await expect(query(engine.graph('other' as typeof DEFAULT), older)).rejects.toThrow(
      /no constraint on User\(email\)/,
    );
    await graph.write([user('a', 1), user('b', 1)]);
  });
});
