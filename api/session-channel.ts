/**
 * A session channel: requests and answers on one connection, many under way at once. A frame is run as it arrives, by the code
 * that serves HTTP; answers go out in the order in which they are ready, those of one turn in one message.
 *
 * Neither side can make the other hold much: while more waits to be sent than the connection takes, nothing more is read, also
 * of a message that has arrived, and streams pause; a stream also waits for the credit that its client gives. One that waits too
 * long ends. What is under way is bounded in number and bytes, and refused beyond: it is not left unread, as a stream among it may
 * wait for the credit behind. Whoever sends many requests at once gives way to others in between.
 */

import { WeftError } from '../base/errors.ts';
import { type GraphName, graphName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { wireDocument } from '../graph/json-values.ts';
import type { Counters } from '../query/execution/counters.ts';
import { answerOfRows, type StatementAnswer, type StatementRows } from '../query/execution/statement-answer.ts';
import type { Graph } from '../src/engine-port.ts';
import type { Principal } from './access/principal.ts';
import { type ApiContext, graphFor } from './api-context.ts';
import { ChannelInbox } from './channel-inbox.ts';
import { ChannelRequest, RequestsUnderWay } from './channel-requests.ts';
import { beginCall, isKnownGraph, present, sessionTokenFor } from './consistency.ts';
import { keyIn, whoAsks } from './idempotency.ts';
import { MessagePackWriter } from './msgpack.ts';
import { parseQueryRequest } from './parse-statement.ts';
import { asWeftError, problemOf } from './problem.ts';
import { containsUpdates, QueryCall } from './query-call.ts';
import { wireResult } from './result-values.ts';
import type { RunningQueries } from './running-queries.ts';
import { frameId, idInFront, parseFrame, type RequestFrame, type SignalFrame } from './session-frames.ts';
import { type OnceRunner, type Reply, runOperation } from './session-operations.ts';
import { beginTrace, traceOf } from './trace.ts';
import { SOCKET_CLOSE, type Socket, type SocketEvents } from './web-sockets.ts';

export interface ChannelOptions {
  readonly context: ApiContext;
  readonly running: RunningQueries;
  /** The graph that the path of the channel names. */
  readonly graph: string;
  readonly principal: Principal;
  /** Hears of every answer, for the metrics. */
  readonly answered: (status: number, startedMs: number) => void;
}

export class SessionChannel implements SocketEvents {
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #name: GraphName;
  readonly #writer = new MessagePackWriter();
  readonly #underWay = new RequestsUnderWay();
  /** Tokens that every request presents. */
  #session: readonly string[] = [];
  /** The last token that was sent: it is not repeated. */
  #token = '';
  readonly #inbox: ChannelInbox;
  #isFlushing = false;
  #isStopping = false;
  #isClosed = false;

  constructor(socket: Socket, options: ChannelOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#name = graphName(options.graph);
    this.#inbox = new ChannelInbox(socket, {
      env: options.context.env,
      take: (tree, length) => this.#take(tree, length),
      undecodable: (rest, error) => this.#undecodable(rest, error),
      turned: () => this.#endIfIdle(),
    });
  }

  // What the socket tells.

  message(bytes: Uint8Array): void {
    this.#inbox.message(bytes);
  }

  drained(): void {
    this.#inbox.drained();
    this.#underWay.wakeAll();
  }

  stopping(): void {
    this.#isStopping = true;
    this.#endIfIdle();
  }

  closed(): void {
    this.#isClosed = true;
    this.#inbox.close();
    this.#underWay.cancelAll();
  }

  // Frames.

  #undecodable(rest: Uint8Array, error: Error): void {
    const id = idInFront(rest);
    if (id === undefined) {
      this.#close(error.message);
      return;
    }
    const request = this.#request(id, rest.length);
    if (request !== undefined) this.#fail(request, error);
  }

  #take(tree: unknown, bytes: number): void {
    const id = frameId(tree);
    if (id === undefined) {
      this.#close('a frame is a map with an `id`, an integer from 0 to 2^53 - 1');
      return;
    }
    let frame: RequestFrame | SignalFrame;
    try {
      frame = parseFrame(tree);
    } catch (error) {
      const refused = this.#request(id, bytes);
      if (refused !== undefined) this.#fail(refused, error);
      return;
    }
    if (frame.op === 'cancel' || frame.op === 'more') {
      // It may have been answered meanwhile.
      this.#underWay.get(id)?.signal(frame);
      return;
    }
    const request = this.#request(id, bytes);
    if (request !== undefined) this.#begin(request, frame);
  }

  /** Undefined if nobody could tell whose the answer is. */
  #request(id: number, bytes: number): ChannelRequest | undefined {
    if (this.#underWay.has(id)) {
      this.#close(`the id ${id} is under way already`);
      return undefined;
    }
    return new ChannelRequest(id, bytes, this.#options.context.env.clock.monotonicMs());
  }

  #begin(request: ChannelRequest, frame: RequestFrame): void {
    const { env } = this.#options.context;
    if (env.tracer !== undefined && frame.op !== 'ping') {
      request.trace = beginTrace(env, frame.traceparent, 'WS', frame.op);
    }
    const span = request.trace?.span;
    if (span === undefined) this.#start(request, frame);
    else span.within(() => this.#start(request, frame));
  }

  #start(request: ChannelRequest, frame: RequestFrame): void {
    let work: Promise<void> | undefined;
    try {
      work = this.#run(request, frame);
    } catch (error) {
      this.#fail(request, error);
      return;
    }
    if (work === undefined) return;
    this.#underWay.add(request);
    work
      .catch((error: unknown) => {
        this.#underWay.delete(request);
        this.#fail(request, error);
      })
      .finally(() => {
        this.#underWay.delete(request);
        this.#endIfIdle();
      });
  }

  /** Answers at once if it can; else the promise rejects with what could not be answered. */
  #run(request: ChannelRequest, frame: RequestFrame): Promise<void> | undefined {
    const { engine, env } = this.#options.context;
    if (frame.traceparent !== undefined) {
      request.trace ??= traceOf(frame.traceparent, env.random);
      request.isTraced = true;
    }
    if (this.#isStopping) throw new WeftError('shutting-down', 'the server is stopping');
    this.#underWay.admit(request);
    if (frame.op === 'ping') {
      this.#answer(request, { status: 200 });
      return undefined;
    }
    this.#options.context.rates?.take(this.#options.principal);
    const { terms } = frame;
    const restsOnCatalog = terms.level === 'strong' && !isKnownGraph(engine, this.#name);
    const tokens = this.#session.length === 0 ? terms.tokens : [...this.#session, ...terms.tokens];
    const { level, mayDowngrade } = terms;
    const wait = beginCall(engine, request, { level, tokens, mayDowngrade, restsOnCatalog });
    if (frame.keepsSession) this.#session = this.#joined(terms.tokens);
    if (wait === undefined) return this.#serve(request, frame);
    return wait.then(() => {
      request.checkWanted();
      return this.#serve(request, frame);
    });
  }

  /** One token that covers all, so that a long session does not grow. */
  #joined(tokens: readonly string[]): readonly string[] {
    return [this.#options.context.engine.sessionToken([...this.#session, ...tokens])];
  }

  #serve(request: ChannelRequest, frame: RequestFrame): Promise<void> | undefined {
    const { context, principal } = this.#options;
    const { engine } = context;
    const { consistencyLevel, trace } = request;
    const graph = graphFor(context, { name: this.#name, principal, consistencyLevel, trace });
    if (frame.op === 'query') return this.#query(request, frame, graph);
    const operation = {
      graph,
      frame,
      present: (tokens: readonly string[]) => present(engine, request, tokens),
      once: this.#once(graph, frame),
    };
    return runOperation(operation).then((reply) => this.#answer(request, reply));
  }

  #once(graph: Graph, { idempotencyKey: key }: RequestFrame): OnceRunner {
    return async (asked, write) => {
      const fingerprint = `${whoAsks(this.#options)}${asked}`;
      if (key === undefined) return write();
      const { engine } = this.#options.context;
      const { replayed, outcome } = await engine.once(keyIn(graph, key), fingerprint, () =>
        settled(() => write({ key, fingerprint })),
      );
      if (outcome instanceof WeftError) throw outcome;
      return replayed ? { ...outcome, replayed } : outcome;
    };
  }

  // Queries.

  #query(request: ChannelRequest, frame: RequestFrame, graph: Graph): Promise<void> | undefined {
    const parsed = parseQueryRequest(frame.body);
    if (frame.credit !== undefined && parsed.isList) {
      throw new WeftError('invalid-request', '`stream` is for one statement', { field: 'stream' });
    }
    const { context, principal, running } = this.#options;
    const call = new QueryCall(graph, parsed, {
      running,
      principal,
      permit: (right) => {
        if (right === 'schema') context.audit.schemaChange(principal, this.#name, request.trace?.traceId);
      },
    });
    request.query = call;
    call.onCancelled = () => request.cancel('the query was cancelled');
    const wait = present(this.#options.context.engine, request, parsed.bookmarks);
    if (wait !== undefined || frame.credit !== undefined || frame.idempotencyKey !== undefined)
      return this.#queryLater(request, frame, call, wait);
    const answers = call.readWhole();
    if (!(answers instanceof Promise)) {
      this.#answerRows(request, answers, parsed.isList);
      return undefined;
    }
    return answers.then((read) => this.#answerRows(request, read, parsed.isList));
  }

  async #queryLater(
    request: ChannelRequest,
    frame: RequestFrame,
    call: QueryCall,
    wait?: Promise<void>,
  ): Promise<void> {
    if (wait !== undefined) await wait;
    request.checkWanted();
    const { idempotencyKey: key, credit } = frame;
    const kept = key === undefined ? undefined : await call.readOnce(this.#options.context.engine, key);
    if (credit === undefined) {
      const answers = kept?.answers ?? (await call.readWhole());
      this.#answerRows(request, answers, call.request.isList, kept?.replayed === true);
      return;
    }
    request.credit = credit;
    const [first] = kept?.answers ?? [];
    const answer = first === undefined ? await call.begin() : answerOfRows(first);
    try {
      await this.#stream(request, answer, kept?.replayed === true);
    } finally {
      answer.close();
      call.end();
    }
  }

  #answerRows(request: ChannelRequest, answers: readonly StatementRows[], isList: boolean, replayed = false): void {
    const parts = answers.map(({ fields, rows, counters, plan }) => ({
      data: { fields, values: rows.map((row) => row.map(wireResult)) },
      ...countersMember(counters),
      ...(plan === undefined ? {} : { queryPlan: plan }),
    }));
    const body = isList ? { results: parts } : parts[0];
    this.#answer(request, { status: 200, body, ...(replayed && { replayed }) });
  }

  /** A frame with the fields, frames with rows as there is credit and room, and the last one. */
  async #stream(request: ChannelRequest, answer: StatementAnswer, replayed: boolean): Promise<void> {
    let isBegun = false;
    for (let batch = await answer.next(); batch !== undefined; batch = await answer.next()) {
      if (!isBegun) this.#append({ id: request.id, fields: answer.fields });
      isBegun = true;
      for (let at = 0; at < batch.length; at += ROWS_A_FRAME) {
        if (!this.#hasRoom(request, answer)) await this.#waitForRoom(request, answer);
        request.credit--;
        const rows = batch.slice(at, at + ROWS_A_FRAME).map((row) => row.map(wireResult));
        this.#append({ id: request.id, rows });
      }
    }
    if (!isBegun) this.#append({ id: request.id, fields: answer.fields });
    const plan = answer.plan();
    const body = { ...countersMember(answer.counters), ...(plan === undefined ? {} : { queryPlan: plan }) };
    this.#answer(request, { status: 200, body, ...(replayed && { replayed }) });
  }

  async #waitForRoom(request: ChannelRequest, answer: StatementAnswer): Promise<void> {
    const stall = () => request.cancel('the client took no rows for too long');
    const timer = this.#options.context.env.scheduler.after(LIMITS.queryStallMsMax, stall);
    try {
      do {
        await new Promise<void>((resolve) => {
          request.wake = resolve;
        });
        request.wake = undefined;
      } while (!this.#hasRoom(request, answer));
    } finally {
      timer.cancel();
    }
  }

  /** @throws WeftError as `checkWanted`; `answer-lost`, not definite, once the statement has changed something */
  #hasRoom(request: ChannelRequest, { counters }: StatementAnswer): boolean {
    if (request.cancelled !== undefined && containsUpdates(counters)) {
      const detail = `the statement took effect, the rest of its rows is not sent: ${request.cancelled}`;
      throw new WeftError('answer-lost', detail);
    }
    request.checkWanted();
    return request.credit > 0 && this.#socket.bufferedBytes < LIMITS.channelBufferBytes;
  }

  // Answers.

  #answer(request: ChannelRequest, { status, body, version, replayed }: Reply): void {
    const { consistencyLevel, isTraced, trace } = request;
    this.#append({
      id: request.id,
      status,
      body,
      version,
      replayed,
      sessionToken: this.#tokenFor(request),
      consistency: consistencyLevel === null || consistencyLevel === 'session' ? undefined : consistencyLevel,
      traceparent: isTraced ? trace?.traceparent : undefined,
    });
    this.#end(request, status);
  }

  #end({ startedMs, trace, consistencyLevel }: ChannelRequest, status: number): void {
    this.#options.answered(status, startedMs);
    if (trace?.span === undefined) return;
    const attributes = { 'http.response.status_code': status, 'weft.graph': this.#name };
    trace.span.set({ ...attributes, ...(consistencyLevel !== null && { 'weft.consistency': consistencyLevel }) });
    trace.span.end(status >= 500 ? new Error(`answered ${status}`) : undefined);
  }

  #fail(request: ChannelRequest, thrown: unknown): void {
    const { context } = this.#options;
    const error = asWeftError(thrown);
    request.trace ??= traceOf(undefined, context.env.random);
    const problem = problemOf(error, request.trace.traceId);
    this.#append({
      id: request.id,
      status: problem.status,
      error: wireDocument(problem),
      sessionToken: this.#tokenFor(request),
      traceparent: request.isTraced ? request.trace.traceparent : undefined,
    });
    this.#end(request, problem.status);
    if (error.code === 'internal') {
      context.reportFailure(thrown, { trace: request.trace, method: 'WS', url: `/v1/graphs/${this.#name}/session` });
    }
  }

  /** The token of an answer, unless the one before has told it. */
  #tokenFor(request: ChannelRequest): string | undefined {
    if (request.consistencyLevel === null) return undefined;
    const token = sessionTokenFor(this.#options.context.engine, request);
    if (token === this.#token) return undefined;
    this.#token = token;
    return token;
  }

  #append(frame: object): void {
    if (this.#isClosed) return;
    this.#writer.append(frame);
    if (this.#writer.length >= LIMITS.channelMessageBytes) this.#flush();
    else if (!this.#isFlushing) {
      this.#isFlushing = true;
      // Once everything that is ready now has been answered.
      void Promise.resolve().then(() => this.#flush());
    }
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#writer.length === 0) return;
    this.#socket.send(this.#writer.take());
    this.#inbox.sent();
  }

  #endIfIdle(): void {
    if (!this.#isStopping || this.#underWay.size > 0 || this.#inbox.isGivingWay) return;
    this.#flush();
    this.#socket.close(SOCKET_CLOSE.goingAway, 'the server is stopping');
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#flush();
    this.closed();
    this.#socket.close(SOCKET_CLOSE.badFrame, reason);
  }
}

/** Rows of one frame of a stream: what a credit of one allows. */
const ROWS_A_FRAME = 1000;

/** What a statement changed, if it changed anything: an answer without them says that it did not. */
function countersMember(counters: Counters): object {
  return containsUpdates(counters) ? { counters: { containsUpdates: true, ...counters } } : {};
}

/** An error that is definite and final is an outcome to remember; any other may be tried again with the same key. */
async function settled(write: () => Promise<Reply>): Promise<Reply | WeftError> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof WeftError) || !error.kind.definite || error.kind.retryable) throw error;
    return error;
  }
}
