/** `/v1/graphs/{g}/nodes`: create, read, replace, patch, delete and list nodes. */
import type { FastifyInstance } from 'fastify';
import { checkName, nodeId } from '../base/ids.ts';
import { decodeValue } from '../graph/json-values.ts';
import type { Node } from '../graph/model.ts';
import type { Value } from '../graph/value.ts';
import type { Versioned } from '../src/engine-port.ts';
import { nodeDocument, pageDocument, sendDocument } from './answer.ts';
import { type ApiContext, type ElementPath, graphOf } from './api-context.ts';
import { describe, ELEMENT_PATH, GRAPH_PATH } from './describe.ts';
import { answerWrite, conditional, sendElement } from './element-answers.ts';
import { parseJson } from './json-text.ts';
import { PAGE_PARAMETERS, readPage } from './page-parameters.ts';
import { parseCreateNode, parsePutNode } from './parse-elements.ts';
import { parsePatchNode } from './parse-patch.ts';
import { flagParameter, readQuery, textParameter } from './query-parameters.ts';

const PROPERTY_PREFIX = 'property.';
const LIST_PARAMETERS = { label: textParameter('Only nodes with this label'), ...PAGE_PARAMETERS };
const DELETE_PARAMETERS = { detach: flagParameter('Delete the edges of the node too') };

/**
 * The value of a filter `property.NAME=VALUE`: what JSON reads, if that is a scalar, else the text itself. So `30` is
 * an Integer, `30.0` a Float, `"30"` and `thirty` are text.
 */
function filterValue(text: string, name: string): Value {
  let wire: unknown = text;
  if (/^(?:-?\d|true$|false$|null$|")/.test(text)) {
    try {
      wire = parseJson(text);
    } catch {
      // Not JSON after all, for example a date or a telephone number: the text is meant.
    }
  }
  return decodeValue(wire, name);
}

export function addNodeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { engine } = context;

  app.get(
    '/v1/graphs/:graph/nodes/:id',
    {
      schema: describe(
        {
          kind: 'read',
          tag: 'nodes',
          summary: 'Read a node',
          path: ELEMENT_PATH,
          answers: { 200: { doc: 'The node; `ETag` has its version', schema: 'Node' }, 304: { doc: 'Not modified' } },
          errors: ['graph-not-found', 'node-not-found', 'invalid-name', 'precondition-failed'],
        },
        { conditional: true },
      ),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const id = nodeId((request.params as ElementPath).id);
      const graph = graphOf(context, request);
      const send = ({ element, version }: Versioned<Node>): void =>
        sendElement(request, reply, version, nodeDocument(element));
      const now = graph.nodeNow(id);
      if (now === undefined) return graph.node(id).then(send);
      send(now);
      return;
    },
  );

  app.get(
    '/v1/graphs/:graph/nodes',
    {
      schema: describe({
        kind: 'read',
        tag: 'nodes',
        summary: 'List nodes',
        description:
          'Filter by `label` and by `property.NAME=VALUE`, repeatable; all must hold. VALUE is read as JSON if that ' +
          'gives a scalar (`30` is an Integer, `30.0` a Float, `"30"` text), else as text. A node that exists ' +
          'throughout is listed exactly once, whatever is written meanwhile.',
        path: GRAPH_PATH,
        query: LIST_PARAMETERS,
        answers: { 200: { doc: 'A page of nodes', schema: 'NodePage' } },
        errors: ['graph-not-found', 'invalid-name', 'invalid-value', 'invalid-cursor'],
      }),
    },
    async (request, reply) => {
      const properties: (readonly [string, Value])[] = [];
      const read = readQuery(request.query, LIST_PARAMETERS, {
        text: PROPERTY_PREFIX,
        each: (name, text) => properties.push([checkName('property name', name), filterValue(text, name)]),
      });
      const filter = {
        ...(read.label === undefined ? {} : { label: checkName('label', read.label) }),
        ...(properties.length === 0 ? {} : { properties }),
      };
      const graph = graphOf(context, request);
      const page = await readPage([request.params as object, filter], read, (part) => graph.nodes(filter, part));
      sendDocument(request, reply, pageDocument('nodes', page, nodeDocument));
    },
  );

  app.post(
    '/v1/graphs/:graph/nodes',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'nodes',
          summary: 'Create a node',
          path: GRAPH_PATH,
          body: 'CreateNode',
          answers: { 201: { doc: 'The node; `Location` and `ETag` are set', schema: 'Node' } },
          errors: [
            'graph-not-found',
            'node-exists',
            'constraint-violated',
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
      const operation = conditional(request, parseCreateNode(request.body));
      return answerWrite(engine, request, reply, { graph, collection: 'nodes', operation });
    },
  );

  app.put(
    '/v1/graphs/:graph/nodes/:id',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'nodes',
          summary: 'Create or replace a node',
          path: ELEMENT_PATH,
          body: 'CreateNode',
          answers: { 201: { doc: 'It was created', schema: 'Node' }, 200: { doc: 'It was replaced', schema: 'Node' } },
          errors: [
            'graph-not-found',
            'constraint-violated',
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
      const id = nodeId((request.params as ElementPath).id);
      const operation = conditional(request, parsePutNode(id, request.body));
      return answerWrite(engine, request, reply, { graph, collection: 'nodes', operation });
    },
  );

  app.patch(
    '/v1/graphs/:graph/nodes/:id',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'nodes',
          summary: 'Change labels and properties of a node',
          path: ELEMENT_PATH,
          body: 'PatchNode',
          answers: { 200: { doc: 'The node after the change', schema: 'Node' } },
          errors: [
            'graph-not-found',
            'node-not-found',
            'invalid-name',
            'invalid-value',
            'property-type',
            'out-of-bounds',
            'constraint-violated',
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
      const id = nodeId((request.params as ElementPath).id);
      const operation = conditional(request, parsePatchNode(id, request.body));
      return answerWrite(engine, request, reply, { graph, collection: 'nodes', operation });
    },
  );

  app.delete(
    '/v1/graphs/:graph/nodes/:id',
    {
      schema: describe(
        {
          kind: 'write',
          tag: 'nodes',
          summary: 'Delete a node',
          path: ELEMENT_PATH,
          query: DELETE_PARAMETERS,
          answers: { 204: { doc: 'The node was deleted' } },
          errors: [
            'graph-not-found',
            'node-not-found',
            'node-has-edges',
            'invalid-name',
            'precondition-failed',
            'graph-protected',
          ],
        },
        { conditional: true },
      ),
    },
    (request, reply) => {
      const { detach = false } = readQuery(request.query, DELETE_PARAMETERS);
      const graph = graphOf(context, request);
      const id = nodeId((request.params as ElementPath).id);
      const operation = conditional(request, { op: 'deleteNode', id, detach } as const);
      return answerWrite(engine, request, reply, { graph, collection: 'nodes', operation });
    },
  );
}
