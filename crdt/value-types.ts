/** Types of property values as Cypher names them in type constraints, e.g. `INTEGER` or `LIST<STRING NOT NULL>`. */
import { assert } from '../base/assert.ts';
import { Float, isInteger, isList, isNumber, Point, Temporal, type TemporalKind, type Value } from '../graph/value.ts';

const TEMPORAL_TYPES: Readonly<Record<string, TemporalKind>> = {
  DATE: 'Date',
  'LOCAL TIME': 'LocalTime',
  'ZONED TIME': 'Time',
  'LOCAL DATETIME': 'LocalDateTime',
  'ZONED DATETIME': 'DateTime',
  DURATION: 'Duration',
};

const LIST = /^LIST<(.+) NOT NULL>$/;

/** Whether a value is of one of the types. */
export function isOfTypes(value: Value, types: readonly string[]): boolean {
  return types.some((type) => isOfType(value, type));
}

function isOfType(value: Value, type: string): boolean {
  switch (type) {
    case 'BOOLEAN':
      return typeof value === 'boolean';
    case 'STRING':
      return typeof value === 'string';
    case 'INTEGER':
      return isInteger(value);
    case 'FLOAT':
      return value instanceof Float || (isNumber(value) && !isInteger(value));
    case 'POINT':
      return value instanceof Point;
  }
  const items = LIST.exec(type)?.[1];
  if (items !== undefined) return isList(value) && value.every((item) => isOfType(item, items));
  const kind = TEMPORAL_TYPES[type];
  assert(kind !== undefined, 'the parser lets only known types through');
  return value instanceof Temporal && value.kind === kind;
}
