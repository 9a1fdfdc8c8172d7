/** Types of values as `IS ::` asks for them and `valueType()` names them. */
import type { RuntimeValue } from './runtime-value.ts';
import { typeName } from './runtime-value.ts';

/** `INTEGER`, `LIST<STRING NOT NULL | FLOAT> NOT NULL`. Null is a value of every type that is not `NOT NULL`. */
export interface ValueType {
  /** In capitals: one of `VALUE_TYPES`. */
  readonly name: string;
  readonly notNull: boolean;
  /** Of `LIST`: what an item may be, one of these. */
  readonly items: readonly ValueType[];
}

/** In the order in which the types of a mixed list are named. */
const OF_VALUES: readonly (readonly [type: string, runtime: string])[] = [
  ['BOOLEAN', 'Boolean'],
  ['STRING', 'String'],
  ['INTEGER', 'Integer'],
  ['FLOAT', 'Float'],
  ['DATE', 'Date'],
  ['LOCAL TIME', 'LocalTime'],
  ['ZONED TIME', 'Time'],
  ['LOCAL DATETIME', 'LocalDateTime'],
  ['ZONED DATETIME', 'DateTime'],
  ['DURATION', 'Duration'],
  ['POINT', 'Point'],
  ['BYTES', 'Bytes'],
  ['NODE', 'Node'],
  ['RELATIONSHIP', 'Relationship'],
  ['MAP', 'Map'],
  ['LIST', 'List'],
  ['PATH', 'Path'],
];
const BY_RUNTIME: ReadonlyMap<string, string> = new Map(OF_VALUES.map(([type, runtime]) => [runtime, type]));
const ORDER: readonly string[] = OF_VALUES.map(([type]) => type);
const NO_PROPERTIES: ReadonlySet<string> = new Set(['NODE', 'RELATIONSHIP', 'MAP', 'PATH']);

export const VALUE_TYPES: readonly string[] = [...ORDER, 'PROPERTY VALUE', 'ANY', 'NULL', 'NOTHING'];

/** Other names; those of several words are written out. */
const SYNONYMS: Readonly<Record<string, string>> = {
  BOOL: 'BOOLEAN',
  VARCHAR: 'STRING',
  INT: 'INTEGER',
  'SIGNED INTEGER': 'INTEGER',
  'TIME WITHOUT TIMEZONE': 'LOCAL TIME',
  'TIME WITH TIMEZONE': 'ZONED TIME',
  'TIMESTAMP WITHOUT TIMEZONE': 'LOCAL DATETIME',
  'TIMESTAMP WITH TIMEZONE': 'ZONED DATETIME',
  VERTEX: 'NODE',
  'ANY VERTEX': 'NODE',
  'ANY NODE': 'NODE',
  EDGE: 'RELATIONSHIP',
  'ANY EDGE': 'RELATIONSHIP',
  'ANY RELATIONSHIP': 'RELATIONSHIP',
  'ANY MAP': 'MAP',
  ARRAY: 'LIST',
  'ANY PROPERTY VALUE': 'PROPERTY VALUE',
  'ANY VALUE': 'ANY',
  VALUE: 'ANY',
};

/** The type that has this name, in capitals. */
export function typeNamed(text: string): string | undefined {
  return VALUE_TYPES.includes(text) ? text : SYNONYMS[text];
}

/** Whether the value is one of any of the types. */
export function conforms(value: RuntimeValue, types: readonly ValueType[]): boolean {
  return types.some((type) => conformsTo(value, type));
}

function conformsTo(value: RuntimeValue, { name, notNull, items }: ValueType): boolean {
  if (name === 'NOTHING') return false;
  if (value === null) return !notNull;
  switch (name) {
    case 'NULL':
      return false;
    case 'ANY':
      return true;
    case 'PROPERTY VALUE':
      return isProperty(value);
    case 'LIST':
      return Array.isArray(value) && value.every((item: RuntimeValue) => conforms(item, items));
    default:
      return BY_RUNTIME.get(typeName(value)) === name;
  }
}

function isProperty(value: RuntimeValue): boolean {
  if (Array.isArray(value)) return value.every((item: RuntimeValue) => item !== null && isProperty(item));
  return !NO_PROPERTIES.has(BY_RUNTIME.get(typeName(value)) ?? '');
}

/** The narrowest type of the value, e.g. `LIST<INTEGER NOT NULL> NOT NULL`. */
export function valueTypeOf(value: RuntimeValue): string {
  return value === null ? 'NULL' : `${nameOf(value)} NOT NULL`;
}

function nameOf(value: RuntimeValue): string {
  const name = BY_RUNTIME.get(typeName(value)) ?? 'ANY';
  if (!Array.isArray(value)) return name;
  const list = value as readonly RuntimeValue[];
  if (list.length === 0) return 'LIST<NOTHING>';
  const present = list.filter((item) => item !== null);
  if (present.length === 0) return 'LIST<NULL>';
  const suffix = present.length < list.length ? '' : ' NOT NULL';
  const names = Array.from(new Set(present.map(nameOf))).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return `LIST<${names.map((each) => `${each}${suffix}`).join(' | ')}>`;
}

function rank(name: string): number {
  return ORDER.indexOf(name.startsWith('LIST<') ? 'LIST' : name);
}

export function typeText({ name, notNull, items }: ValueType): string {
  const inner = name === 'LIST' ? `<${items.map(typeText).join(' | ')}>` : '';
  return `${name}${inner}${notNull ? ' NOT NULL' : ''}`;
}
