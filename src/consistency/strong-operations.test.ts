/** Strong operations over three whole servers: real engines, links that can be cut, time that a test moves. */
import { afterEach, describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import type { Operation } from '../../graph/model.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import { DEFAULT } from '../engine-on-disk.model.ts';
import type { Graph, OperationResult } from '../engine-port.ts';
import { Cluster, type Server, stall } from '../replication/cluster.model.ts';

let cluster: Cluster;
afterEach(() => expect(cluster.bugs).toEqual([]));

const id = (text: string) => text as NodeId;
const create = (text: string, properties: Record<string, number> = {}): Operation => ({
  op: 'createNode',
  id: id(text),
  labels: [],
  properties,
});
const increment = (text: string, by: number, min?: number): Operation => ({
  op: 'patchNode',
  id: id(text),
  properties: { stock: { kind: 'increment', by, ...(min !== undefined && { min }) } },
});
const strong = ({ engine }: Server): Graph => engine.graph(DEFAULT, 'strong');

async function threeServers(): Promise<[Server, Server, Server]> {
  cluster = new Cluster('a', 'b', 'c');
  return (await cluster.startVoting()) as [Server, Server, Server];
}

describe('strong write', () => {
  test('three servers, whichever is asked -> seen by a strong read on every other', async () => {
    const servers = await threeServers();
    for (const [i, server] of servers.entries()) {
      const name = `n${i}`;
      const [result] = (await cluster.during(strong(server).write([create(name, { p: i })]))) as [OperationResult];
      expect(result).toMatchObject({ id: name, created: true, element: { id: name, properties: { p: i } } });
      for (const other of servers) {
        expect((await cluster.during(strong(other).node(id(name)))).element.properties).toEqual({ p: i });
      }
    }
    await cluster.converge(...servers);
  });

  test('the network repeats every message -> each write happens once, whoever is asked', async () => {
    cluster = new Cluster('a', 'b', 'c');
    const servers = await Promise.all(cluster.names.map((name) => cluster.start(name, { repeats: true })));
    await cluster.linked(...servers);
    await cluster.until(() => servers.every(({ engine }) => engine.quorum().votes), 'votes');
    await cluster.during(strong(servers[0] as Server).write([create('n', { stock: 0 })]));
    for (const server of servers) {
      await cluster.during(Promise.all([1, 10].map((by) => strong(server).write([increment('n', by)]))));
    }
    for (const server of servers) {
      expect((await cluster.during(strong(server).node(id('n')))).element.properties).toEqual({ stock: 33 });
    }
  });

  test('two create one id at once on two servers -> one of them gets it', async () => {
    const [a, b, c] = await threeServers();
    const both = await cluster.during(
      Promise.allSettled([strong(a).write([create('n', { by: 1 })]), strong(b).write([create('n', { by: 2 })])]),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = both.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(lost.reason).toMatchObject({ code: 'node-exists' });
    const winner = both[0].status === 'fulfilled' ? 1 : 2;
    expect((await cluster.during(strong(c).node(id('n')))).element.properties).toEqual({ by: winner });
  });

  test('a stock of 3, ten take one each on three servers with $min 0 -> three succeed', async () => {
    const servers = await threeServers();
    await cluster.during(strong(servers[0]).write([create('s', { stock: 3 })]));
    const takes = Array.from({ length: 10 }, (_, i) => strong(servers[i % 3] as Server).write([increment('s', -1, 0)]));
    const outcomes = await cluster.during(Promise.allSettled(takes));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'out-of-bounds' });
    }
    expect((await cluster.during(strong(servers[2]).node(id('s')))).element.properties).toEqual({ stock: 0 });
    await cluster.converge(...servers);
  });

  test('strong and session increments on one server at once -> all add up', async () => {
    const [a, b, c] = await threeServers();
    await cluster.during(strong(a).write([create('s', { stock: 0 })]));
    await cluster.converge(a, b, c);
    const work = [a, b, c].flatMap((server) => [
      strong(server).write([increment('s', 1)]),
      server.graph.write([increment('s', 10)]),
      strong(server).write([increment('s', 100)]),
      server.graph.write([increment('s', 1000)]),
    ]);
    await cluster.during(Promise.all(work));
    await cluster.converge(a, b, c);
    expect((await b.graph.node(id('s'))).element.properties).toEqual({ stock: 3333 });
  });

  test('a batch whose second operation fails, beside others in the same round -> leaves nothing, the others stand', async () => {
    const [a, b] = await threeServers();
    const outcomes = await cluster.during(
      Promise.allSettled([
        strong(a).write([create('x')]),
        strong(a).write([create('y'), create('x')]),
        strong(a).write([create('z')]),
      ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({
      code: 'node-exists',
      context: { operation: 1 },
    });
    expect((await cluster.refusal(strong(b).node(id('y')))).code).toBe('node-not-found');
  });
});

describe('a read that waits for its disk (STR-8)', () => {
  /** What a read shows that met a session write, while a strong write came in that was decided without it. */
  async function shown(planted?: PlantedBug): Promise<unknown> {
    cluster = new Cluster('a', 'b', 'c');
    cluster.planted = new Set(planted === undefined ? [] : [planted]);
    const servers = await cluster.startVoting();
    const [{ version = '' }] = (await cluster.during(strong(servers[0] as Server).write([create('n')]))) as [
      OperationResult,
    ];
    await cluster.converge(...servers);
    for (const server of servers) await cluster.during(strong(server).node(id('n')));
    const isAsking = ({ log }: Server) => log.some((line) => line.includes('asks the coordinator'));
    const reader = servers.find(isAsking) as Server;
    const writer = servers.find((server) => server !== reader) as Server;
    const release = stall(reader);
    const change = (name: string) =>
      ({ op: 'patchNode', id: id('n'), properties: { [name]: { kind: 'set', value: 1 } } }) as const;
    // The first is on its way to the disk; the second waits for it, and goes there together with what comes in.
    const before = reader.graph.write([create('other')]);
    await cluster.run(20);
    const written = Promise.all([before, reader.graph.write([change('session')])]);
    const read = strong(reader).node(id('n'));
    await cluster.run(100);
    await cluster.during(strong(writer).write([{ ...change('strong'), condition: { match: [version] } }]));
    await cluster.run(100);
    release();
    await cluster.during(written);
    return (await cluster.during(read)).element.properties;
  }

  test('it met a session write, and then a strong one came in that was decided without it -> it shows both', async () => {
    expect(await shown()).toEqual({ session: 1, strong: 1 });
  });

  test('planted: what came in while it waited counts as seen -> it shows the one without the other', async () => {
    expect(await shown('read-dated-late')).toEqual({ session: 1 });
  });
});

test('strong operations: [a request has a trace] -> whoever decides it for another server goes on with the trace', async () => {
  const servers = await threeServers();
  for (const { name, engine } of servers) {
    const graph = engine.graph(DEFAULT, 'strong', `trace of ${name}`);
    await cluster.during(graph.write([create(`n-${name}`)]));
    await cluster.during(graph.node(id(`n-${name}`)));
  }
  const decided = servers.flatMap(({ log }) => log.filter((line) => line.includes('decided for another server')));
  const asked = servers.flatMap(({ log }) => log.filter((line) => line.includes('asks the coordinator')));
  // One of the three is asked by the other two; a write is one question, a read two.
  expect(decided.map((line) => line.slice(line.indexOf('trace of'))).sort()).toEqual(
    asked.map((line) => line.slice(line.indexOf('trace of'))).sort(),
  );
  expect(decided).toHaveLength(6);
});

describe('strong operations without a majority', () => {
  test('one server cut off -> it refuses, definitely; the others go on, and it sees all after the heal', async () => {
    const [a, b, c] = await threeServers();
    cluster.cut(a, b);
    cluster.cut(a, c);
    await cluster.until(() => !a.engine.quorum().isReachable, 'a to notice');
    const refused = await cluster.refusal(strong(a).write([create('lost')]));
    expect(refused).toMatchObject({ code: 'quorum-unavailable', context: { outcome: 'none' } });
    expect((await cluster.refusal(strong(a).node(id('lost')))).code).toBe('quorum-unavailable');
    await cluster.during(strong(b).write([create('kept')]));
    cluster.heal(a, b);
    cluster.heal(a, c);
    await cluster.linked(a, b, c);
    expect((await cluster.during(strong(a).node(id('kept')))).element.id).toBe('kept');
    expect((await cluster.refusal(strong(a).node(id('lost')))).code).toBe('node-not-found');
  });

  test('the coordinator is killed between two writes -> another one takes over, and nothing is lost', async () => {
    const servers = await threeServers();
    for (const server of servers) await cluster.during(strong(server).write([create(`at-${server.name}`)]));
    const [a, b, c] = servers;
    await cluster.kill(a);
    await cluster.during(strong(b).write([create('after')]));
    for (const name of ['at-a', 'at-b', 'at-c', 'after']) {
      expect((await cluster.during(strong(c).node(id(name)))).element.id).toBe(name);
    }
  });
});

describe('who votes', () => {
  test('a write without a key [its answer is lost, and soon all is healed] -> it is not known whether it happened, and it did, once', async () => {
    const servers = await threeServers();
    await cluster.during(strong(servers[0]).write([create('n', { stock: 0 })]));
    let stock = 0;
    let unknown = 0;
    for (const asking of servers) {
      const others = servers.filter((other) => other !== asking);
      // What it sends arrives; it hears nothing.
      for (const { faults } of others) {
        faults.set(`http://${asking.name}`, { cut: true, direction: 'out', delayMs: 0, dropRate: 0 });
      }
      const written = strong(asking)
        .write([increment('n', 1)])
        .then(
          () => undefined,
          (error: WeftError) => error,
        );
      await cluster.run(2_000);
      for (const other of others) cluster.heal(asking, other);
      const error = await cluster.during(written);
      const { properties } = (await cluster.during(strong(others[0] as Server).node(id('n')))).element;
      const happened = (properties.stock as number) - stock;
      stock += happened;
      if (error?.code === 'quorum-indeterminate') unknown++;
      expect(happened).toBe(error?.kind.definite ? 0 : 1);
      await cluster.linked(...servers);
    }
    expect(unknown).toBeGreaterThan(0);
  });

  test('a server that was told of fewer voters -> refused at the handshake, on both sides with the reason', async () => {
    cluster = new Cluster('a', 'b', 'c');
    const a = await cluster.start('a');
    const b = await cluster.start('b', { peers: ['a'] });
    await cluster.run(2_000);
    for (const [server, other] of [
      [a, 'http://b'],
      [b, 'http://a'],
    ] as const) {
      const members = server.engine.cluster().members;
      const link = members.find(({ name, url }) => name === other || url === other)?.link;
      expect([link?.state, link?.reason]).toEqual(['refused', expect.stringContaining('settings')]);
    }
  });

  test('as many servers, but not the same -> nobody votes, and the log says who was told of whom', async () => {
    cluster = new Cluster('a', 'b', 'c', 'd');
    const others = { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'd'], d: ['c', 'a'] };
    const servers: Server[] = [];
    for (const [name, peers] of Object.entries(others)) servers.push(await cluster.start(name, { peers }));
    await cluster.run(10_000);
    expect(servers.map(({ engine }) => engine.quorum().votes)).toEqual([false, false, false, false]);
    expect(servers.flatMap(({ log }) => log)).toContain('warn quorum: servers were told of different servers');
  });

  test('the preferred coordinator is silent, nothing is closed -> another takes over in under two seconds', async () => {
    const [a, b, c] = await threeServers();
    const servers = [a, b, c];
    for (const server of servers) await cluster.during(strong(server).write([create(`warm-${server.name}`)]));
    const leader = servers.find(({ engine }) => (engine.metrics().strong?.roundsTotal ?? 0) >= 3) as Server;
    const others = servers.filter((server) => server !== leader);
    for (const other of others) cluster.cut(leader, other);
    const { clock } = cluster.network.env;
    const cutMs = clock.monotonicMs();
    const writes = async (): Promise<number> => {
      for (;;) {
        const outcome = await strong(others[0] as Server)
          .write([create(`n${clock.monotonicMs()}`)])
          .then(
            () => true,
            (error: WeftError) => (error.code.startsWith('quorum') ? false : Promise.reject(error)),
          );
        if (outcome) return clock.monotonicMs() - cutMs;
      }
    };
    expect(await cluster.during(writes())).toBeLessThan(2_000);
    // The one that was cut off leads no more: what it is asked it refuses, and after the heal it follows.
    expect((await cluster.refusal(strong(leader).write([create('late')]))).code).toMatch(/^quorum-/);
    for (const other of others) cluster.heal(leader, other);
    await cluster.linked(...servers);
    expect((await cluster.refusal(strong(leader).node(id('late')))).code).toBe('node-not-found');
    await cluster.during(strong(leader).write([create('again')]));
    await cluster.converge(...servers);
  });
});

describe('a voter that lost its disk', () => {
  test('it comes back empty -> votes again once the others told it, and its promises hold', async () => {
    const [a, b, c] = await threeServers();
    await cluster.during(strong(a).write([create('n', { p: 1 })]));
    await cluster.kill(c);
    const back = await cluster.start('c', { disk: new MemoryDisk() });
    expect(back.engine.quorum().votes).toBe(false);
    await cluster.until(() => back.engine.quorum().votes, 'votes');
    await cluster.kill(b);
    await cluster.until(() => back.engine.quorum().isReachable, 'a majority');
    expect((await cluster.during(strong(back).node(id('n')))).element.properties).toEqual({ p: 1 });
  });

  test('two of three come back empty -> nobody lets them vote', async () => {
    const [a, b, c] = await threeServers();
    await cluster.during(strong(a).write([create('n')]));
    await cluster.kill(b);
    await cluster.kill(c);
    const backs = await Promise.all(['b', 'c'].map((name) => cluster.start(name, { disk: new MemoryDisk() })));
    await cluster.linked(a, ...backs);
    await cluster.run(3_000);
    expect(backs.map(({ engine }) => engine.quorum().votes)).toEqual([false, false]);
  });

  test('all come back empty, one after the other, each before the last votes -> nobody votes, and nobody begins anew (STR-14)', async () => {
    const servers = await threeServers();
    await cluster.during(strong(servers[0]).write([create('n')]));
    const backs: Server[] = [];
    for (const server of servers) {
      await cluster.kill(server);
      const back = await cluster.start(server.name, { disk: new MemoryDisk() });
      // It has heard that the cluster was founded, and is killed no more.
      await cluster.until(() => back.engine.quorum().configuration > 0, 'a configuration');
      backs.push(back);
    }
    await cluster.linked(...backs);
    await cluster.run(5_000);
    expect(backs.map(({ engine }) => engine.quorum())).toMatchObject([
      { votes: false, configuration: 1 },
      { votes: false, configuration: 1 },
      { votes: false, configuration: 1 },
    ]);
    for (const back of backs) {
      expect((await cluster.refusal(strong(back).write([create('anew')]))).code).toBe('quorum-unavailable');
    }
  });
});

describe('a repeated Idempotency-Key', () => {
  test('on another server -> the first outcome; with another request -> refused', async () => {
    const [a, b] = await threeServers();
    await cluster.during(strong(a).write([create('s', { stock: 0 })]));
    const key = { key: 'k', fingerprint: 'take one' };
    const first = await cluster.during(strong(a).write([increment('s', 1)], key));
    const again = await cluster.during(strong(b).write([increment('s', 1)], key));
    expect(again).toEqual(first.map((result) => ({ ...result, replayed: true })));
    expect((await cluster.during(strong(b).node(id('s')))).element.properties).toEqual({ stock: 1 });
    const other = await cluster.refusal(strong(b).write([increment('s', 1)], { ...key, fingerprint: 'another' }));
    expect(other.code).toBe('idempotency-key-reused');
  });

  test('at once on all servers, so that one batch holds the repetitions -> it happens once, all get one outcome', async () => {
    const servers = await threeServers();
    await cluster.during(strong(servers[0]).write([create('s', { stock: 0 })]));
    const key = { key: 'k', fingerprint: 'take one' };
    const answers = await cluster.during(
      Promise.all(servers.map((server) => strong(server).write([increment('s', 1)], key))),
    );
    for (const [result] of answers) expect(result?.element?.properties).toEqual({ stock: 1 });
    expect(answers.filter(([result]) => result?.replayed === true)).toHaveLength(servers.length - 1);
    expect((await cluster.during(strong(servers[1]).node(id('s')))).element.properties).toEqual({ stock: 1 });
  });
});

test('one Idempotency-Key at once for two requests, so that one batch holds both -> one happens, the other is refused', async () => {
  const [a, b] = await threeServers();
  await cluster.during(strong(a).write([create('s', { stock: 0 })]));
  const done = await cluster.during(
    Promise.allSettled(
      [a, b].map((server, i) => strong(server).write([increment('s', 1)], { key: 'k', fingerprint: `request ${i}` })),
    ),
  );
  expect(done.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const refused = done.find((each) => each.status === 'rejected');
  expect(refused?.reason).toMatchObject({ code: 'idempotency-key-reused' });
  expect((await cluster.during(strong(b).node(id('s')))).element.properties).toEqual({ stock: 1 });
});

test('strong read: [write at session on the same server] -> sees it, and so does every later strong read', async () => {
  const [a, b, c] = await threeServers();
  await a.graph.write([create('n')]);
  expect((await cluster.during(strong(a).node(id('n')))).element.id).toBe('n');
  expect((await cluster.during(strong(b).node(id('n')))).element.id).toBe('n');
  await cluster.converge(a, b, c);
});

describe('strong statements', () => {
  const options = { accessMode: 'write', timeoutMs: 60_000, rowsMax: 1000, isCancelled: () => false } as const;
  const ask = async (server: Server, text: string) => {
    const { rows } = await strong(server).queryRows({ text, parameters: {} }, options);
    return rows;
  };

  test('nine on three servers each read a number and write one more -> nine more, none is lost', async () => {
    const servers = await threeServers();
    await cluster.during(ask(servers[0], 'CREATE (:Count {n: 0})'));
    const adding = Array.from({ length: 9 }, (_, i) =>
      ask(servers[i % 3] as Server, 'MATCH (c:Count) SET c.n = c.n + 1'),
    );
    await cluster.during(Promise.all(adding));
    for (const server of servers)
      expect(await cluster.during(ask(server, 'MATCH (c:Count) RETURN c.n'))).toEqual([[9]]);
    await cluster.converge(...servers);
  });

  test('MERGE of one key on three servers at once -> one node', async () => {
    const servers = await threeServers();
    await cluster.during(Promise.all(servers.map((server) => ask(server, "MERGE (:Person {key: 'ada'})"))));
    expect(await cluster.during(ask(servers[1], 'MATCH (p:Person) RETURN count(p)'))).toEqual([[1]]);
  });

  test('a statement repeated with its key on every server, one after the other and at once -> happens once, the first result', async () => {
    const servers = await threeServers();
    await cluster.during(ask(servers[0], "CREATE (:Count {n: 0, at: date('2020-02-29')})"));
    const once = (server: Server, fingerprint = 'add') =>
      strong(server).transactionOnce(
        [
          {
            text: 'MATCH (c:Count) SET c.n = c.n + 1 RETURN c, c.n AS n, 2.0 AS f, [c.at, {a: null}] AS l',
            parameters: {},
          },
        ],
        options,
        { key: 'k', fingerprint },
      );
    const first = await cluster.during(once(servers[0]));
    expect(first.replayed).toBe(false);
    expect(first.answers[0]?.rows[0]?.[1]).toBe(1);
    const again = await cluster.during(Promise.all(servers.map((server) => once(server))));
    for (const { answers, replayed } of again) {
      expect(replayed).toBe(true);
      expect(answers).toEqual(first.answers);
    }
    expect(await cluster.during(ask(servers[2], 'MATCH (c:Count) RETURN c.n'))).toEqual([[1]]);
    expect((await cluster.refusal(once(servers[1], 'another'))).code).toBe('idempotency-key-reused');
    await cluster.converge(...servers);
  });

  test('a statement with a key [asking server cut off after any number of turns] -> at most once; the retry gets its result', async () => {
    const [a, b, c] = await threeServers();
    await cluster.during(ask(a, 'CREATE (:Count {n: 0})'));
    const statement = { text: 'MATCH (c:Count) SET c.n = c.n + 1 RETURN c.n AS n', parameters: {} };
    const once = (server: Server, key: string) =>
      strong(server).transactionOnce([statement], options, { key, fingerprint: 'add' });
    const tried = <T>(work: Promise<T>) => work.catch((error: WeftError) => error);
    let happened = 0;
    let unknown = 0;
    for (const asking of [a, b, c]) {
      for (let turns = 0; turns < 8; turns++) {
        const key = `${asking.name}${turns}`;
        const first = tried(once(asking, key));
        for (let i = 0; i < turns; i++) await cluster.run(1);
        const others = [a, b, c].filter((other) => other !== asking);
        for (const other of others) cluster.cut(asking, other);
        const outcome = await cluster.during(first);
        for (const other of others) cluster.heal(asking, other);
        await cluster.linked(a, b, c);
        if (outcome instanceof WeftError && !outcome.kind.definite) unknown++;
        if (outcome instanceof WeftError && outcome.kind.definite) {
          expect(await cluster.during(ask(b, 'MATCH (c:Count) RETURN c.n'))).toEqual([[happened]]);
        }
        // Whatever became of the first, the second finds it or does it.
        let again = await cluster.during(tried(once(others[0] as Server, key)));
        while (again instanceof WeftError) {
          expect(again.kind.retryable).toBe(true);
          again = await cluster.during(tried(once(others[0] as Server, key)));
        }
        const { answers } = again;
        happened++;
        expect(answers[0]?.rows).toEqual([[happened]]);
        if (!(outcome instanceof WeftError)) expect(outcome.answers).toEqual(answers);
      }
    }
    expect(unknown).toBeGreaterThan(0);
    expect(await cluster.during(ask(c, 'MATCH (c:Count) RETURN c.n'))).toEqual([[happened]]);
  });

  test('a statement with one key on all servers at once -> happens once', async () => {
    const servers = await threeServers();
    const statement = { text: "CREATE (n:Once {at: 'sea'}) RETURN n.at", parameters: {} };
    const key = { key: 'k2', fingerprint: 'create' };
    const all = await cluster.during(
      Promise.all(servers.map((server) => strong(server).transactionOnce([statement], options, key))),
    );
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const { answers } of all) expect(answers[0]?.rows).toEqual([['sea']]);
    expect(await cluster.during(ask(servers[1], 'MATCH (n:Once) RETURN count(n)'))).toEqual([[1]]);
  });

  test('a statement that fails -> leaves nothing; a transaction of several -> all or none', async () => {
    const [a, b] = await threeServers();
    const statements = ['CREATE (:A)', 'RETURN 1 / 0'].map((text) => ({ text, parameters: {} }));
    await expect(cluster.during(strong(a).transaction(statements, options))).rejects.toThrow();
    expect(await cluster.during(ask(b, 'MATCH (n) RETURN count(n)'))).toEqual([[0]]);
    await cluster.during(
      strong(a).transaction(
        ['CREATE (:A)', 'MATCH (n:A) CREATE (:B)'].map((text) => ({ text, parameters: {} })),
        options,
      ),
    );
    expect(await cluster.during(ask(b, 'MATCH (n) RETURN count(n)'))).toEqual([[2]]);
  });
});
