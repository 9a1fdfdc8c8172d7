/** Names within URLs. */
import { WeftError } from './errors.ts';
import { checkName, type NameUse } from './ids.ts';

/**
 * A name as a segment of a path. `.` and `..` are steps within a path however they are written (URL Standard, 4.1), so that a
 * request for one of them would be one for something else.
 * @throws WeftError `invalid-name`, definite
 */
export function pathName(use: NameUse, text: string): string {
  const name = checkName(use, text);
  if (name === '.' || name === '..') {
    const hint = use === 'graph name' ? '' : ': name it in a batch or query';
    throw new WeftError('invalid-name', `the ${use} "${name}" cannot be part of a URL${hint}`);
  }
  return encodeURIComponent(name);
}
