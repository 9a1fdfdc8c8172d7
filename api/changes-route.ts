/**
 * `GET /v1/graphs/{g}/changes`: what was written, from a position on. `feed=normal` answers what there is, `longpoll` waits until
 * there is something, `sse` stays and sends each change as an event. A reader that does not read is cut off; it goes on from the
 * last position that it got.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import { checkName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { printJson } from '../graph/json-values.ts';
import type { Change, ChangeOptions, ChangePage, Graph } from '../src/engine-port.ts';
import { principalOfRequest } from './access/access-hooks.ts';
import { bearerOf } from './access/authenticator.ts';
import { sendDocument } from './answer.ts';
import { type ApiContext, graphOf } from './api-context.ts';
import { cutOff } from './cut-off.ts';
import { describe, GRAPH_PATH } from './describe.ts';
import { elementDocument } from './element-answers.ts';
import { EVENT_STREAM_TYPE } from './media-types.ts';
import { onceGone } from './once-gone.ts';
import { asWeftError, problemOf } from './problem.ts';
import { choiceParameter, integerParameter, readQuery, textParameter } from './query-parameters.ts';
import { TOKEN_ENDED, watchToken } from './token-watch.ts';

const PARAMETERS = {
  since: textParameter(
    'Position from an earlier answer; `now` for all that comes; absent for the beginning of the graph',
  ),
  feed: choiceParameter(['normal', 'longpoll', 'sse'] as const, {
    default: 'normal',
    description: 'Answer what there is, wait until there is something, or stay and send events',
  }),
  limit: integerParameter({
    minimum: 1,
    maximum: LIMITS.pageItemsMax,
    default: 1000,
    description: 'Changes of a page; it ends after the commit that reaches it',
  }),
  timeoutMs: integerParameter({
    minimum: 1,
    maximum: LIMITS.changeWaitMsMax,
    default: 30_000,
    description: 'How long `longpoll` waits, in milliseconds',
  }),
  heartbeat: integerParameter({
    minimum: 1000,
    maximum: LIMITS.changeWaitMsMax,
    default: 15_000,
    description: 'Milliseconds of silence after which `sse` sends a comment',
  }),
  include: choiceParameter(['after', 'before', 'before,after', 'after,before'] as const, {
    default: 'after',
    description:
      'Adds to each change `before`, the element as it was (null: there was none; absent: not known any more), or `after`, the ' +
      'element as it is now, or both',
  }),
  label: textParameter('Only nodes with this label (and edges, if `type` is given too)'),
  type: textParameter('Only edges of this type (and nodes, if `label` is given too)'),
  scope: textParameter('Only elements of this scope, the part of a node id before `!`'),
};

const SCHEMA = describe({
  kind: 'read',
  tag: 'bulk',
  summary: 'Changes since a position',
  description:
    'Every commit of the graph in causal order, deletions included, each once. An answer has `changes`, `since` to go on from, ' +
    'and `more`. With `feed=sse` the events are `change`, of which the last one of a commit has an `id` to go on from by ' +
    '`Last-Event-ID`, and `problem`, after which the stream ends. See docs/changes.md.',
  path: GRAPH_PATH,
  query: PARAMETERS,
  answers: {
    200: {
      doc: 'Changes, or a stream of events',
      schema: 'ChangePage',
      forms: { 'text/event-stream': 'With `feed=sse`: a change an event' },
    },
  },
  errors: ['graph-not-found', 'invalid-name', 'must-refetch', 'too-many-requests'],
});

/** A client that waits for changes, as long as it does. */
interface Reader {
  readonly graph: Graph;
  readonly options: ChangeOptions;
  /** True once the client is gone or the server stops. */
  isGone: boolean;
  /** What its stream ends with, once its token stands for its rights no longer. */
  refusal: WeftError | undefined;
  /** Ends its waiting. */
  wake: () => void;
}

const NOTHING = () => undefined;

