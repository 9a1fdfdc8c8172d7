/** The OpenAPI description of a route, from what it takes, answers and refuses. */
import type { FastifySchema } from 'fastify';
import { DOCUMENTED_ERRORS } from '../base/error-docs.ts';
import type { ErrorCode } from '../base/errors.ts';
import { BACKUP_TYPE, MESSAGE_PACK_TYPES } from './media-types.ts';
import { type ParameterTable, querySchema } from './query-parameters.ts';
import type { SchemaName } from './schemas.ts';

interface AnswerDescription {
  readonly doc: string;
  readonly schema?: SchemaName | 'NDJSON' | 'text' | 'archive';
  /** Media types that may be asked for instead, and what stands in them. */
  readonly forms?: Readonly<Record<string, string>>;
}

export interface RouteDescription {
  readonly tag: 'graphs' | 'nodes' | 'edges' | 'traversal' | 'query' | 'bulk' | 'proof' | 'operations';
  readonly summary: string;
  readonly description?: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: ParameterTable;
  readonly body?: SchemaName | 'NDJSON';
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Codes beyond those that every route of its kind may answer. */
  readonly errors: readonly ErrorCode[];
  /** `operator` routes need the token but know no consistency level; `open` ones need nothing. */
  readonly kind: 'read' | 'write' | 'operator' | 'open';
}

const READ_ERRORS: readonly ErrorCode[] = [
  'malformed-request',
  'invalid-request',
  'invalid-session-token',
  'unauthorized',
  'forbidden',
  'too-many-requests',
  'overloaded',
  'partition-recovering',
  'replica-recovering',
  'session-not-reached',
  'quorum-unavailable',
];
const WRITE_ERRORS: readonly ErrorCode[] = [
  ...READ_ERRORS,
  'unsupported-media-type',
  'payload-too-large',
  'quota-exceeded',
  'idempotency-key-reused',
  'storage-failed',
  'disk-full',
  'quorum-indeterminate',
];
const OPEN_ERRORS: readonly ErrorCode[] = ['shutting-down', 'internal'];
const COMMON_ERRORS = {
  read: READ_ERRORS,
  write: WRITE_ERRORS,
  operator: ['malformed-request', 'invalid-request', 'unauthorized', 'forbidden', 'too-many-requests'],
  open: [],
} as const satisfies Record<RouteDescription['kind'], readonly ErrorCode[]>;

const TRACE_HEADERS = {
  traceparent: { type: 'string', description: 'W3C Trace Context; continued, or begun if absent' },
};
const READ_HEADERS = {
  ...TRACE_HEADERS,
  'consistency-level': {
    type: 'string',
    enum: ['eventual', 'session', 'strong'],
    default: 'session',
    description: 'How much consistency this request pays for; also as parameter `consistency`',
  },
  'session-token': {
    type: 'string',
    description:
      'What the client has seen, from earlier answers of any server; several, separated by commas. At level `session` ' +
      'the request waits until this server has it too',
  },
};
const SESSION_HEADERS = {
  'session-token': {
    type: 'string',
    description: 'Covers what this answer shows and what the request presented; present it with the next request',
  },
};
const WRITE_HEADERS = {
  ...READ_HEADERS,
  'idempotency-key': {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'Makes a retry safe: the request runs once, a repetition gets the first answer',
  },
};
const HEADERS = { read: READ_HEADERS, write: WRITE_HEADERS, operator: TRACE_HEADERS, open: TRACE_HEADERS } as const;
const CONDITION_HEADERS = {
  'if-match': { type: 'string', description: 'Entity tags, of which one must match, or *' },
  'if-none-match': { type: 'string', description: 'Entity tags, of which none may match, or *' },
};

export const GRAPH_PATH = { graph: 'Name of the graph, percent-encoded' };
export const ELEMENT_PATH = { ...GRAPH_PATH, id: 'Id of the element, percent-encoded' };

/** Every code that a route of this description may answer. */
function errorsOf(route: RouteDescription): readonly ErrorCode[] {
  return [...new Set([...COMMON_ERRORS[route.kind], ...route.errors, ...OPEN_ERRORS])];
}

