/**
 * The plan that the executor runs: a tree of operators over rows of slots. Slots are dense integers over the whole
 * statement, sub-queries included, so that no row is ever renumbered; `Plan.slots` has the kind of each. A slot of kind
 * `node` or `edge` holds an ordinal, -1 for null; a slot of kind `value` any value.
 *
 * Every operator passes on the slots of its input that somebody above uses, beside those that it fills itself; which
 * those are, the executor finds. An operator with an input runs once for each of its rows where that matters: a scan over
 * an input of two rows scans twice. `Argument` is the leaf: one row, with the slots of the row that the sub-plan runs for,
 * or with none at the root.
 */
import type { Direction } from '../../graph/model.ts';
import type { SlotKind } from '../execution/batch.ts';
import type { BoundExpression } from './bound-expression.ts';

export interface Plan {
  readonly root: Operator;
  /** Kinds of all slots of the statement. */
  readonly slots: readonly SlotKind[];
  /** What they are called in the text, for EXPLAIN. */
  readonly names?: readonly (string | undefined)[];
  /** Of the result, in order; none for a statement that only writes. */
  readonly columns: readonly { readonly name: string; readonly slot: number }[];
  readonly writes: boolean;
  /** Plans of sub-queries in expressions, which name them by their index. */
  readonly subplans: readonly Operator[];
}

/** The planner's estimate, for EXPLAIN. */
interface Estimated {
  readonly estimatedRows?: number;
}

interface Unary extends Estimated {
  readonly input: Operator;
}

/** Both have the slots of the row at hand; `inner` starts from an `Argument`. */
interface Correlated extends Unary {
  readonly inner: Operator;
}

export type Operator =
  | Argument
  | AllNodesScan
  | LabelScan
  | IndexSeek
  | NodeByIdSeek
  | EdgeByIdSeek
  | EdgeScan
  | Expand
  | VarLengthExpand
  | ShortestPath
  | Filter
  | Project
  | Aggregate
  | Distinct
  | Sort
  | Skip
  | Limit
  | Union
  | Apply
  | OptionalApply
  | SemiApply
  | Unwind
  | Eager
  | Create
  | Merge
  | SetItems
  | Delete
  | Foreach
  | ProcedureCall
  | HashJoin;

export interface Argument extends Estimated {
  readonly kind: 'Argument';
}

export interface AllNodesScan extends Unary {
  readonly kind: 'AllNodesScan';
  readonly node: number;
}

export interface LabelScan extends Unary {
  readonly kind: 'LabelScan';
  readonly node: number;
  readonly label: string;
}

export interface IndexSeek extends Unary {
  readonly kind: 'IndexSeek';
  readonly node: number;
  readonly label: string;
  readonly property: string;
  readonly seek:
    | { readonly kind: 'equal'; readonly value: BoundExpression }
    /** `list` is a list; duplicates and nulls in it are allowed. */
    | { readonly kind: 'in'; readonly list: BoundExpression }
    | { readonly kind: 'range'; readonly from: SeekBound | undefined; readonly to: SeekBound | undefined }
    | { readonly kind: 'prefix'; readonly prefix: BoundExpression };
}

export interface SeekBound {
  readonly value: BoundExpression;
  readonly inclusive: boolean;
}

/** `ids` is an id or a list of ids; those that name no node are left out. */
export interface NodeByIdSeek extends Unary {
  readonly kind: 'NodeByIdSeek';
  readonly node: number;
  readonly ids: BoundExpression;
}

/** The relationship and its ends. `both`: also the other way round, unless it is a loop. */
export interface EdgeByIdSeek extends Unary {
  readonly kind: 'EdgeByIdSeek';
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  readonly direction: Direction;
  readonly ids: BoundExpression;
}

export interface EdgeScan extends Unary {
  readonly kind: 'EdgeScan';
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  readonly direction: Direction;
  readonly types: readonly string[];
}

/** Relationship slots of the same MATCH from which a new one must differ. */
interface Unlike {
  readonly unlike: readonly number[];
  /** Slots that hold lists of relationships. */
  readonly unlikeLists: readonly number[];
}

