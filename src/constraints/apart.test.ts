/** Constraints over three whole servers: what is decided for all, and what each decides by itself. */
import { afterEach, describe, expect, test } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Value } from '../../graph/value.ts';
import { DEFAULT, node, put, remove } from '../engine-on-disk.model.ts';
import type { Graph, OperationResult } from '../engine-port.ts';
import { Cluster, type Server } from '../replication/cluster.model.ts';

let cluster: Cluster;
afterEach(() => expect(cluster.bugs).toEqual([]));

const strong = ({ engine }: Server): Graph => engine.graph(DEFAULT, 'strong');
const UNIQUE = 'CREATE CONSTRAINT one_email FOR (u:User) REQUIRE u.email IS UNIQUE';
const user = (id: string, email: Value): Operation => node(id, { email }, ['User']);
const made = (email: Value): Operation => ({ op: 'createNode', labels: ['User'], properties: { email } });
const patch = (id: string, more: Omit<Extract<Operation, { op: 'patchNode' }>, 'op' | 'id'>): Operation => ({
  op: 'patchNode',
  id: id as NodeId,
  ...more,
});
const set = (id: string, name: string, value: Value): Operation =>
  patch(id, { properties: { [name]: { kind: 'set', value } } });

async function query(graph: Graph, text: string) {
  return cluster.during(
    (async () => graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false }))(),
  );
}

async function threeServers(): Promise<[Server, Server, Server]> {
  cluster = new Cluster('a', 'b', 'c');
  return (await cluster.startVoting()) as [Server, Server, Server];
}

async function withUnique(): Promise<[Server, Server, Server]> {
  const servers = await threeServers();
  await query(servers[0].graph, UNIQUE);
  await cluster.converge(...servers);
  return servers;
}