export function describe(route: RouteDescription, options: { readonly conditional?: boolean } = {}): FastifySchema {
  const errors = errorsOf(route);
  const headers = HEADERS[route.kind];
  const schema = {
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.path === undefined ? {} : { params: pathSchema(route.path) }),
    ...(route.query === undefined ? {} : { querystring: querySchema(route.query) }),
    ...bodySchema(route.body),
    headers: {
      type: 'object',
      properties: options.conditional === true ? { ...headers, ...CONDITION_HEADERS } : headers,
    },
    response: merged(answers(route), problems(errors)),
    ...(route.kind === 'open' ? { security: [] } : {}),
    'x-errors': errors,
  };
  return schema;
}

function pathSchema(path: Readonly<Record<string, string>>): object {
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(path).map(([name, description]) => [name, { type: 'string', description }]),
    ),
    required: Object.keys(path),
  };
}

function answers(route: RouteDescription): Record<string, Response> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { doc, schema, forms = {} }]) => [
      status,
      {
        description: doc,
        ...(isGraphRoute(route) ? { headers: SESSION_HEADERS } : {}),
        ...(schema === undefined ? { type: 'null' } : { content: { ...bodyContent(schema), ...formContent(forms) } }),
      },
    ]),
  );
}

/** Whether the route knows consistency levels and session tokens. */
function isGraphRoute({ kind }: RouteDescription): boolean {
  return kind === 'read' || kind === 'write';
}

/** For each type alike where it is one, because for a table of types the framework would look up the type of each request. */
function bodySchema(body: RouteDescription['body']): object {
  if (body === undefined) return {};
  if (body === 'NDJSON') return { body: { content: bodyContent(body) } };
  return { consumes: ['application/json', MESSAGE_PACK_TYPES[0]], body: { $ref: `${body}#` } };
}

function formContent(forms: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(forms).map(([type, description]) => [type, { schema: { description } }]));
}

type Content = Readonly<Record<string, { readonly schema: object }>>;

function bodyContent(schema: SchemaName | 'NDJSON' | 'text' | 'archive'): Content {
  if (schema === 'archive') return { [BACKUP_TYPE]: { schema: { type: 'string', format: 'binary' } } };
  if (schema === 'NDJSON') return { 'application/x-ndjson': { schema: { type: 'string', description: NDJSON_DOC } } };
  if (schema === 'text') return { 'text/plain': { schema: { type: 'string' } } };
  const reference = { schema: { $ref: `${schema}#` } };
  return { 'application/json': reference, [MESSAGE_PACK_TYPES[0]]: reference };
}

const NDJSON_DOC =
  'One element a line: {"type":"node","id":"a","labels":["L"],"properties":{}} or ' +
  '{"type":"relationship","id":"e","label":"T","properties":{},"start":{"id":"a"},"end":{"id":"b"}}';

interface Response {
  readonly description: string;
  readonly type?: 'null';
  readonly content?: Content;
}

/** A status that is both an answer and an error, such as 503 of `/readyz`, describes both. */
function merged(answered: Record<string, Response>, refused: Record<string, Response>): Record<string, Response> {
  const all = { ...answered };
  for (const [status, refusal] of Object.entries(refused)) {
    const answer = answered[status];
    all[status] =
      answer === undefined
        ? refusal
        : {
            description: `${answer.description}\n\n${refusal.description}`,
            content: either(answer.content ?? {}, refusal.content ?? {}),
          };
  }
  return all;
}

function either(one: Content, other: Content): Content {
  const both: { [type: string]: { schema: object } } = { ...one, ...other };
  for (const [type, { schema }] of Object.entries(one)) {
    const also = other[type];
    if (also !== undefined) both[type] = { schema: { anyOf: [schema, also.schema] } };
  }
  return both;
}

/** One response for each status, which lists its codes. */
function problems(codes: readonly ErrorCode[]): Record<string, Response> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = DOCUMENTED_ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const problem = { schema: { $ref: 'Problem#' } };
  const responses: Record<string, Response> = {};
  for (const [status, group] of byStatus) {
    responses[status] = {
      description: group.map((code) => `\`${code}\`: ${DOCUMENTED_ERRORS[code].doc}`).join('\n\n'),
      content: { 'application/problem+json': problem, [MESSAGE_PACK_TYPES[0]]: problem },
    };
  }
  return responses;
}
