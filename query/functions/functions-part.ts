/** All functions but those of elements, times and points, and aggregates of statistics: a part (`../parts.ts`). */
import { CONVERSION_FUNCTIONS } from './conversion-functions.ts';
import type { FunctionFamily } from './function.ts';
import { LIST_FUNCTIONS } from './list-functions.ts';
import { MATH_FUNCTIONS } from './math-functions.ts';
import { SCALAR_FUNCTIONS } from './scalar-functions.ts';
import { STRING_FUNCTIONS } from './string-functions.ts';

export { conforms, typeNamed, VALUE_TYPES } from '../values/value-type.ts';
export { STATISTICS } from './statistics.ts';
export const families: readonly FunctionFamily[] = [
  ['Numeric', MATH_FUNCTIONS],
  ['String', STRING_FUNCTIONS],
  ['List', LIST_FUNCTIONS],
  ['Scalar', CONVERSION_FUNCTIONS],
  ['Scalar', SCALAR_FUNCTIONS],
];
