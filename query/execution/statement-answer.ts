/** What a statement answers: batch by batch for who streams, or with all rows at once; and how one becomes the other. */
import type { PlanDescription } from '../plan/planned-statement.ts';
import type { Counters } from './counters.ts';
import type { ResultValue } from './result-value.ts';

/** The answer to a statement. Rows come in batches as they are asked for; `close` must be called in any case. */
export interface StatementAnswer {
  readonly fields: readonly string[];
  readonly writes: boolean;
  /** Undefined at the end. */
  next(): Promise<readonly (readonly ResultValue[])[] | undefined>;
  /** Complete once the rows are at their end. */
  readonly counters: Counters;
  /** For EXPLAIN at once, for PROFILE at the end. */
  plan(): PlanDescription | undefined;
  close(): void;
}

/** An answer with all of its rows. */
export interface StatementRows {
  readonly fields: readonly string[];
  readonly rows: readonly (readonly ResultValue[])[];
  readonly counters: Counters;
  readonly plan: PlanDescription | undefined;
}

/** Reads an answer to its end, and closes it. */
export async function collectRows(answer: StatementAnswer): Promise<StatementRows> {
  const rows: (readonly ResultValue[])[] = [];
  try {
    for (let batch = await answer.next(); batch !== undefined; batch = await answer.next()) {
      for (const row of batch) rows.push(row);
    }
    return { fields: answer.fields, rows, counters: answer.counters, plan: answer.plan() };
  } finally {
    answer.close();
  }
}

/** An answer that gives rows which are all there, as one batch. */
export function answerOfRows({ fields, rows, counters, plan }: StatementRows): StatementAnswer {
  let isGiven = rows.length === 0;
  return {
    fields,
    writes: false,
    counters,
    plan: () => plan,
    async next() {
      if (isGiven) return undefined;
      isGiven = true;
      return rows;
    },
    close: () => undefined,
  };
}
