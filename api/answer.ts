/** What calls answer, and how it is sent: in the format of `Accept`, as prepared text, without a serializer between. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WeftError } from '../base/errors.ts';
import { printJson } from '../graph/json-values.ts';
import type { Edge, Node } from '../graph/model.ts';
import type { Page } from '../src/engine-port.ts';
import { headerLine, sendBody } from './answer-headers.ts';
import { acceptedMessagePack, JSON_TYPE, PROBLEM_TYPE } from './media-types.ts';
import { printMessagePack } from './msgpack.ts';
import { isNeo4jPath, neo4jErrors } from './neo4j-errors.ts';
import { problemHeaders, problemOf } from './problem.ts';

export interface Answer {
  readonly status: number;
  /** Absent for 204. */
  readonly document?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export function nodeDocument(node: Node): object {
  const { id, labels, properties, texts } = node;
  return texts === undefined ? { id, labels, properties } : { id, labels, properties, texts };
}

export function edgeDocument(edge: Edge): object {
  const { id, type, from, to, properties, texts } = edge;
  return texts === undefined ? { id, type, from, to, properties } : { id, type, from, to, properties, texts };
}

/** A page as `{[name]: items, cursor?}`. */
export function pageDocument<T>(name: string, page: Page<T>, document: (item: T) => object): object {
  const items = page.items.map(document);
  return page.cursor === undefined ? { [name]: items } : { [name]: items, cursor: page.cursor };
}

/** A document in the format that the request accepts. `lines` as in `sendBody`. */
export function sendDocument(request: FastifyRequest, reply: FastifyReply, document: object, lines = ''): void {
  const messagePack = acceptedMessagePack(request.headers.accept);
  const body = messagePack === undefined ? printJson(document) : printMessagePack(document);
  sendBody(request, reply, { body, lines: lines + headerLine('content-type', messagePack ?? JSON_TYPE) });
}

export function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
  const { status, document, headers = {} } = answer;
  reply.code(status);
  if (document === undefined) {
    reply.headers(headers).send();
    return;
  }
  let lines = '';
  for (const name in headers) lines += headerLine(name, headers[name] as string);
  sendDocument(request, reply, document, lines);
}

/** The problem document of any thrown error. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: WeftError): void {
  const plain = problemOf(error, request.trace?.traceId ?? '');
  const problem = isNeo4jPath(request.url) ? { ...plain, errors: neo4jErrors(error) } : plain;
  const messagePack = acceptedMessagePack(request.headers.accept);
  reply.code(problem.status).headers(problemHeaders(error));
  if (messagePack === undefined) reply.header('content-type', PROBLEM_TYPE).send(printJson(problem));
  else reply.header('content-type', messagePack).send(printMessagePack(problem));
}
