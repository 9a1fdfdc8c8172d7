/**
 * What is wrong with a query or with a value that it met: type, phase and detail in the words of the openCypher TCK.
 * Errors found before anything runs know where in the text they are.
 */

export type QueryErrorType =
  | 'SyntaxError'
  | 'SemanticError'
  | 'ParameterMissing'
  | 'ProcedureError'
  | 'TypeError'
  | 'ArgumentError'
  | 'ArithmeticError'
  | 'EntityNotFound'
  | 'PropertyNotFound'
  | 'LabelNotFound'
  | 'ConstraintValidationFailed'
  | 'ConstraintVerificationFailed'
  | 'ResourceError';

export type QueryErrorPhase = 'compile time' | 'runtime';

export interface QueryPosition {
  /** UTF-16 code units from the start of the text. */
  readonly offset: number;
  /** Both from 1; a column is a UTF-16 code unit. */
  readonly line: number;
  readonly column: number;
}

export interface QueryErrorOptions {
  readonly type: QueryErrorType;
  readonly phase: QueryErrorPhase;
  /** A detail of the TCK, e.g. `UndefinedVariable`. */
  readonly detail: string;
  readonly position?: QueryPosition;
  /** The line of the text with a caret below the place. */
  readonly excerpt?: string;
}

/** Definite: nothing of the statement took effect. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly errorType: QueryErrorType;
  readonly errorPhase: QueryErrorPhase;
  readonly errorDetail: string;
  readonly position: QueryPosition | undefined;
  readonly excerpt: string | undefined;

  constructor(message: string, { type, phase, detail, position, excerpt }: QueryErrorOptions) {
    super(message);
    this.errorType = type;
    this.errorPhase = phase;
    this.errorDetail = detail;
    this.position = position;
    this.excerpt = excerpt;
  }
}

export function runtimeError(type: QueryErrorType, detail: string, message: string): QueryError {
  return new QueryError(message, { type, phase: 'runtime', detail });
}