function apart([a, b, c]: readonly [Server, Server, Server]): void {
  for (const [one, other] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    cluster.cut(one, other);
}

async function together(servers: readonly [Server, Server, Server]): Promise<void> {
  const [a, b, c] = servers;
  for (const [one, other] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const)
    cluster.heal(one, other);
  await cluster.converge(...servers);
}

test('one name is declared for two indexes on servers that are cut off from each other -> all of them have the same one', async () => {
  const servers = await threeServers();
  const [a, b] = servers;
  // After this nothing but the entry itself changes.
  for (const [i, { graph }] of servers.entries()) await query(graph, `CREATE INDEX by${i} FOR (n:L${i}) ON (n.p)`);
  await cluster.converge(...servers);
  apart(servers);
  await query(a.graph, 'CREATE INDEX twice FOR (n:A) ON (n.p)');
  await query(b.graph, 'CREATE INDEX twice FOR (n:B) ON (n.q)');
  const shown =
    'SHOW INDEXES YIELD name, labelsOrTypes, properties WHERE name = "twice" RETURN labelsOrTypes, properties';
  expect((await query(a.graph, shown)).rows).toEqual([[['A'], ['p']]]);
  await together(servers);
  for (const { graph } of servers) expect((await query(graph, shown)).rows).toEqual([[['B'], ['q']]]);
});

describe('below strong', () => {
  test('three servers merge one key while they are cut off from each other -> one node with what all of them wrote', async () => {
    const servers = await withUnique();
    apart(servers);
    for (const [i, { graph }] of servers.entries()) {
      await query(
        graph,
        `MERGE (u:User {email: 'x'}) ON CREATE SET u.by${i} = ${i} CREATE (u)-[:HAS]->(:Thing {n: ${i}})`,
      );
    }
    await together(servers);
    for (const { graph } of servers) {
      const { rows } = await query(graph, 'MATCH (u:User)-[:HAS]->(t) RETURN u.by0, u.by1, u.by2, sum(t.n)');
      expect(rows).toEqual([[0, 1, 2, 3]]);
      expect((await graph.integrity()).constraintViolations).toEqual([]);
    }
  });

  test('a key and an id that does not follow from it -> refused, whatever gives the key', async () => {
    const servers = await withUnique();
    const [, b] = servers;
    await cluster.during(strong(b).write([user('mine', 'm'), node('other', { email: 'o' })]));
    const [{ id }] = (await cluster.during(b.graph.write([made('x')]))) as [OperationResult];
    const refused: Operation[] = [
      user('chosen', 'y'),
      put('chosen', { email: 'y' }, ['User']),
      put('mine', { email: 'm', n: 1 }, ['User']),
      set('mine', 'email', 'y'),
      set(id, 'email', 'y'),
      patch('other', { labels: { kind: 'change', add: ['User'], remove: [] } }),
    ];
    for (const operation of refused) {
      const error = await cluster.refusal(b.graph.write([operation]));
      expect([operation, error.code]).toEqual([operation, 'constraint-violated']);
      expect(error.message).toContain('below `strong`');
    }
    await cluster.during(
      strong(b).write(
        refused
          .slice(3, 5)
          .map((each, i) => ({ ...each, properties: { email: { kind: 'set', value: `z${i}` } } })) as Operation[],
      ),
    );
    await cluster.converge(...servers);
  });

  test('everything else about such nodes -> allowed: other properties, the same value, no value, deletion', async () => {
    const servers = await withUnique();
    const [, b] = servers;
    await cluster.during(strong(b).write([user('mine', 'm')]));
    const both = patch('mine', { properties: { email: { kind: 'set', value: 'm' }, n: { kind: 'set', value: 1 } } });
    await cluster.during(
      b.graph.write([both, patch('mine', { labels: { kind: 'replace', labels: ['User', 'Admin'] } })]),
    );
    expect((await b.graph.node('mine' as NodeId)).element).toMatchObject({
      properties: { email: 'm', n: 1 },
      labels: ['Admin', 'User'],
    });
    const [{ id }] = (await cluster.during(b.graph.write([made('x')]))) as [OperationResult];
    await cluster.during(
      b.graph.write([
        put(id, { email: 'x', n: 2 }, ['User']),
        patch('mine', { properties: { email: { kind: 'remove' } } }),
      ]),
    );
    await cluster.during(b.graph.write([remove(id)]));
    const [again] = (await cluster.during(b.graph.write([made('x')]))) as [OperationResult];
    expect(again.id).toBe(id);
  });

  test('a value is repeated while another server takes it away and makes the key anew -> one node has it', async () => {
    const servers = await withUnique();
    const [a, b] = servers;
    await cluster.during(strong(a).write([user('mine', 'm')]));
    await cluster.converge(...servers);
    apart(servers);
    await cluster.during(a.graph.write([patch('mine', { properties: { email: { kind: 'remove' } } })]));
    await cluster.during(a.graph.write([made('m')]));
    await cluster.run(1_000);
    await cluster.during(
      b.graph.write([
        patch('mine', { properties: { email: { kind: 'set', value: 'm' }, n: { kind: 'set', value: 1 } } }),
      ]),
    );
    await together(servers);
    expect((await query(a.graph, 'MATCH (u:User) WHERE u.email IS NOT NULL RETURN count(*)')).rows).toEqual([[1]]);
    expect((await a.graph.integrity()).constraintViolations).toEqual([]);
  });

  test('two unique keys for one node -> only at strong; with one of them, at any level', async () => {
    const servers = await withUnique();
    const [a] = servers;
    await query(a.graph, 'CREATE CONSTRAINT one_name FOR (u:User) REQUIRE u.name IS UNIQUE');
    const both: Operation = { op: 'createNode', labels: ['User'], properties: { email: 'x', name: 'n' } };
    expect((await cluster.refusal(a.graph.write([both]))).message).toContain('`one_email` comes first');
    await cluster.during(strong(a).write([both]));
    await cluster.during(a.graph.write([{ ...both, properties: { name: 'other' } }]));
    expect((await cluster.refusal(a.graph.write([{ ...both, properties: { name: 'n' } }]))).message).toContain(
      'has this key',
    );
    await cluster.converge(...servers);
  });

  test('import: the id of a line follows from its key, or the line is refused', async () => {
    const [a] = await withUnique();
    const [{ id }] = (await cluster.during(a.graph.write([made('x')]))) as [OperationResult];
    const lines = [put('chosen', { email: 'y' }, ['User']), put(id, { email: 'x', n: 1 }, ['User'])];
    const { failures } = await cluster.during(a.graph.load(lines, { stopAtFirst: false }));
    expect(failures.map(({ index }) => index)).toEqual([0]);
  });
});

describe('strong', () => {
  test('three servers create one key at once, with ids of their own -> exactly one succeeds', async () => {
    const servers = await withUnique();
    const tries = servers.map((server, i) => strong(server).write([user(`u${i}`, 'x')]));
    const outcomes = await cluster.during(Promise.allSettled(tries));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'constraint-violated', context: { constraint: 'one_email' } });
    }
    await cluster.converge(...servers);
    expect((await query(strong(servers[1]), 'MATCH (u:User) RETURN count(*)')).rows).toEqual([[1]]);
  });

  test('one round deletes a node, gives its key to another, and would make it again -> the last is refused', async () => {
    const [a] = await withUnique();
    const [{ id }] = (await cluster.during(strong(a).write([made('x')]))) as [OperationResult];
    const graph = strong(a);
    const outcomes = await cluster.during(
      Promise.allSettled([graph.write([remove(id)]), graph.write([user('u', 'x')]), graph.write([made('x')])]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { code: 'constraint-violated', context: { ids: ['u'] } } });
    expect((await query(graph, 'MATCH (u:User) RETURN u.email, count(*)')).rows).toEqual([['x', 1]]);
  });

  test('statements and batches on three servers -> one of each key; a refused one leaves nothing', async () => {
    const servers = await withUnique();
    const [a, b, c] = servers;
    const outcomes = await cluster.during(
      Promise.allSettled([
        query(strong(a), "CREATE (:User {email: 'x'}), (:Left {by: 'a'})"),
        strong(b).write([node('left', {}, ['Left']), user('u', 'x')]),
        query(strong(c), "MERGE (u:User {email: 'x'}) ON CREATE SET u.by = 'c' ON MATCH SET u.met = 'c'"),
      ]),
    );
    expect(outcomes[2].status).toBe('fulfilled');
    await cluster.converge(...servers);
    const { rows } = await query(a.graph, 'MATCH (u:User) RETURN count(*)');
    expect(rows).toEqual([[1]]);
    const isWritten = outcomes.slice(0, 2).filter(({ status }) => status === 'fulfilled').length;
    expect((await query(a.graph, 'MATCH (l:Left) RETURN count(*)')).rows).toEqual([[isWritten]]);
  });

  test('requests that share a round: one breaks it -> refused alone, the others are written', async () => {
    const servers = await withUnique();
    const [a] = servers;
    const tries = ['x', 'y', 'x', 'z'].map((email, i) => strong(a).write([node(`n${i}`), user(`u${i}`, email)]));
    const outcomes = await cluster.during(Promise.allSettled(tries));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[2]).toMatchObject({ reason: { context: { constraint: 'one_email', operation: 1, ids: ['u0'] } } });
    expect((await a.graph.counts()).nodes).toBe(6);
    await cluster.converge(...servers);
  });
});

