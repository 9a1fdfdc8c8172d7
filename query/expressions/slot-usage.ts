/** Which slots an expression, or a whole plan, reads. */
import type { BoundExpression } from '../plan/bound-expression.ts';
import type { CreateElement, Operator, SetItem } from '../plan/operator.ts';
import { expressionsOfElement } from '../plan/plan-facts.ts';

/** @param subplans those of the statement */
export class SlotUsage {
  readonly #subplans: readonly Operator[];

  constructor(subplans: readonly Operator[]) {
    this.#subplans = subplans;
  }

  of(...expressions: readonly (BoundExpression | undefined)[]): Set<number> {
    const slots = new Set<number>();
    for (const expression of expressions) if (expression !== undefined) this.#visit(expression, slots);
    return slots;
  }

  /** All slots that operators of the plan read, its own and those of the row that it runs for. */
  ofPlan(operator: Operator): Set<number> {
    const slots = new Set<number>();
    this.#visitPlan(operator, slots);
    return slots;
  }

  #visit(expression: BoundExpression, slots: Set<number>): void {
    if (expression.kind === 'slot') slots.add(expression.slot);
    if (expression.kind === 'path') for (const { slot } of expression.steps) slots.add(slot);
    if (expression.kind === 'subquery') this.#visitPlan(this.#subplans[expression.plan] as Operator, slots);
    for (const part of partsOf(expression)) if (part !== undefined) this.#visit(part, slots);
  }

  #visitPlan(operator: Operator, slots: Set<number>): void {
    for (const slot of this.own(operator)) slots.add(slot);
    if (operator.kind === 'Union') for (const input of operator.inputs) this.#visitPlan(input, slots);
    if ('input' in operator) this.#visitPlan(operator.input, slots);
    if ('inner' in operator) this.#visitPlan(operator.inner, slots);
    if (operator.kind === 'HashJoin') this.#visitPlan(operator.right, slots);
  }

  /** Slots that the operator itself reads, without its inputs and inner plans. */
  own(operator: Operator): Set<number> {
    switch (operator.kind) {
      case 'Argument':
      case 'AllNodesScan':
      case 'LabelScan':
      case 'EdgeScan':
      case 'Union':
      case 'Apply':
      case 'OptionalApply':
      case 'SemiApply':
      case 'Eager':
        return new Set();
      case 'IndexSeek': {
        const { seek } = operator;
        if (seek.kind === 'equal') return this.of(seek.value);
        if (seek.kind === 'in') return this.of(seek.list);
        if (seek.kind === 'prefix') return this.of(seek.prefix);
        return this.of(seek.from?.value, seek.to?.value);
      }
      case 'NodeByIdSeek':
      case 'EdgeByIdSeek':
        return this.of(operator.ids);
      case 'Expand': {
        const { from, to, edge, into, bound, unlike, unlikeLists } = operator;
        return new Set([from, ...(into ? [to] : []), ...(bound ? [edge] : []), ...unlike, ...unlikeLists]);
      }
      case 'VarLengthExpand': {
        const { from, to, into, unlike, unlikeLists, condition } = operator;
        const more = this.of(condition?.predicate);
        return new Set([from, ...(into ? [to] : []), ...unlike, ...unlikeLists, ...more]);
      }
      case 'ShortestPath':
        return new Set([operator.from, operator.to, ...this.of(operator.condition?.predicate)]);
      case 'Filter':
        return this.of(operator.predicate);
      case 'Project':
        return this.of(...operator.items.map(({ expression }) => expression));
      case 'Aggregate':
        return this.of(
          ...operator.keys.map(({ expression }) => expression),
          ...operator.aggregates.flatMap((each) => each.arguments),
        );
      case 'Distinct':
        return new Set(operator.slots);
      case 'Sort':
        return this.of(...operator.by.map(({ expression }) => expression), ...(operator.limit ?? []));
      case 'Skip':
      case 'Limit':
        return this.of(operator.count);
      case 'Unwind':
      case 'Foreach':
        return this.of(operator.list);
      case 'Create':
        return this.#ofElements(operator.elements);
      case 'Merge':
        return new Set([
          ...this.#ofElements(operator.elements),
          ...this.#ofItems(operator.onMatch),
          ...this.#ofItems(operator.onCreate),
        ]);
      case 'SetItems':
        return this.#ofItems(operator.items);
      case 'Delete':
        return this.of(...operator.values);
      case 'ProcedureCall':
        return this.of(...operator.arguments);
      case 'HashJoin':
        return this.of(...operator.keys.flatMap(({ left, right }) => [left, right]));
    }
  }

  #ofElements(elements: readonly CreateElement[]): Set<number> {
    const slots = new Set<number>();
    for (const element of elements) {
      for (const expression of expressionsOfElement(element))
        if (expression !== undefined) this.#visit(expression, slots);
      if (element.kind !== 'edge') continue;
      slots.add(element.from);
      slots.add(element.to);
    }
    return slots;
  }

  #ofItems(items: readonly SetItem[]): Set<number> {
    return this.of(...items.flatMap(partsOfItem));
  }
}

