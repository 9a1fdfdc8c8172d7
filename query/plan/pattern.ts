/** The pattern of a MATCH while it is planned: a graph of names, and the conditions on them. Types only. */
import type { Expression, RelationshipPattern } from '../syntax/ast.ts';
import type { BoundExpression } from './bound-expression.ts';
import type { Scope } from './scope.ts';

/** A node of the pattern; the same variable is the same node. */
export interface PatternNode {
  /** Internal where the text has none. */
  readonly name: string;
  /** That it must have, from the pattern and from conditions. */
  readonly labels: string[];
}

export interface PatternEdge {
  readonly name: string;
  readonly pattern: RelationshipPattern;
  readonly left: PatternNode;
  readonly right: PatternNode;
  readonly shortest: 'single' | 'all' | undefined;
  /** Empty for all; undefined where they are more than a choice, which then is a condition. */
  readonly types: readonly string[] | undefined;
  /** Names that must be known before it is followed: of a path, what the conditions on its relationships read. */
  readonly needs: ReadonlySet<string>;
}

/** A condition and the names that it needs. */
export interface Condition {
  readonly needs: ReadonlySet<string>;
  readonly expression: Expression | undefined;
  /** Share of rows that are expected to meet it. */
  readonly share: number;
  /** Holds a sub-query, which is tested after everything else. */
  readonly isHeavy: boolean;
  /** Whether each row gets a value of its own, as of `rand()`: then it needs the whole pattern, and nothing is sought by it. */
  readonly isVolatile: boolean;
  readonly bind: (scope: Scope) => BoundExpression;
}

export interface Pattern {
  readonly nodes: readonly PatternNode[];
  readonly edges: readonly PatternEdge[];
  readonly conditions: readonly Condition[];
  /** Of named paths. */
  readonly paths: ReadonlySet<string>;
}

/** A comparison of something that can be sought, on its left, with a value. */
export interface Seekable {
  readonly of: Expression;
  readonly operator: '=' | 'in' | 'startsWith' | '<' | '<=' | '>' | '>=';
  readonly value: Expression;
}

/** How a node is found without following a relationship. */
export interface NodeAccess {
  readonly kind: 'all' | 'label' | 'index' | 'id';
  /** Expected for each row that it is asked for. */
  readonly rows: number;
  readonly label: string | undefined;
  readonly property: string | undefined;
  /** One, or two that bound a range. */
  readonly seeks: readonly Seekable[];
  /** Conditions that hold for what it finds. */
  readonly satisfies: ReadonlySet<Condition>;
}

/** How a relationship is found together with its ends. */
export interface EdgeAccess {
  readonly kind: 'all' | 'id';
  readonly rows: number;
  readonly seek: Seekable | undefined;
  readonly satisfies: ReadonlySet<Condition>;
}

/** One step of solving a pattern. `rows` are those expected after it, before conditions are tested. */
export type Step = { readonly rows: number } & (
  | { readonly kind: 'findNode'; readonly node: PatternNode; readonly access: NodeAccess }
  | { readonly kind: 'findEdge'; readonly edge: PatternEdge; readonly access: EdgeAccess }
  /** The left end of a relationship that is known from before. */
  | { readonly kind: 'endsOf'; readonly edge: PatternEdge }
  | { readonly kind: 'follow'; readonly edge: PatternEdge; readonly from: PatternNode; readonly to: PatternNode }
  /** What `steps` find on their own, where it agrees with what is there. Without keys: each with each. */
  | { readonly kind: 'join'; readonly steps: readonly Step[]; readonly keys: readonly JoinKey[] }
);

/** `left` is computed from what is there, `right` from what is joined to it. */
export interface JoinKey {
  readonly left: Expression;
  readonly right: Expression;
}
