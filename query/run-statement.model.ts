/** Runs statements on a graph in memory, for tests: all rows at once, with or without the optimiser, on any statistics. */
import './all-parts.ts';
import type { Env } from '../base/env.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { GraphStatistics, StatementGraph } from '../graph/query-graph.ts';
import { QueryEngine } from './execution/query-engine.ts';
import type { ResultValue } from './execution/result-value.ts';
import type { StatementRows } from './execution/statement-answer.ts';
import type { Operator } from './plan/operator.ts';
import { planStatement } from './plan/plan-statement.ts';
import { BUILT_IN_PROCEDURES } from './procedures/built-in.ts';
import type { RuntimeValue } from './values/runtime-value.ts';

export interface RunStatementOptions {
  readonly optimise?: boolean;
  /** What the planner is told instead of the truth. */
  readonly statistics?: GraphStatistics;
  readonly parameters?: Readonly<Record<string, RuntimeValue>>;
  /** Changes the plan before it runs. */
  readonly rewrite?: (root: Operator) => Operator;
}

function env(): Env {
  return {
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    random: new SeededRandom(1),
    scheduler: { after: () => ({ cancel: () => undefined }), yield: async () => undefined },
    log: { write: () => undefined },
  };
}

export async function runStatement(
  text: string,
  graph: StatementGraph,
  { optimise = true, statistics, parameters = {}, rewrite }: RunStatementOptions = {},
): Promise<StatementRows> {
  const engine = new QueryEngine({
    env: env(),
    planStatement: (each, context) => {
      const planned = planStatement(each, statistics === undefined ? context : { ...context, statistics });
      if (planned.kind !== 'query' || rewrite === undefined) return planned;
      return { ...planned, plan: { ...planned.plan, root: rewrite(planned.plan.root) } };
    },
    procedures: BUILT_IN_PROCEDURES,
    optimise,
  });
  const answer = await engine.run(text, graph, {
    parameters,
    accessMode: 'write',
    timeoutMs: undefined,
    rowsMax: undefined,
    heldMax: 10_000_000,
    isCancelled: () => false,
  });
  const rows: (readonly ResultValue[])[] = [];
  try {
    for (;;) {
      const batch = await answer.next();
      if (batch === undefined) break;
      rows.push(...batch);
    }
    return { fields: answer.fields, rows, counters: answer.counters, plan: answer.plan() };
  } finally {
    answer.close();
  }
}
