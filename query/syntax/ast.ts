/**
 * What a text says, before anybody asks what it means: one node for each form of the language, frozen by type, told apart
 * by `kind`. Names are not resolved, nothing is checked beyond grammar. `start` and `end` are UTF-16 offsets into the text,
 * so that a column can be named by its source and an error can point at its place.
 *
 * One file, because the families need each other: an expression may hold a query, a query holds patterns, and those hold
 * expressions.
 */
import type { Float } from '../../graph/value.ts';
import type { ValueType } from '../values/value-type.ts';

export interface Spanned {
  readonly start: number;
  /** Behind the last character. */
  readonly end: number;
}

/** A variable, property, label, type or alias as it is called, backticks resolved. */
export interface Name extends Spanned {
  readonly text: string;
}

// Expressions

export type Expression =
  | Literal
  | ParameterExpression
  | VariableExpression
  | PropertyExpression
  | IndexExpression
  | SliceExpression
  | UnaryExpression
  | BinaryExpression
  | ComparisonExpression
  | LabelPredicate
  | TypePredicate
  | ListExpression
  | MapExpression
  | CaseExpression
  | CallExpression
  | CountStar
  | ListComprehension
  | PatternComprehension
  | QuantifierExpression
  | ReduceExpression
  | MapProjection
  | PatternExpression
  | SubqueryExpression;

export interface Literal extends Spanned {
  readonly kind: 'literal';
  readonly value: null | boolean | number | bigint | Float | string;
}

export interface ParameterExpression extends Spanned {
  readonly kind: 'parameter';
  readonly name: string;
}

export interface VariableExpression extends Spanned {
  readonly kind: 'variable';
  readonly name: string;
}

export interface PropertyExpression extends Spanned {
  readonly kind: 'property';
  readonly of: Expression;
  readonly name: Name;
}

export interface IndexExpression extends Spanned {
  readonly kind: 'index';
  readonly of: Expression;
  readonly index: Expression;
}

export interface SliceExpression extends Spanned {
  readonly kind: 'slice';
  readonly of: Expression;
  readonly from: Expression | undefined;
  readonly to: Expression | undefined;
}

