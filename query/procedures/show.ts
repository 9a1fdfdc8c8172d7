/**
 * The procedures behind SHOW. They are told the columns that are asked for, since counting what breaks a constraint reads
 * every element of its label, and the kind of constraints.
 */
import type { SchemaEntry } from '../../graph/query-graph.ts';
import type { RegisteredProcedure } from '../execution/query-engine.ts';
import type { Run } from '../execution/run.ts';
import { aggregateNames } from '../functions/aggregates.ts';
import { functionsByCategory } from '../functions/registry.ts';
import type { ProcedureSignature } from '../plan/planned-statement.ts';
import { SHOWN } from '../syntax/shown.ts';
import { isList, type RuntimeMap, type RuntimeValue } from '../values/runtime-value.ts';
import { Survey } from './survey.ts';

interface Asked {
  readonly run: Run;
  readonly columns: readonly RuntimeValue[];
  readonly only: RuntimeValue;
}

function shown(
  { procedure, columns, more }: (typeof SHOWN)[keyof typeof SHOWN],
  entries: (asked: Asked) => readonly RuntimeMap[],
): readonly [string, RegisteredProcedure] {
  const all: readonly string[] = [...columns, ...more];
  const args = ['columns', 'only'].map((name) => ({ name, type: 'ANY' }));
  const signature = { name: procedure, arguments: args, results: all.map((name) => ({ name, type: 'ANY' })) };
  return [
    procedure,
    {
      signature,
      call: ([asked = null, only = null], run) => {
        const wanted = { run, columns: isList(asked) ? asked : all, only };
        return new Survey(run, [], () => entries(wanted).map((entry) => all.map((name) => entry[name] ?? null)));
      },
    },
  ];
}

/** Not among those that SHOW PROCEDURES lists. @param signatures of these */
export function showProcedures(
  signatures: () => readonly ProcedureSignature[],
): readonly (readonly [string, RegisteredProcedure])[] {
  return [
    shown(SHOWN.indexes, indexes),
    shown(SHOWN.constraints, constraints),
    shown(SHOWN.procedures, () => signatures().map(procedureOf)),
    shown(SHOWN.functions, functions),
  ];
}

function indexes({ run, only }: Asked): RuntimeMap[] {
  const entries = run.schema().filter((entry) => entry.kind === 'index' || ownsIndex(entry));
  return entries.filter(({ kind }) => only === null || kind === only).map(indexOf);
}

function constraints({ run, columns, only }: Asked): RuntimeMap[] {
  const entries = run.schema().filter(({ kind }) => kind !== 'index' && (only === null || kind === only));
  const counts = columns.includes('violations');
  return entries.map((entry) => ({ ...constraintOf(entry), violations: counts ? run.violations(entry) : null }));
}

function ownsIndex({ kind, on }: SchemaEntry): boolean {
  return on === 'node' && (kind === 'unique' || kind === 'key');
}

function indexOf(entry: SchemaEntry): RuntimeMap {
  const owner = entry.kind === 'index' ? null : entry.name;
  return { ...aboutOf(entry), type: 'RANGE', owningConstraint: owner, state: 'ONLINE' };
}

function constraintOf(entry: SchemaEntry): RuntimeMap {
  return {
    ...aboutOf(entry),
    type: typeOf(entry),
    ownedIndex: ownsIndex(entry) ? entry.name : null,
    propertyType: entry.types?.join(' | ') ?? null,
  };
}

function aboutOf({ name, on, label, properties }: SchemaEntry): RuntimeMap {
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

function procedureOf({ name, arguments: args, results }: ProcedureSignature): RuntimeMap {
  const list = (items: ProcedureSignature['arguments']) =>
    items.map((item) => `${item.name} :: ${item.type}`).join(', ');
  const description =
    results.length === 0
      ? 'Does nothing: an index serves as soon as it is declared.'
      : `Lists ${results.map((each) => each.name).join(', ')} by looking at the elements.`;
  const signature = `${name}(${list(args)}) :: (${list(results)})`;
  return { name, description, mode: 'READ', worksOnSystem: false, signature };
}

function functions(): RuntimeMap[] {
  const scalars = functionsByCategory().map(([category, { name, argumentsMin: min, argumentsMax: max }]) => {
    const count = min === max ? `${min}` : Number.isFinite(max) ? `${min} to ${max}` : `${min} or more`;
    const description = `Takes ${count} argument${count === '1' ? '' : 's'}.`;
    return { name, category, description, isBuiltIn: true, aggregating: false };
  });
  const aggregates = aggregateNames().map((name) => {
    const description = 'Of the values of a group, or with DISTINCT of the different ones.';
    return { name, category: 'Aggregating', description, isBuiltIn: true, aggregating: true };
  });
  return [...scalars, ...aggregates].sort((a, b) => (a.name < b.name ? -1 : 1));
}
