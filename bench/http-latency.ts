import { Level } from 'level';
import type { Graph } from '../src/engine-port.ts';
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

/** Where the system puts the threads of a server is decided when it starts, and one is a tenth faster than the next. */
const STARTS = 5;

interface Contestants {
  readonly graph: Graph;
  readonly level: Level<string, Buffer>;
  readonly rounds: number;
  readonly warmups: number;
}

/** Milliseconds. */
interface Latencies {
  readonly posts: number[];
  readonly puts: number[];
  readonly bare: number[];
  readonly writes: number[];
}

/** One of each in turn, with servers that were just started. */
async function measureStart({ graph, level, rounds, warmups }: Contestants): Promise<Latencies> {
  const weft = await ServerProcess.weft(temporaryDirectory('data'));
  const peer = await ServerProcess.peer();
  const connection = await Connection.open(weft.port, 201);
  const peerConnection = await Connection.open(peer.port, 201);
  const value = Buffer.alloc(VALUE_BYTES, 'x');
  const found: Latencies = { posts: [], puts: [], bare: [], writes: [] };
  for (const [i, properties] of people(rounds + warmups).entries()) {
    const request = postRequest('/v1/graphs/default/nodes', JSON.stringify({ labels: ['Person'], properties }));
    const post = await seconds(() => connection.ask(request));
    const put = await seconds(() => level.put(`key ${i}`, value, { sync: true }));
    const write = await seconds(() => graph.write(createPeople([properties])));
    const answer = await seconds(() => peerConnection.ask(request));
    if (i < warmups) continue;
    found.posts.push(1000 * post);
    found.puts.push(1000 * put);
    found.bare.push(1000 * answer);
    found.writes.push(1000 * write);
  }
  connection.close();
  peerConnection.close();
  await Promise.all([weft.stop(), peer.stop()]);
  return found;
}

export const httpLatency: Benchmark = {
  name: 'http-latency',
  title: 'latency of a durable POST, one writer',
  peers:
    'one LevelDB put of 300 bytes with sync: true, in this process, on the same disk; a POST to bare Fastify. One of each in turn; medians of several starts of both servers',
  async run(run) {
    const level = new Level<string, Buffer>(temporaryDirectory('level'), { valueEncoding: 'buffer' });
    await level.open();
    const store = await openLevelStore({ directory: temporaryDirectory('data'), durability: 'disk', env: benchEnv() });
    const { engine, graph } = await openOn(store);
    const size = run.quick ? { rounds: 300, warmups: 100 } : { rounds: 1000, warmups: WARMUPS };
    const starts: Latencies[] = [];
    while (starts.length < (run.quick ? 1 : STARTS)) starts.push(await measureStart({ graph, level, ...size }));
    type Read = (start: Latencies) => number;
    const put: Read = ({ puts }) => median(puts);
    const post: Read = ({ posts }) => median(posts);
    const compare = (what: string, ours: Read, to: { what: string; of: Read }, target?: { atMost: number }) =>
      run.figure({
        what,
        ours: median(starts.map(ours)),
        unit: 'ms',
        reference: { what: to.what, value: median(starts.map(to.of)) },
        ratio: median(starts.map((start) => ours(start) / to.of(start))),
        ...(target && { target }),
      });
    const level50 = { what: 'LevelDB put, sync', of: put };
    const target = { atMost: RATIO_MAX };
    compare('durable write in process, p50', ({ writes }) => median(writes), level50, target);
    compare('durable POST, p50', post, level50, target);
    const both = { what: 'put and bare POST', of: (start: Latencies) => put(start) + median(start.bare) };
    compare('durable POST, p50, against both', post, both, target);
    // A server that adds nothing: where a request takes more than half as long as a put, none keeps the limit.
    compare('put and bare POST, p50', both.of, level50);
    const p99 = (values: number[]) => percentile(values, 0.99);
    compare('durable POST, p99', ({ posts }) => p99(posts), { what: level50.what, of: ({ puts }) => p99(puts) });
    await level.close();
    await engine.close();
  },
};
