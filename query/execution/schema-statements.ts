/** What SHOW answers and DROP does. */
import type { SchemaEntry, StatementGraph } from '../../graph/query-graph.ts';
import type { PlannedStatement } from '../plan/planned-statement.ts';
import { runtimeError } from '../query-error.ts';
import type { Counters } from './counters.ts';
import type { ResultValue } from './result-value.ts';

export function showSchema(
  entries: readonly SchemaEntry[],
  what: 'indexes' | 'constraints',
): { readonly fields: readonly string[]; readonly rows: readonly (readonly ResultValue[])[] } {
  const fields = ['name', 'type', 'entityType', 'labelsOrTypes', 'properties'];
  const shown = entries.filter(({ kind }) => (kind === 'index') === (what === 'indexes'));
  const rows = shown.map(({ name, kind, on, label, properties }) => [
    name,
    kind === 'index' ? 'RANGE' : kind.toUpperCase(),
    on === 'node' ? 'NODE' : 'RELATIONSHIP',
    [label],
    properties,
  ]);
  return { fields, rows };
}

/** @throws QueryError if there is nothing of the name and it need be there */
export async function dropSchema(
  { what, name, ifExists }: Extract<PlannedStatement, { kind: 'drop' }>,
  graph: StatementGraph,
  counters: Counters,
): Promise<void> {
  const entry = graph.schema().find((each) => each.name === name && (each.kind === 'index') === (what === 'index'));
  if (entry === undefined) {
    if (ifExists) return;
    throw runtimeError('SemanticError', 'SchemaNotFound', `there is no ${what} \`${name}\``);
  }
  await graph.drop(name);
  if (what === 'index') counters.indexesRemoved++;
  else counters.constraintsRemoved++;
}
