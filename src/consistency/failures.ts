/** How strong operations fail, and how a refusal travels between servers. */
import { ERRORS, type ErrorCode, type ErrorContext, WeftError } from '../../base/errors.ts';

/** Nothing happened. */
export function unavailable(why: string): WeftError {
  return new WeftError('quorum-unavailable', why, { outcome: 'none', retryAfterSeconds: 1 });
}

/** Whether it happened cannot be known now. */
export function indeterminate(why: string): WeftError {
  return new WeftError('quorum-indeterminate', `${why}; read again, or repeat it with the same Idempotency-Key`, {
    outcome: 'indeterminate',
    retryAfterSeconds: 1,
  });
}

export function refusalOf({ code, message, context }: WeftError): string {
  return JSON.stringify([code, message, context]);
}

/** @throws WeftError `internal` if the other server knows errors that this one does not */
export function refusalFrom(text: string): WeftError {
  const [code, message, context] = JSON.parse(text) as [string, string, ErrorContext];
  if (!Object.hasOwn(ERRORS, code)) return new WeftError('internal', `${code}: ${message}`, context);
  return new WeftError(code as ErrorCode, message, context);
}

/**
 * What refused to decide a repetition says nothing of the attempts that were lost before it. A refusal that was decided does:
 * it is the outcome of the key.
 */
export function withUnknown(error: unknown): unknown {
  const isUndecided = error instanceof WeftError && error.kind.definite && error.kind.retryable;
  return isUndecided ? indeterminate(`an attempt was lost, and then ${error.message}`) : error;
}

/** Of a strong read; nothing happened. */
export function tooLate(): WeftError {
  return unavailable('this server did not reach what the strong read must see');
}
