/**
 * `POST /v1/graphs/{g}/query`, and `POST /db/{g}/query/v2` for clients of the Neo4j Query API: openCypher. Answers whole as
 * JSON, typed JSON or MessagePack, or streams JSON Lines; what is wrong with a query is told by a status before the first
 * byte, or by an `Error` event after it.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as LIMITS from '../base/limits.ts';
import { Counters } from '../query/execution/counters.ts';
import type { ResultValue } from '../query/execution/result-value.ts';
import { answerOfRows, type StatementAnswer, type StatementRows } from '../query/execution/statement-answer.ts';
import type { PlanDescription } from '../query/plan/planned-statement.ts';
import { principalOfRequest } from './access/access-hooks.ts';
import { headerLine, sendBody } from './answer-headers.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { present, sessionTokenFor } from './consistency.ts';
import { cutOff } from './cut-off.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { REPLAYED } from './element-answers.ts';
import { idempotencyKey } from './idempotency.ts';
import { acceptedMessagePack, JSON_LINES_TYPE, JSON_TYPE, TYPED_JSON_TYPE } from './media-types.ts';
import { encodeMessagePack } from './msgpack.ts';
import { isGone } from './once-gone.ts';
import { parseQueryRequest } from './parse-statement.ts';
import { asWeftError, problemOf } from './problem.ts';
import { containsUpdates, countersDocument, QueryCall } from './query-call.ts';
import { readQuery } from './query-parameters.ts';
import { printPlain, printTyped, wireResult } from './result-values.ts';
import type { RunningQueries } from './running-queries.ts';

/** Characters of a piece of a stream: fewer, larger writes. */
const PIECE_CHARS = 64 * 1024;

export function addQueryRoutes(app: FastifyInstance, context: ApiContext, running: RunningQueries): void {
  for (const url of ['/v1/graphs/:graph/query', '/db/:graph/query/v2']) {
    app.post(url, { schema: QUERY_SCHEMA }, (request, reply) => answerQuery(context, running, request, reply));
  }
}

const QUERY_SCHEMA = describe({
  kind: 'write',
  tag: 'query',
  summary: 'Run openCypher',
  description:
    'One `statement`, or `statements` that run in order as one transaction. A statement that writes is committed before ' +
    'its answer begins. `Accept: application/vnd.neo4j.query` answers typed JSON, `Accept: application/jsonl` streams ' +
    'events `Header`, `Record`, `Summary` and `Error`. `bookmarks` are session tokens. ' +
    'Many queries on one connection: `WS /v1/graphs/{graph}/session`, in docs/protocol.md.',
  path: GRAPH_PATH,
  body: 'Query',
  answers: {
    200: {
      doc: 'Fields, rows and counters',
      schema: 'QueryResult',
      forms: {
        [TYPED_JSON_TYPE]: 'The same, with the type of each value',
        [JSON_LINES_TYPE]: 'An event a line: `Header`, a `Record` for each row, `Summary`; or `Error`, which ends it',
      },
    },
  },
  errors: [
    'graph-not-found',
    'graph-protected',
    'invalid-name',
    'invalid-value',
    'query-error',
    'query-timeout',
    'query-cancelled',
    'query-limit',
    'schema-conflict',
    'constraint-violated',
    'node-not-found',
    'edge-not-found',
    'endpoint-missing',
    'node-has-edges',
    'node-exists',
    'edge-exists',
  ],
});
async function answerQuery(
  context: ApiContext,
  running: RunningQueries,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  readQuery(request.query, {});
  const graph = graphOf(context, request);
  const parsed = parseQueryRequest(request.body);
  const { isList } = parsed;
  const key = idempotencyKey(request);
  const principal = principalOfRequest(request);
  const call = new QueryCall(graph, parsed, {
    running,
    principal,
    permit: (right) => {
      if (right === 'schema') context.audit.schemaChange(principal, graph.description.name, request.trace?.traceId);
    },
  });
  const cancel = () => {
    if (!reply.raw.writableEnded) call.cancel();
  };
  reply.raw.once('close', cancel);
  try {
    if (parsed.bookmarks.length > 0) await present(context.engine, request, parsed.bookmarks);
    if (isGone(reply)) return;
    const isStream = request.headers.accept?.includes('jsonl') === true && !isList;
    if (key !== undefined) {
      const { answers, replayed } = await call.readOnce(context.engine, key);
      const [first] = answers;
      if (!isStream || first === undefined) sendWhole(context, request, reply, { answers, isList, replayed });
      else
        await stream(context, request, reply.headers(replayed ? REPLAYED : {}), { answer: answerOfRows(first), call });
      return;
    }
    if (isStream) {
      await stream(context, request, reply, { answer: await call.begin(), call });
      return;
    }
    const answered = call.readWhole();
    const answers = answered instanceof Promise ? await answered : answered;
    sendWhole(context, request, reply, { answers, isList, replayed: false });
  } finally {
    reply.raw.off('close', cancel);
  }
}

