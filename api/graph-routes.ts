/** `/v1/graphs` and `/v1/graphs/{g}`: list, create, read and delete graphs. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import { graphName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { checkPolicy, type PolicyChange } from '../graph/policy.ts';
import { QUOTA_LIMITS } from '../graph/quota.ts';
import type { GraphDescription, GraphRequest, Lifecycle } from '../src/engine-port.ts';
import { principalOfRequest } from './access/access-hooks.ts';
import { authorise, hasAny } from './access/authorise.ts';
import { sendDocument } from './answer.ts';
import { type ApiContext, type GraphPath, graphOf } from './api-context.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { answerOnce } from './idempotency.ts';
import { type Fields, fieldsOf, invalidField, namesField, objectOf } from './parse-fields.ts';
import { checkSpace } from './pressure.ts';
import { readQuery } from './query-parameters.ts';

/** Written by the server only; readable by name, but nobody's data. */
const INTERNAL_GRAPHS: readonly string[] = ['_system', '_outcomes'];

const POLICY_FIELDS: readonly string[] = ['quota', 'expiresAfterMs', 'expiresAfterMsByLabel'];
const SETTINGS_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'partitions',
  'restoringTypes',
  'lifecycle',
  ...POLICY_FIELDS,
]);
const LIFECYCLES: readonly unknown[] = ['persistent', 'ephemeral'] satisfies Lifecycle[];
const CHANGE_FIELDS: ReadonlySet<string> = new Set(POLICY_FIELDS);
const QUOTA_FIELDS: ReadonlySet<string> = new Set(QUOTA_LIMITS);

function graphDocument({ name, settings, lifecycle, quota, expiry }: GraphDescription): object {
  const { partitions, restoringTypes } = settings;
  const byLabel = Object.fromEntries(expiry?.byLabel ?? []);
  return {
    name,
    partitions,
    restoringTypes,
    ...(lifecycle === undefined ? {} : { lifecycle }),
    ...(quota === undefined ? {} : { quota }),
    ...(expiry?.afterMs === undefined ? {} : { expiresAfterMs: expiry.afterMs }),
    ...(Object.keys(byLabel).length === 0 ? {} : { expiresAfterMsByLabel: byLabel }),
  };
}

/** @throws WeftError `invalid-request`, `invalid-name`; definite */
function parseSettings(body: unknown, name: string): GraphRequest {
  const fields = fieldsOf(body ?? {}, SETTINGS_FIELDS, '');
  if (fields.name !== undefined && fields.name !== name)
    throw invalidField('name', 'differs from the name in the path');
  const { partitions } = fields;
  if (partitions !== undefined && !isPartitionCount(partitions)) {
    throw invalidField('partitions', `must be an integer from 1 to ${LIMITS.partitionsMax}`);
  }
  const { lifecycle } = fields;
  if (lifecycle !== undefined && !LIFECYCLES.includes(lifecycle)) {
    throw invalidField('lifecycle', `must be one of ${LIFECYCLES.join(', ')}`);
  }
  return {
    ...(lifecycle === undefined ? {} : { lifecycle: lifecycle as Lifecycle }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(fields.restoringTypes === undefined
      ? {}
      : { restoringTypes: namesField('edge type', fields.restoringTypes, 'restoringTypes') }),
  };
}

/** Undefined if the fields say nothing of it. @throws WeftError `invalid-request`, definite */
function parsePolicy({ quota, expiresAfterMs, expiresAfterMsByLabel }: Fields): PolicyChange | undefined {
  const asked: { [name: string]: unknown } = {};
  if (quota !== undefined) asked.quota = fieldsOf(quota, QUOTA_FIELDS, 'quota');
  if (expiresAfterMs !== undefined) asked.expiresAfterMs = expiresAfterMs;
  if (expiresAfterMsByLabel !== undefined) asked.expiresAfterMsByLabel = livesByLabel(expiresAfterMsByLabel);
  if (Object.keys(asked).length === 0) return undefined;
  const change = asked as PolicyChange;
  checkPolicy(change);
  return change;
}

function livesByLabel(value: unknown): Fields | null {
  if (value === null) return null;
  const lives = objectOf(value, 'expiresAfterMsByLabel');
  const labels = namesField('label', Object.keys(lives), 'expiresAfterMsByLabel');
  if (labels.length <= LIMITS.lifeLabelsMax) return lives;
  throw invalidField('expiresAfterMsByLabel', `has more than ${LIMITS.lifeLabelsMax} labels`);
}

function isPartitionCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LIMITS.partitionsMax;
}

/** The graph is there by now: nothing may be said that means that nothing happened. */
async function afterCreation<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'quorum-unavailable') throw error;
    const context = { ...error.context, outcome: 'indeterminate' };
    throw new WeftError(
      'quorum-indeterminate',
      `the graph was made without what was to follow: ${error.message}`,
      context,
    );
  }
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
          'Settings are fixed at creation; creating it again with the same ones changes nothing but `quota` and `expiresAfterMs`, if they are given.',
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
      const policy = parsePolicy((request.body ?? {}) as Fields);
      return answerOnce(engine, request, reply, async () => {
        const { created, graph: made } = await engine.createGraph(name, settings, strongOr(request));
        const change = () => engine.changePolicy(name, policy as PolicyChange, strongOr(request));
        const graph = policy === undefined ? made : await (created ? afterCreation(change) : change());
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
        summary: 'Change the quota of a graph, and how long its elements live',
        description: 'Null takes a part back. What the graph holds already stays as it is.',
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
      const change = parsePolicy(fieldsOf(request.body ?? {}, CHANGE_FIELDS, ''));
      if (change === undefined) throw invalidField('quota', 'is missing, and so is `expiresAfterMs`');
      return answerOnce(engine, request, reply, async () => ({
        status: 200,
        document: graphDocument(await engine.changePolicy(name, change, strongOr(request))),
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
