/**
 * Responses that stand behind others on their connection, because requests were pipelined. When the connection closes, the
 * runtime tells it to the one in front only; what is kept for the others until their client goes would be kept for ever.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** With what the runtime notes on it: that it was told. */
type HttpResponse = ServerResponse & { _closed: boolean };

/** Tells every response when its connection closes. */
export function tellThoseBehind(server: Pick<Server, 'prependListener'>): void {
  const behind = new WeakMap<Socket, Set<HttpResponse>>();

  function waitingOn(socket: Socket): Set<HttpResponse> {
    const known = behind.get(socket);
    if (known !== undefined) return known;
    const responses = new Set<HttpResponse>();
    behind.set(socket, responses);
    socket.once('close', () => responses.forEach(close));
    return responses;
  }

  // Before the listener that answers the request, who may be done when he returns.
  server.prependListener('request', ({ socket }: IncomingMessage, response: HttpResponse) => {
    // The one in front has the connection.
    if (response.socket !== null) return;
    const responses = waitingOn(socket);
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
}

function close(response: HttpResponse): void {
  // One that came to the front meanwhile hears it from the runtime.
  if (response._closed || response.socket !== null) return;
  response.destroyed = true;
  response._closed = true;
  response.emit('close');
}
