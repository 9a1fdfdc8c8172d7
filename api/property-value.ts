/**
 * Property values of bodies. Temporal values are read as queries will read them: a day that does not exist, once stored, would
 * fail every statement that meets it.
 */
import { WeftError } from '../base/errors.ts';
import { decodeValue } from '../graph/json-values.ts';
import { isMap, Temporal, type Value } from '../graph/value.ts';
import { QueryError } from '../query/query-error.ts';
import { fromStoredTemporal } from '../query/temporal/stored-temporal.ts';

/**
 * The value that stands in a body under `name`; containers are converted in place.
 * @throws WeftError `invalid-value`, `payload-too-large`; definite
 */
export function propertyValue(wire: unknown, name: string): Value {
  const value = decodeValue(wire, name);
  if (typeof value === 'object') checkTemporals(value, name);
  return value;
}

function checkTemporals(value: Value, name: string): void {
  if (value instanceof Temporal) checkTemporal(value, name);
  else if (Array.isArray(value)) for (const item of value) checkTemporals(item, name);
  else if (isMap(value)) for (const item of Object.values(value)) checkTemporals(item, name);
}

function checkTemporal(value: Temporal, name: string): void {
  try {
    fromStoredTemporal(value);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new WeftError('invalid-value', `\`${name}\`: ${error.message}`, { field: name }, error);
  }
}
