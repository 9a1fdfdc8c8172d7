/** Strong operations on three servers, against session writes and reads of the same cluster and against etcd. */
import { type EtcdCluster, startEtcd } from './etcd-peer.ts';
import { median, type Sample, seconds, takeTurns, wallRates } from './measure.ts';
import { bodyRequest, Connection, closedLoop, getRequest, postRequest } from './raw-load.ts';
import type { Benchmark, Run } from './report.ts';
import type { ServerProcess } from './server-process.ts';
import { threeServers } from './three-servers.ts';
import { people } from './workload.ts';

const CONNECTIONS = 64;
const NODES = '/v1/graphs/default/nodes';
const STRONG = { 'Consistency-Level': 'strong' };
const HOT_KEYS = 10;

export const strongOperations: Benchmark = {
  name: 'strong-operations',
  title: 'strong writes and reads, three servers on loopback',
  peers: 'session writes and reads of the same servers; etcd with three members, puts and linearizable gets over HTTP',
  async run(run) {
    const servers = await threeServers();
    const preferred = await preferredOf(servers);
    await latencies(run, preferred);
    await throughput(run, preferred);
    await fairness(run, preferred);
    await againstEtcd(run, preferred);
    await Promise.all(servers.map((server) => server.stop()));
  },
};

/** The server that coordinates: its strong writes take one way less. Also waits until strong writes are served. */
async function preferredOf(servers: readonly ServerProcess[]): Promise<ServerProcess> {
  const medians: { readonly server: ServerProcess; readonly ms: number }[] = [];
  for (const server of servers) {
    const times: number[] = [];
    for (let i = 0; i < 40; i++) {
      const begunMs = performance.now();
      const answer = await fetch(`http://127.0.0.1:${server.port}${NODES}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...STRONG },
        body: '{}',
      });
      await answer.text();
      if (answer.status === 201) times.push(performance.now() - begunMs);
      else i--;
    }
    medians.push({ server, ms: median(times) });
  }
  return medians.reduce((best, one) => (one.ms < best.ms ? one : best)).server;
}

async function latencies(run: Run, server: ServerProcess): Promise<void> {
  const create = await Connection.open(server.port, 201);
  const read = await Connection.open(server.port, 200);
  await create.ask(postRequest(NODES, JSON.stringify({ id: 'read', properties: { p: 1 } }), STRONG));
  const times = {
    strongWrite: [] as number[],
    write: [] as number[],
    readAfterWrite: [] as number[],
    strongRead: [] as number[],
    read: [] as number[],
  };
  const rounds = run.quick ? 200 : 1000;
  const time = async (into: number[], request: () => Promise<void>) => into.push(1000 * (await seconds(request)));
  for (const properties of people(rounds)) {
    const body = JSON.stringify({ labels: ['Person'], properties });
    await time(times.strongWrite, () => create.ask(postRequest(NODES, body, STRONG)));
    await time(times.write, () => create.ask(postRequest(NODES, body)));
    await time(times.readAfterWrite, () => read.ask(getRequest(`${NODES}/read`, STRONG)));
  }
  for (let i = 0; i < rounds; i++) {
    await time(times.strongRead, () => read.ask(getRequest(`${NODES}/read`, STRONG)));
    await time(times.read, () => read.ask(getRequest(`${NODES}/read`)));
  }
  create.close();
  read.close();
  const compare = (what: string, ours: number[], theirs: number[], name: string, atMost?: number) =>
    run.figure({
      what,
      ours: median(ours),
      unit: 'ms',
      reference: { what: name, value: median(theirs) },
      ratio: median(ours) / median(theirs),
      ...(atMost !== undefined && { target: { atMost } }),
    });
  compare('strong write, one client, p50', times.strongWrite, times.write, 'durable session write', 3);
  compare('strong read, one client, p50', times.strongRead, times.read, 'session read', 3);
  run.remark('the limit is two session reads and one round trip, which is about a read');
  compare(
    'the same right after a session write, which a majority must have first',
    times.readAfterWrite,
    times.write,
    'that write',
  );
}

async function throughput(run: Run, server: ServerProcess): Promise<void> {
  const bodies = people(1000).map((properties) => JSON.stringify({ labels: ['Person'], properties }));
  let at = 0;
  const load = { server, connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000 };
  const post = (headers: Record<string, string>) => () =>
    closedLoop({
      ...load,
      status: 201,
      next: () => postRequest(NODES, bodies[at++ % bodies.length] as string, headers),
    });
  const get = (headers: Record<string, string>) => () =>
    closedLoop({ ...load, status: 200, next: () => getRequest(`${NODES}/read`, headers) });
  const rounds = await takeTurns(
    { strong: post(STRONG), session: post({}), strongReads: get(STRONG), reads: get({}) },
    { rounds: run.quick ? 3 : 7, warmups: 2 },
  );
  const rate = (what: string, ours: Sample[], theirs: Sample[], name: string, atLeast?: number) =>
    run.figure({
      what,
      ours: median(wallRates(ours)),
      unit: '/s',
      reference: { what: name, value: median(wallRates(theirs)) },
      ratio: median(wallRates(ours).map((value, i) => value / (wallRates(theirs)[i] ?? Number.NaN))),
      ...(atLeast !== undefined && { target: { atLeast } }),
    });
  rate('strong writes, 64 clients, one graph', rounds.strong, rounds.session, 'session writes', 0.4);
  rate('strong reads, 64 clients, one node', rounds.strongReads, rounds.reads, 'session reads');
}

/** Every client increments one of ten nodes as fast as it is answered. */
async function fairness(run: Run, server: ServerProcess): Promise<void> {
  const create = await Connection.open(server.port, 201);
  for (let key = 0; key < HOT_KEYS; key++) {
    await create.ask(postRequest(NODES, JSON.stringify({ id: `hot${key}`, properties: { n: 0 } }), STRONG));
  }
  create.close();
  const deadline = performance.now() + (run.quick ? 1500 : 4000);
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, client) => {
      const connection = await Connection.open(server.port, 200);
      const request = bodyRequest(
        'PATCH',
        `${NODES}/hot${client % HOT_KEYS}`,
        '{"properties":{"n":{"$inc":1}}}',
        STRONG,
      );
      let count = 0;
      await connection.repeat(() => (++count > 0 && performance.now() < deadline ? request : undefined), request);
      connection.close();
      return count;
    }),
  );
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  run.figure({
    what: 'strong increments of ten nodes, slowest of 64 clients',
    ours: Math.min(...counts),
    unit: 'writes',
    reference: { what: 'mean', value: mean },
    ratio: Math.min(...counts) / mean,
    target: { atLeast: 0.25 },
  });
}

async function againstEtcd(run: Run, server: ServerProcess): Promise<void> {
  const etcd = await startEtcd();
  if (etcd === undefined) {
    run.remark('no etcd here: install `etcd-server`, or name its program in ETCD, to compare with it');
    return;
  }
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const values = people(1000).map((properties) => base64(JSON.stringify({ labels: ['Person'], properties })));
  const bodies = people(1000).map((properties) => JSON.stringify({ labels: ['Person'], properties }));
  let at = 0;
  const put = () =>
    postRequest('/v3/kv/put', JSON.stringify({ key: base64(`k${++at % 10_000}`), value: values[at % values.length] }));
  const range = postRequest('/v3/kv/range', JSON.stringify({ key: base64('k1') }));
  const load = { connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000 };
  const peer = asServer(etcd);
  const rounds = await takeTurns(
    {
      writes: () =>
        closedLoop({
          ...load,
          server,
          status: 201,
          next: () => postRequest(NODES, bodies[++at % bodies.length] as string, STRONG),
        }),
      puts: () => closedLoop({ ...load, server: peer, status: 200, next: put }),
      reads: () => closedLoop({ ...load, server, status: 200, next: () => getRequest(`${NODES}/read`, STRONG) }),
      gets: () => closedLoop({ ...load, server: peer, status: 200, next: () => range }),
    },
    { rounds: run.quick ? 3 : 7, warmups: 2 },
  );
  etcd.stop();
  const rate = (what: string, ours: Sample[], theirs: Sample[], name: string) =>
    run.figure({
      what,
      ours: median(wallRates(ours)),
      unit: '/s',
      reference: { what: name, value: median(wallRates(theirs)) },
      ratio: median(wallRates(ours).map((value, i) => value / (wallRates(theirs)[i] ?? Number.NaN))),
      target: { atLeast: 1 },
    });
  rate('strong writes, 64 clients', rounds.writes, rounds.puts, `puts, etcd ${etcd.version}`);
  rate('strong reads, 64 clients', rounds.reads, rounds.gets, 'linearizable gets');
}

/** The load generator asks a server for its processor time only to report it. */
function asServer(etcd: EtcdCluster): ServerProcess {
  return { port: etcd.ports[0], cpuMs: () => 0 } as unknown as ServerProcess;
}
