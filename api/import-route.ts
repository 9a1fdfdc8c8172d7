/** `POST /v1/graphs/{g}/import`: NDJSON of any length, streamed. */
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import type { Graph } from '../src/engine-port.ts';
import { type Answer, sendAnswer } from './answer.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { checkEncoding } from './bodies.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import {
  idempotencyKey,
  keyIn,
  type StoredAnswer,
  sendStored,
  storedAnswer,
  storedProblem,
  whoAsks,
} from './idempotency.ts';
import { ImportRun } from './import-run.ts';
import { IMPORT_TYPES } from './media-types.ts';
import { choiceParameter, readQuery } from './query-parameters.ts';

const IMPORT_PARAMETERS = {
  onError: choiceParameter(['stop', 'continue'], {
    default: 'stop',
    description: '`stop` ends at the first bad line, `continue` applies the others and reports every bad one',
  }),
};

/** Registers the route in a scope of its own, where bodies are passed on as streams and have no limit. */
export function addImportRoute(app: FastifyInstance, context: ApiContext): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([...IMPORT_TYPES], passOn);
    scope.addContentTypeParser('*', (request, body, parsed) => {
      // A request without any Content-Type arrives here too, and can only mean lines.
      if (request.headers['content-type'] === undefined) passOn(request, body, parsed);
      else parsed(new WeftError('unsupported-media-type', `an import is one of ${IMPORT_TYPES.join(', ')}`));
    });
    scope.post('/v1/graphs/:graph/import', { schema: SCHEMA }, (request, reply) =>
      importLines(context, request, reply),
    );
    done();
  });
}

const SCHEMA = describe({
  kind: 'write',
  tag: 'bulk',
  summary: 'Import NDJSON',
  description:
    'The JSON Lines form that APOC exports. A node line creates or replaces; so does a relationship line with an id. ' +
    'Lines are applied in order, in commits of the server’s choice. The first bad line ends the import: the lines ' +
    'before it are applied, and `line`, `reason` and `applied` say where it stands.',
  path: GRAPH_PATH,
  query: IMPORT_PARAMETERS,
  body: 'NDJSON',
  answers: { 200: { doc: 'What was imported', schema: 'ImportReport' } },
  errors: ['graph-not-found', 'graph-protected', 'invalid-name', 'invalid-import-line'],
});

function passOn(request: FastifyRequest, body: unknown, done: (error: Error | null, body?: unknown) => void): void {
  try {
    checkEncoding(request);
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, body);
}

async function importLines(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  try {
    await importOrReplay(context, request, reply);
  } finally {
    // After an early end the rest is dropped, so that a client that is still sending gets to read why.
    (request.body as Readable | undefined)?.resume();
  }
}

async function importOrReplay(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { onError = 'stop' } = readQuery(request.query, IMPORT_PARAMETERS);
  const graph = graphOf(context, request);
  const key = idempotencyKey(request);
  if (key === undefined) {
    const run = new ImportRun(graph, { stopAtFirst: onError === 'stop' });
    sendAnswer(request, reply, await importAnswer(run, chunksOf(request), onError));
    return;
  }
  // The body is too long to be hashed first, so its hash is part of the outcome and compared afterwards.
  const hash = createHash('sha256');
  const fingerprint = `${whoAsks(request)}${request.method} ${request.url}`;
  const { replayed, outcome } = await context.engine.once(keyIn(graph, key), fingerprint, () =>
    storedImport(request, graph, hash, onError),
  );
  if (replayed && outcome.bodyHash !== null && outcome.bodyHash !== (await hashRest(request, hash))) {
    throw new WeftError('idempotency-key-reused', 'this Idempotency-Key was used with another import');
  }
  sendStored(reply, outcome.answer, replayed);
}

interface StoredImport {
  readonly answer: StoredAnswer;
  /** Null if the import ended before all of the body was read. */
  readonly bodyHash: string | null;
}

async function storedImport(
  request: FastifyRequest,
  graph: Graph,
  hash: Hash,
  onError: 'stop' | 'continue',
): Promise<StoredImport> {
  const run = new ImportRun(graph, { stopAtFirst: onError === 'stop' });
  try {
    const chunks = hashed(chunksOf(request), hash);
    const answer = await storedAnswer(request, () => importAnswer(run, chunks, onError));
    return { answer, bodyHash: hash.digest('base64') };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    const isOver = error.code === 'invalid-import-line';
    if (!isOver && run.isRepeatable) throw error;
    // Not definite, as lines were applied, but final: running it again would apply them twice.
    return { answer: storedProblem(request, isOver ? error : brokenOff(error)), bodyHash: null };
  }
}

/** What is said of an import that made edges without ids and ended, for a while or for good, before its last line. */
function brokenOff(error: WeftError): WeftError {
  if (error.code === 'answer-lost') return error;
  const detail = `the import ended before its last line, and made edges that it would make again: ${error.message}`;
  return new WeftError('answer-lost', detail, { ...error.context, reasonCode: error.code }, error);
}

async function importAnswer(
  run: ImportRun,
  chunks: AsyncIterable<Buffer>,
  onError: 'stop' | 'continue',
): Promise<Answer> {
  let report: Awaited<ReturnType<typeof run.run>>;
  try {
    report = await run.run(chunks);
  } catch (error) {
    if (!(error instanceof WeftError) || error.code === 'invalid-import-line') throw error;
    throw new WeftError(error.code, error.message, { ...error.context, applied: run.applied }, error);
  }
  const { nodes, edges, lines, failed, errors } = report;
  const document = onError === 'stop' ? { nodes, edges, lines } : { nodes, edges, lines, failed, errors };
  return { status: 200, document };
}

/**
 * The body in chunks, read only as fast as they are taken. Ending early leaves the stream open, and with it the
 * connection that the answer needs.
 */
function chunksOf(request: FastifyRequest): AsyncIterable<Buffer> {
  const body = request.body as Readable | undefined;
  return body === undefined ? noChunks() : body.iterator({ destroyOnReturn: false });
}

async function* noChunks(): AsyncGenerator<Buffer> {}

/** @throws WeftError `answer-lost`, not definite, if the body ends before it is complete */
async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    // Whoever sent it again meanwhile, and waits, must not take it for one that did nothing.
    const detail = 'the connection over which this import was sent first ended before all of its lines were there';
    throw new WeftError('answer-lost', detail, {}, error);
  }
}

async function hashRest(request: FastifyRequest, hash: Hash): Promise<string> {
  for await (const chunk of chunksOf(request)) hash.update(chunk);
  return hash.digest('base64');
}
