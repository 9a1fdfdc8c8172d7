/** Evidence: the digest that proves convergence, and the integrity of edges and their stubs. */
import type { FastifyInstance } from 'fastify';
import { sendDocument } from './answer.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { answerOnce } from './idempotency.ts';
import { readQuery } from './query-parameters.ts';

export function addProofRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/graphs/:graph/digest',
    {
      schema: describe({
        kind: 'read',
        tag: 'proof',
        summary: 'Digest of the canonical state',
        description: 'Replicas with equal digests hold the same graph.',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'Digest of the graph and of each partition', schema: 'Digest' } },
        errors: ['graph-not-found', 'invalid-name'],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, await graphOf(context, request).digest());
    },
  );

  app.get(
    '/v1/graphs/:graph/integrity',
    {
      schema: describe({
        kind: 'read',
        tag: 'proof',
        summary: 'Look for hidden edges and stubs that do not match',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'What was found', schema: 'Integrity' } },
        errors: ['graph-not-found', 'invalid-name'],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, await graphOf(context, request).integrity());
    },
  );

  app.post(
    '/v1/graphs/:graph/integrity',
    {
      schema: describe({
        kind: 'write',
        tag: 'proof',
        summary: 'Delete hidden edges and orphan stubs',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'What was found before the repair', schema: 'Integrity' } },
        errors: ['graph-not-found', 'graph-protected', 'invalid-name'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      return answerOnce(context.engine, request, reply, async () => ({ status: 200, document: await graph.repair() }));
    },
  );
}
