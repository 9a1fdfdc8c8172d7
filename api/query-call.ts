/** Running queries for whoever asked, over HTTP or a session channel: the one way in to the engine's statements. */
import { printJson } from '../graph/json-values.ts';
import type { Counters } from '../query/execution/counters.ts';
import { collectRows, type StatementAnswer, type StatementRows } from '../query/execution/statement-answer.ts';
import type { Engine, Graph, KeptAnswers, QueryOptions } from '../src/engine-port.ts';
import type { Principal } from './access/principal.ts';
import { hashOf } from './bodies.ts';
import { keyIn, whoAsks } from './idempotency.ts';
import type { QueryRequest } from './parse-statement.ts';
import { asWeftError } from './problem.ts';
import type { RunningQueries, RunningQuery } from './running-queries.ts';

/** Who asks, and what is told of it. */
export interface Caller {
  readonly principal: Principal;
  readonly running: RunningQueries;
  readonly permit: NonNullable<QueryOptions['permit']>;
}

/** A query of a client, from the first look at it until its answer is complete. */
export class QueryCall {
  readonly request: QueryRequest;
  readonly options: QueryOptions;
  readonly #graph: Graph;
  readonly #caller: Caller;
  /** Hears that somebody else cancelled it. */
  onCancelled: (() => void) | undefined;
  #query: RunningQuery | undefined;
  #isCancelled = false;

  constructor(graph: Graph, request: QueryRequest, caller: Caller) {
    this.request = request;
    this.#graph = graph;
    this.#caller = caller;
    const { accessMode, timeoutMs, rowsMax } = request;
    this.options = {
      accessMode,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(rowsMax === undefined ? {} : { rowsMax }),
      permit: caller.permit,
      isCancelled: () => this.#isCancelled || this.#query?.isCancelled === true,
    };
  }

  /** Whoever asked does not wait any more. */
  cancel(): void {
    this.#isCancelled = true;
  }

  /** All rows of all statements. No promise unless something had to be waited for. */
  readWhole(): readonly StatementRows[] | Promise<readonly StatementRows[]> {
    const { statements, isList } = this.request;
    const [only] = statements;
    if (isList || only === undefined) return this.#listed(() => this.#readAll());
    const { running, principal } = this.#caller;
    // What is refused must not have begun.
    running.checkRoom(this.#graph.description.name, principal);
    const rows = this.#graph.queryRows(only, this.options);
    return rows instanceof Promise ? this.#listed(async () => [await rows]) : [rows];
  }

  /** All rows, at most once for the key: a repetition, over HTTP or a channel, gets those of the first time. */
  async readOnce(engine: Engine, key: string): Promise<KeptAnswers> {
    const { statements, accessMode } = this.request;
    const fingerprint = this.#fingerprint();
    const run = () => this.#graph.transactionOnce(statements, { ...this.options, accessMode }, { key, fingerprint });
    const once = () => engine.once(keyIn(this.#graph, key), fingerprint, run);
    const { replayed, outcome } = await this.#listed(() => this.#unlessCancelled(once));
    return replayed ? { ...outcome, replayed } : outcome;
  }

  /** Who sent it first may not wait any more, while who sent it again does: then nobody has done it yet. */
  async #unlessCancelled<T>(once: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await once();
      } catch (error) {
        if (this.options.isCancelled() || asWeftError(error).code !== 'query-cancelled') throw error;
      }
    }
  }

  /** What tells the query from others with the same key: the same whatever form it came in. */
  #fingerprint(): string {
    const { statements, accessMode, isList } = this.request;
    const texts = statements.map(({ text, parameters }) => ({ text, properties: parameters }));
    const document = { graph: this.#graph.description.name, accessMode, isList, texts };
    return `${whoAsks(this.#caller)}query ${hashOf(Buffer.from(printJson(document)))}`;
  }

  async #readAll(): Promise<readonly StatementRows[]> {
    const answers = await this.#graph.transaction(this.request.statements, this.options);
    const read: StatementRows[] = [];
    for (const answer of answers) read.push(await collectRows(answer));
    return read;
  }

  /** The answer to the first statement, whose rows come as they are asked for; `end` must be called after the last. */
  async begin(): Promise<StatementAnswer> {
    const [statement] = this.request.statements;
    this.#list();
    try {
      return await this.#graph.query(statement as NonNullable<typeof statement>, this.options);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  end(): void {
    if (this.#query !== undefined) this.#caller.running.end(this.#query);
  }

  /** Only what takes more than one turn of the event loop can be seen, or cancelled, by anybody else. */
  #list(): void {
    const texts = this.request.statements.map(({ text }) => text);
    this.#query = this.#caller.running.begin(this.#graph.description.name, this.#caller.principal, texts.join(';\n'));
    this.#query.onCancelled = this.onCancelled;
  }

  async #listed<T>(work: () => Promise<T>): Promise<T> {
    this.#list();
    try {
      return await work();
    } finally {
      this.end();
    }
  }
}

export function countersDocument(counters: Counters): object {
  return { containsUpdates: containsUpdates(counters), ...counters };
}

export function containsUpdates(counters: Counters): boolean {
  for (const name in counters) if (counters[name as keyof Counters] > 0) return true;
  return false;
}
