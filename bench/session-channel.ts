/**
 * The session channel against bare `ws`: point queries on one connection with many in flight. Requests have one size, answers
 * another, so that the load generator tells them apart by counting bytes; the id stands at a fixed place.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { type Sample, seconds, takeTurns } from './measure.ts';
import { fillPeople, keyOf, PEOPLE, POINT_QUERY } from './point-query.ts';
import { reportAgainstServer, reportHeadline } from './rates.ts';
import type { Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const IN_FLIGHT = 64;
const HEADLINE = 100_000;
const SESSION = '/v1/graphs/default/session';

export const sessionChannel: Benchmark = {
  name: 'session-channel',
  title: `point queries over one session channel, ${IN_FLIGHT} in flight`,
  peers: 'bare ws echo: answers every message with as many bytes, ids kept; no MessagePack, no query',
  async run(run) {
    const weft = await ServerProcess.weft(temporaryDirectory('data'));
    await fillPeople(weft);
    const channel = await opened(`ws://127.0.0.1:${weft.port}${SESSION}`);
    // The first answer brings a session token, which later ones do not repeat.
    await answerTo(channel, request(0, 1));
    const answer = await answerTo(channel, request(0, 1));
    const { body } = decode(answer) as { body: { data: { values: unknown } } };
    if (JSON.stringify(body.data.values) !== '[["Person number 000001"]]') throw new Error('a wrong answer');
    const file = fileURLToPath(new URL('./echo-peer.js', import.meta.url));
    const peer = await ServerProcess.start(file, [String(answer.length)]);
    const echo = await opened(`ws://127.0.0.1:${peer.port}`);

    const load = { answerBytes: answer.length, durationMs: run.quick ? 700 : 2000 };
    const rounds = await takeTurns(
      {
        weft: () => pipelined({ ...load, server: weft, socket: channel, shares: false }),
        shared: () => pipelined({ ...load, server: weft, socket: channel, shares: true }),
        echo: () => pipelined({ ...load, server: peer, socket: echo, shares: false }),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    const against = { peer: { what: 'bare ws echo', samples: rounds.echo }, atLeast: 0.4 };
    reportAgainstServer(run, { what: 'point query, a message each', ours: rounds.weft, ...against });
    reportAgainstServer(run, { what: 'point query, messages shared', ours: rounds.shared, ...against });
    reportHeadline(run, 'point query, messages shared', rounds.shared, HEADLINE);
    channel.close();
    echo.close();
    await Promise.all([weft.stop(), peer.stop()]);
  },
};

async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

async function answerTo(socket: WebSocket, message: Uint8Array): Promise<Buffer> {
  socket.send(message);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  return answer;
}

function request(id: number, person: number): Uint8Array {
  return encode({ id, op: 'query', body: { statement: POINT_QUERY, parameters: { key: keyOf(person) } } });
}

/** Requests that are ready, so that the load generator has little to do. */
const READY = Array.from({ length: 1024 }, (_, i) => request(0, (i * 7919) % PEOPLE));
const REQUEST_BYTES = READY[0]?.length ?? 0;

interface Pipelined {
  readonly server: ServerProcess;
  readonly socket: WebSocket;
  readonly answerBytes: number;
  readonly durationMs: number;
  /** Whether requests that are ready at the same time share a message. */
  readonly shares: boolean;
}

async function pipelined({ server, socket, answerBytes, durationMs, shares }: Pipelined): Promise<Sample> {
  const cpuBefore = server.cpuMs();
  const deadline = performance.now() + durationMs;
  let count = 0;
  let inFlight = 0;
  let sent = 0;
  const took = await seconds(
    () =>
      new Promise<void>((resolve) => {
        const send = (ids: readonly number[]) => {
          inFlight += ids.length;
          const message = Buffer.allocUnsafe(ids.length * REQUEST_BYTES);
          ids.forEach((id, i) => {
            message.set(READY[sent++ % READY.length] as Uint8Array, i * REQUEST_BYTES);
            message[i * REQUEST_BYTES + 4] = id;
          });
          if (shares) socket.send(message);
          else
            for (let at = 0; at < message.length; at += REQUEST_BYTES)
              socket.send(message.subarray(at, at + REQUEST_BYTES));
        };
        const receive = (message: Buffer) => {
          if (message.length % answerBytes !== 0) throw new Error(`an answer of another size: ${message.length}`);
          const ids: number[] = [];
          for (let at = 0; at < message.length; at += answerBytes) ids.push(message[at + 4] as number);
          count += ids.length;
          inFlight -= ids.length;
          if (performance.now() < deadline) send(ids);
          else if (inFlight === 0) {
            socket.off('message', receive);
            resolve();
          }
        };
        socket.on('message', receive);
        send(Array.from({ length: IN_FLIGHT }, (_, id) => id));
      }),
  );
  return { count, wallMs: 1000 * took, cpuMs: server.cpuMs() - cpuBefore };
}
