/**
 * A graph at level `strong`: what `graph.ts` offers, each call linearizable. Reads and writes go through a majority
 * (`src/consistency/`); on a server that stands alone they are linearizable as they are.
 */
import { present } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { decodeResults, encodeOperations } from '../../crdt/operation-codec.ts';
import type { Decide } from '../../crdt/view-statement-graph.ts';
import type { Operation } from '../../graph/model.ts';
import { answerOfRows } from '../../query/execution/statement-answer.ts';
import type { Graph, GraphDescription, IdempotencyKey, OperationResult } from '../engine-port.ts';
import { decodeAnswers } from '../graphs/answer-codec.ts';
import type { EngineGraph } from '../graphs/graph.ts';
import type { DecideKept } from '../graphs/graph-queries.ts';
import type { StrongOperations, Terms } from './strong-operations.ts';
import { type Kept, Stale } from './strong-update.ts';

/** After so many readings during which the graph changed the reader is told to come again. */
const READINGS_MAX = 10;

export class StrongGraph implements Graph {
  readonly #graph: EngineGraph;
  /** Absent on a server that stands alone: one process decides everything, in one order. */
  readonly #strong: StrongOperations | undefined;
  readonly #terms: Terms;

  /** @param trace `traceparent` of the request that is served */
  constructor(graph: EngineGraph, strong: StrongOperations | undefined, trace = '') {
    this.#graph = graph;
    this.#strong = strong;
    this.#terms = { patienceMs: LIMITS.strongWaitMs, trace };
  }

  get key(): string {
    return this.#graph.key;
  }

  get description(): GraphDescription {
    return this.#graph.description;
  }

  node(...request: Parameters<Graph['node']>): ReturnType<Graph['node']> {
    return this.#read(() => this.#graph.node(...request));
  }

  /** Every strong read waits for others. */
  nodeNow(): undefined {
    return undefined;
  }

  edge(...request: Parameters<Graph['edge']>): ReturnType<Graph['edge']> {
    return this.#read(() => this.#graph.edge(...request));
  }

  nodes(...request: Parameters<Graph['nodes']>): ReturnType<Graph['nodes']> {
    return this.#readState(() => this.#graph.nodes(...request));
  }

  edgesOf(...request: Parameters<Graph['edgesOf']>): ReturnType<Graph['edgesOf']> {
    return this.#readState(() => this.#graph.edgesOf(...request));
  }

  neighbors(...request: Parameters<Graph['neighbors']>): ReturnType<Graph['neighbors']> {
    return this.#readState(() => this.#graph.neighbors(...request));
  }

  shortestPath(...request: Parameters<Graph['shortestPath']>): ReturnType<Graph['shortestPath']> {
    return this.#readState(() => this.#graph.shortestPath(...request));
  }

  counts(): ReturnType<Graph['counts']> {
    return this.#readState(() => this.#graph.counts());
  }

  usage(): ReturnType<Graph['usage']> {
    return this.#read(() => this.#graph.usage());
  }

  digest(): ReturnType<Graph['digest']> {
    return this.#readState(() => this.#graph.digest());
  }

  integrity(...request: Parameters<Graph['integrity']>): ReturnType<Graph['integrity']> {
    return this.#readState(() => this.#graph.integrity(...request));
  }

  /** @throws as `Graph.write`; `quorum-unavailable`, definite; `quorum-indeterminate` */
  async write(operations: readonly Operation[], key?: IdempotencyKey): Promise<readonly OperationResult[]> {
    const { resident, writer, kept } = this.#graph;
    if (this.#strong === undefined) {
      return key === undefined ? writer.write(operations) : kept.write(this.#graph, operations, key);
    }
    const text = encodeOperations(operations);
    const { results, replayed } = await this.#strong.write(resident.key, text, key, this.#terms);
    const decoded = decodeResults(results);
    return replayed ? decoded.map((result) => ({ ...result, replayed })) : decoded;
  }

  /**
   * A statement runs here, on one state; what it writes is decided if nothing that a strong operation changed came in
   * between, else it runs again. All of its rows are read before it answers.
   */
  async query(...[statement, options]: Parameters<Graph['query']>): ReturnType<Graph['query']> {
    if (this.#strong === undefined) return this.#graph.query(statement, options);
    return answerOfRows(await this.queryRows(statement, options));
  }

  queryRows(...[statement, options]: Parameters<Graph['queryRows']>): ReturnType<Graph['queryRows']> {
    if (this.#strong === undefined) return this.#graph.queryRows(statement, options);
    return this.#update(async (decide) => this.#graph.queryRows(statement, options, withoutOutcome(decide)));
  }

  async transaction(...[statements, options]: Parameters<Graph['transaction']>): ReturnType<Graph['transaction']> {
    if (this.#strong === undefined) return this.#graph.transaction(statements, options);
    return this.#update((decide) => this.#graph.transaction(statements, options, withoutOutcome(decide)));
  }

  async transactionOnce(
    ...[statements, options, key]: Parameters<Graph['transactionOnce']>
  ): ReturnType<Graph['transactionOnce']> {
    if (this.#strong === undefined) return this.#graph.transactionOnce(statements, options, key);
    const attempt = (decide: DecideKept) => this.#graph.transactionOnce(statements, options, undefined, decide);
    const recall = (kept: string) => ({ answers: decodeAnswers(kept), replayed: true });
    return this.#update(attempt, { key, recall });
  }

  #update<T>(attempt: (decide: DecideKept) => Promise<T>, kept?: Kept<T>): Promise<T> {
    const { resident } = this.#graph;
    const strong = present(this.#strong, 'statements of a lone server need no majority');
    return strong.update(
      resident.key,
      (decide) => {
        let isDeciding = false;
        const before = resident.changes;
        const isWhole = resident.whole;
        return attempt(async (operations, sawOneState, outcome) => {
          isDeciding = true;
          if (!sawOneState) throw new Stale();
          await decide(encodeOperations(operations), outcome);
        }).then((value) => {
          // One that only read must have seen one state as well; with everything in memory it read in one step.
          if (!isDeciding && before !== resident.changes && !(isWhole && resident.whole)) throw new Stale();
          return value;
        });
      },
      { ...this.#terms, ...(kept !== undefined && { kept }) },
    );
  }

  load(): never {
    throw noStream('an import');
  }

  export(): never {
    throw noStream('an export');
  }

  changes(): never {
    throw noStream('reading changes');
  }

  repair(): never {
    throw noStream('a repair');
  }

  #read<T>(read: () => Promise<T>): Promise<T> {
    return this.#strong === undefined ? read() : this.#strong.read(this.#graph.resident.key, read, this.#terms);
  }

  /** A read that may take several steps: all must see the same state. */
  #readState<T>(read: () => Promise<T>): Promise<T> {
    const { resident } = this.#graph;
    return this.#read(async () => {
      for (let readings = 0; readings < READINGS_MAX; readings++) {
        const before = resident.whole ? undefined : resident.changes;
        const value = await read();
        // With everything in memory a read is one step.
        if (before === undefined ? resident.whole : before === resident.changes) return value;
      }
      throw new WeftError(
        'too-many-requests',
        'the graph is written to all the time; read less at once, or at `session`',
        {
          retryAfterSeconds: 1,
        },
      );
    });
  }
}

function withoutOutcome(decide: DecideKept): Decide {
  return (operations, sawOneState) => decide(operations, sawOneState, '');
}

function noStream(what: string): WeftError {
  return new WeftError('invalid-request', `${what} is no strong operation; use \`session\``, {
    field: 'Consistency-Level',
  });
}
