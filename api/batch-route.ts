/** `POST /v1/graphs/{g}/batch`: many operations, one atomic commit. */
import type { FastifyInstance } from 'fastify';
import { type ApiContext, graphOf } from './api-context.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { resultDocument } from './element-answers.ts';
import { answerOnce } from './idempotency.ts';
import { parseBatch } from './parse-batch.ts';
import { readQuery } from './query-parameters.ts';

export function addBatchRoute(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/graphs/:graph/batch',
    {
      schema: describe({
        kind: 'write',
        tag: 'bulk',
        summary: 'Apply operations as one atomic commit',
        description:
          'Operations see those before them. If one fails nothing happens, and the problem names it under `operation`.',
        path: GRAPH_PATH,
        body: 'Batch',
        answers: { 200: { doc: 'What each operation did, in order', schema: 'BatchResults' } },
        errors: [
          'graph-not-found',
          'graph-protected',
          'node-not-found',
          'edge-not-found',
          'node-exists',
          'edge-exists',
          'endpoint-missing',
          'node-has-edges',
          'precondition-failed',
          'property-type',
          'invalid-name',
          'invalid-value',
        ],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request.params);
      const operations = parseBatch(request.body);
      return answerOnce(context.engine, request, reply, async () => {
        const results = operations.length === 0 ? [] : await graph.write(operations);
        return { status: 200, document: { results: results.map(resultDocument) } };
      });
    },
  );
}
