/** What has to wait for the answers to requests that came before on its connection. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** With what the runtime notes on it: the response that is on its way, those behind it come one after the other. */
type HttpSocket = Duplex & { readonly _httpMessage?: ServerResponse | null };

/**
 * Calls `then` once all that was asked whole is answered, at once if it is, and not if the connection has ended by then. A
 * request whose body is not complete waits for nothing: it is what `then` is about, or is cut off by it.
 */
export function afterAnswers(socket: HttpSocket, then: () => void): void {
  const answer = socket._httpMessage ?? undefined;
  // The runtime has put the next one in its place when this is called.
  if (answer?.req.complete === true) answer.once('finish', () => afterAnswers(socket, then));
  else if (socket.writable) then();
}
