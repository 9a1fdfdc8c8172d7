/** Queries over HTTP: a point query against a bare route that answers as many bytes, and the speed of a long stream. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { takeTurns } from './measure.ts';
import { fillPeople, keyOf, PEOPLE, POINT_QUERY } from './point-query.ts';
import { reportAgainstServer, reportHeadline } from './rates.ts';
import { closedLoop, postRequest } from './raw-load.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const CONNECTIONS = 64;
const QUERY = '/v1/graphs/default/query';
const STREAMED_ROWS = 1_000_000;
const ROWS_PER_SECOND = 500_000;
/** What the stream may add to the memory of the server: a few pieces and what the collector has not got to. */
const STREAM_MEGABYTES_MAX = 64;

export const queryHttp: Benchmark = {
  name: 'query-http',
  title: `point queries over HTTP, ${CONNECTIONS} keep-alive connections; ${STREAMED_ROWS} rows as JSON Lines`,
  peers: 'bare Fastify: a route that reads the same body and sends as many bytes as ready text',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    const peer = await ServerProcess.peer();
    await fillPeople(weft);
    const requests = Array.from({ length: 1024 }, (_, i) => {
      const parameters = { key: keyOf((i * 7919) % PEOPLE) };
      return postRequest(QUERY, JSON.stringify({ statement: POINT_QUERY, parameters }));
    });
    let sent = 0;
    const next = () => requests[sent++ % requests.length] as Buffer;
    const load = { connections: CONNECTIONS, durationMs: run.quick ? 700 : 2000, status: 200, next };
    const rounds = await takeTurns(
      {
        weft: () => closedLoop({ ...load, server: weft }),
        fastify: () => closedLoop({ ...load, server: peer }),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstServer(run, {
      what: 'point query over HTTP',
      ours: rounds.weft,
      peer: { what: 'bare Fastify', samples: rounds.fastify },
      atLeast: 0.5,
    });
    const streams = await takeTurns({ weft: () => streamed(weft) }, { rounds: 3, warmups: 1 });
    reportHeadline(run, 'rows streamed as JSON Lines', streams.weft, ROWS_PER_SECOND);
    for (const { count, cpuMs } of streams.weft) run.remark(`${Math.round((1000 * count) / cpuMs)} rows/cpu-s`);
    weft.forgetPeak();
    const before = weft.residentBytes().now;
    await streamed(weft);
    const grown = (weft.residentBytes().peak - before) / 2 ** 20;
    run.figure(againstLimit('memory that a stream adds at its peak', grown, 'MB', { atMost: STREAM_MEGABYTES_MAX }));
    await Promise.all([weft.stop(), peer.stop()]);
  },
};

/** Reads a long stream, and counts its lines. */
async function streamed(server: ServerProcess) {
  const cpuBefore = server.cpuMs();
  const start = performance.now();
  const body = JSON.stringify({ statement: `UNWIND range(1, ${STREAMED_ROWS}) AS i RETURN i, 'row ' + i AS text` });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/jsonl' };
    const sent = httpRequest({ port: server.port, method: 'POST', path: QUERY, headers }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
  let lines = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  if (lines !== STREAMED_ROWS + 2) throw new Error(`${lines} lines`);
  return { count: STREAMED_ROWS, wallMs: performance.now() - start, cpuMs: server.cpuMs() - cpuBefore };
}
