/**
 * Turns a plan into running operators with compiled expressions. From the top down each operator learns which slots are
 * used above it, so that rows carry no more than that; an inner plan starts from the row of the plan around it.
 */
import { assertNever } from '../../base/assert.ts';
import { compile, compileOrdinal, compileTest } from '../expressions/compile.ts';
import type { Evaluate, ExpressionContext, Test } from '../expressions/evaluate.ts';
import { nodePropertyOf } from '../expressions/node-property.ts';
import { definedSlots, filledBy, SlotUsage } from '../expressions/slot-usage.ts';
import { findAggregate } from '../functions/aggregates.ts';
import { AggregateOperator, type CompiledAggregate } from '../operators/aggregate.ts';
import { ApplyOperator } from '../operators/apply.ts';
import { ArgumentOperator } from '../operators/argument.ts';
import { CountExpandOperator } from '../operators/count-expand.ts';
import { CreateOperator } from '../operators/create.ts';
import { DeleteOperator } from '../operators/delete.ts';
import { DistinctOperator } from '../operators/distinct.ts';
import { EagerOperator } from '../operators/eager.ts';
import { EdgeScanOperator } from '../operators/edge-scan.ts';
import { ExpandOperator } from '../operators/expand.ts';
import { FilterOperator } from '../operators/filter.ts';
import { ForeachOperator } from '../operators/foreach.ts';
import { HashJoinOperator } from '../operators/hash-join.ts';
import { LimitOperator } from '../operators/limit.ts';
import { MergeOperator } from '../operators/merge.ts';
import { ArgumentRow, type PlanOperator } from '../operators/plan-operator.ts';
import { type CompiledItem, ProjectOperator } from '../operators/project.ts';
import { ScanOperator } from '../operators/scan.ts';
import { SemiApplyOperator } from '../operators/semi-apply.ts';
import { SetItemsOperator } from '../operators/set-items.ts';
import { SkipOperator } from '../operators/skip.ts';
import { SortOperator } from '../operators/sort.ts';
import { UnionOperator } from '../operators/union.ts';
import { UnwindOperator } from '../operators/unwind.ts';
import type { CompiledElement, CompiledSet } from '../operators/write-elements.ts';
import { CATALOG, MADE_VALUES, PACKED_COLUMNS, PATHS } from '../parts.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import { isVolatile } from '../plan/expression-facts.ts';
import type {
  Aggregate,
  AggregateItem,
  Apply,
  CreateElement,
  Expand,
  Foreach,
  HashJoin,
  Merge,
  Operator,
  OptionalApply,
  Plan,
  ProjectItem,
  SemiApply,
  SetItem,
  Sort,
} from '../plan/operator.ts';
import { writes } from '../plan/plan-facts.ts';
import { SlotCopy } from './batch.ts';
import { ProfiledOperator, type ProfileEntry } from './profile.ts';
import { rowCount } from './row-count.ts';
import type { Run } from './run.ts';
import { edgesById, edgesOfTypes, nodesById, seekNodes } from './seeks.ts';
import { compileSubquery } from './subquery.ts';

/** The plan around an operator: its row, and the slots of that. */
interface Scope {
  readonly argument: ArgumentRow;
  readonly slots: ReadonlySet<number>;
}

export interface CompiledPlan {
  readonly root: PlanOperator;
  /** Those of sub-queries in expressions, which are no inputs of others. */
  readonly innerRoots: readonly PlanOperator[];
  /** What each operator did, in the order of a walk through the plan; empty unless it is profiled. */
  readonly profile: ReadonlyMap<Operator, ProfileEntry>;
}

export function compilePlan(plan: Plan, run: Run, { profiled }: { readonly profiled: boolean }): CompiledPlan {
  return new PlanCompiler(plan, run, profiled).compile();
}

class PlanCompiler {
  readonly #plan: Plan;
  readonly #run: Run;
  readonly #usage: SlotUsage;
  readonly #profile: Map<Operator, ProfileEntry> | undefined;
  readonly #innerRoots: PlanOperator[] = [];