describe('declaration', () => {
  test('no majority -> refused, and nothing is declared', async () => {
    const servers = await threeServers();
    apart(servers);
    await cluster.run(3_000);
    const error = await cluster.refusal(query(servers[0].graph, UNIQUE));
    expect([error.code, error.kind.definite]).toEqual(['quorum-unavailable', true]);
    await together(servers);
    expect((await query(servers[0].graph, 'SHOW CONSTRAINTS')).rows).toEqual([]);
  });

  test('together with strong writes of one key on other servers -> either it is refused, or one of them is', async () => {
    for (const first of [0, 1, 2] as const) {
      const servers = await threeServers();
      const declarer = servers[first] as Server;
      const [one, other] = servers.filter((server) => server !== declarer) as [Server, Server];
      const outcomes = await cluster.during(
        Promise.allSettled([
          query(declarer.graph, UNIQUE),
          strong(one).write([user('u', 'x')]),
          strong(other).write([user('v', 'x')]),
        ]),
      );
      const [declared, ...written] = outcomes.map(({ status }) => status === 'fulfilled');
      expect([first, declared, written.every(Boolean)]).toEqual([first, !written.every(Boolean), !declared]);
      await cluster.converge(...servers);
      expect((await one.graph.integrity()).constraintViolations).toEqual([]);
    }
  });

  test('two servers declare one name at once -> one of them is told', async () => {
    const servers = await threeServers();
    const [a, b] = servers;
    const outcomes = await cluster.during(
      Promise.allSettled([query(a.graph, UNIQUE), query(b.graph, UNIQUE.replace('email', 'name'))]),
    );
    const lost = outcomes.find(({ status }) => status === 'rejected');
    expect(lost).toMatchObject({ reason: { code: 'schema-conflict' } });
    await cluster.converge(...servers);
  });

  test('a server did not know of it -> its second node of a key is there, and every server says so, until it is mended', async () => {
    const servers = await threeServers();
    const [a, b, c] = servers;
    cluster.cut(a, c);
    cluster.cut(b, c);
    await cluster.during(c.graph.write([user('late', 'x')]));
    await query(a.graph, UNIQUE);
    const [{ id }] = (await cluster.during(a.graph.write([made('x')]))) as [OperationResult];
    cluster.heal(a, c);
    cluster.heal(b, c);
    await cluster.converge(...servers);
    for (const { graph } of servers) {
      expect((await graph.integrity()).constraintViolations).toEqual([
        { constraint: 'one_email', elements: 2, groups: [[id, 'late']] },
      ]);
      expect((await query(graph, 'SHOW CONSTRAINTS YIELD name, violations')).rows).toEqual([['one_email', 2]]);
    }
    // Neither can be told from the other, so both stay; what does not give the key may change.
    await cluster.during(b.graph.write([set('late', 'n', 1)]));
    await cluster.during(strong(b).write([set('late', 'email', 'y')]));
    expect(b.engine.metrics().constraintViolations).toBe(2);
    expect((await b.graph.integrity()).constraintViolations).toEqual([]);
    expect(b.engine.metrics().constraintViolations).toBe(0);
    await cluster.converge(...servers);
  });
});
