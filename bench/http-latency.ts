import { Level } from 'level';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';
import { openOn } from './engine-under-test.ts';
import { median, percentile, seconds } from './measure.ts';
import { Connection, postRequest } from './raw-load.ts';
import type { Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';
import { createPeople, people } from './workload.ts';

/** About what a commit of one node takes in the store. */
const VALUE_BYTES = 300;
const RATIO_MAX = 1.5;

/** What is measured is a server that runs: for its first thousands of writes V8 interprets most of it, and it takes half as long again. */
const WARMUPS = 5000;

export const httpLatency: Benchmark = {
  name: 'http-latency',
  title: 'latency of a durable POST, one writer',
  peers:
    'one LevelDB put of 300 bytes with sync: true, in this process, on the same disk; a POST to bare Fastify. One of each in turn',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    const peer = await ServerProcess.peer();
    const level = new Level<string, Buffer>(temporaryDirectory('level'), { valueEncoding: 'buffer' });
    await level.open();
    const connection = await Connection.open(weft.port, 201);
    const peerConnection = await Connection.open(peer.port, 201);
    const store = await openLevelStore({ directory: temporaryDirectory('data'), durability: 'disk', env: benchEnv() });
    const { engine, graph } = await openOn(store);
    const value = Buffer.alloc(VALUE_BYTES, 'x');
    const posts: number[] = [];
    const puts: number[] = [];
    const bare: number[] = [];
    const writes: number[] = [];
    const rounds = run.quick ? 300 : 1500;
    const warmups = run.quick ? 100 : WARMUPS;
    for (const [i, properties] of people(rounds + warmups).entries()) {
      const request = postRequest('/v1/graphs/default/nodes', JSON.stringify({ labels: ['Person'], properties }));
      const post = await seconds(() => connection.ask(request));
      const put = await seconds(() => level.put(`key ${i}`, value, { sync: true }));
      const write = await seconds(() => graph.write(createPeople([properties])));
      const answer = await seconds(() => peerConnection.ask(request));
      if (i < warmups) continue;
      posts.push(1000 * post);
      puts.push(1000 * put);
      bare.push(1000 * answer);
      writes.push(1000 * write);
    }
    const put = { what: 'LevelDB put, sync', value: median(puts) };
    const compare = (what: string, ours: number, reference: typeof put, target?: { atMost: number }) =>
      run.figure({ what, ours, unit: 'ms', reference, ratio: ours / reference.value, ...(target && { target }) });
    compare('durable write in process, p50', median(writes), put, { atMost: RATIO_MAX });
    compare('durable POST, p50', median(posts), put, { atMost: RATIO_MAX });
    // Where a sync takes less than a request, no server can meet the line above.
    const both = { what: 'put and bare POST', value: median(puts) + median(bare) };
    compare('durable POST, p50, against both', median(posts), both, { atMost: RATIO_MAX });
    compare('durable POST, p99', percentile(posts, 0.99), { what: 'LevelDB put, sync', value: percentile(puts, 0.99) });
    connection.close();
    peerConnection.close();
    await level.close();
    await engine.close();
    await Promise.all([weft.stop(), peer.stop()]);
  },
};
