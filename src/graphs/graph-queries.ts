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
    const graph = this.#open(decide);
    try {
      if (options.accessMode === 'write') await graph.beginWriting();
      for (;;) {
        const transaction = this.#engine.begin(graph);
        const answers: StatementAnswer[] = [];
        for (const statement of statements) {
          answers.push(await transaction.run(statement.text, runOptions(statement, options)));
        }
        if (graph.readAgain()) continue;
        await transaction.commit();
        return answers;
      }
    } catch (error) {
      graph.release();
      throw error;
    }
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
    const graph = await this.#open(
      decide === undefined ? undefined : (operations, sawOneState) => decide(operations, sawOneState, outcome),
    );
    try {
      if (options.accessMode === 'write') await graph.beginWriting();
      for (;;) {
        const transaction = this.#engine.begin(graph);
        const answers: StatementRows[] = [];
        for (const statement of statements) {
          const answer = await transaction.run(statement.text, runOptions(statement, options));
          const rows = (await answer.next()) ?? [];
          answers.push({ fields: answer.fields, rows, counters: answer.counters, plan: undefined });
        }
        if (graph.readAgain()) continue;
        outcome = encodeAnswers(answers);
        if (outcome.length > LIMITS.outcomeCharsMax) throw tooLargeToKeep(outcome.length);
        await transaction.commit();
        return answers;
      }
    } catch (error) {
      graph.release();
      throw error;
    }
  }
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
