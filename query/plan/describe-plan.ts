/** The plan as EXPLAIN and PROFILE show it: what each operator does in the words of the statement. */
import type { Direction } from '../../graph/model.ts';
import type { ProfileEntry } from '../execution/profile.ts';
import type { BoundExpression } from './bound-expression.ts';
import { expressionText } from './expression-text.ts';
import {
  type CreateElement,
  type IndexSeek,
  inputsOf,
  type Operator,
  type Plan,
  type ProjectItem,
  type SetItem,
} from './operator.ts';
import type { PlanDescription } from './planned-statement.ts';

/** Longer ones are cut: a plan is read at a glance. */
const DETAILS_CHARACTERS_MAX = 200;
const ARROWS: Readonly<Record<Direction, readonly [string, string]>> = {
  out: ['-', '->'],
  in: ['<-', '-'],
  both: ['-', '-'],
};

export function describePlan(plan: Plan, profile: ReadonlyMap<Operator, ProfileEntry> | undefined): PlanDescription {
  const describer = new Describer(plan, profile);
  const root = describer.describe(plan.root);
  return {
    operator: 'ProduceResults',
    details: cut(plan.columns.map(({ name }) => name).join(', ')),
    estimatedRows: root.estimatedRows,
    rows: root.rows,
    timeMs: root.timeMs,
    children: [root, ...plan.subplans.map((each) => describer.describe(each))],
  };
}

function cut(text: string): string {
  return text.length <= DETAILS_CHARACTERS_MAX ? text : `${text.slice(0, DETAILS_CHARACTERS_MAX - 1)}…`;
}

class Describer {
  readonly #names: readonly (string | undefined)[];
  readonly #columns: ReadonlyMap<number, string>;
  readonly #profile: ReadonlyMap<Operator, ProfileEntry> | undefined;

  constructor(plan: Plan, profile: ReadonlyMap<Operator, ProfileEntry> | undefined) {
    this.#names = plan.names ?? [];
    this.#columns = new Map(plan.columns.map(({ slot, name }) => [slot, name]));
    this.#profile = profile;
  }

