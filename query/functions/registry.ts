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

/** Families, under the names that SHOW FUNCTIONS gives them. */
const FAMILIES: readonly (readonly [category: string, functions: readonly ScalarFunction[]])[] = [
  ['Numeric', MATH_FUNCTIONS],
  ['String', STRING_FUNCTIONS],
  ['Scalar', CONVERSION_FUNCTIONS],
  ['List', LIST_FUNCTIONS],
  ['Scalar', ENTITY_FUNCTIONS],
  ['Spatial', SPATIAL_FUNCTIONS],
  ['Temporal', TEMPORAL_FUNCTIONS],
  ['Scalar', SCALAR_FUNCTIONS],
];

const BY_NAME: ReadonlyMap<string, ScalarFunction> = new Map(
  FAMILIES.flatMap(([, functions]) => functions).map((each) => [each.name.toLowerCase(), each]),
);

export function functionsByCategory(): readonly (readonly [category: string, each: ScalarFunction])[] {
  return FAMILIES.flatMap(([category, functions]) => functions.map((each) => [category, each] as const));
}

export function findFunction(name: string): ScalarFunction | undefined {
  return BY_NAME.get(name.toLowerCase());
}

export function functionNames(): string[] {
  return Array.from(BY_NAME.values(), ({ name }) => name).sort();
}
