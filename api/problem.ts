/** Every error as a problem document (RFC 9457), and the errors of the framework as ours. */

import { BugError } from '../base/assert.ts';
import { DOCUMENTED_ERRORS } from '../base/error-docs.ts';
import { type ErrorCode, WeftError } from '../base/errors.ts';
import { QueryError } from '../query/query-error.ts';

export interface Problem {
  readonly type: string;
  /** The first sentence of the error table: the same for every occurrence. */
  readonly title: string;
  readonly status: number;
  /** What is wrong with this request. */
  readonly detail: string;
  readonly code: ErrorCode;
  /** True promises that nothing of the operation took or will take effect. */
  readonly definite: boolean;
  readonly retryable: boolean;
  readonly traceId: string;
  readonly [extra: string]: unknown;
}

/** Seconds after which to retry, unless the error brings `retryAfterMs`. */
const RETRY_AFTER_S = 1;

export function problemOf(error: WeftError, traceId: string): Problem {
  const { definite, retryable, status } = error.kind;
  const members = {
    type: `urn:weft:error:${error.code}`,
    title: titleOf(error.code),
    status,
    detail: error.message,
    code: error.code,
    definite,
    retryable,
    traceId,
  };
  // Spread twice: the members come first, and no context replaces them.
  return { ...members, ...error.context, ...members };
}

export function titleOf(code: ErrorCode): string {
  const { doc } = DOCUMENTED_ERRORS[code];
  const end = doc.search(/[.;](?:\s|$)/);
  return end < 0 ? doc : doc.slice(0, end);
}

/** Headers that go with the error. */
export function problemHeaders(error: WeftError): Readonly<Record<string, string>> {
  switch (error.kind.status) {
    case 401:
      return { 'www-authenticate': 'Bearer realm="weft"' };
    case 405:
      return { allow: allowOf(error.context.allow) };
    case 429:
    case 503:
      return { 'retry-after': String(retryAfterS(error.context.retryAfterMs)) };
    default:
      return {};
  }
}

function allowOf(methods: unknown): string {
  return Array.isArray(methods) ? methods.join(', ') : '';
}

function retryAfterS(retryAfterMs: unknown): number {
  return typeof retryAfterMs === 'number' ? Math.max(1, Math.ceil(retryAfterMs / 1000)) : RETRY_AFTER_S;
}

/** What Fastify and Node throw, with the part of it that says which of our errors it is. */
interface FrameworkError extends Error {
  readonly code?: string;
  readonly statusCode?: number;
}

/**
 * The operating error that `thrown` amounts to. Whatever the server did not expect is `internal`, and says nothing of
 * what happened: the log has it under the trace id.
 */
export function asWeftError(thrown: unknown): WeftError {
  if (thrown instanceof WeftError) return thrown;
  if (thrown instanceof QueryError) return queryProblem(thrown);
  if (thrown instanceof BugError || !(thrown instanceof Error)) return internal(thrown);
  const error: FrameworkError = thrown;
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new WeftError('unsupported-media-type', 'the Content-Type is missing or not supported here');
    case 'FST_ERR_BAD_URL':
      return new WeftError('malformed-request', 'the path of the URL is not well-formed percent-encoded UTF-8');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new WeftError('invalid-name', 'a name in the path of the URL is too long');
    case 'ECONNRESET':
      return new WeftError('malformed-request', 'the request ended before its body was complete');
  }
  const isRequestError = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  return isRequestError && error.code?.startsWith('FST_') === true
    ? new WeftError('malformed-request', error.message)
    : internal(thrown);
}

/** A limit of the query is an error of its own; everything else that is wrong with a query is told by its members. */
function queryProblem(error: QueryError): WeftError {
  const { errorType, errorPhase, errorDetail, position, excerpt, message } = error;
  const code = errorType === 'ResourceError' ? (RESOURCE_CODES[errorDetail] ?? 'query-limit') : 'query-error';
  const detail = excerpt === undefined ? message : `${message}\n${excerpt}`;
  const context = { errorType, errorPhase, errorDetail, ...(position === undefined ? {} : { position }) };
  return new WeftError(code, detail, context, error);
}

const RESOURCE_CODES: Readonly<Record<string, ErrorCode>> = {
  Timeout: 'query-timeout',
  Cancelled: 'query-cancelled',
};

function internal(cause: unknown): WeftError {
  return new WeftError(
    'internal',
    'the server failed on this request; its log has the details under this traceId',
    {},
    cause,
  );
}
