/**
 * Property values of bodies. Temporal values are read as queries will read them: a day that does not exist, once stored, would
 * fail every statement that meets it. A point beyond a pole is none, as in `point()`.
 */
import { WeftError } from '../base/errors.ts';
import { decodeValue } from '../graph/json-values.ts';
import { isMap, Point, Temporal, type Value } from '../graph/value.ts';
import { QueryError } from '../query/query-error.ts';
import { fromStoredTemporal } from '../query/temporal/stored-temporal.ts';

/**
 * The value that stands in a body under `name`; containers are converted in place.
 * @throws WeftError `invalid-value`, `payload-too-large`; definite
 */
export function propertyValue(wire: unknown, name: string): Value {
  const value = decodeValue(wire, name);
  if (typeof value === 'object') checkParts(value, name);
  return value;
}

function checkParts(value: Value, name: string): void {
  if (value instanceof Temporal) checkTemporal(value, name);
  else if (value instanceof Point) checkPoint(value, name);
  else if (Array.isArray(value)) for (const item of value) checkParts(item, name);
  else if (isMap(value)) for (const item of Object.values(value)) checkParts(item, name);
}

function checkTemporal(value: Temporal, name: string): void {
  try {
    fromStoredTemporal(value);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new WeftError('invalid-value', `\`${name}\`: ${error.message}`, { field: name }, error);
  }
}

/** @throws WeftError `invalid-value`, definite, of a latitude beyond a pole */
export function checkPoint({ srid, coordinates: [, latitude = 0] }: Point, name: string): void {
  const isOfEarth = srid === 4326 || srid === 4979;
  if (!isOfEarth || Math.abs(latitude) <= 90) return;
  const detail = `the latitude ${latitude} is beyond a pole; a Point has its longitude first, then its latitude`;
  throw new WeftError('invalid-value', `\`${name}\`: ${detail}`, { field: name });
}
