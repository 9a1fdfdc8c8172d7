import { takeTurns } from './measure.ts';
import { reportAgainstServer } from './rates.ts';
import { closedLoop, postRequest } from './raw-load.ts';
import type { Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';
import { people } from './workload.ts';

const CONNECTIONS = 64;
const PATH = '/v1/graphs/default/nodes';

export const httpPost: Benchmark = {
  name: 'http-post',
  title: 'durable POST of one node, 64 keep-alive connections, one request in flight on each',
  peers: 'bare Fastify: validates the same body by a JSON schema and answers 201 with the node; no storage, no fsync',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    const peer = await ServerProcess.peer();
    const requests = people(1000).map((properties) =>
      postRequest(PATH, JSON.stringify({ labels: ['Person'], properties })),
    );
    let at = 0;
    const next = () => requests[at++ % requests.length] as Buffer;
    const load = { connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000, status: 201, next };
    const rounds = await takeTurns(
      {
        weft: () => closedLoop({ ...load, server: weft }),
        fastify: () => closedLoop({ ...load, server: peer }),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstServer(run, {
      what: 'durable POST of a node',
      ours: rounds.weft,
      peer: { what: 'bare Fastify', samples: rounds.fastify },
      atLeast: 0.5,
    });
    await Promise.all([weft.stop(), peer.stop()]);
  },
};
