/** Evidence: the digest that proves convergence, and the integrity of edges, their stubs and the indexes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { IntegrityOptions } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { answerOnce } from './idempotency.ts';
import { integerParameter, readQuery, textParameter } from './query-parameters.ts';

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
        summary: 'Look for edges, stubs and indexes that do not match',
        description:
          'Runs in slices, with other requests in between, and ends when the caller goes away. Ids are those that were met ' +
          'first; `found` counts all.',
        path: GRAPH_PATH,
        query: INTEGRITY_PARAMETERS,
        answers: { 200: { doc: 'What was checked and found', schema: 'Integrity' } },
        errors: ['graph-not-found', 'invalid-name', 'query-cancelled'],
      }),
    },
    async (request, reply) => {
      const options = integrityOptions(request, reply);
      sendDocument(request, reply, await graphOf(context, request).integrity(options));
    },
  );

  app.post(
    '/v1/graphs/:graph/integrity',
    {
      schema: describe({
        kind: 'write',
        tag: 'proof',
        summary: 'Look for edges, stubs and indexes that do not match, and put them right',
        description:
          'Deletes hidden edges and orphan stubs, writes missing stubs, makes indexes anew. Duplicates and broken constraints stay. ' +
          'What was put right before the caller went away stays so.',
        path: GRAPH_PATH,
        query: INTEGRITY_PARAMETERS,
        answers: { 200: { doc: 'What was found, and how much of it was put right', schema: 'Integrity' } },
        errors: ['graph-not-found', 'graph-protected', 'invalid-name', 'query-cancelled'],
      }),
    },
    (request, reply) => {
      const options = integrityOptions(request, reply);
      const graph = graphOf(context, request);
      const repair = async () => ({ status: 200, document: await graph.repair(options) });
      return answerOnce(context.engine, request, reply, repair, graph);
    },
  );
}

const INTEGRITY_PARAMETERS = {
  limit: integerParameter({
    minimum: 0,
    maximum: LIMITS.integrityIdsMax,
    default: LIMITS.integrityIdsDefault,
    description: 'Ids of each kind that the answer names at most',
  }),
  partition: textParameter('Only this partition, and what it needs of others'),
};

function integrityOptions(request: FastifyRequest, reply: FastifyReply): IntegrityOptions {
  const { limit, partition } = readQuery(request.query, INTEGRITY_PARAMETERS);
  let isCancelled = false;
  reply.raw.once('close', () => {
    isCancelled = true;
  });
  return {
    ...(limit === undefined ? {} : { idsMax: limit }),
    ...(partition === undefined ? {} : { partition: partition as PartitionId }),
    isCancelled: () => isCancelled,
  };
}
