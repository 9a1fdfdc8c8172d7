/**
 * Expressions as the executor takes them: variables are slots of the row, names of functions are checked, sub-queries are
 * plans. Nothing here refers to the text of the query.
 */
import type { SlotKind } from '../execution/batch.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { ValueType } from '../values/value-type.ts';

export type BoundExpression =
  | { readonly kind: 'literal'; readonly value: RuntimeValue }
  | { readonly kind: 'parameter'; readonly name: string }
  /** A variable, also that of a comprehension, which has a slot of kind `value` of its own. */
  | { readonly kind: 'slot'; readonly slot: number; readonly slotKind: SlotKind }
  | { readonly kind: 'property'; readonly of: BoundExpression; readonly name: string }
  | { readonly kind: 'index'; readonly of: BoundExpression; readonly index: BoundExpression }
  | {
      readonly kind: 'slice';
      readonly of: BoundExpression;
      readonly from: BoundExpression | undefined;
      readonly to: BoundExpression | undefined;
    }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly of: BoundExpression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: BoundExpression;
      readonly right: BoundExpression;
    }
  /** `a < b <= c`: all neighbours compare so; each operand is evaluated once. One operator fewer than operands. */
  | {
      readonly kind: 'chain';
      readonly operators: readonly BinaryOperator[];
      readonly operands: readonly BoundExpression[];
    }
  | { readonly kind: 'list'; readonly items: readonly BoundExpression[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [key: string, value: BoundExpression])[] }
  | {
      readonly kind: 'case';
      /** With it, each `when` is compared with it by `=`; without, each is a condition. */
      readonly of: BoundExpression | undefined;
      readonly whens: readonly { readonly when: BoundExpression; readonly result: BoundExpression }[];
      readonly otherwise: BoundExpression | undefined;
    }
  /** A scalar function, `coalesce` and `exists` included. */
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly BoundExpression[] }
  /** `n:A|B`; null of null. Relationships have their type as their one label. */
  | { readonly kind: 'labels'; readonly of: BoundExpression; readonly test: LabelTest }
  /** Whether an element has all labels, or the one type, that `names` is or lists. */
  | { readonly kind: 'computedLabels'; readonly of: BoundExpression; readonly names: BoundExpression }
  /** Whether the value is of one of the types; never null. */
  | { readonly kind: 'typed'; readonly of: BoundExpression; readonly types: readonly ValueType[] }
  | {
      readonly kind: 'comprehension';
      readonly slot: number;
      readonly list: BoundExpression;
      readonly where: BoundExpression | undefined;
      readonly map: BoundExpression | undefined;
    }
  | {
      readonly kind: 'quantifier';
      readonly quantifier: 'all' | 'any' | 'none' | 'single';
      readonly slot: number;
      readonly list: BoundExpression;
      readonly where: BoundExpression;
    }
  | {
      readonly kind: 'reduce';
      readonly accumulator: number;
      readonly initial: BoundExpression;
      readonly slot: number;
      readonly list: BoundExpression;
      readonly map: BoundExpression;
    }
  /** `n {.*, .name, key: value}`; a later item replaces an earlier one of the same key. */
  | {
      readonly kind: 'projection';
      readonly of: BoundExpression;
      readonly items: readonly (
        | { readonly kind: 'all' }
        | { readonly kind: 'entry'; readonly key: string; readonly value: BoundExpression }
      )[];
    }
  /**
   * A sub-query for this row: `plan` is an index into `Plan.subplans`, and that starts from an
   * `Argument` that has the slots of the row. `exists`: whether it has
   * a row; `count`: how many; `collect`: the list of `value` of its rows.
   */
  | {
      readonly kind: 'subquery';
      readonly mode: 'exists' | 'count';
      readonly plan: number;
    }
  | { readonly kind: 'subquery'; readonly mode: 'collect'; readonly plan: number; readonly value: BoundExpression }
  /**
   * A path from the slots that a pattern filled: nodes and relationships alternate, a `list` slot holds the
   * relationships of a variable-length part. Null if any is null.
   */
  | { readonly kind: 'path'; readonly steps: readonly PathStep[] };

export type PathStep =
  | { readonly kind: 'node'; readonly slot: number }
  | { readonly kind: 'edge'; readonly slot: number }
  | { readonly kind: 'list'; readonly slot: number };

export type UnaryOperator = 'not' | '-' | '+' | 'isNull' | 'isNotNull';

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | 'and'
  | 'or'
  | 'xor'
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | 'startsWith'
  | 'endsWith'
  | 'contains'
  | '=~';

export type LabelTest =
  | { readonly kind: 'label'; readonly name: string }
  /** `%`: any label at all. */
  | { readonly kind: 'any' }
  | { readonly kind: 'and'; readonly tests: readonly LabelTest[] }
  | { readonly kind: 'or'; readonly tests: readonly LabelTest[] }
  | { readonly kind: 'not'; readonly test: LabelTest };