  describe(operator: Operator): PlanDescription {
    const entry = this.#profile?.get(operator);
    return {
      operator: operator.kind,
      details: cut(this.#details(operator)),
      estimatedRows: operator.estimatedRows,
      rows: entry?.rows,
      timeMs: entry?.timeMs,
      children: inputsOf(operator).map((each) => this.describe(each)),
    };
  }

  #details(operator: Operator): string {
    switch (operator.kind) {
      case 'Argument':
      case 'Eager':
      case 'Apply':
      case 'OptionalApply':
      case 'Union':
        return '';
      case 'AllNodesScan':
        return this.#node(operator.node);
      case 'LabelScan':
        return this.#node(operator.node, [operator.label]);
      case 'IndexSeek':
        return `${this.#node(operator.node, [operator.label])} ${this.#seek(operator)}`;
      case 'NodeByIdSeek':
        return `${this.#node(operator.node)} id IN ${this.#text(operator.ids)}`;
      case 'EdgeByIdSeek':
        return `${this.#edge(operator, operator.edge)} id IN ${this.#text(operator.ids)}`;
      case 'EdgeScan':
        return this.#edge(operator, operator.edge, operator.types);
      case 'Expand':
        return `${this.#edge(operator, operator.edge, operator.types)}${operator.into ? ' into' : ''}`;
      case 'VarLengthExpand': {
        const { edges, types, min, max, into } = operator;
        return `${this.#edge(operator, edges, types, `*${min}..${max ?? ''}`)}${into ? ' into' : ''}${this.#where(operator)}`;
      }
      case 'ShortestPath': {
        const { edges, types, min, max, all } = operator;
        const pattern = this.#edge(operator, edges, types, `*${min}..${max ?? ''}`);
        return `${all ? 'all ' : ''}${pattern}${this.#where(operator)}`;
      }
      case 'Filter':
        return this.#text(operator.predicate);
      case 'Project':
        return this.#items(operator.items);
      case 'Aggregate': {
        const aggregates = operator.aggregates.map(({ function: name, distinct, arguments: given }) => {
          const inside = given.length === 0 ? '*' : this.#list(given);
          return `${name}(${distinct ? 'DISTINCT ' : ''}${inside})`;
        });
        return [...(operator.keys.length === 0 ? [] : [this.#items(operator.keys)]), ...aggregates].join(', ');
      }
      case 'Distinct':
        return operator.slots.map((slot) => this.#name(slot)).join(', ');
      case 'Sort': {
        const by = operator.by.map(
          ({ expression, descending }) => `${this.#text(expression)}${descending ? ' DESC' : ''}`,
        );
        const limit = operator.limit?.map((each) => this.#text(each)).join(' + ');
        const top = limit === undefined ? '' : `, top ${limit}`;
        return `${by.join(', ')}${top}`;
      }
      case 'Skip':
      case 'Limit':
        return this.#text(operator.count);
      case 'SemiApply':
        return operator.anti ? 'without' : 'with';
      case 'Unwind':
        return `${this.#text(operator.list)} AS ${this.#name(operator.slot)}`;
      case 'Foreach':
        return `${this.#name(operator.slot)} IN ${this.#text(operator.list)}`;
      case 'Create':
      case 'Merge':
        return operator.elements.map((each) => this.#element(each)).join(', ');
      case 'SetItems':
        return operator.items.map((each) => this.#setItem(each)).join(', ');
      case 'Delete':
        return `${operator.detach ? 'DETACH ' : ''}${this.#list(operator.values)}`;
      case 'ProcedureCall':
        return `${operator.name}(${this.#list(operator.arguments)})`;
      case 'HashJoin':
        return operator.keys.map(({ left, right }) => `${this.#text(left)} = ${this.#text(right)}`).join(' AND ');
    }
  }

  /** The name of a variable, of a column, or a number that says that it is the same one. */
  #name(slot: number): string {
    return this.#names[slot] ?? this.#columns.get(slot) ?? `_${slot}`;
  }

  #text(expression: BoundExpression): string {
    return expressionText(expression, (slot) => this.#name(slot));
  }

  #list(expressions: readonly BoundExpression[]): string {
    return expressions.map((each) => this.#text(each)).join(', ');
  }

  #node(slot: number, labels: readonly string[] = []): string {
    return `(${this.#names[slot] ?? ''}${labels.map((label) => `:${label}`).join('')})`;
  }

  #edge(
    { from, to, direction }: { readonly from: number; readonly to: number; readonly direction: Direction },
    edge: number,
    types: readonly string[] = [],
    range = '',
  ): string {
    const [left, right] = ARROWS[direction];
    const inside = `${this.#names[edge] ?? ''}${types.length === 0 ? '' : `:${types.join('|')}`}${range}`;
    return `${this.#node(from)}${left}[${inside}]${right}${this.#node(to)}`;
  }

  #where({ condition }: { readonly condition: { readonly predicate: BoundExpression } | undefined }): string {
    return condition === undefined ? '' : ` WHERE ${this.#text(condition.predicate)}`;
  }

  #seek({ node, property, seek }: IndexSeek): string {
    const sought = `${this.#name(node)}.${property}`;
    switch (seek.kind) {
      case 'equal':
        return `${sought} = ${this.#text(seek.value)}`;
      case 'in':
        return `${sought} IN ${this.#text(seek.list)}`;
      case 'prefix':
        return `${sought} STARTS WITH ${this.#text(seek.prefix)}`;
      case 'range': {
        const { from, to } = seek;
        const bounds = [
          ...(from === undefined ? [] : [`${sought} ${from.inclusive ? '>=' : '>'} ${this.#text(from.value)}`]),
          ...(to === undefined ? [] : [`${sought} ${to.inclusive ? '<=' : '<'} ${this.#text(to.value)}`]),
        ];
        return bounds.join(' AND ');
      }
    }
  }

  #items(items: readonly ProjectItem[]): string {
    const texts = items.map(({ slot, expression }) => {
      const text = this.#text(expression);
      const name = this.#names[slot] ?? this.#columns.get(slot);
      return name === undefined || name === text ? text : `${text} AS ${name}`;
    });
    return texts.join(', ');
  }

  #element(element: CreateElement): string {
    const properties = element.properties === undefined ? '' : ` ${this.#text(element.properties)}`;
    if (element.kind === 'node') {
      const all = [...element.labels, ...element.computed.map((each) => `$(${this.#text(each)})`)];
      const labels = all.map((label) => `:${label}`).join('');
      return `(${this.#names[element.slot] ?? ''}${labels}${properties})`;
    }
    const { slot, from, to } = element;
    const type = typeof element.type === 'string' ? element.type : `$(${this.#text(element.type)})`;
    return `${this.#node(from)}-[${this.#names[slot] ?? ''}:${type}${properties}]->${this.#node(to)}`;
  }

  #setItem(item: SetItem): string {
    const target = this.#text(item.target);
    switch (item.kind) {
      case 'property':
        return `${target}.${item.name} = ${this.#text(item.value)}`;
      case 'all':
        return `${target} ${item.keep ? '+=' : '='} ${this.#text(item.value)}`;
      case 'item':
        return `${target}[${this.#text(item.key)}] = ${this.#text(item.value)}`;
      case 'addLabels':
      case 'removeLabels': {
        const labels = [...item.labels, ...item.computed.map((each) => `$(${this.#text(each)})`)];
        return `${item.kind === 'addLabels' ? '' : 'REMOVE '}${target}${labels.map((label) => `:${label}`).join('')}`;
      }
    }
  }
}
