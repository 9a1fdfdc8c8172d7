/** `POST /v1/graphs/{g}/batch`: many operations, one atomic commit. */
import type { FastifyInstance } from 'fastify';
import { type ApiContext, graphOf } from './api-context.ts';
import { present, sessionTokenFor } from './consistency.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { REPLAYED, resultDocument, writeBatch } from './element-answers.ts';
import { answerOnce, writeKey } from './idempotency.ts';
import { parseBatch } from './parse-batch.ts';
import { readQuery } from './query-parameters.ts';

export function addBatchRoute(app: FastifyInstance, context: ApiContext): void {
  const { engine } = context;
  app.post(
    '/v1/graphs/:graph/batch',
    {
      schema: describe({
        kind: 'write',
        tag: 'bulk',
        summary: 'Apply operations as one atomic commit',
        description:
          'Operations see those before them. If one fails nothing happens, and the problem names it under `operation`. ' +
          '`bookmarks` are session tokens in the body: those given are waited for, the one answered covers the batch.',
        path: GRAPH_PATH,
        body: 'Batch',
        answers: { 200: { doc: 'What each operation did, in order', schema: 'BatchResults' } },
        errors: [
          'graph-not-found',
          'graph-protected',
          'node-not-found',
          'edge-not-found',
          'node-exists',
          'constraint-violated',
          'edge-exists',
          'endpoint-missing',
          'node-has-edges',
          'precondition-failed',
          'property-type',
          'out-of-bounds',
          'invalid-name',
          'invalid-value',
        ],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      const { operations, bookmarks } = parseBatch(request.body);
      if (bookmarks.length > 0) await present(engine, request, bookmarks);
      const write = async () => {
        const results = await writeBatch(graph, operations, writeKey(request));
        const token = sessionTokenFor(engine, request);
        const headers = results[0]?.replayed === true ? REPLAYED : {};
        return { status: 200, headers, document: { results: results.map(resultDocument), bookmarks: [token] } };
      };
      return answerOnce(engine, request, reply, write, graph);
    },
  );
}
