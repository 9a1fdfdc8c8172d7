/** Answers about one node or edge: conditional reads, and what a single write did. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { present } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { Edge, Node, Operation } from '../graph/model.ts';
import type { Graph, IdempotencyKey, OperationResult } from '../src/engine-port.ts';
import { type Answer, edgeDocument, nodeDocument, sendDocument } from './answer.ts';
import { type ConditionHeaders, conditionOf, entityTag, readOutcome } from './conditions.ts';

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
      sendDocument(request, reply, document, ['etag', etag]);
  }
}

/** The operation with the condition that the request headers state. */
export function conditional<T extends Operation>(request: FastifyRequest, operation: T): T {
  const condition = conditionOf(request.headers as ConditionHeaders);
  return condition === undefined ? operation : { ...operation, condition };
}

/** Writes one operation and answers 201 with `Location`, 200, or 204 after a deletion. */
export async function writeOne(
  graph: Graph,
  collection: 'nodes' | 'edges',
  operation: Operation,
  key?: IdempotencyKey,
): Promise<Answer> {
  const { id, created, element, version, replayed } = await writeElement(graph, operation, key);
  const again = replayed === true ? REPLAYED : {};
  if (element === undefined) return { status: 204, headers: again };
  const etag = entityTag(present(version, 'an element that exists has a version'));
  const document = elementDocument(element);
  if (!created) return { status: 200, document, headers: { etag, ...again } };
  const name = encodeURIComponent(graph.description.name);
  return {
    status: 201,
    document,
    headers: { location: `/v1/graphs/${name}/${collection}/${encodeURIComponent(id)}`, etag, ...again },
  };
}

/** What one operation did. */
export async function writeElement(graph: Graph, operation: Operation, key?: IdempotencyKey): Promise<OperationResult> {
  const [result] = await graph.write([operation], key);
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
