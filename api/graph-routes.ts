/** `/v1/graphs` and `/v1/graphs/{g}`: list, create, read and delete graphs. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { graphName } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { GraphSettings } from '../graph/model.ts';
import type { GraphDescription } from '../src/engine-port.ts';
import { principalOfRequest } from './access/access-hooks.ts';
import { authorise, hasAny } from './access/authorise.ts';
import { sendDocument } from './answer.ts';
import { type ApiContext, type GraphPath, graphOf } from './api-context.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { answerOnce } from './idempotency.ts';
import { fieldsOf, invalidField, namesField } from './parse-fields.ts';
import { checkSpace } from './pressure.ts';
import { readQuery } from './query-parameters.ts';

/** Written by the server only; readable by name, but nobody's data. */
const INTERNAL_GRAPHS: readonly string[] = ['_system', '_outcomes'];

const SETTINGS_FIELDS: ReadonlySet<string> = new Set(['name', 'partitions', 'restoringTypes']);

function graphDocument({ name, settings }: GraphDescription): object {
  return { name, partitions: settings.partitions, restoringTypes: settings.restoringTypes };
}

/** @throws WeftError `invalid-request`, `invalid-name`; definite */
function parseSettings(body: unknown, name: string): Partial<GraphSettings> {
  const fields = fieldsOf(body ?? {}, SETTINGS_FIELDS, '');
  if (fields.name !== undefined && fields.name !== name)
    throw invalidField('name', 'differs from the name in the path');
  const { partitions } = fields;
  if (partitions !== undefined && !isPartitionCount(partitions)) {
    throw invalidField('partitions', `must be an integer from 1 to ${LIMITS.partitionsMax}`);
  }
  return {
    ...(partitions === undefined ? {} : { partitions }),
    ...(fields.restoringTypes === undefined
      ? {}
      : { restoringTypes: namesField('edge type', fields.restoringTypes, 'restoringTypes') }),
  };
}

function isPartitionCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LIMITS.partitionsMax;
}

function strongOr({ consistencyLevel }: FastifyRequest): 'strong' | undefined {
  return consistencyLevel === 'strong' ? 'strong' : undefined;
}

export function addGraphRoutes(app: FastifyInstance, context: ApiContext): void {
  const { engine } = context;

  app.get(
    '/v1/graphs',
    {
      schema: describe({
        kind: 'read',
        tag: 'graphs',
        summary: 'List the graphs',
        answers: { 200: { doc: 'All graphs, by name', schema: 'GraphList' } },
        errors: [],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const principal = principalOfRequest(request);
      const graphs = engine
        .listGraphs()
        .filter(({ name }) => !INTERNAL_GRAPHS.includes(name) && hasAny(principal, 'read', name));
      sendDocument(request, reply, { graphs: graphs.map(graphDocument) });
    },
  );

  app.get(
    '/v1/graphs/:graph',
    {
      schema: describe({
        kind: 'read',
        tag: 'graphs',
        summary: 'Read the settings of a graph',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'The graph', schema: 'Graph' } },
        errors: ['graph-not-found', 'invalid-name'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, graphDocument(graphOf(context, request).description));
    },
  );

  app.put(
    '/v1/graphs/:graph',
    {
      schema: describe({
        kind: 'write',
        tag: 'graphs',
        summary: 'Create a graph',
        description: 'Settings are fixed at creation; creating it again with the same ones changes nothing.',
        path: GRAPH_PATH,
        body: 'CreateGraph',
        answers: {
          201: { doc: 'The graph was created', schema: 'Graph' },
          200: { doc: 'It existed with these settings', schema: 'Graph' },
        },
        errors: ['graph-exists', 'graph-protected', 'invalid-name'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const name = graphName((request.params as GraphPath).graph);
      authorise(principalOfRequest(request), 'admin', { graph: name });
      checkSpace(context.pressure);
      const settings = parseSettings(request.body, name);
      return answerOnce(engine, request, reply, async () => {
        const { created, graph } = await engine.createGraph(name, settings, strongOr(request));
        const location = `/v1/graphs/${encodeURIComponent(name)}`;
        return { status: created ? 201 : 200, document: graphDocument(graph), headers: created ? { location } : {} };
      });
    },
  );

  app.delete(
    '/v1/graphs/:graph',
    {
      schema: describe({
        kind: 'write',
        tag: 'graphs',
        summary: 'Delete a graph and all that it holds',
        path: GRAPH_PATH,
        answers: { 204: { doc: 'The graph was deleted' } },
        errors: ['graph-not-found', 'graph-protected', 'invalid-name'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const name = graphName((request.params as GraphPath).graph);
      authorise(principalOfRequest(request), 'admin', { graph: name });
      return answerOnce(engine, request, reply, async () => {
        await engine.deleteGraph(name, strongOr(request));
        return { status: 204 };
      });
    },
  );
}
