/** Queries that run on this server now: listed and cancelled by id. */
import type { Clock } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { mayDo } from './access/authorise.ts';
import type { Principal } from './access/principal.ts';

/** Characters of a statement that the list shows. */
const SHOWN_CHARS = 1000;

export class RunningQuery {
  readonly id: string;
  readonly graph: string;
  readonly principal: Principal;
  readonly statement: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #wallMs: number;
  /** Wakes what waits for its client. */
  onCancelled: (() => void) | undefined;
  #isCancelled = false;

  constructor(
    id: string,
    {
      graph,
      principal,
      statement,
      clock,
    }: {
      readonly graph: string;
      readonly principal: Principal;
      readonly statement: string;
      readonly clock: Clock;
    },
  ) {
    this.id = id;
    this.graph = graph;
    this.principal = principal;
    this.statement = statement;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#wallMs = clock.wallMs();
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.onCancelled?.();
  }

  document(): object {
    const { id, graph, statement } = this;
    const startedAt = new Date(this.#wallMs).toISOString();
    const elapsedMs = Math.round(this.#clock.monotonicMs() - this.#startedMs);
    return { id, graph, statement: statement.slice(0, SHOWN_CHARS), startedAt, elapsedMs };
  }
}

/** How many may run at a time, beside what the server as a whole can bear. */
export interface QueryLimits {
  readonly perPrincipal?: number | undefined;
  readonly perGraph?: number | undefined;
}

export class RunningQueries {
  readonly #clock: Clock;
  readonly #limits: QueryLimits;
  readonly #running = new Map<string, RunningQuery>();
  #last = 0;

  constructor(clock: Clock, limits: QueryLimits = {}) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** @throws WeftError `too-many-requests` if as many run as may, definite */
  checkRoom(graph: string, principal: Principal): void {
    if (this.#running.size >= LIMITS.runningQueriesMax) {
      throw new WeftError('too-many-requests', `${LIMITS.runningQueriesMax} queries are running, as many as may`, {
        limit: 'running queries',
      });
    }
    const { perPrincipal, perGraph } = this.#limits;
    this.#check('queries of a principal', perPrincipal, (other) => other.principal.identity === principal.identity);
    this.#check('queries of a graph', perGraph, (other) => other.graph === graph);
  }

  /** @throws WeftError as `checkRoom` */
  begin(graph: string, principal: Principal, statement: string): RunningQuery {
    this.checkRoom(graph, principal);
    const query = new RunningQuery(`q${++this.#last}`, { graph, principal, statement, clock: this.#clock });
    this.#running.set(query.id, query);
    return query;
  }

  #check(limit: string, max: number | undefined, isOf: (query: RunningQuery) => boolean): void {
    if (max === undefined) return;
    let used = 0;
    for (const query of this.#running.values()) if (isOf(query)) used++;
    if (used < max) return;
    throw new WeftError('too-many-requests', `${used} ${limit} are running, as many as may`, { limit, max, used });
  }

  end(query: RunningQuery): void {
    this.#running.delete(query.id);
  }

  /** Cancels all of them. */
  cancelAll(): void {
    for (const query of this.#running.values()) query.cancel();
  }

  /** Those that `principal` began, and those on graphs that he administers. */
  list(principal: Principal): object[] {
    return [...this.#running.values()].filter((query) => concerns(query, principal)).map((query) => query.document());
  }

  /** @throws WeftError `query-not-found` for a query of somebody else as well, definite */
  find(id: string, principal: Principal): RunningQuery {
    const query = this.#running.get(id);
    if (query === undefined || !concerns(query, principal))
      throw new WeftError('query-not-found', `no query \`${id}\` is running here`, { id });
    return query;
  }
}

function concerns({ graph, principal: owner }: RunningQuery, principal: Principal): boolean {
  return owner.identity === principal.identity || mayDo(principal, 'admin', { graph });
}
