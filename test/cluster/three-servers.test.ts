/** Three real servers on loopback: sessions that hop between them, a kill, a cut, and a server that does not belong. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildIfStale } from '../server-process.ts';
import { LocalCluster, until } from './local-cluster.ts';

const NODES = '/v1/graphs/default/nodes';
const MINUTE_MS = 60_000;

beforeAll(buildIfStale, 2 * MINUTE_MS);

let cluster: LocalCluster;
afterEach(() => cluster.dispose());

async function running(): Promise<void> {
  cluster = await LocalCluster.prepare('one', 'two', 'three');
  await cluster.startAll();
}

const counter = (by: number) => ({ properties: { visits: { $inc: by } } });

describe('three servers', () => {
  test(
    'a session that hops -> reads its own writes on every server, and the writes come in its order',
    async () => {
      await running();
      let tokens: string[] = [];
      const names = cluster.names;
      await cluster.call('one', 'POST', NODES, { body: { id: 'n', properties: { visits: 0 } } }).then((answer) => {
        expect(answer.status).toBe(201);
        tokens = [answer.token];
      });
      for (let round = 1; round <= 12; round++) {
        const writer = names[round % 3] as string;
        const reader = names[(round + 1) % 3] as string;
        const written = await cluster.untilAnswered(writer, 'PATCH', `${NODES}/n`, { body: counter(1), tokens });
        expect([written.status, written.json.properties.visits]).toEqual([200, round]);
        const read = await cluster.untilAnswered(reader, 'GET', `${NODES}/n`, { tokens: [written.token] });
        expect([read.status, read.json?.properties?.visits]).toEqual([200, round]);
        tokens = [read.token];
      }
      await cluster.untilEqual(tokens);
    },
    MINUTE_MS,
  );

  test(
    'graphs made and deleted on one -> known on the others',
    async () => {
      await running();
      const made = await cluster.call('one', 'PUT', '/v1/graphs/maps', { body: { partitions: 4 } });
      const seen = await cluster.untilAnswered('two', 'GET', '/v1/graphs/maps', { tokens: [made.token] });
      expect(seen.json).toMatchObject({ name: 'maps', partitions: 4 });
      const body = { id: 'm' };
      const written = await cluster.untilAnswered('three', 'POST', '/v1/graphs/maps/nodes', {
        body,
        tokens: [made.token],
      });
      expect(written.status).toBe(201);
      const deleted = await cluster.untilAnswered('two', 'DELETE', '/v1/graphs/maps', { tokens: [written.token] });
      expect(deleted.status).toBe(204);
      expect((await cluster.untilAnswered('one', 'GET', '/v1/graphs/maps', { tokens: [deleted.token] })).status).toBe(
        404,
      );
    },
    MINUTE_MS,
  );

  test(
    'one is killed with writes going on [kill -9] -> nothing acknowledged is lost, it comes back and catches up',
    async () => {
      await running();
      const tokens: string[] = [];
      const acknowledged: string[] = [];
      for (let i = 0; i < 20; i++) {
        const { status, token } = await cluster.call('three', 'POST', NODES, { body: { id: `before-${i}` } });
        expect(status).toBe(201);
        tokens.push(token);
        acknowledged.push(`before-${i}`);
      }
      await cluster.kill('three');
      for (const name of ['one', 'two']) {
        await until(
          `${name} sees that three is gone`,
          async () => (await cluster.member(name, 'three'))?.link.state !== 'up',
        );
      }
      for (let i = 0; i < 20; i++) {
        const { status, token } = await cluster.call(i % 2 ? 'one' : 'two', 'POST', NODES, {
          body: { id: `during-${i}` },
        });
        expect(status).toBe(201);
        tokens.push(token);
        acknowledged.push(`during-${i}`);
      }
      const lag = await cluster.member('one', 'three');
      expect(lag?.lagCommits).toBeGreaterThan(0);
      await cluster.start('three');
      await cluster.untilEqual(tokens.slice(-2).concat(tokens[19] as string));
      for (const name of cluster.names) {
        const { json } = await cluster.call(name, 'GET', `${NODES}?limit=1000`);
        const ids = json.nodes.map(({ id }: { readonly id: string }) => id);
        expect(ids.sort(), name).toEqual(acknowledged.toSorted());
      }
    },
    2 * MINUTE_MS,
  );

  test(
    'one is cut off, both sides write [cut both ways] -> refuses what it cannot know, heals to one graph',
    async () => {
      await running();
      const body = { id: 'n', properties: { visits: 1 } };
      const { token } = await cluster.call('one', 'POST', NODES, { body });
      expect((await cluster.untilAnswered('three', 'GET', `${NODES}/n`, { tokens: [token] })).status).toBe(200);
      await cluster.cutOff('three');
      const north = await cluster.call('one', 'PATCH', `${NODES}/n`, { body: counter(2), tokens: [token] });
      const south = await cluster.call('three', 'PATCH', `${NODES}/n`, { body: counter(4), tokens: [token] });
      expect([north.json.properties.visits, south.json.properties.visits]).toEqual([3, 5]);
      const refused = await cluster.call('three', 'GET', `${NODES}/n`, { tokens: [north.token] });
      expect([refused.status, refused.json.code, refused.json.definite]).toEqual([503, 'session-not-reached', true]);
      const { status } = await cluster.call('three', 'GET', `${NODES}/n?consistency=eventual`, {
        tokens: [north.token],
      });
      expect(status).toBe(200);
      await until('both sides notice', async () => {
        const [there, here] = [await cluster.member('one', 'three'), await cluster.member('three', 'one')];
        return there?.state !== 'alive' && here?.state !== 'alive';
      });
      await cluster.heal('three');
      await cluster.untilEqual([north.token, south.token]);
      for (const name of cluster.names) {
        expect((await cluster.call(name, 'GET', `${NODES}/n`)).json.properties.visits, name).toBe(7);
      }
      await cluster.untilLinked();
    },
    2 * MINUTE_MS,
  );

  test(
    'strong: one id created on every server -> one gets it, the others 409; all read it at once',
    async () => {
      await running();
      await until('all vote', async () => {
        const answers = await Promise.all(
          cluster.names.map((name) => cluster.call(name, 'GET', `${NODES}/s?consistency=strong`)),
        );
        return answers.every(({ status }) => status === 404);
      });
      const created = await Promise.all(
        cluster.names.map((name) =>
          cluster.call(name, 'POST', `${NODES}?consistency=strong`, { body: { id: 's', properties: { by: name } } }),
        ),
      );
      expect(created.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      const winner = cluster.names[created.findIndex(({ status }) => status === 201)];
      for (const name of cluster.names) {
        const { json } = await cluster.call(name, 'GET', `${NODES}/s?consistency=strong`);
        expect(json.properties).toEqual({ by: winner });
      }
    },
    MINUTE_MS,
  );

  test(
    'server with another secret -> refused, both sides say why, and it learns nothing',
    async () => {
      cluster = await LocalCluster.prepare('one', 'stranger');
      await cluster.start('one');
      await cluster.start('stranger', { secret: 'some-other-secret' });
      const { token } = await cluster.call('one', 'POST', NODES, { body: { id: 'secret' } });
      for (const [name, other] of [
        ['one', 'stranger'],
        ['stranger', 'one'],
      ] as const) {
        await until(`${name} says why`, async () => (await cluster.member(name, other))?.link.state === 'refused');
        expect((await cluster.member(name, other))?.link.reason).toMatch(/secret/);
      }
      const foreign = await cluster.call('stranger', 'GET', NODES, { tokens: [token] });
      expect([foreign.status, foreign.json.code]).toEqual([400, 'invalid-session-token']);
      expect((await cluster.call('stranger', 'GET', NODES)).json.nodes).toEqual([]);
    },
    MINUTE_MS,
  );
});
