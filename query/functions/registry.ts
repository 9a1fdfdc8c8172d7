/** All scalar functions by name, without regard to case. Aggregates are in `aggregates.ts`. */
import { SPATIAL, TEMPORAL } from '../parts.ts';
import { CONVERSION_FUNCTIONS } from './conversion-functions.ts';
import { ENTITY_FUNCTIONS } from './entity-functions.ts';
import type { ScalarFunction } from './function.ts';
import { LIST_FUNCTIONS } from './list-functions.ts';
import { MATH_FUNCTIONS } from './math-functions.ts';
import { SCALAR_FUNCTIONS } from './scalar-functions.ts';
import { STRING_FUNCTIONS } from './string-functions.ts';

type Family = readonly [category: string, functions: readonly ScalarFunction[]];

/** Families, under the names that SHOW FUNCTIONS gives them. */
const FAMILIES: readonly Family[] = [
  ['Numeric', MATH_FUNCTIONS],
  ['String', STRING_FUNCTIONS],
  ['Scalar', CONVERSION_FUNCTIONS],
  ['List', LIST_FUNCTIONS],
  ['Scalar', ENTITY_FUNCTIONS],
  ['Scalar', SCALAR_FUNCTIONS],
];

/** The families that are parts, and what their names begin with. */
const PARTS = [
  { category: 'Spatial', functions: () => SPATIAL.get().SPATIAL_FUNCTIONS, first: ['point', 'distance'] },
  {
    category: 'Temporal',
    functions: () => TEMPORAL.get().functions,
    first: ['date', 'localtime', 'time', 'localdatetime', 'datetime', 'duration'],
  },
] as const;

const BY_NAME = new Map<string, ScalarFunction>();
/** Parts whose functions are among them. */
const FOUND = new Set<string>();

function add(functions: readonly ScalarFunction[]): void {
  for (const each of functions) BY_NAME.set(each.name.toLowerCase(), each);
}
for (const [, functions] of FAMILIES) add(functions);

/** @throws PartMissing */
export function functionsByCategory(): readonly (readonly [category: string, each: ScalarFunction])[] {
  const parts = PARTS.map(({ category, functions }): Family => [category, functions()]);
  return [...FAMILIES, ...parts].flatMap(([category, functions]) => functions.map((each) => [category, each] as const));
}

/** @throws PartMissing */
export function findFunction(name: string): ScalarFunction | undefined {
  const lower = name.toLowerCase();
  const [first = lower] = lower.split('.');
  for (const { category, functions, first: names } of PARTS) {
    if (FOUND.has(category) || !(names as readonly string[]).includes(first)) continue;
    add(functions());
    FOUND.add(category);
  }
  return BY_NAME.get(lower);
}

/** @throws PartMissing */
export function functionNames(): string[] {
  return functionsByCategory()
    .map(([, { name }]) => name)
    .sort();
}
