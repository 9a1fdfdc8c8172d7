/** `GET /v1/queries`, `GET` and `DELETE /v1/queries/{id}`: what runs on this server, and how to end it. */
import type { FastifyInstance } from 'fastify';
import { principalOfRequest } from './access/access-hooks.ts';
import { describe } from './describe.ts';
import { JSON_TYPE } from './media-types.ts';
import { readQuery } from './query-parameters.ts';
import type { RunningQueries } from './running-queries.ts';

export function addRunningQueryRoutes(app: FastifyInstance, running: RunningQueries): void {
  app.get('/v1/queries', { schema: LIST_SCHEMA }, (request, reply) => {
    readQuery(request.query, {});
    reply
      .header('content-type', JSON_TYPE)
      .send(JSON.stringify({ queries: running.list(principalOfRequest(request)) }));
  });
  app.get('/v1/queries/:id', { schema: ONE_SCHEMA }, (request, reply) => {
    readQuery(request.query, {});
    const { id } = request.params as { readonly id: string };
    reply
      .header('content-type', JSON_TYPE)
      .send(JSON.stringify(running.find(id, principalOfRequest(request)).document()));
  });
  app.delete('/v1/queries/:id', { schema: CANCEL_SCHEMA }, (request, reply) => {
    readQuery(request.query, {});
    const { id } = request.params as { readonly id: string };
    running.find(id, principalOfRequest(request)).cancel();
    reply.code(204).send();
  });
}

const LIST_SCHEMA = describe({
  kind: 'operator',
  tag: 'query',
  summary: 'Queries that run on this server',
  answers: { 200: { doc: 'All of them', schema: 'RunningQueries' } },
  errors: [],
});
const ID_PATH = { id: 'Id of the query, from the list' };
const ONE_SCHEMA = describe({
  kind: 'operator',
  tag: 'query',
  summary: 'A query that runs on this server',
  path: ID_PATH,
  answers: { 200: { doc: 'The query', schema: 'RunningQuery' } },
  errors: ['query-not-found'],
});
const CANCEL_SCHEMA = describe({
  kind: 'operator',
  tag: 'query',
  summary: 'Cancel a query',
  description: 'It ends with `query-cancelled` at its next step, and nothing of it takes effect.',
  path: ID_PATH,
  answers: { 204: { doc: 'It will end' } },
  errors: ['query-not-found'],
});
