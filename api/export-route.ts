/** `GET /v1/graphs/{g}/export`: the graph as NDJSON in the form of an import, nodes first. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BugError } from '../base/assert.ts';
import * as LIMITS from '../base/limits.ts';
import { setOwn } from '../base/record.ts';
import { MarkedText, printJson } from '../graph/json-values.ts';
import type { Edge, Node } from '../graph/model.ts';
import type { Properties } from '../graph/value.ts';
import type { GraphExport } from '../src/engine-port.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { cutOff } from './cut-off.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { NDJSON_TYPE } from './media-types.ts';
import { onceGone } from './once-gone.ts';
import { readQuery } from './query-parameters.ts';

/** Characters of a piece of the stream: fewer, larger writes. */
const PIECE_CHARS = 64 * 1024;

export function addExportRoute(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/graphs/:graph/export',
    {
      schema: describe({
        kind: 'read',
        tag: 'bulk',
        summary: 'Export NDJSON',
        description:
          'All nodes, then all edges, in an order that equal graphs share, as they are at one moment; the session token of the ' +
          'answer is of that moment. Importing it gives the same graph.',
        path: GRAPH_PATH,
        answers: { 200: { doc: 'The graph', schema: 'NDJSON' } },
        errors: ['graph-not-found', 'invalid-name', 'too-many-requests', 'replica-recovering'],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      const graph = graphOf(context, request);
      reply.header('content-type', NDJSON_TYPE);
      if (request.method === 'HEAD') return reply.send('');
      const moment = await graph.export();
      // A client that goes away, at once perhaps, must not leave it open.
      const close = () => void moment.close().catch((error: unknown) => context.reportFailure(error, request));
      onceGone(reply, close);
      request.shown = moment.vector ?? null;
      const options = { env: context.env, reply, stallMs: LIMITS.exportStallMsMax };
      const pieces = cutOff(reported(exportPieces(moment), context, request, reply), options);
      return reply.send(Readable.from(pieces, { objectMode: false }));
    },
  );
}

async function* exportPieces(moment: GraphExport): AsyncGenerator<string> {
  let piece = '';
  for await (const item of moment) {
    piece += `${item.kind === 'node' ? nodeLine(item.node) : edgeLine(item.edge)}\n`;
    if (piece.length >= PIECE_CHARS) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

/**
 * A failure in the middle cuts the answer off, as its status is long sent; at least it is reported. That the moment was closed
 * under it, because its client went away, is none.
 */
async function* reported(
  pieces: AsyncIterable<string>,
  context: ApiContext,
  request: FastifyRequest,
  { raw }: FastifyReply,
): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    if (error instanceof BugError || !raw.destroyed) context.reportFailure(error, request);
    throw error;
  }
}

export function nodeLine(node: Node): string {
  return printJson({ type: 'node', id: node.id, labels: node.labels, properties: withTexts(node) });
}

export function edgeLine(edge: Edge): string {
  const { id, type, from, to } = edge;
  const ends = { start: { id: from }, end: { id: to } };
  return printJson({ type: 'relationship', id, label: type, properties: withTexts(edge), ...ends });
}

/** Texts as an import takes them. */
function withTexts({ properties, texts }: Node | Edge): Properties {
  if (texts === undefined) return properties;
  const marked: { [name: string]: unknown } = { ...properties };
  for (const name of Object.keys(texts)) setOwn(marked, name, new MarkedText(String(properties[name])));
  return marked as Properties;
}
