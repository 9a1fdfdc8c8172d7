/** The pattern of a MATCH while it is planned. Types only. */
import type { Expression } from '../syntax/ast.ts';
import type { BoundExpression } from './bound-expression.ts';
import type { Scope } from './scope.ts';

/** A node of the pattern; the same variable is the same node. */
export interface PatternNode {
  /** Internal where the text has none. */
  readonly name: string;
  readonly labels: string[];
}

/** A condition and the names of the pattern that it needs. */
export interface Condition {
  readonly needs: ReadonlySet<string>;
  readonly expression: Expression | undefined;
  readonly bind: (scope: Scope) => BoundExpression;
}
