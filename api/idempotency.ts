/**
 * `Idempotency-Key`: a write with a key runs at most once; a repetition gets the first answer again, byte for byte. The
 * stored outcome is plain JSON, so that an engine may keep it wherever it likes.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import { printJson } from '../graph/json-values.ts';
import type { Engine, Graph, IdempotencyKey } from '../src/engine-port.ts';
import { type Answer, sendAnswer } from './answer.ts';
import { acceptedMessagePack, JSON_TYPE, PROBLEM_TYPE } from './media-types.ts';
import { printMessagePack } from './msgpack.ts';
import { problemHeaders, problemOf } from './problem.ts';

/** An answer as it was sent. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How `body` holds the bytes: JSON as text, MessagePack in base64. */
  readonly encoding: 'utf8' | 'base64';
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The key of a request, if it has one.
 * @throws WeftError `invalid-request` unless it is 1 to 255 visible ASCII characters, definite
 */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  return checkKey(request.headers['idempotency-key']);
}

/** @throws WeftError `invalid-request` unless it is 1 to 255 visible ASCII characters, definite */
export function checkKey(key: unknown): string | undefined {
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new WeftError('invalid-request', 'an Idempotency-Key has 1 to 255 visible ASCII characters', {
    field: 'Idempotency-Key',
  });
}

/** The key of a write to a graph, whose answer is kept with what it writes. */
export function writeKey(request: FastifyRequest): IdempotencyKey | undefined {
  const key = idempotencyKey(request);
  return key === undefined ? undefined : { key, fingerprint: fingerprintOf(request) };
}

/** What tells a request from others with the same key. */
function fingerprintOf(request: FastifyRequest): string {
  const { method, url, bodyHash, headers } = request;
  const conditions = [headers['if-match'], headers['if-none-match']];
  const terms = conditions.some((each) => each !== undefined) ? ` ${JSON.stringify(conditions)}` : '';
  return `${whoAsks(request)}${method} ${url} ${bodyHash}${terms}`;
}

/** Whoever has limited rights gets no answer that was another's. */
export function whoAsks({ principal }: Pick<FastifyRequest, 'principal'>): string {
  return principal === null || principal.isUnlimited ? '' : `${principal.identity} `;
}

/** A key as the engine remembers it in memory: counted by graph, like those that are kept with what was written. */
export function keyIn({ key: graphKey }: Pick<Graph, 'key'>, key: string): string {
  return `${graphKey}/${key}`;
}

/**
 * Runs a write and sends its answer, at most once if the request has a key.
 * @param graph what is written to; absent for writes of graphs as such
 */
export function answerOnce(
  engine: Engine,
  request: FastifyRequest,
  reply: FastifyReply,
  write: () => Promise<Answer>,
  graph?: Graph,
): Promise<void> {
  const key = idempotencyKey(request);
  if (key === undefined) return write().then((answer) => sendAnswer(request, reply, answer));
  const graphKey = graph === undefined ? key : keyIn(graph, key);
  return engine
    .once(graphKey, fingerprintOf(request), () => storedAnswer(request, write))
    .then(({ outcome, replayed }) => sendStored(reply, outcome, replayed));
}

export function sendStored(reply: FastifyReply, outcome: StoredAnswer, replayed: boolean): void {
  reply.code(outcome.status).headers(outcome.headers);
  if (replayed) reply.header('idempotency-replayed', 'true');
  // Sent as bytes, so that nothing between here and the socket interprets the text.
  if (outcome.status === 204) reply.send();
  else reply.send(Buffer.from(outcome.body, outcome.encoding));
}

/**
 * The outcome to remember. An error that is definite and final is one; any other is thrown on, so that the same key
 * may try again.
 */
export async function storedAnswer(request: FastifyRequest, write: () => Promise<Answer>): Promise<StoredAnswer> {
  try {
    const { status, headers = {}, document } = await write();
    return stored(request, { status, headers: { ...headers }, document, type: JSON_TYPE });
  } catch (error) {
    if (!(error instanceof WeftError) || !error.kind.definite || error.kind.retryable) throw error;
    return storedProblem(request, error);
  }
}

export function storedProblem(request: FastifyRequest, error: WeftError): StoredAnswer {
  const document = problemOf(error, request.trace?.traceId ?? '');
  return stored(request, { status: document.status, headers: problemHeaders(error), document, type: PROBLEM_TYPE });
}

function stored(
  request: FastifyRequest,
  answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly document: object | undefined;
    readonly type: string;
  },
): StoredAnswer {
  const { status, headers, document, type } = answer;
  if (document === undefined) return { status, headers, body: '', encoding: 'utf8' };
  const messagePack = acceptedMessagePack(request.headers.accept);
  if (messagePack === undefined) {
    return { status, headers: { ...headers, 'content-type': type }, body: printJson(document), encoding: 'utf8' };
  }
  const body = Buffer.from(printMessagePack(document)).toString('base64');
  return { status, headers: { ...headers, 'content-type': messagePack }, body, encoding: 'base64' };
}
