/** All scalar functions by name, without regard to case. Aggregates are in `aggregates.ts`. */
import { FUNCTIONS, SPATIAL, TEMPORAL } from '../parts.ts';
import { ENTITY_FUNCTIONS } from './entity-functions.ts';
import type { FunctionFamily, ScalarFunction } from './function.ts';

const FAMILIES: readonly FunctionFamily[] = [['Scalar', ENTITY_FUNCTIONS]];

/** The families that are parts, and what their names begin with. */
const PARTS = [
  {
    families: (): readonly FunctionFamily[] => [['Spatial', SPATIAL.get().SPATIAL_FUNCTIONS]],
    names: /^(point|distance)\b/,
  },
  {
    families: (): readonly FunctionFamily[] => [['Temporal', TEMPORAL.get().functions]],
    names: /^(date|localtime|time|localdatetime|datetime|duration)\b/,
  },
  // Last, since it is asked for whatever nobody knows.
  { families: () => FUNCTIONS.get().families, names: /^/ },
];

const BY_NAME = new Map<string, ScalarFunction>();

function add(families: readonly FunctionFamily[]): void {
  for (const [, functions] of families) for (const each of functions) BY_NAME.set(each.name.toLowerCase(), each);
}
add(FAMILIES);

/** @throws PartMissing */
export function functionsByCategory(): readonly (readonly [category: string, each: ScalarFunction])[] {
  const families = [...FAMILIES, ...PARTS.flatMap((part) => part.families())];
  return families.flatMap(([category, functions]) => functions.map((each) => [category, each] as const));
}

/** @throws PartMissing */
export function findFunction(name: string): ScalarFunction | undefined {
  const lower = name.toLowerCase();
  for (const { families, names } of PARTS) {
    if (BY_NAME.has(lower)) break;
    if (names.test(lower)) add(families());
  }
  return BY_NAME.get(lower);
}

/** @throws PartMissing */
export function functionNames(): string[] {
  return functionsByCategory()
    .map(([, { name }]) => name)
    .sort();
}
