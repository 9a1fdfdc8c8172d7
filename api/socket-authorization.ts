/**
 * Who may open a WebSocket: whoever has the token, in the header or, since a browser cannot set headers there, as a
 * subprotocol. A server without a token serves its own machine, and a web page that somebody visits there must not speak
 * for him: browsers ask nobody before they open a WebSocket, so the origin of the page is compared with the host.
 */
import { WeftError } from '../base/errors.ts';
import { bearerOf, tokenComparison } from './request-context.ts';
import type { SocketRequest } from './web-sockets.ts';

/** Followed by the token in base64url: a subprotocol may not hold every character that a token may. */
export const BEARER_PROTOCOL = 'weft.bearer.';

/** @returns a check that throws WeftError `unauthorized`, definite */
export function socketAuthorization(token: string | undefined): (request: SocketRequest) => void {
  if (token === undefined) return refuseForeignPages;
  const isToken = tokenComparison(token);
  return ({ headers }) => {
    const given = bearerOf(headers.authorization) ?? bearerAmong(headers['sec-websocket-protocol']);
    if (given === undefined) throw new WeftError('unauthorized', 'the token is missing');
    if (!isToken(given)) throw new WeftError('unauthorized', 'the token is wrong');
  };
}

function bearerAmong(protocols: string | undefined): string | undefined {
  const offered = protocols?.split(',').map((protocol) => protocol.trim());
  const encoded = offered?.find((protocol) => protocol.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length);
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString();
}

function refuseForeignPages({ headers: { origin, host } }: SocketRequest): void {
  if (origin === undefined) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new WeftError('unauthorized', `pages of ${origin} may not speak to a server that asks for no token`);
}
