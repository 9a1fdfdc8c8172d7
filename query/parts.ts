/** Parts of the engine that few statements need (`base/part.ts`). */
import { Part } from '../base/part.ts';

/** `=~`: RE2, which is a fifth of all. */
export const REGULAR_EXPRESSIONS = new Part('regular expressions', () => import('re2js'));
/** Everything about temporal values but that they are some, their order and their texts. */
export const TEMPORAL = new Part('temporal values', () => import('./temporal/temporal-part.ts'));
/** IANA time zones, for runtimes without `Temporal`. */
export const TIME_ZONES = new Part('time zones', () => import('temporal-polyfill'));
/** Most functions. */
export const FUNCTIONS = new Part('functions', () => import('./functions/functions-part.ts'));
export const SPATIAL = new Part('points', () => import('./functions/spatial-functions.ts'));
export const PATHS = new Part('paths of any length', () => import('./operators/paths-part.ts'));
/** EXPLAIN and PROFILE. */
export const PLAN_DESCRIPTION = new Part('plans', () => import('./plan/describe-plan.ts'));
/** Indexes and constraints, SHOW and CALL. */
export const CATALOG = new Part('procedures and schema statements', () => import('./procedures/catalog-part.ts'));

/** Faster ways through many nodes: nothing waits for it. */
export const PACKED_COLUMNS = new Part('packed columns', () => import('./packed/packed-part.ts'));

/** What values that expressions make take of memory: of servers alone, which have it from their start. */
export const MADE_VALUES = new Part<typeof import('./execution/made-values.ts')>('memory', () => Promise.reject());

/** All, but time zones where the runtime has them: the largest last. */
export const STATEMENT_PARTS: readonly Part<unknown>[] = [
  FUNCTIONS,
  TEMPORAL,
  CATALOG,
  SPATIAL,
  PATHS,
  PLAN_DESCRIPTION,
  PACKED_COLUMNS,
  ...('Temporal' in globalThis ? [] : [TIME_ZONES]),
  REGULAR_EXPRESSIONS,
];
