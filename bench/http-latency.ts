import { Level } from 'level';
import { median, percentile, seconds } from './measure.ts';
import { Connection, postRequest } from './raw-load.ts';
import type { Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';
import { people } from './workload.ts';

/** About what a commit of one node takes in the store. */
const VALUE_BYTES = 300;

export const httpLatency: Benchmark = {
  name: 'http-latency',
  title: 'latency of a durable POST, one writer',
  peers: 'one LevelDB put of 300 bytes with sync: true, in this process, on the same disk; one of each in turn',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    const peer = await ServerProcess.peer();
    const level = new Level<string, Buffer>(temporaryDirectory('level'), { valueEncoding: 'buffer' });
    await level.open();
    const connection = await Connection.open(weft.port, 201);
    const peerConnection = await Connection.open(peer.port, 201);
    const value = Buffer.alloc(VALUE_BYTES, 'x');
    const posts: number[] = [];
    const puts: number[] = [];
    const bare: number[] = [];
    const rounds = run.quick ? 300 : 1500;
    const warmups = run.quick ? 100 : 300;
    for (const [i, properties] of people(rounds + warmups).entries()) {
      const request = postRequest('/v1/graphs/default/nodes', JSON.stringify({ labels: ['Person'], properties }));
      const post = await seconds(() => connection.ask(request));
      const put = await seconds(() => level.put(`key ${i}`, value, { sync: true }));
      const answer = await seconds(() => peerConnection.ask(request));
      if (i < warmups) continue;
      posts.push(1000 * post);
      puts.push(1000 * put);
      bare.push(1000 * answer);
    }
    run.figure({
      what: 'durable POST, p50',
      ours: median(posts),
      unit: 'ms',
      reference: { what: 'LevelDB put, sync, p50', value: median(puts) },
      ratio: median(posts) / median(puts),
      target: { atMost: 1.5 },
    });
    run.figure({
      what: 'durable POST, p99',
      ours: percentile(posts, 0.99),
      unit: 'ms',
      reference: { what: 'LevelDB put, sync, p99', value: percentile(puts, 0.99) },
      ratio: percentile(posts, 0.99) / percentile(puts, 0.99),
    });
    run.remark(`of which HTTP: a bare Fastify POST takes ${median(bare).toFixed(3)} ms (p50)`);
    connection.close();
    peerConnection.close();
    await level.close();
    await Promise.all([weft.stop(), peer.stop()]);
  },
};
