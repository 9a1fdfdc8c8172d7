/**
 * Requests that are no HTTP: answered on the bare socket, because no request object ever came to be. The requests before it on
 * the same connection get their own answers first: whoever takes this one for the answer to a write before it would believe
 * that nothing was written.
 */
import type { Socket } from 'node:net';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { printJson } from '../graph/json-values.ts';
import { afterAnswers } from './after-answers.ts';
import { PROBLEM_TYPE } from './media-types.ts';
import { problemOf } from './problem.ts';
import { traceOf } from './trace.ts';

/** What comes after the first error on a connection is part of it. */
const failed = new WeakSet<Socket>();

/** Answers a problem document after all that was asked before, and closes the connection. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket, env: Env): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (failed.has(socket)) return;
  failed.add(socket);
  afterAnswers(socket, () => answerProblem(error.code, socket, env));
}

function answerProblem(code: string | undefined, socket: Socket, env: Env): void {
  const problem = problemOf(problemFor(code), traceOf(undefined, env.random).traceId);
  const body = printJson(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.status === 413 ? 'Payload Too Large' : 'Bad Request'}\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function problemFor(code: string | undefined): WeftError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new WeftError('payload-too-large', `the URL and headers exceed ${LIMITS.headerBytesMax / 1024} KB`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new WeftError('malformed-request', 'the request headers did not arrive in time');
    default:
      return new WeftError('malformed-request', 'this is no well-formed HTTP request');
  }
}
