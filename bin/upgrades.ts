/**
 * Requests that ask to change the protocol. Some clients ask for HTTP/2 with every request (Java's `HttpClient`, `curl
 * --http2`), and a server may ignore that (RFC 9110, section 7.8); but once Node's HTTP server has a listener for
 * upgrades, it hands them all over. So whatever is no WebSocket goes back as the request that it also is.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Lets `server` read the request anew, without the wish to upgrade. */
export function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
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
