/**
 * The one table of operating errors. A code exists only because some caller acts differently on it; everything else
 * is context in `detail`. What each means and what to do is in `error-docs.ts`. `definite: true` promises that the operation did not happen.
 * `docs/errors.md` and the OpenAPI document are checked against this table by a test.
 */

export interface ErrorKind {
  /** True promises that nothing of the operation took or will take effect. */
  readonly definite: boolean;
  /** True says that the same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** HTTP status code. */
  readonly status: number;
}

function kind(status: number, flags: { retryable?: boolean; definite?: boolean } = {}): ErrorKind {
  return { definite: flags.definite ?? true, retryable: flags.retryable ?? false, status };
}

export const ERRORS = {
  'malformed-request': kind(400),
  'invalid-request': kind(400),
  'invalid-value': kind(400),
  'invalid-name': kind(400),
  'invalid-cursor': kind(400),
  'invalid-session-token': kind(400),
  'invalid-import-line': kind(400, { definite: false }),
  'property-type': kind(400),
  'query-error': kind(400),
  'query-cancelled': kind(409),
  'query-timeout': kind(408),
  'query-limit': kind(413),
  'query-not-found': kind(404),
  'clock-ahead': kind(400),
  unauthorized: kind(401),
  forbidden: kind(403),
  'graph-not-found': kind(404),
  'node-not-found': kind(404),
  'edge-not-found': kind(404),
  'peer-not-found': kind(404),
  'route-not-found': kind(404),
  'method-not-allowed': kind(405),
  'node-exists': kind(409),
  'edge-exists': kind(409),
  'endpoint-missing': kind(409),
  'node-has-edges': kind(409),
  'graph-exists': kind(409),
  'schema-conflict': kind(409),
  'constraint-violated': kind(409),
  'graph-protected': kind(409),
  'voters-conflict': kind(409),
  'out-of-bounds': kind(409),
  'must-refetch': kind(410),
  'precondition-failed': kind(412),
  'payload-too-large': kind(413),
  'unsupported-media-type': kind(415),
  'idempotency-key-reused': kind(422),
  'quota-exceeded': kind(507),
  'too-many-requests': kind(429, { retryable: true }),
  'partition-recovering': kind(503, { retryable: true }),
  'replica-recovering': kind(503, { retryable: true }),
  'session-not-reached': kind(503, { retryable: true }),
  'quorum-unavailable': kind(503, { retryable: true }),
  'quorum-indeterminate': kind(503, { definite: false, retryable: true }),
  'storage-failed': kind(503, { definite: false, retryable: true }),
  overloaded: kind(503, { retryable: true }),
  'disk-full': kind(503, { retryable: true }),
  'storage-unavailable': kind(503),
  'shutting-down': kind(503, { retryable: true }),
  'outside-scope': kind(409),
  unreachable: kind(503, { retryable: true }),
  'answer-lost': kind(503, { definite: false }),
  'data-format': kind(500),
  'data-locked': kind(500),
  'data-corrupt': kind(500),
  internal: kind(500, { definite: false }),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** Extra members of an error, carried as they are into the problem document. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | readonly unknown[] | object>>;

/** An operating error: expected, typed, handled. Its kind is the row of `ERRORS` under `code`. */
export class WeftError extends Error {
  override readonly name = 'WeftError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, detail: string, context: ErrorContext = {}, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = context;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}
