/** Statements over one graph of the engine. */
import type { Env } from '../base/env.ts';
import { LIMITS } from '../base/limits.ts';
import type { Decide, ViewStatementGraph } from '../crdt/view-statement-graph.ts';
import { QueryEngine, type StatementAnswer, type StatementRows } from '../query/execution/query-engine.ts';
import type { StatementOptions } from '../query/execution/run.ts';
import { planStatement } from '../query/plan/plan-statement.ts';
import { fromStored, type RuntimeMap } from '../query/values/runtime-value.ts';
import type { QueryOptions, QueryStatement } from './engine-port.ts';

type OpenStatement = (decide?: Decide) => ViewStatementGraph;

export class GraphQueries {
  readonly #open: OpenStatement;
  readonly #engine: QueryEngine;

  constructor(env: Env, open: OpenStatement) {
    this.#open = open;
    this.#engine = new QueryEngine({ env, planStatement, procedures: new Map(), optimise: true });
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
    const transaction = this.#engine.begin(graph);
    try {
      if (options.accessMode === 'write') await graph.beginWriting();
      const answers: StatementAnswer[] = [];
      for (const statement of statements) {
        answers.push(await transaction.run(statement.text, runOptions(statement, options)));
      }
      await transaction.commit();
      return answers;
    } catch (error) {
      transaction.rollback();
      throw error;
    }
  }
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
