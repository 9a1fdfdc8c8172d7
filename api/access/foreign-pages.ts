/**
 * A server that asks for no token serves its own machine, and a web page that somebody visits there must not speak for him.
 * Browsers send some requests without asking, so the origin of the page is compared with the host; and a name that points
 * to this machine only since the page was opened is no name of this machine.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { WeftError } from '../../base/errors.ts';

/** @throws WeftError `unauthorized`, definite */
export function refuseForeignPages({ origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>): void {
  if (host !== undefined && !isOwnHost(host)) {
    throw new WeftError('unauthorized', `${host} is no name of this machine; a server with that name asks for a token`);
  }
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw new WeftError('unauthorized', `pages of ${origin} may not speak to a server that asks for no token`);
}

/** Clients send one host again and again. */
let ownHost = 'localhost';

function isOwnHost(host: string): boolean {
  if (host === ownHost) return true;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const isOwn = name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
  if (isOwn) ownHost = host;
  return isOwn;
}
