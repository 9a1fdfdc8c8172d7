/**
 * Who opens a WebSocket: whoever has a token, in the header or, since a browser cannot set headers there, as a
 * subprotocol. A server without a token serves its own machine, and a web page that somebody visits there must not speak
 * for him: browsers ask nobody before they open a WebSocket, so the origin of the page is compared with the host.
 */
import { type Authenticator, bearerOf } from './access/authenticator.ts';
import { refuseForeignPages } from './access/foreign-pages.ts';
import { type Principal, unlimitedPrincipal } from './access/principal.ts';
import type { SocketRequest } from './web-sockets.ts';

/** Followed by the token in base64url: a subprotocol may not hold every character that a token may. */
export const BEARER_PROTOCOL = 'weft.bearer.';

/** Requests are not logged, but proxies may log theirs. */
const TOKEN_PARAMETER = 'token';

/**
 * @param authenticator undefined on a server that asks for no token
 * @param options `takesParameter`: the token may be a parameter of the URL, for clients that can send it no other way
 * @returns who opens the WebSocket, or a check that throws, or rejects with, WeftError `unauthorized`, definite
 */
export function socketAuthorization(
  authenticator: Authenticator | undefined,
  options: { readonly takesParameter?: boolean } = {},
): (request: SocketRequest) => Principal | Promise<Principal> {
  if (authenticator === undefined) {
    const everybody = unlimitedPrincipal('everybody');
    return (request) => {
      refuseForeignPages(request.headers);
      return everybody;
    };
  }
  return ({ headers, query }) => {
    const parameter = options.takesParameter ? (query.get(TOKEN_PARAMETER) ?? undefined) : undefined;
    const bearer = bearerOf(headers.authorization) ?? bearerAmong(headers['sec-websocket-protocol']);
    return authenticator.authenticate(bearer ?? parameter);
  };
}

function bearerAmong(protocols: string | undefined): string | undefined {
  const offered = protocols?.split(',').map((protocol) => protocol.trim());
  const encoded = offered?.find((protocol) => protocol.startsWith(BEARER_PROTOCOL))?.slice(BEARER_PROTOCOL.length);
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString();
}
