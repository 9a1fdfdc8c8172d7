/** `/v1/graphs/{g}/edges`: create, read, patch and delete edges. Type and endpoints are fixed at creation. */
import type { FastifyInstance } from 'fastify';
import { edgeId } from '../base/ids.ts';
import { edgeDocument } from './answer.ts';
import { type ApiContext, type ElementPath, graphOf } from './api-context.ts';
import { describe, ELEMENT_PATH, GRAPH_PATH } from './describe.ts';
import { answerWrite, conditional, sendElement } from './element-answers.ts';
import { parseCreateEdge } from './parse-elements.ts';
import { parsePatchEdge } from './parse-patch.ts';
import { readQuery } from './query-parameters.ts';

export function addEdgeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { engine } = context;

  app.get(
    '/v1/graphs/:graph/edges/:id',
    {
      schema: describe(
        {
          kind: 'read',
          tag: 'edges',
          summary: 'Read an edge',
          path: ELEMENT_PATH,
          answers: { 200: { doc: 'The edge; `ETag` has its version', schema: 'Edge' }, 304: { doc: 'Not modified' } },
          errors: ['graph-not-found', 'edge-not-found', 'invalid-name', 'precondition-failed'],
        },
        { conditional: true },
      ),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      const id = edgeId((request.params as ElementPath).id);
      const { element, version } = await graphOf(context, request).edge(id);
      sendElement(request, reply, version, edgeDocument(element));
    },
  );

  app.post(
    '/v1/graphs/:graph/edges',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'edges',
          summary: 'Create an edge',
          path: GRAPH_PATH,
          body: 'CreateEdge',
          answers: { 201: { doc: 'The edge; `Location` and `ETag` are set', schema: 'Edge' } },
          errors: [
            'graph-not-found',
            'endpoint-missing',
            'constraint-violated',
            'edge-exists',
            'invalid-name',
            'invalid-value',
            'precondition-failed',
            'graph-protected',
          ],
        },
        { conditional: true },
      ),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      const operation = conditional(request, parseCreateEdge(request.body));
      return answerWrite(engine, request, reply, { graph, collection: 'edges', operation });
    },
  );

  app.patch(
    '/v1/graphs/:graph/edges/:id',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'edges',
          summary: 'Change properties of an edge',
          path: ELEMENT_PATH,
          body: 'PatchEdge',
          answers: { 200: { doc: 'The edge after the change', schema: 'Edge' } },
          errors: [
            'graph-not-found',
            'edge-not-found',
            'invalid-name',
            'invalid-value',
            'property-type',
            'constraint-violated',
            'out-of-bounds',
            'precondition-failed',
            'graph-protected',
          ],
        },
        { conditional: true },
      ),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      const id = edgeId((request.params as ElementPath).id);
      const operation = conditional(request, parsePatchEdge(id, request.body));
      return answerWrite(engine, request, reply, { graph, collection: 'edges', operation });
    },
  );

  app.delete(
    '/v1/graphs/:graph/edges/:id',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'edges',
          summary: 'Delete an edge',
          path: ELEMENT_PATH,
          answers: { 204: { doc: 'The edge was deleted' } },
          errors: ['graph-not-found', 'edge-not-found', 'invalid-name', 'precondition-failed', 'graph-protected'],
        },
        { conditional: true },
      ),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      const id = edgeId((request.params as ElementPath).id);
      const operation = conditional(request, { op: 'deleteEdge', id } as const);
      return answerWrite(engine, request, reply, { graph, collection: 'edges', operation });
    },
  );
}
