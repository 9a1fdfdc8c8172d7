/** Statements over one graph of the engine. */
import '../../crdt/all-parts.ts';
import '../../query/all-parts.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Decide, ViewStatementGraph } from '../../crdt/view-statement-graph.ts';
import type { Operation } from '../../graph/model.ts';
import { QueryEngine } from '../../query/execution/query-engine.ts';
import type { StatementOptions } from '../../query/execution/run.ts';
import type { StatementAnswer, StatementRows } from '../../query/execution/statement-answer.ts';
import { planStatement } from '../../query/plan/plan-statement.ts';
import { BUILT_IN_PROCEDURES } from '../../query/procedures/built-in.ts';
import { fromStored, type RuntimeMap } from '../../query/values/runtime-value.ts';
import type { QueryOptions, QueryStatement } from '../engine-port.ts';
import { encodeAnswers } from './answer-codec.ts';

type OpenStatement = (decide?: Decide) => ViewStatementGraph;

export class GraphQueries {
  readonly #open: OpenStatement;
  readonly #engine: QueryEngine;

  constructor(env: Env, open: OpenStatement) {
    this.#open = open;
    this.#engine = new QueryEngine({ env, planStatement, procedures: BUILT_IN_PROCEDURES, optimise: true });
  }

  async query(statement: QueryStatement, options: QueryOptions): Promise<StatementAnswer> {
    return this.#engine.run(statement.text, this.#open(), runOptions(statement, options));
  }

  /** @param decide what becomes of its writes; by default they are committed */
  queryRows(statement: QueryStatement, options: QueryOptions, decide?: Decide): StatementRows | Promise<StatementRows> {
    return this.#engine.runRows(statement.text, this.#open(decide), runOptions(statement, options));
  }

  async transaction(
    statements: readonly QueryStatement[],
    options: QueryOptions,
    decide?: Decide,
  ): Promise<readonly StatementAnswer[]> {
    return this.#transacted(this.#open(decide), { statements, options, keep: async (answer) => answer });
  }

  /**
   * As `transaction`, with all rows read before it commits.
   * @param decide gets the result as text along with the operations
   * @throws as `transaction`; WeftError `query-limit` if the text is too long to be kept, definite
   */
  async transactionOnce(
    statements: readonly QueryStatement[],
    options: QueryOptions,
    decide?: DecideKept,
  ): Promise<readonly StatementRows[]> {
    let outcome = '';
    const graph = this.#open(
      decide === undefined ? undefined : (operations, sawOneState) => decide(operations, sawOneState, outcome),
    );
    const keep = async ({ fields, counters, next }: StatementAnswer): Promise<StatementRows> => {
      return { fields, rows: (await next()) ?? [], counters, plan: undefined };
    };
    const beforeCommit = (answers: readonly StatementRows[]): void => {
      outcome = encodeAnswers(answers);
      if (outcome.length > LIMITS.outcomeCharsMax) throw tooLargeToKeep(outcome.length);
    };
    return this.#transacted(graph, { statements, options, keep, beforeCommit });
  }

  async #transacted<T>(graph: ViewStatementGraph, work: Transacted<T>): Promise<readonly T[]> {
    const { statements, options, keep, beforeCommit } = work;
    try {
      if (options.accessMode === 'write') await graph.beginWriting();
      for (;;) {
        const transaction = this.#engine.begin(graph);
        const answers: T[] = [];
        for (const statement of statements) {
          answers.push(await keep(await transaction.run(statement.text, runOptions(statement, options))));
        }
        if (graph.readAgain()) continue;
        beforeCommit?.(answers);
        await transaction.commit();
        return answers;
      }
    } catch (error) {
      graph.release();
      throw error;
    }
  }
}

interface Transacted<T> {
  readonly statements: readonly QueryStatement[];
  readonly options: QueryOptions;
  /** What is answered for a statement. */
  readonly keep: (answer: StatementAnswer) => Promise<T>;
  readonly beforeCommit?: (answers: readonly T[]) => void;
}

/** As `Decide`, with the result that is kept. */
export type DecideKept = (operations: readonly Operation[], sawOneState: boolean, outcome: string) => Promise<void>;

function tooLargeToKeep(chars: number): WeftError {
  const limit = LIMITS.outcomeCharsMax;
  const detail = `the result has ${chars} characters; with an Idempotency-Key at most ${limit} can be kept, so return less`;
  return new WeftError('query-limit', detail, { limit });
}

function runOptions({ parameters }: QueryStatement, options: QueryOptions): StatementOptions {
  return {
    parameters: fromStored(parameters) as RuntimeMap,
    accessMode: options.accessMode,
    timeoutMs: options.timeoutMs,
    rowsMax: options.rowsMax,
    heldMax: LIMITS.queryHeldValuesMax,
    isCancelled: options.isCancelled,
    permit: options.permit,
  };
}
