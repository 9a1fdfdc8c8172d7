/** The number that SKIP or LIMIT is given, from an expression that sees no row. */
import type { Evaluate } from '../expressions/evaluate.ts';
import { runtimeError } from '../query-error.ts';
import { isInt } from '../values/arithmetic.ts';
import { typeName } from '../values/runtime-value.ts';

export function rowCount(clause: 'SKIP' | 'LIMIT', count: Evaluate): () => number {
  return () => {
    const value = count([], 0);
    if (!isInt(value)) {
      const message = `${clause} takes an integer, not a value of type ${typeName(value)}`;
      throw runtimeError('SyntaxError', 'InvalidArgumentType', message);
    }
    const rows = Number(value);
    if (rows < 0) throw runtimeError('SyntaxError', 'NegativeIntegerArgument', `${clause} takes no negative number`);
    return rows;
  };
}
