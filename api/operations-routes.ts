/** What operators and load balancers ask: cluster state, liveness, readiness. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { describe } from './describe.ts';

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

/** Routes that need no token: a load balancer asks them. */
export function addHealthRoutes(app: FastifyInstance, { engine }: ApiContext): void {
  app.get(
    '/livez',
    {
      schema: describe({
        kind: 'open',
        tag: 'operations',
        summary: 'The process runs',
        answers: { 200: { doc: 'It does' } },
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
      (request, reply) => sendHealth(request, reply, engine, isReady),
    );
  }
}

interface Ability {
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

function sendHealth(
  request: FastifyRequest,
  reply: FastifyReply,
  engine: Engine,
  isReady: (ability: Ability) => boolean,
): void {
  const { canRead, canWrite, reasons } = engine.health();
  const ready = isReady({ canRead, canWrite });
  if (!ready) reply.code(503).header('retry-after', '1');
  sendDocument(request, reply, { ready, canRead, canWrite, reasons });
}
