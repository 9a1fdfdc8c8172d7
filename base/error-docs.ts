/**
 * What each operating error means and what to do, in one line: for the API document, `docs/errors.md` and the titles of answers. Apart from the table itself,
 * so that pages do not load it.
 */
import { ERRORS, type ErrorCode, type ErrorKind } from './errors.ts';

const DOCS: Readonly<Record<ErrorCode, string>> = {
  'malformed-request': 'The request could not be parsed; `detail` says where. Correct it.',
  'invalid-request': 'The request was understood but a field is missing, unknown or out of range.',
  'invalid-value': 'A property value is of no supported kind, too large or too deep.',
  'invalid-name': 'An id, label, type or property name is empty, over 1 KB or not well-formed Unicode.',
  'invalid-cursor': 'The cursor was not issued by this call. Start again without it.',
  'invalid-session-token': 'The session token is damaged, or of another cluster. Begin a new session without it.',
  'invalid-import-line': 'An import line is bad; the lines before it were applied. `line` and `applied` tell.',
  'property-type': '`$inc`, `$add` or `$remove` does not fit the value that the property holds.',
  'query-error':
    'The query is wrong, or does not fit the data. `errorType`, `errorPhase`, `errorDetail` and `position` say what and where.',
  'query-cancelled':
    'Somebody cancelled the query, or it still ran seconds after the server was told to stop. Nothing of it took effect.',
  'query-timeout': 'The query took longer than its `timeoutMs`. Give it more time, or ask for less.',
  'query-limit': 'The query returns more rows, or holds more values in memory, than it may.',
  'query-not-found': 'No query with this id is running on this server.',
  'clock-ahead': "A stamp lies further in the future than the drift limit. Set the sender's clock.",
  unauthorized: 'A token is required. Send `Authorization: Bearer TOKEN`.',
  forbidden: 'The token is valid but lacks a right, which `right`, `graph` and `scope` name.',
  'graph-not-found': 'There is no graph of this name. Create it with `PUT /v1/graphs/{g}`.',
  'node-not-found': 'There is no node with this id.',
  'edge-not-found': 'There is no edge with this id.',
  'peer-not-found': 'This server has no peer of this name or URL. `GET /v1/cluster` lists them.',
  'route-not-found': 'There is no such route. `/docs` lists them.',
  'method-not-allowed': 'The route exists, but not with this method. `Allow` lists the methods.',
  'node-exists': 'A node with this id exists. Use PUT to replace it, PATCH to change it.',
  'edge-exists': 'An edge with this id exists.',
  'endpoint-missing': 'An endpoint of the edge does not exist. Create the node first.',
  'node-has-edges': 'The node has edges. Delete them first, or ask for `?detach=true`.',
  'graph-exists': 'The graph exists with other settings. Settings are fixed at creation.',
  'schema-conflict': 'An index or constraint of this name, or a constraint like it, is declared already.',
  'constraint-violated':
    'A constraint forbids it; `constraint` names it, `ids` the elements in the way. Nothing was changed.',
  'graph-protected': 'The graph cannot be deleted or written to directly.',
  'voters-conflict': 'The voters cannot be changed so, or not now; `detail` says why. Nothing was changed.',
  'out-of-bounds': 'The increment would cross `$min` or `$max`. Nothing was changed.',
  'must-refetch':
    'The changes after this position are gone. Ask for `since=now`, export the graph, and go on from that position; of a backup, make a full one.',
  'precondition-failed': 'If-Match or If-None-Match does not hold. Read the element again.',
  'payload-too-large': 'The body, line, frame or value exceeds its limit, which `detail` names.',
  'unsupported-media-type': 'Send application/json, application/vnd.msgpack or, to import, NDJSON.',
  'idempotency-key-reused': 'This Idempotency-Key was used with another request. Choose a new one.',
  'quota-exceeded':
    'The graph or scope holds as much as its quota allows: `limit`, `max`, `used`. Delete something, or ask for more.',
  'too-many-requests': 'A queue is full. Retry after the time that `Retry-After` gives.',
  'partition-recovering': 'The partition failed verification and is not served; the others are.',
  'replica-recovering': 'This server takes over the state of another one. Ask another, or try again.',
  'session-not-reached': 'This server has not yet what the session token covers. Retry, or ask another one.',
  'quorum-unavailable': 'No majority of the servers can take part in a strong operation. Nothing happened.',
  'quorum-indeterminate':
    'A strong write may have happened or not. Read again, or repeat it with the same Idempotency-Key.',
  'storage-failed': 'The store failed; nothing more is acknowledged until the server was restarted.',
  overloaded: 'The server is short of memory and turns requests away. Retry later, or ask another one.',
  'disk-full':
    'The disk of the server, or what a browser gives a page, is full: it reads, and writes again once there is space.',
  'storage-unavailable':
    'Said by an offline replica: the browser keeps nothing for this page. Open it with a `MemoryLocalStore` to go on without.',
  'shutting-down': 'The server is stopping. Send the request to another one.',
  'outside-scope': 'Said by an offline replica: the element lies in a scope or partition that it has not opened.',
  unreachable: 'Said by a client: no server could be reached, and nothing was sent.',
  'answer-lost':
    'Said by a client: the request was sent, and no answer came in time; or of a stream of rows that was cancelled after its statement wrote, or of an import with a key that ended before its last line, by its first connection or the server. It may have happened: read before you repeat it.',
  'data-format': 'The data directory has another format version than this program reads.',
  'data-locked': 'Another process holds the data directory.',
  'data-corrupt': 'The data directory failed verification. Run `weft verify`.',
  internal: 'A bug. The server log has the details under `traceId`.',
};

export interface DocumentedErrorKind extends ErrorKind {
  readonly doc: string;
}

export const DOCUMENTED_ERRORS = Object.fromEntries(
  Object.entries(ERRORS).map(([code, kind]) => [code, { ...kind, doc: DOCS[code as ErrorCode] }]),
) as Readonly<Record<ErrorCode, DocumentedErrorKind>>;
