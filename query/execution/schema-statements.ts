/** What CREATE and DROP of indexes and constraints do. */
import type { SchemaEntry, StatementGraph } from '../../graph/query-graph.ts';
import type { PlannedStatement } from '../plan/planned-statement.ts';
import { runtimeError } from '../query-error.ts';
import type { Counters } from './counters.ts';

/** Whether two entries demand the same, whatever they are called. */
export function declaresSame(a: Omit<SchemaEntry, 'name'>, b: Omit<SchemaEntry, 'name'>): boolean {
  const content = ({ kind, on, label, properties }: Omit<SchemaEntry, 'name'>) =>
    JSON.stringify([kind, on, label, properties]);
  return content(a) === content(b);
}

/** @throws QueryError if it could not be kept; what declaring throws */
export async function declareSchema(
  { entry, ifNotExists }: Extract<PlannedStatement, { kind: 'declare' }>,
  graph: StatementGraph,
  counters: Counters,
): Promise<void> {
  const isThere = graph.schema().some((held) => held.name === entry.name || declaresSame(held, entry));
  if (isThere && ifNotExists) return;
  const complaint = whyUnsupported(entry);
  if (complaint !== undefined) throw runtimeError('SemanticError', 'UnsupportedConstraint', complaint);
  await graph.declare(entry);
  if (entry.kind === 'index') counters.indexesAdded++;
  else counters.constraintsAdded++;
}

/** A claim that nothing keeps is not taken. */
function whyUnsupported({ kind, on, properties }: SchemaEntry): string | undefined {
  if (on === 'edge' && (kind === 'unique' || kind === 'key')) {
    return 'relationships are not found by their properties here, so no key of theirs can be kept unique';
  }
  if (new Set(properties).size < properties.length) return 'a constraint names each property once';
  return undefined;
}

/** @throws QueryError if there is nothing of the kind and it need be there */
export async function dropSchema(
  { what, target, ifExists }: Extract<PlannedStatement, { kind: 'drop' }>,
  graph: StatementGraph,
  counters: Counters,
): Promise<void> {
  const isMeant = (each: SchemaEntry) =>
    (each.kind === 'index') === (what === 'index') &&
    (typeof target === 'string' ? each.name === target : declaresSame(each, target));
  const entry = graph.schema().find(isMeant);
  if (entry === undefined) {
    if (ifExists) return;
    const meant = typeof target === 'string' ? `\`${target}\`` : `on ${target.label}(${target.properties.join(', ')})`;
    throw runtimeError(
      'SemanticError',
      'SchemaNotFound',
      `there is no ${what} ${meant}; ${what === 'index' ? 'SHOW INDEXES' : 'SHOW CONSTRAINTS'} lists them`,
    );
  }
  await graph.drop(entry.name);
  if (what === 'index') counters.indexesRemoved++;
  else counters.constraintsRemoved++;
}
