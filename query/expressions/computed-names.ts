/** Names of labels, types and properties that a statement computes. */
import { checkName } from '../../base/ids.ts';
import { runtimeError } from '../query-error.ts';
import { isList, type RuntimeValue, typeName } from '../values/runtime-value.ts';

type Named = 'property name' | 'label' | 'relationship type';

/** @throws QueryError, WeftError `invalid-name` */
export function nameOf(value: RuntimeValue, what: Named): string {
  if (typeof value === 'string') return checkName(what === 'relationship type' ? 'edge type' : what, value);
  const message = `a ${what} is a String, not a value of type ${typeName(value)}`;
  throw runtimeError('TypeError', 'InvalidArgumentType', message);
}

/** One name, or those of a list. @throws as `nameOf` */
export function namesOf(value: RuntimeValue, what: Named): readonly string[] {
  return isList(value) ? value.map((each) => nameOf(each, what)) : [nameOf(value, what)];
}
