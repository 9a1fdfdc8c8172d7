import { spawnSync } from 'node:child_process';
import { takeTurns } from './measure.ts';
import { reportAgainstServer } from './rates.ts';
import { closedLoop, getRequest } from './raw-load.ts';
import type { Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const CONNECTIONS = 64;
const GRAPH = '/v1/graphs/default/nodes';

export const httpGet: Benchmark = {
  name: 'http-get',
  title: 'GET of one node, 64 keep-alive connections, one request in flight on each',
  peers: 'bare Fastify: a route with the same path parameters that sends the same body as ready text',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    const peer = await ServerProcess.peer();
    const created = await fetch(`http://127.0.0.1:${weft.port}${GRAPH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"labels":["Person"],"properties":{"name":"Person number 123456","age":42,"city":"City 123"}}',
    });
    const { id } = (await created.json()) as { id: string };
    const path = `${GRAPH}/${id}`;
    const [ours, theirs] = await Promise.all([weft, peer].map(({ port }) => bodyOf(port, path)));
    if (ours?.length !== theirs?.length) throw new Error(`the peer answers other bytes: ${ours} and ${theirs}`);
    const request = getRequest(path);
    const load = { connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000, status: 200, next: () => request };
    const rounds = await takeTurns(
      {
        weft: () => closedLoop({ ...load, server: weft }),
        fastify: () => closedLoop({ ...load, server: peer }),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstServer(run, {
      what: 'GET of a node',
      ours: rounds.weft,
      peer: { what: 'bare Fastify', samples: rounds.fastify },
      atLeast: 0.75,
    });
    for (const [name, { port }] of [['weft', weft] as const, ['bare Fastify', peer] as const]) {
      const rate = wrkRate(`http://127.0.0.1:${port}${path}`, run.quick ? 1 : 4);
      if (rate !== undefined) run.remark(`by wrk, 1 thread, ${CONNECTIONS} connections: ${name} ${rate}/s`);
    }
    await Promise.all([weft.stop(), peer.stop()]);
  },
};

async function bodyOf(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

/** Requests a second by wrk, if it is installed. */
function wrkRate(url: string, durationS: number): string | undefined {
  const { stdout, error } = spawnSync('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${durationS}s`, url], { encoding: 'utf8' });
  return error === undefined ? /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] : undefined;
}
