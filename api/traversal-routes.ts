/** Walks over the graph: edges of a node, nodes around it, shortest paths. */
import type { FastifyInstance } from 'fastify';
import { checkName, nodeId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { edgeDocument, nodeDocument, pageDocument, sendDocument } from './answer.ts';
import { type ApiContext, type ElementPath, graphOf } from './api-context.ts';
import { describe, ELEMENT_PATH, GRAPH_PATH } from './describe.ts';
import { directionParameter, PAGE_PARAMETERS, readPage, TYPE_PARAMETER } from './page-parameters.ts';
import { integerParameter, readQuery, requiredText } from './query-parameters.ts';

const EDGES_PARAMETERS = {
  direction: directionParameter('both', 'Seen from this node'),
  type: TYPE_PARAMETER,
  ...PAGE_PARAMETERS,
};

const NEIGHBORS_PARAMETERS = {
  ...EDGES_PARAMETERS,
  depth: integerParameter({ minimum: 1, maximum: LIMITS.depthMax, default: 1, description: 'Hops at most' }),
};

const PATH_PARAMETERS = {
  from: requiredText('Id of the first node'),
  to: requiredText('Id of the last node'),
  type: TYPE_PARAMETER,
  direction: directionParameter('out', 'In which direction edges are followed on the way from `from` to `to`'),
  maxDepth: integerParameter({
    minimum: 0,
    maximum: LIMITS.depthMax,
    default: LIMITS.depthMax,
    description: 'Edges of the path at most',
  }),
};

function typeFilter(type: string | undefined): { readonly type?: string } {
  return type === undefined ? {} : { type: checkName('edge type', type) };
}

export function addTraversalRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/graphs/:graph/nodes/:id/edges',
    {
      schema: describe({
        kind: 'read',
        tag: 'traversal',
        summary: 'List the edges of a node',
        path: ELEMENT_PATH,
        query: EDGES_PARAMETERS,
        answers: { 200: { doc: 'A page of edges; a self-loop appears once', schema: 'EdgePage' } },
        errors: ['graph-not-found', 'node-not-found', 'invalid-name', 'invalid-cursor'],
      }),
    },
    async (request, reply) => {
      const read = readQuery(request.query, EDGES_PARAMETERS);
      const id = nodeId((request.params as ElementPath).id);
      const filter = { direction: read.direction ?? 'both', ...typeFilter(read.type) };
      const graph = graphOf(context, request);
      const page = await readPage([request.params as object, filter], read, (part) => graph.edgesOf(id, filter, part));
      sendDocument(request, reply, pageDocument('edges', page, edgeDocument));
    },
  );

  app.get(
    '/v1/graphs/:graph/nodes/:id/neighbors',
    {
      schema: describe({
        kind: 'read',
        tag: 'traversal',
        summary: 'List the distinct nodes around a node',
        description: 'All nodes within `depth` hops, without the node itself.',
        path: ELEMENT_PATH,
        query: NEIGHBORS_PARAMETERS,
        answers: { 200: { doc: 'A page of nodes', schema: 'NodePage' } },
        errors: ['graph-not-found', 'node-not-found', 'invalid-name', 'invalid-cursor', 'payload-too-large'],
      }),
    },
    async (request, reply) => {
      const read = readQuery(request.query, NEIGHBORS_PARAMETERS);
      const id = nodeId((request.params as ElementPath).id);
      const filter = { direction: read.direction ?? 'both', depth: read.depth ?? 1, ...typeFilter(read.type) };
      const graph = graphOf(context, request);
      const page = await readPage([request.params as object, filter], read, (part) =>
        graph.neighbors(id, filter, part),
      );
      sendDocument(request, reply, pageDocument('nodes', page, nodeDocument));
    },
  );

  app.get(
    '/v1/graphs/:graph/paths/shortest',
    {
      schema: describe({
        kind: 'read',
        tag: 'traversal',
        summary: 'Find a path with the fewest edges',
        path: GRAPH_PATH,
        query: PATH_PARAMETERS,
        answers: { 200: { doc: 'The path, or null if there is none within `maxDepth`', schema: 'ShortestPath' } },
        errors: ['graph-not-found', 'node-not-found', 'invalid-name', 'payload-too-large'],
      }),
    },
    async (request, reply) => {
      const read = readQuery(request.query, PATH_PARAMETERS);
      const path = await graphOf(context, request).shortestPath({
        from: nodeId(read.from),
        to: nodeId(read.to),
        direction: read.direction ?? 'out',
        maxDepth: read.maxDepth ?? LIMITS.depthMax,
        ...typeFilter(read.type),
      });
      const found = path && { nodes: path.nodes.map(nodeDocument), edges: path.edges.map(edgeDocument) };
      sendDocument(request, reply, { path: found, length: path === null ? null : path.edges.length });
    },
  );
}
