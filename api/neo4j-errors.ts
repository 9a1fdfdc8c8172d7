/**
 * Errors as clients of the Neo4j Query API look for them: a list `errors` of codes and messages, beside the members of the
 * problem document. Only its own paths have it.
 */
import type { ErrorCode, WeftError } from '../base/errors.ts';
import type { QueryErrorType } from '../query/query-error.ts';

const PREFIX = '/db/';

const BY_TYPE: Readonly<Record<QueryErrorType, string>> = {
  SyntaxError: 'Neo.ClientError.Statement.SyntaxError',
  SemanticError: 'Neo.ClientError.Statement.SemanticError',
  ParameterMissing: 'Neo.ClientError.Statement.ParameterMissing',
  ProcedureError: 'Neo.ClientError.Procedure.ProcedureNotFound',
  TypeError: 'Neo.ClientError.Statement.TypeError',
  ArgumentError: 'Neo.ClientError.Statement.ArgumentError',
  ArithmeticError: 'Neo.ClientError.Statement.ArithmeticError',
  EntityNotFound: 'Neo.ClientError.Statement.EntityNotFound',
  PropertyNotFound: 'Neo.ClientError.Statement.PropertyNotFound',
  LabelNotFound: 'Neo.ClientError.Statement.LabelNotFound',
  ConstraintValidationFailed: 'Neo.ClientError.Schema.ConstraintValidationFailed',
  ConstraintVerificationFailed: 'Neo.ClientError.Schema.ConstraintVerificationFailed',
  ResourceError: 'Neo.TransientError.General.TransactionMemoryLimit',
};
const BY_CODE: Partial<Record<ErrorCode, string>> = {
  'query-timeout': 'Neo.ClientError.Transaction.TransactionTimedOut',
  'query-cancelled': 'Neo.ClientError.Transaction.TransactionMarkedAsFailed',
  'query-limit': 'Neo.TransientError.General.TransactionMemoryLimit',
  'quota-exceeded': 'Neo.ClientError.General.ForbiddenOnReadOnlyDatabase',
  'constraint-violated': 'Neo.ClientError.Schema.ConstraintValidationFailed',
  'node-has-edges': 'Neo.ClientError.Schema.ConstraintValidationFailed',
  'schema-conflict': 'Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists',
  'graph-not-found': 'Neo.ClientError.Database.DatabaseNotFound',
  'node-not-found': 'Neo.ClientError.Statement.EntityNotFound',
  'edge-not-found': 'Neo.ClientError.Statement.EntityNotFound',
  unauthorized: 'Neo.ClientError.Security.Unauthorized',
  forbidden: 'Neo.ClientError.Security.Forbidden',
};

export function isNeo4jPath(url: string): boolean {
  return url.startsWith(PREFIX);
}

export function neo4jErrors(error: WeftError): { readonly code: string; readonly message: string }[] {
  return [{ code: codeOf(error), message: error.message }];
}

function codeOf({ code, kind, context }: WeftError): string {
  const byType = BY_TYPE[context.errorType as QueryErrorType];
  if (code === 'query-error' && byType !== undefined) return byType;
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (kind.retryable) return 'Neo.TransientError.General.DatabaseUnavailable';
  return kind.status >= 500 ? 'Neo.DatabaseError.General.UnknownError' : 'Neo.ClientError.Request.Invalid';
}
