/** What two followers cost the server that is written to, what goes over the wire, and how far they are behind. */

import { cpuRates, median, percentile, type Sample, takeTurns, wallRates } from './measure.ts';
import { Connection, closedLoop, postRequest } from './raw-load.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';
import { metric, threeServers } from './three-servers.ts';
import { people } from './workload.ts';

const CONNECTIONS = 64;
const PATH = '/v1/graphs/default/nodes';

export const replicationOverhead: Benchmark = {
  name: 'replication-overhead',
  title:
    'durable POST of one node, 64 connections, on a server with two followers and on one without; lag of a follower',
  peers:
    'the same server without peers. The followers run on the same two cores, so processor time of the writer decides',
  async run(run) {
    const alone = await ServerProcess.weft(temporaryDirectory('data'));
    const cluster = await threeServers();
    const [leader, follower, other] = cluster as [ServerProcess, ServerProcess, ServerProcess];
    const requests = people(1000).map((properties) =>
      postRequest(PATH, JSON.stringify({ labels: ['Person'], properties })),
    );
    let at = 0;
    const next = () => requests[at++ % requests.length] as Buffer;
    const load = { connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000, status: 201, next };
    const followerCpu: number[] = [];
    const rounds = await takeTurns(
      {
        linked: async () => {
          const before = follower.cpuMs() + other.cpuMs();
          const sample = await closedLoop({ ...load, server: leader });
          followerCpu.push((follower.cpuMs() + other.cpuMs() - before) / 2 / sample.count);
          return sample;
        },
        alone: () => closedLoop({ ...load, server: alone }),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    for (const [unit, rates] of [
      ['/cpu-s', cpuRates],
      ['/s', wallRates],
    ] as const) {
      const ours = rates(rounds.linked);
      const theirs = rates(rounds.alone);
      run.figure({
        what:
          unit === '/s'
            ? 'durable POST, two followers on the same cores'
            : 'durable POST, processor time of the writer',
        ours: median(ours),
        unit,
        reference: { what: 'without followers', value: median(theirs) },
        ratio: median(ours.map((rate, i) => rate / (theirs[i] ?? Number.NaN))),
        // In real time three servers share two cores with the load generator: that line informs.
        ...(unit === '/cpu-s' && { target: { atLeast: 0.9 } }),
      });
    }
    const perCommit = (samples: readonly Sample[]) => median(samples.map(({ cpuMs, count }) => (1000 * cpuMs) / count));
    run.remark(
      `processor time for each write: ${perCommit(rounds.linked).toFixed(0)} us on the writer (alone ${perCommit(rounds.alone).toFixed(0)}), ` +
        `${(1000 * median(followerCpu)).toFixed(0)} us on a follower`,
    );
    await bytesOnTheWire(run, leader);
    await lag(run, leader, follower, median(wallRates(rounds.linked)) / 2);
    await Promise.all([alone, ...cluster].map((server) => server.stop()));
  },
};

/** Of single-property commits: one at a time, and in a busy stream; everything that the two links send, by link. */
async function bytesOnTheWire(run: Parameters<Benchmark['run']>[0], leader: ServerProcess): Promise<void> {
  const sent = async () => (await metric(leader.port, 'weft_link_bytes_sent_total')) ?? Number.NaN;
  const commits = async () => (await metric(leader.port, 'weft_commits_total')) ?? Number.NaN;
  const patch = (i: number) => {
    const body = JSON.stringify({ properties: { value: i } });
    const head = `PATCH ${PATH}/wire HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    return Buffer.from(head + body);
  };
  const connection = await Connection.open(leader.port, 201);
  await connection.ask(postRequest(PATH, JSON.stringify({ id: 'wire', properties: {} })));
  connection.close();
  for (const { what, connections, limit } of [
    { what: 'bytes on a link, one writer', connections: 1, limit: 200 },
    { what: 'bytes on a link, 64 writers', connections: CONNECTIONS, limit: 100 },
  ]) {
    const before = { bytes: await sent(), commits: await commits() };
    let i = 0;
    const durationMs = run.quick ? 500 : 2000;
    const load = { server: leader, connections, durationMs, status: 200, next: () => patch(i++) };
    const { count } = await closedLoop(load);
    const made = connections === 1 ? (await commits()) - before.commits : count;
    run.figure(againstLimit(what, ((await sent()) - before.bytes) / 2 / made, 'B/write', { atMost: limit }));
  }
}

/** At half the rate of full load: how long until a write that was answered can be read on the follower, by whoever has its token. */
async function lag(
  run: Parameters<Benchmark['run']>[0],
  leader: ServerProcess,
  follower: ServerProcess,
  ratePerSecond: number,
): Promise<void> {
  const samples: number[] = [];
  const writers = await Promise.all(Array.from({ length: 8 }, () => Connection.open(leader.port, 201)));
  const body = (id: string) => postRequest(PATH, JSON.stringify({ id, properties: { value: 1 } }));
  const lastingMs = run.quick ? 1000 : 4000;
  let endMs = 0;
  let n = 0;
  let due = 0;
  const write = async (connection: Connection) => {
    while (performance.now() < endMs) {
      due += 1000 / ratePerSecond;
      const waitMs = due - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await connection.ask(body(`lag-${n++}`));
    }
  };
  const url = ({ port }: ServerProcess) => `http://127.0.0.1:${port}${PATH}`;
  const headers = { 'content-type': 'application/json' };
  // Opens its partitions, which is no lag: the first read of each would wait for its document.
  const statement = 'MATCH (n) RETURN max(n.value)';
  const opened = await fetch(url(follower).replace(/nodes$/, 'query'), {
    method: 'POST',
    headers,
    body: JSON.stringify({ statement }),
  });
  if (opened.status !== 200) throw new Error(`the follower answered ${opened.status}: ${await opened.text()}`);
  await opened.text();
  const probe = async () => {
    for (let i = 0; performance.now() < endMs; i++) {
      const id = `probe-${i}`;
      const written = await fetch(url(leader), { method: 'POST', headers, body: JSON.stringify({ id }) });
      const token = written.headers.get('session-token');
      if (token === null) throw new Error(`a write was answered with ${written.status} and no token`);
      const start = performance.now();
      // Waits on the follower until it has what the token stands for.
      const read = await fetch(`${url(follower)}/${id}`, { headers: { 'session-token': token } });
      if (read.status !== 200) throw new Error(`the follower answered ${read.status}`);
      samples.push(performance.now() - start);
      await Promise.all([written.text(), read.text()]);
    }
  };
  due = performance.now();
  endMs = due + lastingMs;
  await Promise.all([...writers.map(write), probe()]);
  for (const writer of writers) writer.close();
  run.figure(againstLimit('lag of a follower at half load, p99', percentile(samples, 0.99), 'ms', { atMost: 50 }));
  run.remark(
    `lag: p50 ${median(samples).toFixed(1)} ms over ${samples.length} probes at ${Math.round((1000 * n) / lastingMs)} writes/s`,
  );
}