function partsOfItem(item: SetItem): readonly BoundExpression[] {
  if ('computed' in item) return [item.target, ...item.computed];
  return item.kind === 'item' ? [item.target, item.key, item.value] : [item.target, item.value];
}

/** The expressions directly inside of one. */
function partsOf(expression: BoundExpression): readonly (BoundExpression | undefined)[] {
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'slot':
    case 'path':
      return [];
    case 'property':
    case 'labels':
    case 'typed':
    case 'unary':
      return [expression.of];
    case 'computedLabels':
      return [expression.of, expression.names];
    case 'index':
      return [expression.of, expression.index];
    case 'slice':
      return [expression.of, expression.from, expression.to];
    case 'binary':
      return [expression.left, expression.right];
    case 'chain':
      return expression.operands;
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.map(([, value]) => value);
    case 'case':
      return [expression.of, expression.otherwise, ...expression.whens.flatMap(({ when, result }) => [when, result])];
    case 'call':
      return expression.arguments;
    case 'comprehension':
      return [expression.list, expression.where, expression.map];
    case 'quantifier':
      return [expression.list, expression.where];
    case 'reduce':
      return [expression.initial, expression.list, expression.map];
    case 'projection':
      return [expression.of, ...expression.items.map((item) => (item.kind === 'entry' ? item.value : undefined))];
    case 'subquery':
      return expression.mode === 'collect' ? [expression.value] : [];
  }
}

/** Slots that the rows of a plan have, given those of the row that it runs for. */
export function definedSlots(operator: Operator, argument: ReadonlySet<number>): ReadonlySet<number> {
  let known = DEFINED.get(argument);
  if (known === undefined) {
    known = new WeakMap();
    DEFINED.set(argument, known);
  }
  let slots = known.get(operator);
  if (slots === undefined) {
    slots = slotsOf(operator, argument);
    known.set(operator, slots);
  }
  return slots;
}

/** Asked for at every operator of a plan, about all below it: a script of a thousand clauses is as deep. */
const DEFINED = new WeakMap<ReadonlySet<number>, WeakMap<Operator, ReadonlySet<number>>>();

function slotsOf(operator: Operator, argument: ReadonlySet<number>): ReadonlySet<number> {
  switch (operator.kind) {
    case 'Argument':
      return new Set(argument);
    case 'Union': {
      const [first, ...others] = operator.inputs.map((input) => definedSlots(input, argument));
      return new Set(Array.from(first ?? []).filter((slot) => others.every((slots) => slots.has(slot))));
    }
    case 'Aggregate':
      return new Set([...operator.keys, ...operator.aggregates].map(({ slot }) => slot));
    case 'Apply':
    case 'OptionalApply':
    case 'Merge': {
      const outer = definedSlots(operator.input, argument);
      const inner = definedSlots(operator.inner, outer);
      return new Set([...outer, ...inner, ...filledBy(operator)]);
    }
    case 'HashJoin':
      return new Set([...definedSlots(operator.input, argument), ...definedSlots(operator.right, argument)]);
    default:
      return new Set([...definedSlots(operator.input, argument), ...filledBy(operator)]);
  }
}

/** Slots that the operator itself fills. */
export function filledBy(operator: Operator): readonly number[] {
  switch (operator.kind) {
    case 'AllNodesScan':
    case 'LabelScan':
    case 'IndexSeek':
    case 'NodeByIdSeek':
      return [operator.node];
    case 'EdgeScan':
    case 'EdgeByIdSeek':
      return [operator.edge, operator.from, operator.to];
    case 'Expand':
      return [...(operator.bound ? [] : [operator.edge]), ...(operator.into ? [] : [operator.to])];
    case 'VarLengthExpand':
      return [operator.edges, ...(operator.into ? [] : [operator.to])];
    case 'ShortestPath':
      return [operator.edges];
    case 'Project':
      return operator.items.map(({ slot }) => slot);
    case 'Aggregate':
      return [...operator.keys, ...operator.aggregates].map(({ slot }) => slot);
    case 'OptionalApply':
      return operator.nullable;
    case 'Unwind':
      return [operator.slot];
    case 'Create':
    case 'Merge':
      return operator.elements.map(({ slot }) => slot);
    case 'ProcedureCall':
      return operator.results.map(({ slot }) => slot);
    default:
      return [];
  }
}
