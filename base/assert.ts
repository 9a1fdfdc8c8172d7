/**
 * Assertions stay on in production. A failed one is a bug, not an operating error: the partition stops serving
 * and the process exits with the reason. Nobody catches a `BugError` on the way.
 */

export class BugError extends Error {
  override readonly name = 'BugError';
}

/**
 * Throws a `BugError` unless `condition` holds. The message states the invariant, with its number if it has one; a function
 * makes one that would otherwise be put together each time that nothing is wrong.
 */
export function assert(condition: unknown, invariant: string | (() => string)): asserts condition {
  if (!condition) throw new BugError(typeof invariant === 'string' ? invariant : invariant());
}

/** Ends every exhaustive `switch`; the compiler rejects the call while a case is missing. */
export function assertNever(value: never): never {
  throw new BugError(`unexpected variant: ${JSON.stringify(value)}`);
}

/** Returns `value`, which the caller knows to be present. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  if (value === undefined || value === null) throw new BugError(invariant);
  return value;
}
