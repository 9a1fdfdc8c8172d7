/** What a statement answered, for people: its plan, its rows as a table, what it changed. */
import { type PlanNode, planTable } from './plan-table.ts';
import { resultTable, type TypedValue } from './result-table.ts';

/** As typed JSON has it. */
export interface Answer {
  readonly data: { readonly fields: readonly string[]; readonly values: readonly (readonly TypedValue[])[] };
  readonly counters: Readonly<Record<string, number | boolean>>;
  readonly queryPlan?: PlanNode;
}

export function describeAnswer({ data, counters, queryPlan }: Answer): string {
  const parts: string[] = [];
  if (queryPlan !== undefined) parts.push(planTable(queryPlan));
  if (data.fields.length > 0) {
    parts.push(resultTable(data.fields, data.values));
    parts.push(`${data.values.length} ${data.values.length === 1 ? 'row' : 'rows'}`);
  }
  const changes = Object.entries(counters).filter(([, count]) => typeof count === 'number' && count > 0);
  if (changes.length > 0) parts.push(changes.map(([name, count]) => `${words(name)}: ${count}`).join(', '));
  return parts.length === 0 ? 'done' : parts.join('\n');
}

/** `nodesCreated` as `nodes created`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
