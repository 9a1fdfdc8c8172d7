/** Queries that run on this server now: listed and cancelled by id. */
import type { Clock } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';

/** Characters of a statement that the list shows. */
const SHOWN_CHARS = 1000;

export class RunningQuery {
  readonly id: string;
  readonly graph: string;
  readonly statement: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #wallMs: number;
  isCancelled = false;

  constructor(id: string, graph: string, statement: string, clock: Clock) {
    this.id = id;
    this.graph = graph;
    this.statement = statement;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#wallMs = clock.wallMs();
  }

  document(): object {
    const { id, graph, statement } = this;
    const startedAt = new Date(this.#wallMs).toISOString();
    const elapsedMs = Math.round(this.#clock.monotonicMs() - this.#startedMs);
    return { id, graph, statement: statement.slice(0, SHOWN_CHARS), startedAt, elapsedMs };
  }
}

export class RunningQueries {
  readonly #clock: Clock;
  readonly #running = new Map<string, RunningQuery>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(graph: string, statement: string): RunningQuery {
    const query = new RunningQuery(`q${++this.#last}`, graph, statement, this.#clock);
    this.#running.set(query.id, query);
    return query;
  }

  end(query: RunningQuery): void {
    this.#running.delete(query.id);
  }

  list(): object[] {
    return Array.from(this.#running.values(), (query) => query.document());
  }

  /** @throws WeftError `query-not-found`, definite */
  find(id: string): RunningQuery {
    const query = this.#running.get(id);
    if (query === undefined) throw new WeftError('query-not-found', `no query \`${id}\` is running here`, { id });
    return query;
  }
}
