/** Procedures of TCK scenarios: a table whose first columns are the arguments, its other ones the results. */
import { float } from '../../graph/value.ts';
import type { RegisteredProcedure } from '../../query/execution/query-engine.ts';
import { isInt, isNumeric, toDouble } from '../../query/values/arithmetic.ts';
import { equal } from '../../query/values/equality.ts';
import type { RuntimeValue } from '../../query/values/runtime-value.ts';

export interface TestProcedureSource {
  readonly name: string;
  readonly args: readonly { readonly name: string; readonly type: string }[];
  readonly results: readonly { readonly name: string; readonly type: string }[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function testProcedure(
  source: TestProcedureSource,
  rows: readonly (readonly RuntimeValue[])[],
): RegisteredProcedure {
  const { name, args, results, columns } = source;
  const argumentAt = args.map((argument) => columns.indexOf(argument.name));
  const resultAt = results.map((result) => columns.indexOf(result.name));
  return {
    signature: { name, arguments: args, results },
    call(values) {
      const matching = rows.filter((row) => argumentAt.every((at, i) => agrees(row[at] ?? null, values[i] ?? null)));
      return matching.map((row) => resultAt.map((at, i) => converted(row[at] ?? null, results[i]?.type ?? '')));
    },
  };
}

function agrees(held: RuntimeValue, given: RuntimeValue): boolean {
  return (held === null && given === null) || equal(held, given) === true;
}

/** A result that is declared as a float is one, whatever the table says. */
function converted(value: RuntimeValue, type: string): RuntimeValue {
  if (type.startsWith('FLOAT') && isNumeric(value) && isInt(value)) return float(toDouble(value));
  return value;
}