/**
 * One row for each relationship of `from`, nothing where `from` is null. With `into`, `to` is filled already and only
 * relationships that lead there are followed; with `bound`, `edge` is filled already and only that one is.
 */
export interface Expand extends Unary, Unlike {
  readonly kind: 'Expand';
  readonly from: number;
  readonly edge: number;
  readonly to: number;
  readonly direction: Direction;
  /** Empty: all. */
  readonly types: readonly string[];
  readonly into: boolean;
  readonly bound: boolean;
}

/** One row for each trail of `min` to `max` relationships; `edges` gets their list, in the order from `from`. */
export interface VarLengthExpand extends Unary, Unlike {
  readonly kind: 'VarLengthExpand';
  readonly from: number;
  readonly edges: number;
  readonly to: number;
  readonly direction: Direction;
  readonly types: readonly string[];
  readonly min: number;
  /** Undefined: no limit but the length of trails. */
  readonly max: number | undefined;
  readonly into: boolean;
  /** Must hold for each relationship, which it finds in `edge`. */
  readonly condition: { readonly edge: number; readonly predicate: BoundExpression } | undefined;
}

/** Shortest trails between two filled nodes: one, or all of the least length. `edges` gets their list. */
export interface ShortestPath extends Unary {
  readonly kind: 'ShortestPath';
  readonly from: number;
  readonly to: number;
  readonly edges: number;
  readonly direction: Direction;
  readonly types: readonly string[];
  /** 0 or 1. */
  readonly min: number;
  readonly max: number | undefined;
  readonly all: boolean;
  readonly condition: { readonly edge: number; readonly predicate: BoundExpression } | undefined;
}

export interface Filter extends Unary {
  readonly kind: 'Filter';
  readonly predicate: BoundExpression;
}

/** Fills slots; an expression sees the slots of the input, not those that are filled here. */
export interface Project extends Unary {
  readonly kind: 'Project';
  readonly items: readonly ProjectItem[];
}

export interface ProjectItem {
  readonly slot: number;
  readonly expression: BoundExpression;
}

/** Without keys there is one row, also of no input. */
export interface Aggregate extends Unary {
  readonly kind: 'Aggregate';
  readonly keys: readonly ProjectItem[];
  readonly aggregates: readonly AggregateItem[];
}

export interface AggregateItem {
  readonly slot: number;
  /** `count` without arguments counts rows. */
  readonly function: string;
  readonly distinct: boolean;
  readonly arguments: readonly BoundExpression[];
}

/** One row for each different content of the slots. */
export interface Distinct extends Unary {
  readonly kind: 'Distinct';
  readonly slots: readonly number[];
}

/** With `limit` only that many first rows are kept, all of these together. Rows that compare equal keep their order. */
export interface Sort extends Unary {
  readonly kind: 'Sort';
  readonly by: readonly { readonly expression: BoundExpression; readonly descending: boolean }[];
  readonly limit: readonly BoundExpression[] | undefined;
}

/** The expression sees no row. */
export interface Skip extends Unary {
  readonly kind: 'Skip';
  readonly count: BoundExpression;
}

export interface Limit extends Unary {
  readonly kind: 'Limit';
  readonly count: BoundExpression;
}

/** All rows of each input, which fill the same slots. */
export interface Union extends Estimated {
  readonly kind: 'Union';
  readonly inputs: readonly Operator[];
}

/** For each row, the rows of `inner`. */
export interface Apply extends Correlated {
  readonly kind: 'Apply';
}

/** The same, but a row for which `inner` has none stays, with null in `nullable`. */
export interface OptionalApply extends Correlated {
  readonly kind: 'OptionalApply';
  readonly nullable: readonly number[];
}

/** Rows for which `inner` has a row; `anti`: has none. */
export interface SemiApply extends Correlated {
  readonly kind: 'SemiApply';
  readonly anti: boolean;
}

