/** What a function of the language is, and what it may use beside its arguments. */
import type { QueryGraph } from '../../graph/query-graph.ts';
import { runtimeError } from '../query-error.ts';
import { isInt } from '../values/arithmetic.ts';
import { isList, type RuntimeValue, typeName } from '../values/runtime-value.ts';

/** All that is not in the arguments. One value for each run of a statement. */
export interface FunctionContext {
  readonly graph: QueryGraph;
  /** Milliseconds since the epoch when the transaction and the statement began. */
  readonly transactionMs: number;
  readonly statementMs: number;
  /** Now. */
  realtimeMs(): number;
  /** A uniform integer in [0, 2^32). */
  random32(): number;
}

/** Arguments are complete: optional ones that are missing are undefined. */
export type ScalarCall = (
  context: FunctionContext,
  a: RuntimeValue,
  b: RuntimeValue,
  c: RuntimeValue,
  ...rest: readonly RuntimeValue[]
) => RuntimeValue;

export interface ScalarFunction {
  /** As documented; looked up without regard to case. */
  readonly name: string;
  readonly argumentsMin: number;
  readonly argumentsMax: number;
  /** False if an argument that is null does not by itself make the result null. */
  readonly strict: boolean;
  /** False if two calls with the same arguments may differ within a statement. */
  readonly pure: boolean;
  readonly call: ScalarCall;
}

export function scalar(
  name: string,
  [argumentsMin, argumentsMax]: readonly [number, number],
  call: ScalarCall,
  { strict = true, pure = true }: { readonly strict?: boolean; readonly pure?: boolean } = {},
): ScalarFunction {
  return { name, argumentsMin, argumentsMax, strict, pure, call };
}

/** An argument of a type that the function does not take. */
export function badArgument(name: string, value: RuntimeValue, wanted: string): Error {
  const message = `${name}() takes ${wanted}, not a value of type ${typeName(value)}`;
  return runtimeError('TypeError', 'InvalidArgumentValue', message);
}

export function stringArgument(name: string, value: RuntimeValue): string {
  if (typeof value !== 'string') throw badArgument(name, value, 'a String');
  return value;
}

export function listArgument(name: string, value: RuntimeValue): readonly RuntimeValue[] {
  if (!isList(value)) throw badArgument(name, value, 'a List');
  return value;
}

/** An integer that is used as a number of things. */
export function countArgument(name: string, value: RuntimeValue): number {
  if (!isInt(value)) throw badArgument(name, value, 'an Integer');
  return Number(value);
}

/** The name is what SHOW FUNCTIONS calls its category. */
export type FunctionFamily = readonly [category: string, functions: readonly ScalarFunction[]];