  constructor(plan: Plan, run: Run, profiled: boolean) {
    this.#plan = plan;
    this.#run = run;
    this.#usage = new SlotUsage(plan.subplans);
    this.#profile = profiled ? new Map() : undefined;
  }

  compile(): CompiledPlan {
    const needed = new Set(this.#plan.columns.map(({ slot }) => slot));
    const scope = { argument: new ArgumentRow(), slots: new Set<number>() };
    const root = this.#operator(this.#plan.root, needed, scope);
    return { root, innerRoots: this.#innerRoots, profile: this.#profile ?? new Map() };
  }

  /** @param needed slots that are used above */
  #operator(operator: Operator, needed: ReadonlySet<number>, scope: Scope): PlanOperator {
    const made = this.#make(operator, needed, scope);
    if (this.#profile === undefined) return made;
    const entry = { rows: 0, timeMs: 0 };
    this.#profile.set(operator, entry);
    return new ProfiledOperator(made, entry, this.#run);
  }

  /** What expressions of an operator need: sub-queries see the slots of its input. */
  #context(slots: ReadonlySet<number>): ExpressionContext {
    const run = this.#run;
    return {
      run,
      locals: [],
      subquery: (expression, locals) => {
        const argument = new ArgumentRow();
        const inner = this.#plan.subplans[expression.plan] as Operator;
        const value = expression.mode === 'collect' ? expression.value : undefined;
        const needed = this.#usage.of(value);
        const visible = new Set([...slots, ...locals]);
        const root = this.#operator(inner, needed, { argument, slots: visible });
        this.#innerRoots.push(root);
        const collected = value === undefined ? undefined : compile(value, this.#context(definedSlots(inner, visible)));
        return compileSubquery(run, root, { argument, mode: expression.mode, value: collected });
      },
    };
  }

  /** Slots that the input has and that somebody needs. */
  #carried(input: Operator, needed: Iterable<number>, scope: Scope): number[] {
    const defined = definedSlots(input, scope.slots);
    return Array.from(new Set(needed)).filter((slot) => defined.has(slot));
  }

  #make(operator: Operator, needed: ReadonlySet<number>, scope: Scope): PlanOperator {
    const { slots: kinds } = this.#plan;
    const run = this.#run;
    if (operator.kind === 'Argument') {
      const copies = Array.from(needed).filter((slot) => scope.slots.has(slot));
      return new ArgumentOperator(scope.argument, kinds, copies);
    }
    if (operator.kind === 'Union') {
      return new UnionOperator(operator.inputs.map((input) => this.#operator(input, needed, scope)));
    }
    if (operator.kind === 'HashJoin') return this.#hashJoin(operator, needed, scope);
    if ('inner' in operator) return this.#correlated(operator, needed, scope);

    const filled = new Set(filledBy(operator));
    const own = this.#usage.own(operator);
    const below = new Set([...[...needed].filter((slot) => !filled.has(slot) || own.has(slot)), ...own]);
    const inputScope = definedSlots(operator.input, scope.slots);
    const context = this.#context(inputScope);
    const input = () => this.#operator(operator.input, below, scope);
    const copies = [...needed].filter((slot) => inputScope.has(slot) && !filled.has(slot));
    /** In batches that are changed in place: what is used above and there already. */
    const kept = new SlotCopy(kinds, copies);
    switch (operator.kind) {
      case 'AllNodesScan':
        return new ScanOperator(run, input(), {
          slot: operator.node,
          openCursor: () => run.graph.scanNodes(),
          kinds,
          copies,
        });
      case 'LabelScan':
        return new ScanOperator(run, input(), {
          slot: operator.node,
          openCursor: () => run.graph.scanLabel(operator.label),
          kinds,
          copies,
        });
      case 'IndexSeek':
        return new ScanOperator(run, input(), {
          slot: operator.node,
          openCursor: seekNodes(operator, context),
          kinds,
          copies,
        });
      case 'NodeByIdSeek':
        return new ScanOperator(run, input(), {
          slot: operator.node,
          openCursor: nodesById(compile(operator.ids, context), run),
          kinds,
          copies,
        });
      case 'EdgeByIdSeek':
        return new EdgeScanOperator(run, input(), {
          ...operator,
          openCursor: edgesById(compile(operator.ids, context), run),
          kinds,
          copies,
        });
      case 'EdgeScan':
        return new EdgeScanOperator(run, input(), {
          ...operator,
          openCursor: edgesOfTypes(operator.types, run),
          kinds,
          copies,
        });
      case 'Expand':
        return new ExpandOperator(run, input(), { plan: operator, kinds, copies, needed });
      case 'VarLengthExpand':
      case 'ShortestPath': {
        const { ShortestPathOperator, VarLengthExpandOperator } = PATHS.get();
        const condition = this.#condition(operator.condition, inputScope);
        if (operator.kind === 'ShortestPath') {
          return new ShortestPathOperator(run, input(), { plan: operator, condition, kinds, copies });
        }
        return new VarLengthExpandOperator(run, input(), { plan: operator, condition, kinds, copies });
      }
      case 'Filter': {
        const packed = PACKED_COLUMNS.ifThere;
        const select = packed?.compileSelect(operator.predicate, context);
        if (packed !== undefined && select !== undefined) return new packed.SelectOperator(run, input(), select, kept);
        return new FilterOperator(run, input(), compileTest(operator.predicate, context), kept);
      }
      case 'Project':
        return new ProjectOperator(input(), this.#items(operator.items, context));
      case 'Aggregate':
        return this.#aggregate(operator, scope);
      case 'Distinct': {
        const slots = new SlotCopy(kinds, [...copies, ...operator.slots]);
        return new DistinctOperator(run, input(), { by: operator.slots, kinds, slots });
      }
      case 'Sort':
        return this.#sort(operator, input(), copies, context);
      case 'Skip':
        return new SkipOperator(input(), rowCount('SKIP', compile(operator.count, context)), kept);
      case 'Limit':
        return new LimitOperator(input(), rowCount('LIMIT', compile(operator.count, context)), writes(operator.input));
      case 'Unwind': {
        const list = compile(operator.list, context);
        return new UnwindOperator(run, input(), { list, slot: operator.slot, kinds, copies });
      }
      case 'Eager':
        return new EagerOperator(run, input(), kinds, copies);
      case 'Create':
        return new CreateOperator(run, input(), this.#elements(operator.elements, inputScope));
      case 'SetItems':
        return new SetItemsOperator(run, input(), this.#sets(operator.items, context));
      case 'Delete': {
        const values = operator.values.map((value) => compile(value, context));
        return new DeleteOperator(run, input(), values, operator.detach);
      }
      case 'ProcedureCall': {
        const args = operator.arguments.map((argument) => compile(argument, context));
        const { ProcedureCallOperator } = CATALOG.get();
        return new ProcedureCallOperator(run, input(), { plan: operator, args, kinds, copies });
      }
      default:
        return assertNever(operator);
    }
  }

  #condition(
    condition: { readonly edge: number; readonly predicate: BoundExpression } | undefined,
    slots: ReadonlySet<number>,
  ): Test | undefined {
    if (condition === undefined) return undefined;
    return compileTest(condition.predicate, this.#context(new Set([...slots, condition.edge])));
  }

  /** What is evaluated for all rows of a batch, and held until the next one. */
  #compileRows(expression: BoundExpression, context: ExpressionContext): Evaluate {
    const evaluate = compile(expression, context);
    return MADE_VALUES.ifThere?.countingRows(this.#run, expression, evaluate) ?? evaluate;
  }

  #items(items: readonly ProjectItem[], context: ExpressionContext): CompiledItem[] {
    return items.map(({ slot, expression }) => {
      const kind = this.#plan.slots[slot] ?? 'value';
      return {
        slot,
        kind,
        evaluate: this.#compileRows(expression, context),
        ordinal: kind === 'value' ? undefined : compileOrdinal(expression, kind, context),
        property: nodePropertyOf(expression, this.#run),
      };
    });
  }

  #aggregate(operator: Aggregate, scope: Scope): PlanOperator {
    const below = this.#usage.own(operator);
    const slots = definedSlots(operator.input, scope.slots);
    const context = this.#context(slots);
    const aggregates = operator.aggregates.map((item): CompiledAggregate => {
      const counts = item.function.toLowerCase() === 'count';
      const [first] = isCountOfRows(item, operator.input) ? [] : item.arguments;
      const isOrdinal = first?.kind === 'slot' && first.slotKind !== 'value';
      return {
        slot: item.slot,
        function: counts && first === undefined ? undefined : findAggregate(item.function),
        distinct: item.distinct,
        arguments: first === undefined ? [] : item.arguments.map((argument) => this.#compileRows(argument, context)),
        property: first === undefined || item.arguments.length > 1 ? undefined : nodePropertyOf(first, this.#run),
        distinctSlot: counts && item.distinct && isOrdinal ? first.slot : undefined,
      };
    });
    const { input: from } = operator;
    const input = this.#onlyCounts(operator)
      ? this.#countExpand(from as Expand, below, scope)
      : this.#operator(from, below, scope);
    const keys = this.#items(operator.keys, context);
    return new AggregateOperator(this.#run, input, { keys, aggregates, kinds: this.#plan.slots });
  }

  /** Whether it aggregates an expansion only to count its rows, by what was there before. Profiles show all rows. */
  #onlyCounts({ input, keys, aggregates }: Aggregate): boolean {
    if (input.kind !== 'Expand' || input.bound || this.#profile !== undefined) return false;
    if (keys.some(({ expression }) => isVolatile(expression))) return false;
    const keyed = this.#usage.of(...keys.map(({ expression }) => expression));
    return aggregates.every((item) => isCountOfRows(item, input)) && filledBy(input).every((slot) => !keyed.has(slot));
  }

  #countExpand(operator: Expand, needed: ReadonlySet<number>, scope: Scope): PlanOperator {
    const own = this.#usage.own(operator);
    const filled = new Set(filledBy(operator));
    const copies = this.#carried(operator.input, needed, scope).filter((slot) => !filled.has(slot));
    const below = new Set([...copies, ...own]);
    const input = this.#operator(operator.input, below, scope);
    return new CountExpandOperator(this.#run, input, { plan: operator, kinds: this.#plan.slots, copies });
  }

  #sort(operator: Sort, input: PlanOperator, slots: readonly number[], context: ExpressionContext): PlanOperator {
    const by = operator.by.map(({ expression, descending }) => ({
      evaluate: compile(expression, context),
      descending,
    }));
    const counts = operator.limit?.map((each, i, { length }) =>
      rowCount(i < length - 1 ? 'SKIP' : 'LIMIT', compile(each, context)),
    );
    const limitOf = counts && (() => counts.reduce((sum, count) => sum + count(), 0));
    return new SortOperator(this.#run, input, { by, limitOf, kinds: this.#plan.slots, slots });
  }

  #elements(elements: readonly CreateElement[], slots: ReadonlySet<number>): CompiledElement[] {
    // One set that grows: that an expression seems to see what is made after it does no harm, copying it would cost the square.
    const visible = new Set(slots);
    const context = this.#context(visible);
    return elements.map((element) => {
      const properties = element.properties === undefined ? undefined : compile(element.properties, context);
      const compiled: CompiledElement =
        element.kind === 'node'
          ? { ...element, properties, computed: element.computed.map((each) => compile(each, context)) }
          : {
              ...element,
              properties,
              type: typeof element.type === 'string' ? element.type : compile(element.type, context),
            };
      visible.add(element.slot);
      return compiled;
    });
  }

  #sets(items: readonly SetItem[], context: ExpressionContext): CompiledSet[] {
    return items.map((item): CompiledSet => {
      const target = compile(item.target, context);
      switch (item.kind) {
        case 'property':
          return { kind: item.kind, target, name: item.name, value: compile(item.value, context) };
        case 'all':
          return { kind: item.kind, target, value: compile(item.value, context), keep: item.keep };
        case 'item':
          return { kind: item.kind, target, key: compile(item.key, context), value: compile(item.value, context) };
        default: {
          const computed = item.computed.map((each) => compile(each, context));
          return { kind: item.kind, target, labels: item.labels, computed };
        }
      }
    });
  }

  // --- operators with an inner plan

  #correlated(
    operator: Apply | OptionalApply | SemiApply | Merge | Foreach,
    needed: ReadonlySet<number>,
    scope: Scope,
  ): PlanOperator {
    const { slots: kinds } = this.#plan;
    const outer = definedSlots(operator.input, scope.slots);
    const own = this.#usage.own(operator);
    const innerUses = this.#usage.ofPlan(operator.inner);
    // What the inner plan fills itself is not asked of the input, which does not have it.
    const below = new Set([...needed, ...own, ...innerUses]);
    const input = this.#operator(operator.input, below, scope);
    const argument = new ArgumentRow();
    const visible = operator.kind === 'Foreach' ? new Set([...outer, operator.slot]) : outer;
    const innerScope: Scope = { argument, slots: visible };
    switch (operator.kind) {
      case 'Apply':
      case 'OptionalApply': {
        const inner = this.#operator(operator.inner, needed, innerScope);
        const copies = this.#carried(operator.input, needed, scope);
        const optional = operator.kind === 'Apply' ? undefined : { nullable: operator.nullable, kinds, copies };
        // An inner plan that aggregates has rows of its own.
        const kept = definedSlots(operator.inner, outer);
        const restored = copies.filter((slot) => !kept.has(slot));
        return new ApplyOperator(input, inner, { argument, optional, restored: { kinds, slots: restored } });
      }
      case 'SemiApply': {
        const inner = this.#operator(operator.inner, new Set(), innerScope);
        const slots = new SlotCopy(kinds, this.#carried(operator.input, needed, scope));
        return new SemiApplyOperator(input, inner, { argument, anti: operator.anti, slots });
      }
      case 'Foreach': {
        const inner = this.#operator(operator.inner, new Set(), innerScope);
        const list = compile(operator.list, this.#context(outer));
        return new ForeachOperator(input, inner, { argument, list, slot: operator.slot });
      }
      case 'Merge': {
        const all = new Set([...needed, ...own]);
        const inner = this.#operator(operator.inner, all, innerScope);
        const made = new Set([...outer, ...operator.elements.map(({ slot }) => slot)]);
        const found = new Set([...outer, ...definedSlots(operator.inner, outer)]);
        return new MergeOperator(this.#run, input, inner, {
          argument,
          elements: this.#elements(operator.elements, outer),
          onMatch: this.#sets(operator.onMatch, this.#context(found)),
          onCreate: this.#sets(operator.onCreate, this.#context(made)),
          kinds,
          copies: this.#carried(operator.input, all, scope),
          slots: Array.from(all).filter((slot) => found.has(slot) || made.has(slot)),
        });
      }
    }
  }

  #hashJoin(operator: HashJoin, needed: ReadonlySet<number>, scope: Scope): PlanOperator {
    const below = new Set([...needed, ...this.#usage.own(operator)]);
    const leftSlots = this.#carried(operator.input, needed, scope);
    const rightSlots = this.#carried(operator.right, needed, scope).filter((slot) => !leftSlots.includes(slot));
    const keys = (side: 'left' | 'right', from: Operator): Evaluate[] => {
      const context = this.#context(definedSlots(from, scope.slots));
      return operator.keys.map((key) => compile(key[side], context));
    };
    const left = this.#operator(operator.input, below, scope);
    const right = this.#operator(operator.right, below, scope);
    return new HashJoinOperator(this.#run, left, right, {
      leftKeys: keys('left', operator.input),
      rightKeys: keys('right', operator.right),
      kinds: this.#plan.slots,
      leftSlots,
      rightSlots,
    });
  }
}

/** `count(x)` of what an expansion has just filled, which is never null: as good as `count(*)`. */
function isCountOfRows({ function: called, distinct, arguments: given }: AggregateItem, input: Operator): boolean {
  if (called.toLowerCase() !== 'count' || distinct) return false;
  const [first] = given;
  if (first === undefined) return true;
  return input.kind === 'Expand' && first.kind === 'slot' && filledBy(input).includes(first.slot);
}
