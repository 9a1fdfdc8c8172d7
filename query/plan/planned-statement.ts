/** What the planner makes of the text of a statement, and what it may use for that. Types only. */
import type { GraphStatistics, SchemaEntry } from '../../graph/query-graph.ts';
import type { Operator, Plan } from './operator.ts';

export type PlannedStatement =
  | {
      readonly kind: 'query';
      /** `explain` runs nothing; `profile` counts rows and time of each operator. */
      readonly mode: 'run' | 'explain' | 'profile';
      readonly plan: Plan;
    }
  | {
      readonly kind: 'declare';
      /** Has a name, made from its content if none was given. */
      readonly entry: SchemaEntry;
      readonly ifNotExists: boolean;
    }
  | {
      readonly kind: 'drop';
      readonly what: 'index' | 'constraint';
      /** The name, or what it is about. */
      readonly target: string | Omit<SchemaEntry, 'name'>;
      readonly ifExists: boolean;
    };

export interface ProcedureSignature {
  /** As it is called, e.g. `db.labels`. */
  readonly name: string;
  /** Those that are optional come last; left out, they are null. */
  readonly arguments: readonly { readonly name: string; readonly type: string; readonly optional?: boolean }[];
  readonly results: readonly { readonly name: string; readonly type: string }[];
}

export interface PlannerContext {
  readonly statistics: GraphStatistics;
  readonly schema: readonly SchemaEntry[];
  readonly procedure: (name: string) => ProcedureSignature | undefined;
  /** False plans from left to right, as the text has it. */
  readonly optimise: boolean;
}

/** @throws QueryError, at compile time */
export type PlanStatement = (text: string, context: PlannerContext) => PlannedStatement;

/** One operator of a plan as EXPLAIN and PROFILE show it. */
export interface PlanDescription {
  readonly operator: Operator['kind'] | 'ProduceResults';
  /** What it does, e.g. `(n:Person)` or `n.age > 30`. */
  readonly details: string;
  readonly estimatedRows: number | undefined;
  readonly rows: number | undefined;
  readonly timeMs: number | undefined;
  readonly children: readonly PlanDescription[];
}
