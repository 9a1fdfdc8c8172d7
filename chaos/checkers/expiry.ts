/** Elements that expire: hidden in time, and deleted only in time. That they stay away is part of convergence. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const expiry: Checker = {
  name: 'expiry',
  promise:
    'what has expired by the clock of a server is not shown there, and deleted only when nothing that the server knew kept it',
  check: ({ leases, deletions }) =>
    judge([
      ...leases
        .filter(({ expiresAt, nowMs }) => typeof expiresAt === 'number' && expiresAt <= nowMs)
        .map(
          ({ server, id, expiresAt, nowMs }) =>
            `${server} showed ${id} at ${nowMs}, which expired at ${String(expiresAt)}`,
        ),
      ...deletions
        .filter(({ expiresAt, atMs, graceMs }) => typeof expiresAt !== 'number' || expiresAt > atMs - graceMs)
        .map(({ id, commit: { origin, seq }, expiresAt, atMs }) => {
          return `${origin}/${seq} deleted ${id} at ${atMs}, though its expiry was ${String(expiresAt ?? 'never')}`;
        }),
    ]),
};
