/** What SHOW answers, and CREATE and DROP of indexes and constraints do. */
import type { SchemaEntry, StatementGraph } from '../../graph/query-graph.ts';
import type { PlannedStatement } from '../plan/planned-statement.ts';
import { runtimeError } from '../query-error.ts';
import type { Counters } from './counters.ts';
import type { ResultValue } from './result-value.ts';

type Shown = { readonly [column: string]: ResultValue };

/** As Neo4j has them, and `violations`: elements that break the constraint, since they merged or were there before. */
const CONSTRAINT_COLUMNS = [
  'name',
  'type',
  'entityType',
  'labelsOrTypes',
  'properties',
  'ownedIndex',
  'propertyType',
  'violations',
];
const INDEX_COLUMNS = ['name', 'type', 'entityType', 'labelsOrTypes', 'properties', 'owningConstraint'];

/** @throws QueryError if a column is unknown; NotResident */
export function showSchema(
  graph: StatementGraph,
  { what, only, columns }: Extract<PlannedStatement, { kind: 'show' }>,
): { readonly fields: readonly string[]; readonly rows: readonly (readonly ResultValue[])[] } {
  const known = what === 'indexes' ? INDEX_COLUMNS : CONSTRAINT_COLUMNS;
  const unknown = columns?.find((column) => !known.includes(column));
  if (unknown !== undefined) {
    const message = `\`${unknown}\` is no column of SHOW ${what.toUpperCase()}, which has ${known.join(', ')}`;
    throw runtimeError('SemanticError', 'UndefinedVariable', message);
  }
  const fields = columns ?? known;
  const entries = graph.schema().filter(({ kind }) => only === undefined || kind === only);
  const shown =
    what === 'indexes'
      ? entries.filter((entry) => entry.kind === 'index' || ownsIndex(entry)).map(indexOf)
      : entries.filter(({ kind }) => kind !== 'index').map((entry) => constraintOf(graph, entry, fields));
  return { fields, rows: shown.map((row) => fields.map((field) => row[field] ?? null)) };
}

function ownsIndex({ kind, on }: SchemaEntry): boolean {
  return on === 'node' && (kind === 'unique' || kind === 'key');
}

function indexOf(entry: SchemaEntry): Shown {
  return { ...aboutOf(entry), type: 'RANGE', owningConstraint: entry.kind === 'index' ? null : entry.name };
}

function constraintOf(graph: StatementGraph, entry: SchemaEntry, fields: readonly string[]): Shown {
  return {
    ...aboutOf(entry),
    type: typeOf(entry),
    ownedIndex: ownsIndex(entry) ? entry.name : null,
    propertyType: entry.types?.join(' | ') ?? null,
    // Counting them reads every element of the label.
    violations: fields.includes('violations') ? graph.violations(entry) : null,
  };
}

function aboutOf({ name, on, label, properties }: SchemaEntry): Shown {
  return { name, entityType: on === 'node' ? 'NODE' : 'RELATIONSHIP', labelsOrTypes: [label], properties };
}

function typeOf({ kind, on }: SchemaEntry): string {
  const prefix = on === 'node' ? 'NODE' : 'RELATIONSHIP';
  switch (kind) {
    case 'unique':
      return 'UNIQUENESS';
    case 'key':
      return `${prefix}_KEY`;
    case 'exists':
      return `${prefix}_PROPERTY_EXISTENCE`;
    case 'type':
      return `${prefix}_PROPERTY_TYPE`;
    case 'index':
      return 'RANGE';
  }
}

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
