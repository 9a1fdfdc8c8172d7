/** All scalar functions by name, without regard to case. Aggregates are in `aggregates.ts`. */
import { CONVERSION_FUNCTIONS } from './conversion-functions.ts';
import { ENTITY_FUNCTIONS } from './entity-functions.ts';
import type { ScalarFunction } from './function.ts';
import { LIST_FUNCTIONS } from './list-functions.ts';
import { MATH_FUNCTIONS } from './math-functions.ts';
import { SCALAR_FUNCTIONS } from './scalar-functions.ts';
import { SPATIAL_FUNCTIONS } from './spatial-functions.ts';
import { STRING_FUNCTIONS } from './string-functions.ts';
import { TEMPORAL_FUNCTIONS } from './temporal-functions.ts';

const BY_NAME: ReadonlyMap<string, ScalarFunction> = new Map(
  [
    ...MATH_FUNCTIONS,
    ...STRING_FUNCTIONS,
    ...CONVERSION_FUNCTIONS,
    ...LIST_FUNCTIONS,
    ...ENTITY_FUNCTIONS,
    ...SPATIAL_FUNCTIONS,
    ...TEMPORAL_FUNCTIONS,
    ...SCALAR_FUNCTIONS,
  ].map((each) => [each.name.toLowerCase(), each]),
);

export function findFunction(name: string): ScalarFunction | undefined {
  return BY_NAME.get(name.toLowerCase());
}

export function functionNames(): string[] {
  return Array.from(BY_NAME.values(), ({ name }) => name).sort();
}
