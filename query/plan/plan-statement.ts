/** From the text of a statement to its plan: parse, check, plan. */
import type { SchemaEntry } from '../../graph/query-graph.ts';
import { analyseQuery } from '../analysis/analyse-query.ts';
import type { SchemaContent } from '../syntax/ast.ts';
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
      const { what, label, properties, ifNotExists } = statement;
      const name = statement.name ?? [what, label, ...properties].join('_');
      return { kind: 'declare', ifNotExists, entry: { ...contentOf(statement), name } };
    }
    case 'dropSchema':
      return { kind: 'drop', what: statement.what, target: droppedBy(statement.target), ifExists: statement.ifExists };
  }
}

function contentOf({ what, on, label, properties, types }: SchemaContent): Omit<SchemaEntry, 'name'> {
  return { kind: what, on, label, properties, ...(types && { types }) };
}

function droppedBy(target: string | SchemaContent): string | Omit<SchemaEntry, 'name'> {
  return typeof target === 'string' ? target : contentOf(target);
}
