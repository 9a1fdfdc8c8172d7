/**
 * Traces of requests across servers, as a port: whoever starts the server may bring one that sends spans to a collector
 * (`bin/open-telemetry.ts`). Without one nothing is done and nothing costs: every use is `env.tracer?.begin(...)`.
 *
 * A span that has no parent is not begun, unless it is the root of a request: what the server does by itself is in no trace.
 */

interface SpanKind {
  readonly doc: string;
  /** Below which spans it stands. */
  readonly parent: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Every span there is, with its attributes; docs/operations/traces.md is checked against it. */
export const SPANS = {
  request: {
    doc: 'A request over HTTP, or one frame of a session channel, until its answer has left. Its name is method and route.',
    parent: "the caller's",
    attributes: {
      'http.request.method': '`WS` on a session channel',
      'http.route': 'the route, its parameters by name; on a session channel the `op` of the frame',
      'http.response.status_code': '499 if the client did not wait',
      'weft.graph': 'name of the graph',
      'weft.consistency': 'level that was asked for',
    },
  },
  'query.plan': {
    doc: 'Making the plan of a statement that has none yet. Texts are not in traces: they may hold secrets.',
    parent: '`request`',
    attributes: {},
  },
  'query.execute': {
    doc: 'Running a statement, until its last row was read; what it wrote is in a `commit` after it',
    parent: '`request`',
    attributes: { 'weft.rows': 'rows of its result' },
  },
  commit: {
    doc: 'What a request wrote, from when readers here wait for it until it is durable and visible',
    parent: '`request`, `quorum.round`',
    attributes: { 'weft.patches': 'patches of the request' },
  },
  fsync: {
    doc: 'One write to the store with its sync. It stands below the first commit that shares it and links to the others.',
    parent: '`commit`',
    attributes: {
      'weft.requests': 'requests that share it',
      'weft.commits': 'commits in it, those of other servers too',
    },
  },
  'replication.send': {
    doc: 'Handing a commit of this server to the network, for one other server, as soon as it is visible here',
    parent: '`commit`',
    attributes: { 'weft.peer': 'name of the other server' },
  },
  'replication.apply': {
    doc: 'Taking in a commit of another server, until it is durable and visible here',
    parent: '`replication.send`',
    attributes: { 'weft.origin': 'replica id of its writer', 'weft.seq': 'its number in that stream' },
  },
  'quorum.ask': {
    doc: 'Asking another server, which coordinates strong operations of the graph, and waiting for its answer',
    parent: '`request`',
    attributes: { 'weft.peer': 'name of the other server', 'weft.asked': '`write`, `position` or `confirm`' },
  },
  'quorum.answer': {
    doc: 'Deciding what another server asks',
    parent: '`quorum.ask`',
    attributes: { 'weft.peer': 'name of the other server', 'weft.asked': 'as there' },
  },
  'quorum.round': {
    doc: 'One turn of the coordinator. It stands below the first request that shares it and links to the others.',
    parent: '`request`, `quorum.answer`',
    attributes: { 'weft.requests': 'requests that wait when it begins' },
  },
  'quorum.prepare': {
    doc: 'Asking the voters for their promises, when a server begins to coordinate, until a majority has answered',
    parent: '`quorum.round`',
    attributes: {},
  },
  'quorum.probe': {
    doc: 'Asking the voters whether this server still coordinates, for reads, until a majority has answered',
    parent: '`quorum.round`',
    attributes: {},
  },
  'quorum.accept': {
    doc: 'Proposing patches to the voters, until a majority has them on disk',
    parent: '`quorum.round`',
    attributes: {},
  },
  'quorum.vote': {
    doc: 'A voter, from the question until its answer is durable and on its way',
    parent: '`quorum.prepare`, `quorum.probe`, `quorum.accept`',
    attributes: { 'weft.peer': 'name of the coordinator', 'weft.asked': '`prepare` or `accept`' },
  },
} as const satisfies Readonly<Record<string, SpanKind>>;

export type SpanName = keyof typeof SPANS;
export type AttributeValue = string | number | boolean;
export type Attributes<Name extends SpanName> = Partial<
  Record<keyof (typeof SPANS)[Name]['attributes'] & string, AttributeValue>
>;

export interface Span<Name extends SpanName = SpanName> {
  /** `traceparent` (W3C Trace Context) for whoever goes on with it elsewhere. */
  readonly traceparent: string;
  set(attributes: Attributes<Name>): void;
  /** Runs `task` inside of it: what begins there, and in what it waits for, stands below this span. */
  within<T>(task: () => T): T;
  /** Ends it, as failed if there is an error. Idempotent. */
  end(error?: unknown): void;
}

export interface SpanOptions<Name extends SpanName> {
  /** `traceparent` of the span above it; the one in which the caller runs if undefined; none if empty. */
  readonly parent?: string | undefined;
  /** Begins a trace if there is no parent, and never stands below the span in which the caller runs. */
  readonly isRoot?: boolean;
  /** `traceparent` of others that share the work. */
  readonly links?: readonly string[];
  /** Shown in place of its name. */
  readonly title?: string;
  readonly attributes?: Attributes<Name>;
}

export interface Tracer {
  /** Undefined if nobody records it. */
  begin<Name extends SpanName>(name: Name, options?: SpanOptions<Name>): Span<Name> | undefined;
}

/** Runs work inside of a span, if there is one, and ends it with what comes of the work. */
export async function inSpan<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  if (span === undefined) return work();
  try {
    const value = await span.within(work);
    span.end();
    return value;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
