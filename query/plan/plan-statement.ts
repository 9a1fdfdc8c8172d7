/** From the text of a statement to its plan: parse, check, plan. */
import { analyseQuery } from '../analysis/analyse-query.ts';
import { parseStatement } from '../syntax/parse-statement.ts';
import type { PlannedStatement, PlannerContext } from './planned-statement.ts';
import { planQuery } from './query-planner.ts';

export function planStatement(text: string, context: PlannerContext): PlannedStatement {
  const statement = parseStatement(text);
  switch (statement.kind) {
    case 'query':
      analyseQuery(statement.query, text, context);
      return { kind: 'query', mode: statement.mode, plan: planQuery(statement.query, text, context) };
    case 'createSchema': {
      const { what, on, label, properties, types, ifNotExists } = statement;
      const name = statement.name ?? [what, label, ...properties].join('_');
      const entry = { kind: what, name, on, label, properties, ...(types && { types }) };
      return { kind: 'declare', ifNotExists, entry };
    }
    case 'dropSchema':
      return { kind: 'drop', what: statement.what, name: statement.name, ifExists: statement.ifExists };
    case 'showSchema':
      return { kind: 'show', what: statement.what, only: statement.only, columns: statement.columns };
  }
}