export interface UnaryExpression extends Spanned {
  readonly kind: 'unary';
  readonly operator: 'not' | '-' | '+' | 'isNull' | 'isNotNull';
  readonly of: Expression;
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^';
export type BooleanOperator = 'and' | 'or' | 'xor';
export type MatchOperator = 'in' | 'startsWith' | 'endsWith' | 'contains' | '=~';

export interface BinaryExpression extends Spanned {
  readonly kind: 'binary';
  readonly operator: ArithmeticOperator | BooleanOperator | MatchOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** `a < b <= c`: one operator fewer than operands. */
export interface ComparisonExpression extends Spanned {
  readonly kind: 'comparison';
  readonly operators: readonly ComparisonOperator[];
  readonly operands: readonly Expression[];
}

/** `n:A|B`. */
export interface LabelPredicate extends Spanned {
  readonly kind: 'labels';
  readonly of: Expression;
  readonly labels: LabelExpression;
}

/** `x IS :: INTEGER | STRING NOT NULL`: one of the types. */
export interface TypePredicate extends Spanned {
  readonly kind: 'typed';
  readonly of: Expression;
  readonly types: readonly ValueType[];
}

export interface ListExpression extends Spanned {
  readonly kind: 'list';
  readonly items: readonly Expression[];
}

export interface MapExpression extends Spanned {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Name; readonly value: Expression }[];
}

export interface CaseExpression extends Spanned {
  readonly kind: 'case';
  readonly of: Expression | undefined;
  readonly whens: readonly { readonly when: Expression; readonly then: Expression }[];
  readonly otherwise: Expression | undefined;
}

/** A function or aggregate; a name with dots is one text. */
export interface CallExpression extends Spanned {
  readonly kind: 'call';
  readonly name: Name;
  readonly distinct: boolean;
  readonly arguments: readonly Expression[];
}

/** `count(*)`. */
export interface CountStar extends Spanned {
  readonly kind: 'countStar';
}

/** `[x IN list WHERE where | map]`. */
export interface ListComprehension extends Spanned {
  readonly kind: 'listComprehension';
  readonly variable: Name;
  readonly list: Expression;
  readonly where: Expression | undefined;
  readonly map: Expression | undefined;
}

/** `[p = (a)-->(b) WHERE where | map]`. */
export interface PatternComprehension extends Spanned {
  readonly kind: 'patternComprehension';
  readonly pattern: PatternPart;
  readonly where: Expression | undefined;
  readonly map: Expression;
}

export interface QuantifierExpression extends Spanned {
  readonly kind: 'quantifier';
  readonly quantifier: 'all' | 'any' | 'none' | 'single';
  readonly variable: Name;
  readonly list: Expression;
  /** Without it the items themselves are the conditions. */
  readonly where: Expression | undefined;
}

/** `reduce(accumulator = initial, variable IN list | map)`. */
export interface ReduceExpression extends Spanned {
  readonly kind: 'reduce';
  readonly accumulator: Name;
  readonly initial: Expression;
  readonly variable: Name;
  readonly list: Expression;
  readonly map: Expression;
}

/** `n {.*, .name, other, key: value}`. */
export interface MapProjection extends Spanned {
  readonly kind: 'mapProjection';
  readonly of: VariableExpression;
  readonly items: readonly MapProjectionItem[];
}

export type MapProjectionItem =
  | { readonly kind: 'all' }
  | { readonly kind: 'property'; readonly name: Name }
  | { readonly kind: 'variable'; readonly variable: VariableExpression }
  | { readonly kind: 'entry'; readonly key: Name; readonly value: Expression };

/** A pattern as a predicate, or `shortestPath(...)` as a value. */
export interface PatternExpression extends Spanned {
  readonly kind: 'pattern';
  readonly pattern: PatternPart;
}

/** `EXISTS {...}`, `COUNT {...}`, `COLLECT {...}`; a bare pattern inside is a query of one MATCH without RETURN. */
export interface SubqueryExpression extends Spanned {
  readonly kind: 'subquery';
  readonly mode: 'exists' | 'count' | 'collect';
  readonly query: Query;
}

// Patterns

export type LabelExpression =
  | (Spanned & { readonly kind: 'label'; readonly name: string })
  /** `%`. */
  | (Spanned & { readonly kind: 'any' })
  /** `$(names)`: the name that an expression gives, or all of a list of names. */
  | (Spanned & { readonly kind: 'computed'; readonly names: Expression })
  | (Spanned & { readonly kind: 'and' | 'or'; readonly left: LabelExpression; readonly right: LabelExpression })
  | (Spanned & { readonly kind: 'not'; readonly of: LabelExpression });

/** One path; nodes and relationships alternate, with one node more. */
export interface PatternPart extends Spanned {
  /** `p = ...`. */
  readonly variable: Name | undefined;
  readonly shortest: 'single' | 'all' | undefined;
  readonly nodes: readonly NodePattern[];
  readonly relationships: readonly RelationshipPattern[];
}

export interface NodePattern extends Spanned {
  readonly variable: Name | undefined;
  readonly labels: LabelExpression | undefined;
  readonly properties: MapExpression | ParameterExpression | undefined;
  readonly where: Expression | undefined;
}

export interface RelationshipPattern extends Spanned {
  readonly variable: Name | undefined;
  readonly types: LabelExpression | undefined;
  /** As drawn: `left` is `<--`, `right` is `-->`, `none` is `--`, `both` is `<-->`. */
  readonly arrow: 'left' | 'right' | 'none' | 'both';
  /** `*min..max`; undefined for exactly one. */
  readonly range: { readonly min: number | undefined; readonly max: number | undefined } | undefined;
  readonly properties: MapExpression | ParameterExpression | undefined;
  readonly where: Expression | undefined;
}

// Queries

/** One or more single queries; `all` says of each UNION between two of them whether it is UNION ALL. */
export interface Query extends Spanned {
  readonly singles: readonly SingleQuery[];
  readonly unions: readonly { readonly all: boolean; readonly start: number; readonly end: number }[];
}

export interface SingleQuery extends Spanned {
  readonly clauses: readonly Clause[];
}

export type Clause =
  | MatchClause
  | UnwindClause
  | ProjectionClause
  | CreateClause
  | MergeClause
  | SetClause
  | RemoveClause
  | DeleteClause
  | ForeachClause
  | ProcedureClause
  | SubqueryClause;

export interface MatchClause extends Spanned {
  readonly kind: 'match';
  readonly optional: boolean;
  readonly pattern: readonly PatternPart[];
  readonly where: Expression | undefined;
}

export interface UnwindClause extends Spanned {
  readonly kind: 'unwind';
  readonly list: Expression;
  readonly variable: Name;
}

/** WITH or RETURN. */
export interface ProjectionClause extends Spanned {
  readonly kind: 'with' | 'return';
  readonly distinct: boolean;
  /** `*`: all variables, before `items`. */
  readonly all: boolean;
  readonly items: readonly ProjectionItem[];
  readonly orderBy: readonly SortItem[];
  readonly skip: Expression | undefined;
  readonly limit: Expression | undefined;
  /** Of WITH only. */
  readonly where: Expression | undefined;
}

/** Its span is that of the expression, whose source names the column where there is no alias. */
export interface ProjectionItem extends Spanned {
  readonly expression: Expression;
  readonly alias: Name | undefined;
}

export interface SortItem {
  readonly expression: Expression;
  readonly descending: boolean;
}

export interface CreateClause extends Spanned {
  readonly kind: 'create';
  readonly pattern: readonly PatternPart[];
}

export interface MergeClause extends Spanned {
  readonly kind: 'merge';
  readonly pattern: PatternPart;
  readonly onCreate: readonly SetItem[];
  readonly onMatch: readonly SetItem[];
}

export interface SetClause extends Spanned {
  readonly kind: 'set';
  readonly items: readonly SetItem[];
}

export type SetItem =
  /** `of.name = value`. */
  | (Spanned & { readonly kind: 'property'; readonly target: PropertyExpression; readonly value: Expression })
  /** `of[name] = value`. */
  | (Spanned & { readonly kind: 'item'; readonly target: IndexExpression; readonly value: Expression })
  /** `n = value`, or with `keep` `n += value`. */
  | (Spanned & {
      readonly kind: 'all';
      readonly target: VariableExpression;
      readonly value: Expression;
      readonly keep: boolean;
    })
  | SetLabels;

/** `n:A:B`, `n:$(labels)`. */
export interface SetLabels extends Spanned {
  readonly kind: 'labels';
  readonly target: VariableExpression;
  readonly labels: readonly Name[];
  /** Each gives a name, or a list of names. */
  readonly computed: readonly Expression[];
}

export interface RemoveClause extends Spanned {
  readonly kind: 'remove';
  readonly items: readonly RemoveItem[];
}

export type RemoveItem =
  | (Spanned & { readonly kind: 'property'; readonly target: PropertyExpression })
  | (Spanned & { readonly kind: 'item'; readonly target: IndexExpression })
  | SetLabels;

export interface DeleteClause extends Spanned {
  readonly kind: 'delete';
  readonly detach: boolean;
  readonly values: readonly Expression[];
}

export interface ForeachClause extends Spanned {
  readonly kind: 'foreach';
  readonly variable: Name;
  readonly list: Expression;
  readonly clauses: readonly Clause[];
}

/** `CALL name(arguments) YIELD ...`. */
export interface ProcedureClause extends Spanned {
  readonly kind: 'procedure';
  /** `OPTIONAL CALL`: a row for which there is no result stays, with nulls. */
  readonly optional: boolean;
  readonly name: Name;
  /** Undefined without parentheses: they are taken from the parameters. */
  readonly arguments: readonly Expression[] | undefined;
  /** Undefined without YIELD, which only a call that stands alone may do; `all` for `YIELD *`. */
  readonly yields: 'all' | readonly YieldItem[] | undefined;
  readonly where: Expression | undefined;
}

export interface YieldItem extends Spanned {
  readonly name: Name;
  readonly alias: Name | undefined;
}

/** `CALL {...}`, or `CALL (a, b) {...}`. */
export interface SubqueryClause extends Spanned {
  readonly kind: 'subquery';
  /** Undefined where the query itself imports by a first WITH; `all` for `CALL (*)`. */
  readonly imports: 'all' | readonly Name[] | undefined;
  readonly query: Query;
  /** `OPTIONAL CALL`. */
  readonly optional: boolean;
}

// Statements

export type Statement = QueryStatement | SchemaStatement;

export interface QueryStatement extends Spanned {
  readonly kind: 'query';
  /** `explain`: only plan; `profile`: run, and count. */
  readonly mode: 'run' | 'explain' | 'profile';
  readonly query: Query;
}

/** What an index or constraint is about. */
export interface SchemaContent {
  readonly what: 'index' | 'unique' | 'exists' | 'key' | 'type';
  readonly on: 'node' | 'edge';
  readonly label: string;
  readonly properties: readonly string[];
  /** Of `type`: names of types in capitals, e.g. `LIST<STRING NOT NULL>`. */
  readonly types?: readonly string[];
}

export type SchemaStatement =
  | (Spanned &
      SchemaContent & {
        readonly kind: 'createSchema';
        /** Undefined: one is made of what it is about. */
        readonly name: string | undefined;
        readonly ifNotExists: boolean;
      })
  | (Spanned & {
      readonly kind: 'dropSchema';
      readonly what: 'index' | 'constraint';
      /** The name, or what it is about. */
      readonly target: string | SchemaContent;
      readonly ifExists: boolean;
    });