function sendWhole(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  whole: {
    readonly answers: readonly StatementRows[];
    readonly isList: boolean;
    readonly replayed: boolean;
  },
): void {
  const { answers, isList, replayed } = whole;
  const lines = replayed ? headerLine('idempotency-replayed', 'true') : '';
  const bookmarks = [sessionTokenFor(context.engine, request)];
  const { accept } = request.headers;
  const messagePack = acceptedMessagePack(accept);
  if (messagePack !== undefined) {
    const parts = answers.map(({ fields, rows, counters, plan }) => ({
      data: { fields, values: rows.map((row) => row.map(wireResult)) },
      counters: countersDocument(counters),
      ...planMember(plan),
    }));
    const document = isList ? { results: parts, bookmarks } : { ...parts[0], bookmarks };
    const typed = lines + headerLine('content-type', messagePack);
    sendBody(request, reply, { body: encodeMessagePack(document), lines: typed });
    return;
  }
  const isTyped = accept?.includes(TYPED_JSON_TYPE) === true;
  const print = isTyped ? printTyped : printPlain;
  const parts = answers.map((answer) => printAnswer(answer, print));
  const tail = `"bookmarks":${JSON.stringify(bookmarks)}}`;
  const body = isList ? `{"results":[${parts.map((part) => `{${part}}`).join(',')}],${tail}` : `{${parts[0]},${tail}`;
  sendBody(request, reply, { body, lines: lines + headerLine('content-type', isTyped ? TYPED_JSON_TYPE : JSON_TYPE) });
}

function planMember(plan: PlanDescription | undefined): object {
  return plan === undefined ? {} : { queryPlan: plan };
}

function printRow(row: readonly ResultValue[], print: (value: ResultValue) => string): string {
  let text = '[';
  for (let i = 0; i < row.length; i++) text += (i === 0 ? '' : ',') + print(row[i] as ResultValue);
  return `${text}]`;
}

/** Most answers say this. */
const NOTHING_CHANGED = JSON.stringify(countersDocument(new Counters()));

function printAnswer({ fields, rows, counters, plan }: StatementRows, print: (value: ResultValue) => string): string {
  const values = rows.map((row) => printRow(row, print)).join(',');
  return (
    `"data":{"fields":${JSON.stringify(fields)},"values":[${values}]},` +
    `"counters":${containsUpdates(counters) ? JSON.stringify(countersDocument(counters)) : NOTHING_CHANGED}` +
    (plan === undefined ? '' : `,"queryPlan":${JSON.stringify(plan)}`)
  );
}

interface Streamed {
  readonly answer: StatementAnswer;
  readonly call: QueryCall;
}

/** The first rows are read before the first byte is sent, so that most errors still get a status of their own. */
async function stream(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  streamed: Streamed,
): Promise<void> {
  const { answer, call } = streamed;
  let first: readonly (readonly ResultValue[])[] | undefined;
  try {
    first = await answer.next();
  } catch (error) {
    answer.close();
    call.end();
    throw error;
  }
  if (isGone(reply)) {
    answer.close();
    call.end();
    return;
  }
  const print = request.headers.accept?.includes(TYPED_JSON_TYPE) === true ? printTyped : printPlain;
  const options = { env: context.env, reply, stallMs: LIMITS.queryStallMsMax };
  const pieces = cutOff(events(context, request, { ...streamed, first, print }), options);
  // A client that goes away destroys the stream, which ends the generator and with it the query.
  await reply.header('content-type', JSON_LINES_TYPE).send(Readable.from(pieces, { objectMode: false }));
}

async function* events(
  context: ApiContext,
  request: FastifyRequest,
  {
    answer,
    call,
    first,
    print,
  }: Streamed & {
    readonly first: readonly (readonly ResultValue[])[] | undefined;
    readonly print: (value: ResultValue) => string;
  },
): AsyncGenerator<string> {
  let piece = `{"$event":"Header","_body":{"fields":${JSON.stringify(answer.fields)}}}\n`;
  try {
    for (let batch = first; batch !== undefined; batch = await answer.next()) {
      for (const row of batch) {
        piece += `{"$event":"Record","_body":${printRow(row, print)}}\n`;
        if (piece.length < PIECE_CHARS) continue;
        yield piece;
        piece = '';
      }
    }
    const summary = {
      bookmarks: [sessionTokenFor(context.engine, request)],
      counters: countersDocument(answer.counters),
      ...planMember(answer.plan()),
    };
    yield `${piece}{"$event":"Summary","_body":${JSON.stringify(summary)}}\n`;
  } catch (thrown) {
    const error = asWeftError(thrown);
    if (error.code === 'internal') context.reportFailure(thrown, request);
    const problem = problemOf(error, request.trace?.traceId ?? '');
    yield `${piece}{"$event":"Error","_body":[${JSON.stringify({ ...problem, message: problem.detail })}]}\n`;
  } finally {
    call.cancel();
    answer.close();
    call.end();
  }
}
