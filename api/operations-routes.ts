/** What operators and load balancers ask: cluster state, liveness, readiness. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Health, VoterChange } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import { headerLine } from './answer-headers.ts';
import type { ApiContext } from './api-context.ts';
import { describe } from './describe.ts';
import type { Pressure } from './pressure.ts';
import { readQuery } from './query-parameters.ts';

export function addClusterRoute(app: FastifyInstance, { engine }: ApiContext): void {
  app.get(
    '/v1/cluster',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Members, their state and lag, and the version vector of this replica',
        answers: { 200: { doc: 'The cluster as this server sees it', schema: 'Cluster' } },
        errors: [],
      }),
    },
    (request, reply) => sendDocument(request, reply, engine.cluster()),
  );
}

/** Who votes on strong operations. */
export function addVoterRoutes(app: FastifyInstance, { engine }: ApiContext): void {
  const answers = { 200: { doc: 'Who votes now', schema: 'Quorum' } } as const;
  const path = { name: 'Name of a server, percent-encoded' };
  const change = (kind: VoterChange['kind']) => async (request: FastifyRequest, reply: FastifyReply) => {
    readQuery(request.query, {});
    const { name } = request.params as { readonly name: string };
    sendDocument(request, reply, await engine.changeVoters({ kind, name }));
  };
  app.put(
    '/v1/cluster/voters/:name',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Make a member a voter',
        description: 'Decided by those who vote now. The server must be linked. One change at a time; idempotent.',
        path,
        answers,
        errors: ['peer-not-found', 'voters-conflict', 'quorum-unavailable', 'quorum-indeterminate'],
      }),
    },
    change('add'),
  );
  app.delete(
    '/v1/cluster/voters/:name',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Let a server vote no longer',
        description: 'Decided by those who vote now. The server may be lost. One change at a time; idempotent.',
        path,
        answers,
        errors: ['peer-not-found', 'voters-conflict', 'quorum-unavailable', 'quorum-indeterminate'],
      }),
    },
    change('remove'),
  );
}

/** Routes that need no token: a load balancer asks them. */
export function addHealthRoutes(app: FastifyInstance, { engine, pressure }: ApiContext): void {
  app.get(
    '/livez',
    {
      schema: describe({
        kind: 'open',
        tag: 'operations',
        summary: 'The process runs',
        answers: { 200: { doc: 'It does', schema: 'Life' } },
        errors: [],
      }),
    },
    (request, reply) => sendDocument(request, reply, { alive: true }),
  );

  const readiness = [
    ['/readyz', 'Can serve reads and writes', ({ canRead, canWrite }: Ability) => canRead && canWrite],
    ['/readyz/read', 'Can serve reads', ({ canRead }: Ability) => canRead],
    [
      '/readyz/write-quorum',
      'Can write, and reaches a majority of the servers',
      ({ canWrite }: Ability) => canWrite && engine.quorum().isReachable,
    ],
  ] as const;
  for (const [url, summary, isReady] of readiness) {
    app.get(
      url,
      {
        schema: describe({
          kind: 'open',
          tag: 'operations',
          summary,
          answers: { 200: { doc: 'Ready', schema: 'Health' }, 503: { doc: 'Not ready', schema: 'Health' } },
          errors: [],
        }),
      },
      (request, reply) => sendHealth(request, reply, healthUnder(pressure, engine.health()), isReady),
    );
  }
}

interface Ability {
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** A server that turns requests away, or has no space, is not ready for them. */
function healthUnder(pressure: Pressure, { canRead, canWrite, reasons }: Health): Health {
  const [shedding, readOnly] = [pressure.shedding(), pressure.readOnly()];
  return {
    canRead: canRead && shedding === undefined,
    canWrite: canWrite && shedding === undefined && readOnly === undefined,
    reasons: [...reasons, ...[shedding, readOnly].filter((reason) => reason !== undefined)],
  };
}

function sendHealth(
  request: FastifyRequest,
  reply: FastifyReply,
  { canRead, canWrite, reasons }: Health,
  isReady: (ability: Ability) => boolean,
): void {
  const ready = isReady({ canRead, canWrite });
  if (!ready) reply.code(503);
  sendDocument(request, reply, { ready, canRead, canWrite, reasons }, ready ? '' : headerLine('retry-after', '1'));
}
