/**
 * The one table of operating errors. A code exists only because some caller acts differently on it; everything else
 * is context in `detail`. `definite: true` promises that the operation did not happen.
 * `docs/errors.md` and the OpenAPI document are checked against this table by a test.
 */

export interface ErrorKind {
  /** True promises that nothing of the operation took or will take effect. */
  readonly definite: boolean;
  /** True says that the same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** HTTP status code. */
  readonly status: number;
  /** What it means and what to do, in one line. */
  readonly doc: string;
}

function kind(status: number, doc: string, flags: { retryable?: boolean; definite?: boolean } = {}): ErrorKind {
  return { definite: flags.definite ?? true, retryable: flags.retryable ?? false, status, doc };
}

export const ERRORS = {
  'malformed-request': kind(400, 'The request could not be parsed; `detail` says where. Correct it.'),
  'invalid-request': kind(400, 'The request was understood but a field is missing, unknown or out of range.'),
  'invalid-value': kind(400, 'A property value is of no supported kind, too large or too deep.'),
  'invalid-name': kind(400, 'An id, label, type or property name is empty, over 1 KB or not well-formed Unicode.'),
  'invalid-cursor': kind(400, 'The cursor was not issued by this call. Start again without it.'),
  'invalid-session-token': kind(
    400,
    'The session token is damaged, or of another cluster. Begin a new session without it.',
  ),
  'invalid-import-line': kind(
    400,
    'An import line is bad; the lines before it were applied. `line` and `applied` tell.',
    {
      definite: false,
    },
  ),
  'property-type': kind(400, '`$inc`, `$add` or `$remove` does not fit the value that the property holds.'),
  'query-error': kind(
    400,
    'The query is wrong, or does not fit the data. `errorType`, `errorPhase`, `errorDetail` and `position` say what and where.',
  ),
  'query-cancelled': kind(409, 'Somebody cancelled the query. Nothing of it took effect.'),
  'query-timeout': kind(408, 'The query took longer than its `timeoutMs`. Give it more time, or ask for less.'),
  'query-limit': kind(413, 'The query returns more rows, or holds more values in memory, than it may.'),
  'query-not-found': kind(404, 'No query with this id is running on this server.'),
  'clock-ahead': kind(400, "A stamp lies further in the future than the drift limit. Set the sender's clock."),
  unauthorized: kind(401, 'A token is required. Send `Authorization: Bearer TOKEN`.'),
  forbidden: kind(403, 'The token is valid but lacks a right, which `right`, `graph` and `scope` name.'),
  'graph-not-found': kind(404, 'There is no graph of this name. Create it with `PUT /v1/graphs/{g}`.'),
  'node-not-found': kind(404, 'There is no node with this id.'),
  'edge-not-found': kind(404, 'There is no edge with this id.'),
  'peer-not-found': kind(404, 'This server has no peer of this name or URL. `GET /v1/cluster` lists them.'),
  'route-not-found': kind(404, 'There is no such route. `/docs` lists them.'),
  'method-not-allowed': kind(405, 'The route exists, but not with this method. `Allow` lists the methods.'),
  'node-exists': kind(409, 'A node with this id exists. Use PUT to replace it, PATCH to change it.'),
  'edge-exists': kind(409, 'An edge with this id exists.'),
  'endpoint-missing': kind(409, 'An endpoint of the edge does not exist. Create the node first.'),
  'node-has-edges': kind(409, 'The node has edges. Delete them first, or ask for `?detach=true`.'),
  'graph-exists': kind(409, 'The graph exists with other settings. Settings are fixed at creation.'),
  'schema-conflict': kind(409, 'An index or constraint of this name, or a constraint like it, is declared already.'),
  'constraint-violated': kind(
    409,
    'A constraint forbids it; `constraint` names it, `ids` the elements in the way. Nothing was changed.',
  ),
  'graph-protected': kind(409, 'The graph cannot be deleted or written to directly.'),
  'voters-conflict': kind(409, 'The voters cannot be changed so, or not now; `detail` says why. Nothing was changed.'),
  'out-of-bounds': kind(409, 'The increment would cross `$min` or `$max`. Nothing was changed.'),
  'must-refetch': kind(
    410,
    'The changes after this position are gone. Ask for `since=now`, export the graph, and go on from that position; of a backup, make a full one.',
  ),
  'precondition-failed': kind(412, 'If-Match or If-None-Match does not hold. Read the element again.'),
  'payload-too-large': kind(413, 'The body, line, frame or value exceeds its limit, which `detail` names.'),
  'unsupported-media-type': kind(415, 'Send application/json, application/vnd.msgpack or, to import, NDJSON.'),
  'idempotency-key-reused': kind(422, 'This Idempotency-Key was used with another request. Choose a new one.'),
  'quota-exceeded': kind(
    507,
    'The graph or scope holds as much as its quota allows: `limit`, `max`, `used`. Delete something, or ask for more.',
  ),
  'too-many-requests': kind(429, 'A queue is full. Retry after the time that `Retry-After` gives.', {
    retryable: true,
  }),
  'partition-recovering': kind(503, 'The partition failed verification and is not served; the others are.', {
    retryable: true,
  }),
  'replica-recovering': kind(503, 'This server takes over the state of another one. Ask another, or try again.', {
    retryable: true,
  }),
  'session-not-reached': kind(
    503,
    'This server has not yet what the session token covers. Retry, or ask another one.',
    {
      retryable: true,
    },
  ),
  'quorum-unavailable': kind(503, 'No majority of the servers can take part in a strong operation. Nothing happened.', {
    retryable: true,
  }),
  'quorum-indeterminate': kind(
    503,
    'A strong write may have happened or not. Read again, or repeat it with the same Idempotency-Key.',
    { definite: false, retryable: true },
  ),
  'storage-failed': kind(503, 'The store failed; nothing more is acknowledged until the server was restarted.', {
    definite: false,
    retryable: true,
  }),
  overloaded: kind(503, 'The server is short of memory and turns requests away. Retry later, or ask another one.', {
    retryable: true,
  }),
  'disk-full': kind(
    503,
    'The disk of the server, or what a browser gives a page, is full: it reads, and writes again once there is space.',
    { retryable: true },
  ),
  'storage-unavailable': kind(
    503,
    'Said by an offline replica: the browser keeps nothing for this page. Open it with a `MemoryLocalStore` to go on without.',
  ),
  'shutting-down': kind(503, 'The server is stopping. Send the request to another one.', { retryable: true }),
  'outside-scope': kind(
    409,
    'Said by an offline replica: the element lies in a scope or partition that it has not opened.',
  ),
  unreachable: kind(503, 'Said by a client: no server could be reached, and nothing was sent.', { retryable: true }),
  'answer-lost': kind(
    503,
    'Said by a client: the request was sent, and no answer came in time. It may have happened: read before you repeat it.',
    { definite: false },
  ),
  'data-format': kind(500, 'The data directory has another format version than this program reads.'),
  'data-locked': kind(500, 'Another process holds the data directory.'),
  'data-corrupt': kind(500, 'The data directory failed verification. Run `weft verify`.'),
  internal: kind(500, 'A bug. The server log has the details under `traceId`.', { definite: false }),
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
