/** Conditions of operations, as RFC 9110 has them for If-Match and If-None-Match. */
import { WeftError } from '../base/errors.ts';
import type { Condition } from '../graph/model.ts';

/**
 * `held`: version of the element, undefined if it does not exist. `what` names it.
 * @throws WeftError `precondition-failed`, definite
 */
export function checkCondition({ match, noneMatch }: Condition, held: string | undefined, what: string): void {
  const matches = (versions: '*' | readonly string[]) =>
    held !== undefined && (versions === '*' || versions.includes(held));
  if (match !== undefined && !matches(match)) {
    throw new WeftError('precondition-failed', `${what} does not have the version that If-Match asks for`, {
      version: held ?? null,
    });
  }
  if (noneMatch !== undefined && matches(noneMatch)) {
    throw new WeftError('precondition-failed', `${what} has a version that If-None-Match excludes`, {
      version: held ?? null,
    });
  }
}