export function addChangesRoute(app: FastifyInstance, context: ApiContext): void {
  const { engine, env } = context;
  const readers = new Set<Reader>();
  let isStopping = false;
  app.addHook('preClose', (done) => {
    isStopping = true;
    for (const reader of readers) leave(reader);
    done();
  });

  app.get('/v1/graphs/:graph/changes', { schema: SCHEMA }, async (request, reply) => {
    const read = readQuery(request.query, PARAMETERS);
    const graph = graphOf(context, request);
    const options = {
      limit: read.limit ?? 1000,
      withBefore: read.include?.includes('before') === true,
      withAfter: read.include?.includes('after') === true,
      ...(read.label === undefined ? {} : { label: checkName('label', read.label) }),
      ...(read.type === undefined ? {} : { type: checkName('edge type', read.type) }),
      ...(read.scope === undefined ? {} : { scope: read.scope }),
    };
    // What is wrong with the position gets a status of its own, whatever the feed.
    const page = await graph.changes(lastEventId(request) ?? read.since, options);
    if (read.feed === undefined || read.feed === 'normal' || request.method === 'HEAD') {
      sendDocument(request, reply, pageDocument(page));
      return;
    }
    if (readers.size >= LIMITS.changeReadersMax) {
      throw new WeftError('too-many-requests', 'too many readers wait for changes');
    }
    // Nobody would wake one that came too late to be told.
    const reader: Reader = { graph, options, isGone: isStopping, refusal: undefined, wake: NOTHING };
    readers.add(reader);
    const stop = watch(reader, request);
    onceGone(reply, () => {
      stop();
      leave(reader);
    });
    if (read.feed === 'longpoll') {
      sendDocument(request, reply, pageDocument(await firstChanges(reader, page, read.timeoutMs ?? 30_000)));
      return;
    }
    // A connection that was kept for later would keep a server that stops from stopping.
    reply.headers({ 'content-type': EVENT_STREAM_TYPE, 'cache-control': 'no-store', connection: 'close' });
    const events = eventStream(reader, page, read.heartbeat ?? 15_000, request);
    const pieces = cutOff(events, { env, reply, stallMs: LIMITS.changeStallMsMax });
    return reply.send(Readable.from(pieces, { objectMode: false }));
  });

  function leave(reader: Reader): void {
    reader.isGone = true;
    readers.delete(reader);
    reader.wake();
  }

  /** It may wait for long, and its token may not. Returns how to stop. */
  function watch(reader: Reader, request: FastifyRequest): () => void {
    const { authenticator } = context;
    if (authenticator === undefined) return NOTHING;
    const authorise = () => authenticator.authenticate(bearerOf(request.headers.authorization));
    return watchToken({ authorise, principal: principalOfRequest(request), scheduler: env.scheduler }, () => {
      reader.refusal = new WeftError('unauthorized', TOKEN_ENDED);
      reader.wake();
    });
  }

  /** Resolves at the next commit, after `waitMs`, or when the reader goes. */
  function nextCommit(reader: Reader, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = env.scheduler.after(waitMs, () => reader.wake());
      const forget = engine.onceCommitted(() => reader.wake());
      reader.wake = () => {
        reader.wake = NOTHING;
        timer.cancel();
        forget();
        resolve();
      };
    });
  }

  /** What comes after `since`; if there is nothing, waits for the next commit first, so that asking again is worth it. */
  async function nextPage(reader: Reader, since: string, waitMs: number): Promise<ChangePage> {
    // Armed before reading: a commit that comes meanwhile must wake it.
    const moved = nextCommit(reader, waitMs);
    try {
      const page = await reader.graph.changes(since, reader.options);
      if (page.changes.length === 0 && !page.more) await moved;
      if (reader.refusal !== undefined) throw reader.refusal;
      return page;
    } finally {
      reader.wake();
    }
  }

  async function firstChanges(reader: Reader, first: ChangePage, waitMs: number): Promise<ChangePage> {
    const { clock } = env;
    const deadlineMs = clock.monotonicMs() + waitMs;
    let page = first;
    while (page.changes.length === 0 && !reader.isGone && clock.monotonicMs() < deadlineMs) {
      page = await nextPage(reader, page.since, deadlineMs - clock.monotonicMs());
    }
    return page;
  }

  async function* eventStream(
    reader: Reader,
    first: ChangePage,
    heartbeatMs: number,
    request: FastifyRequest,
  ): AsyncGenerator<string> {
    // Something at once, so that the client sees that the stream is open, and where it begins.
    yield `id: ${first.since}\nevent: open\ndata: {}\n\n`;
    let page = first;
    let saidMs = env.clock.monotonicMs();
    try {
      while (!reader.isGone) {
        const isSilent = env.clock.monotonicMs() - saidMs >= heartbeatMs;
        if (page.changes.length > 0 || isSilent) {
          yield page.changes.length > 0 ? eventsOf(page) : `id: ${page.since}\nevent: heartbeat\ndata: {}\n\n`;
          saidMs = env.clock.monotonicMs();
        }
        page = await nextPage(reader, page.since, heartbeatMs);
      }
    } catch (thrown) {
      const error = asWeftError(thrown);
      if (error.code === 'internal') context.reportFailure(thrown, request);
      yield `event: problem\ndata: ${JSON.stringify(problemOf(error, request.trace?.traceId ?? ''))}\n\n`;
    }
  }
}

function lastEventId({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function pageDocument({ changes, since, more }: ChangePage): object {
  return { changes: changes.map(changeDocument), since, more };
}

function changeDocument({ before, after, ...change }: Change): object {
  if (before === undefined && after === undefined) return change;
  return {
    ...change,
    ...(before !== undefined && { before: before === null ? null : elementDocument(before) }),
    ...(after !== undefined && { after: after === null ? null : elementDocument(after) }),
  };
}

function eventsOf({ changes, ends }: ChangePage): string {
  let text = '';
  let at = 0;
  for (const { changes: end, since } of ends) {
    for (; at < end; at++) {
      const id = at === end - 1 ? `id: ${since}\n` : '';
      text += `${id}event: change\ndata: ${printJson(changeDocument(changes[at] as Change))}\n\n`;
    }
  }
  return text;
}
