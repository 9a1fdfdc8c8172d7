/**
 * Requests that ask to change the protocol. Links between servers and the WebSocket routes of the API share the port of the
 * HTTP server, so one listener tells them apart by their path.
 *
 * Some clients ask for HTTP/2 with every request (Java's `HttpClient`, `curl --http2`), and a server may ignore that
 * (RFC 9110, section 7.8); but once Node's HTTP server has a listener for upgrades, it hands them all over. So whatever is
 * no WebSocket goes back as the request that it also is.
 */
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAnswers } from '../api/after-answers.ts';

export type TakeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Takes the upgrades to some paths. @returns whether this is one */
export type TryUpgrade = (path: string, ...upgrade: Parameters<TakeUpgrade>) => boolean;

export class Upgrades {
  readonly #takers: TryUpgrade[] = [];

  /** Asked in the order in which they were added. */
  add(taker: TryUpgrade): void {
    this.#takers.push(taker);
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // The runtime listens no more.
      const drop = () => socket.destroy();
      socket.on('error', drop);
      // An answer that came after the change of protocol would be taken for frames.
      afterAnswers(socket, () => {
        socket.off('error', drop);
        if (asksForWebSocket(request)) this.#take(request, socket, head);
        else serveWithoutUpgrade(server, request, socket, head);
      });
    });
  }

  #take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [path = ''] = (request.url ?? '').split('?');
    if (this.#takers.some((take) => take(path, request, socket, head))) return;
    refuseUpgrade(socket, {
      status: 404,
      type: 'text/plain; charset=utf-8',
      body: `there is no WebSocket ${path}\n`,
    });
  }
}

function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Lets `server` read the request anew, without the wish to upgrade. */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  let text = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    if (!/^(?:connection|upgrade|http2-settings)$/i.test(name)) text += `${name}: ${value}\r\n`;
  }
  const isLast = /\bclose\b/i.test(request.headers.connection ?? '');
  text += isLast ? 'Connection: close\r\n\r\n' : '\r\n';
  // Put back in front of what was not read yet; headers are Latin-1 to Node.
  socket.unshift(Buffer.concat([Buffer.from(text, 'latin1'), head]));
  server.emit('connection', socket);
}

/** Answers instead of upgrading, and closes the connection. */
export function refuseUpgrade(
  socket: Duplex,
  answer: {
    readonly status: number;
    readonly type: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): void {
  const { status, type, body, headers = {} } = answer;
  socket.on('error', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      `Content-Type: ${type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}
