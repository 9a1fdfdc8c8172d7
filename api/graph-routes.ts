/** `/v1/graphs` and `/v1/graphs/{g}`: list, create, read and delete graphs. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { graphName } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { GraphSettings } from '../graph/model.ts';
import { checkQuota, QUOTA_LIMITS, type QuotaChange } from '../graph/quota.ts';
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

const SETTINGS_FIELDS: ReadonlySet<string> = new Set(['name', 'partitions', 'restoringTypes', 'quota']);
const CHANGE_FIELDS: ReadonlySet<string> = new Set(['quota']);
const QUOTA_FIELDS: ReadonlySet<string> = new Set(QUOTA_LIMITS);

function graphDocument({ name, settings, quota }: GraphDescription): object {
  const { partitions, restoringTypes } = settings;
  return { name, partitions, restoringTypes, ...(quota === undefined ? {} : { quota }) };
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

/** @throws WeftError `invalid-request`, definite */
function parseQuota(quota: unknown): QuotaChange | undefined {
  if (quota === undefined) return undefined;
  const change = fieldsOf(quota, QUOTA_FIELDS, 'quota') as QuotaChange;
  checkQuota(change);
  return change;
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
        description: 'With `usage` if a quota asks for it, or all of the graph was in memory since the server started.',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'The graph', schema: 'Graph' } },
        errors: ['graph-not-found', 'invalid-name'],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      const usage = await graph.usage();
      sendDocument(request, reply, { ...graphDocument(graph.description), ...(usage === undefined ? {} : { usage }) });
    },
  );

  app.put(
    '/v1/graphs/:graph',
    {
      schema: describe({
        kind: 'write',
        tag: 'graphs',
        summary: 'Create a graph',
        description:
          'Settings are fixed at creation; creating it again with the same ones changes nothing but the `quota`, if there is one.',
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
      const quota = parseQuota((request.body as { readonly quota?: unknown } | undefined)?.quota);
      return answerOnce(engine, request, reply, async () => {
        const made = await engine.createGraph(name, settings, strongOr(request));
        const { created } = made;
        const graph = quota === undefined ? made.graph : await engine.changeQuota(name, quota, strongOr(request));
        const location = `/v1/graphs/${encodeURIComponent(name)}`;
        return { status: created ? 201 : 200, document: graphDocument(graph), headers: created ? { location } : {} };
      });
    },
  );

  app.patch(
    '/v1/graphs/:graph',
    {
      schema: describe({
        kind: 'write',
        tag: 'graphs',
        summary: 'Change the quota of a graph',
        description: 'Null takes a limit back. What the graph holds already stays, and may be deleted.',
        path: GRAPH_PATH,
        body: 'ChangeGraph',
        answers: { 200: { doc: 'The graph', schema: 'Graph' } },
        errors: ['graph-not-found', 'graph-protected', 'invalid-name'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const name = graphName((request.params as GraphPath).graph);
      authorise(principalOfRequest(request), 'admin', { graph: name });
      checkSpace(context.pressure);
      const { quota } = fieldsOf(request.body ?? {}, CHANGE_FIELDS, '');
      const change = parseQuota(quota);
      if (change === undefined) throw invalidField('quota', 'is missing');
      return answerOnce(engine, request, reply, async () => ({
        status: 200,
        document: graphDocument(await engine.changeQuota(name, change, strongOr(request))),
      }));
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