/** Null is no item, any other value that is no list is one. */
export interface Unwind extends Unary {
  readonly kind: 'Unwind';
  readonly list: BoundExpression;
  readonly slot: number;
}

/** Reads its whole input first, so that what is written above is not seen below. */
export interface Eager extends Unary {
  readonly kind: 'Eager';
}

/** Nodes first, in order; an expression sees the slots of the input and of nodes before it. */
export interface Create extends Unary {
  readonly kind: 'Create';
  readonly elements: readonly CreateElement[];
}

export type CreateElement =
  | {
      readonly kind: 'node';
      readonly slot: number;
      readonly labels: readonly string[];
      /** More labels, by what names them. */
      readonly computed: readonly BoundExpression[];
      /** A map, or null. */
      readonly properties: BoundExpression | undefined;
    }
  | {
      readonly kind: 'edge';
      readonly slot: number;
      /** What names it, if it is computed. */
      readonly type: string | BoundExpression;
      readonly from: number;
      readonly to: number;
      readonly properties: BoundExpression | undefined;
    };

/**
 * For each row, the rows of `inner` (the match), each after `onMatch`; if there are none, one row after `elements` were
 * created and `onCreate` was done.
 */
export interface Merge extends Correlated {
  readonly kind: 'Merge';
  readonly elements: readonly CreateElement[];
  readonly onMatch: readonly SetItem[];
  readonly onCreate: readonly SetItem[];
}

export interface SetItems extends Unary {
  readonly kind: 'SetItems';
  readonly items: readonly SetItem[];
}

export type SetItem =
  /** `target` is a node or relationship, or null, which is passed over; a null value removes. */
  | {
      readonly kind: 'property';
      readonly target: BoundExpression;
      readonly name: string;
      readonly value: BoundExpression;
    }
  /** All properties; `keep` leaves those that the value does not name. The value is a map, a node or a relationship. */
  | { readonly kind: 'all'; readonly target: BoundExpression; readonly value: BoundExpression; readonly keep: boolean }
  /** As `property`, of the name that `key` has for the row. */
  | {
      readonly kind: 'item';
      readonly target: BoundExpression;
      readonly key: BoundExpression;
      readonly value: BoundExpression;
    }
  /** `labels`, and those that each of `computed` names. */
  | {
      readonly kind: 'addLabels' | 'removeLabels';
      readonly target: BoundExpression;
      readonly labels: readonly string[];
      readonly computed: readonly BoundExpression[];
    };

/** Values are nodes, relationships, paths or null. */
export interface Delete extends Unary {
  readonly kind: 'Delete';
  readonly values: readonly BoundExpression[];
  readonly detach: boolean;
}

/** For each item of the list, runs `inner`, which writes; the row itself is passed on once, unchanged. */
export interface Foreach extends Correlated {
  readonly kind: 'Foreach';
  readonly list: BoundExpression;
  readonly slot: number;
}

/** For each row, the rows of the procedure. Results that nobody takes have no slot. */
export interface ProcedureCall extends Unary {
  readonly kind: 'ProcedureCall';
  readonly name: string;
  readonly arguments: readonly BoundExpression[];
  /** Index of the result, and the slot that it fills. */
  readonly results: readonly { readonly index: number; readonly slot: number }[];
  /** The row itself, once, if the procedure returns nothing. */
  readonly isVoid: boolean;
}

/** Rows of both inputs that agree in all keys; null agrees with nothing. `right` starts from an `Argument` like `input`. */
export interface HashJoin extends Unary {
  readonly kind: 'HashJoin';
  readonly right: Operator;
  readonly keys: readonly { readonly left: BoundExpression; readonly right: BoundExpression }[];
}

/** The operators that it takes rows from, inner plans included, in the order in which they are described. */
export function inputsOf(operator: Operator): readonly Operator[] {
  if (operator.kind === 'Argument') return [];
  if (operator.kind === 'Union') return operator.inputs;
  if (operator.kind === 'HashJoin') return [operator.input, operator.right];
  return 'inner' in operator ? [operator.input, operator.inner] : [operator.input];
}
