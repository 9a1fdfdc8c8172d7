/** Answers about one node or edge: conditional reads, and what a single write did. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { Edge, Node, Operation } from '../graph/model.ts';
import type { Engine, Graph, IdempotencyKey, OperationResult } from '../src/engine-port.ts';
import { type Answer, edgeDocument, nodeDocument, sendDocument } from './answer.ts';
import { headerLine } from './answer-headers.ts';
import type { GraphPath } from './api-context.ts';
import { type ConditionHeaders, conditionOf, entityTag, readOutcome } from './conditions.ts';
import { answerOnce, writeKey } from './idempotency.ts';

/** Answers a GET: 200, 304 if `If-None-Match` has the version, 412 if `If-Match` has not. */
export function sendElement(request: FastifyRequest, reply: FastifyReply, version: string, document: object): void {
  const condition = conditionOf(request.headers as ConditionHeaders);
  const etag = entityTag(version);
  switch (readOutcome(condition, version)) {
    case 'failed':
      throw new WeftError('precondition-failed', `the version is ${etag}, which If-Match does not list`, { version });
    case 'not-modified':
      reply.code(304).header('etag', etag).send();
      return;
    case 'send':
      sendDocument(request, reply, document, headerLine('etag', etag));
  }
}

/** The operation with the condition that the request headers state. */
export function conditional<T extends Operation>(request: FastifyRequest, operation: T): T {
  const condition = conditionOf(request.headers as ConditionHeaders);
  return condition === undefined ? operation : { ...operation, condition };
}

export interface ElementWrite {
  readonly graph: Graph;
  readonly collection: 'nodes' | 'edges';
  readonly operation: Operation;
}

/** Writes one operation and answers 201 with `Location`, 200, or 204 after a deletion. */
export function answerWrite(
  engine: Engine,
  request: FastifyRequest,
  reply: FastifyReply,
  { graph, collection, operation }: ElementWrite,
): Promise<void> {
  const { graph: name } = request.params as GraphPath;
  const write = () =>
    graph
      .write([operation], writeKey(request))
      .then((results) => answerOf(onlyResult(results), `/v1/graphs/${encodeURIComponent(name)}/${collection}/`));
  return answerOnce(engine, request, reply, write, graph);
}

function answerOf({ id, created, element, version, replayed }: OperationResult, folder: string): Answer {
  const headers: { [name: string]: string } = replayed === true ? { ...REPLAYED } : {};
  if (element === undefined) return { status: 204, headers };
  if (created) headers.location = folder + encodeURIComponent(id);
  headers.etag = entityTag(present(version, 'an element that exists has a version'));
  return { status: created ? 201 : 200, document: elementDocument(element), headers };
}

/** What one operation did. */
export async function writeElement(graph: Graph, operation: Operation, key?: IdempotencyKey): Promise<OperationResult> {
  return onlyResult(await graph.write([operation], key));
}

/** Definite and final, and yet of no operation. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(['graph-not-found', 'graph-protected', 'idempotency-key-reused']);

/** What the operations of a batch did. The engine says which of several was refused; in a batch the only one has an index too. */
export async function writeBatch(
  graph: Graph,
  operations: readonly Operation[],
  key?: IdempotencyKey,
): Promise<readonly OperationResult[]> {
  if (operations.length === 0) return [];
  try {
    return await graph.write(operations, key);
  } catch (error) {
    if (operations.length > 1 || !(error instanceof WeftError) || OF_THE_WHOLE.has(error.code)) throw error;
    if (!error.kind.definite || error.kind.retryable) throw error;
    throw new WeftError(error.code, error.message, { operation: 0, ...error.context }, error);
  }
}

function onlyResult([result]: readonly OperationResult[]): OperationResult {
  return present(result, 'a batch of one operation has one result');
}

/** Header of an answer that an earlier request with the same key got first. */
export const REPLAYED = { 'idempotency-replayed': 'true' } as const;

export function elementDocument(element: Node | Edge): object {
  return 'labels' in element ? nodeDocument(element) : edgeDocument(element);
}

/** One result of a batch, with the element under `node` or `edge`. */
export function resultDocument({ op, id, created, version, element }: OperationResult): object {
  return {
    op,
    id,
    created,
    ...(version === undefined ? {} : { version }),
    ...(element === undefined ? {} : { ['labels' in element ? 'node' : 'edge']: elementDocument(element) }),
  };
}
