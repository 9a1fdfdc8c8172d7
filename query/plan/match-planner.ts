/**
 * Plans the pattern of a MATCH: makes a graph of names and conditions of it, has its order chosen (`order-pattern.ts`), and
 * the operators built (`match-builder.ts`). Every condition is tested as soon as its variables are there; one that only
 * asks whether a sub-query has rows becomes a semi-join.
 */
import type { Expression, NodePattern, PatternPart, RelationshipPattern } from '../syntax/ast.ts';
import type { ExpressionBinder } from './bind-expression.ts';
import type { PathStep } from './bound-expression.ts';
import { Estimates, holdsSubquery } from './estimates.ts';
import {
  allowedTypes,
  computedIn,
  conjuncts,
  demandedLabels,
  freeVariables,
  isPath,
  isVolatile,
} from './expression-facts.ts';
import { MatchBuilder } from './match-builder.ts';
import type { Operator } from './operator.ts';
import { orderAsWritten, orderPattern } from './order-pattern.ts';
import type { Condition, Pattern, PatternEdge, PatternNode } from './pattern.ts';
import { rowsOf, writes } from './plan-facts.ts';
import type { PlannerContext } from './planned-statement.ts';
import { type PlanTable, reference, type Scope, type Variable } from './scope.ts';

/** Share of rows whose relationship has one of the types of an expression that is more than a choice. */
const TYPES_SHARE = 0.5;

export interface MatchResult {
  readonly operator: Operator;
  readonly scope: Scope;
}

interface NamedPath {
  readonly name: string;
  readonly nodes: readonly PatternNode[];
  readonly edges: readonly PatternEdge[];
}

export class MatchPlanner {
  readonly #table: PlanTable;
  readonly #binder: ExpressionBinder;
  readonly #context: PlannerContext;
  #anonymous = 0;

  constructor(table: PlanTable, binder: ExpressionBinder, context: PlannerContext) {
    this.#table = table;
    this.#binder = binder;
    this.#context = context;
  }

  plan(parts: readonly PatternPart[], where: Expression | undefined, input: Operator, scope: Scope): MatchResult {
    const { optimise, statistics } = this.#context;
    const pattern = new PatternGraph(this.#binder, new Estimates(statistics));
    const paths: NamedPath[] = [];
    for (const part of parts) this.#addPart(part, pattern, paths);
    for (const condition of conjuncts(where)) pattern.addCondition(condition);
    pattern.complete();
    const known = new Set(scope.keys());
    const steps = optimise
      ? orderPattern(pattern, known, { statistics, mayJoin: !writes(input), rows: rowsOf(input) })
      : orderAsWritten(pattern, known);
    const builder = new MatchBuilder({
      table: this.#table,
      binder: this.#binder,
      pattern,
      input,
      scope,
      semiJoins: optimise,
    });
    builder.begin();
    for (const step of steps) builder.step(step);
    for (const path of paths) builder.addPath(path.name, pathSteps(path, builder));
    return builder.end();
  }

  #name(prefix: string): string {
    return `  ${prefix}${this.#anonymous++}`;
  }

  #addPart(part: PatternPart, pattern: PatternGraph, paths: NamedPath[]): void {
    const nodes = part.nodes.map((node) => pattern.addNode(node, node.variable?.text ?? this.#name('node')));
    const edges = part.relationships.map((relationship, i) =>
      pattern.addEdge({
        name: relationship.variable?.text ?? this.#name('edge'),
        pattern: relationship,
        left: nodes[i] as PatternNode,
        right: nodes[i + 1] as PatternNode,
        shortest: part.shortest,
        types: allowedTypes(relationship.types),
        needs: isPath(relationship, part) ? neededBy(relationship) : NOTHING,
      }),
    );
    if (part.variable === undefined) return;
    pattern.paths.add(part.variable.text);
    paths.push({ name: part.variable.text, nodes, edges });
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** What the conditions on each relationship of a path read; its own name is that relationship there. */
function neededBy({ variable, types, properties, where }: RelationshipPattern): ReadonlySet<string> {
  const names = freeVariables(where);
  if (variable !== undefined) names.delete(variable.text);
  for (const each of [properties, ...computedIn(types)]) for (const name of freeVariables(each)) names.add(name);
  return names;
}

function pathSteps({ nodes, edges }: NamedPath, builder: MatchBuilder): PathStep[] {
  return nodes.flatMap((node, i): PathStep[] => {
    const step: PathStep = { kind: 'node', slot: builder.variable(node.name).slot };
    const edge = edges[i];
    if (edge === undefined) return [step];
    const { slot, kind } = builder.variable(edge.name);
    return [step, { kind: kind === 'edge' ? 'edge' : 'list', slot }];
  });
}

/** The pattern while it is put together. */
class PatternGraph implements Pattern {
  readonly nodes: PatternNode[] = [];
  readonly edges: PatternEdge[] = [];
  conditions: Condition[] = [];
  readonly paths = new Set<string>();
  readonly #byName = new Map<string, PatternNode>();
  readonly #binder: ExpressionBinder;
  readonly #estimates: Estimates;

  constructor(binder: ExpressionBinder, estimates: Estimates) {
    this.#binder = binder;
    this.#estimates = estimates;
  }

  addNode({ labels, properties, where, start, end }: NodePattern, name: string): PatternNode {
    let node = this.#byName.get(name);
    if (node === undefined) {
      node = { name, labels: [] };
      this.#byName.set(name, node);
      this.nodes.push(node);
    }
    // One condition for each label, so that a label that is sought by is not tested again.
    for (const each of labels === undefined ? [] : demanded(labels)) {
      this.addCondition({ kind: 'labels', of: { kind: 'variable', name, start, end }, labels: each, start, end });
    }
    this.#addProperties(name, properties);
    for (const each of conjuncts(where)) this.addCondition(each);
    return node;
  }

  addEdge(edge: PatternEdge): PatternEdge {
    this.edges.push(edge);
    const { pattern, name, shortest, types } = edge;
    // Of a path, each relationship must meet them: the operator sees to that.
    if (pattern.range !== undefined || shortest !== undefined) return edge;
    this.#addProperties(name, pattern.properties);
    if (types === undefined && pattern.types !== undefined) {
      const { types: wanted } = pattern;
      const computed = computedIn(wanted);
      this.conditions.push({
        needs: new Set([name, ...computed.flatMap((each) => Array.from(freeVariables(each)))]),
        expression: undefined,
        share: TYPES_SHARE,
        isHeavy: computed.some(holdsSubquery),
        isVolatile: isVolatile(computed),
        bind: (scope) => this.#binder.labels(reference(scope.get(name) as Variable), wanted, scope),
      });
    }
    for (const each of conjuncts(pattern.where)) this.addCondition(each);
    return edge;
  }

  #addProperties(name: string, properties: NodePattern['properties']): void {
    if (properties?.kind !== 'map') return;
    for (const { key, value } of properties.entries) {
      const { start } = key;
      const { end } = value;
      const of: Expression = { kind: 'variable', name, start, end };
      const property: Expression = { kind: 'property', of, name: key, start, end };
      this.addCondition({ kind: 'comparison', operators: ['='], operands: [property, value], start, end });
    }
  }

  addCondition(expression: Expression): void {
    if (expression.kind === 'labels' && expression.of.kind === 'variable') {
      this.#byName.get(expression.of.name)?.labels.push(...demandedLabels(expression.labels));
    }
    this.conditions.push({
      needs: freeVariables(expression),
      expression,
      share: this.#estimates.share(expression),
      isHeavy: holdsSubquery(expression),
      isVolatile: isVolatile(expression),
      bind: (scope) => this.#binder.bind(expression, scope),
    });
  }

  /** After everything was added: what has a value of its own for each match is tested where all of the match is there. */
  complete(): void {
    const all = [...[...this.nodes, ...this.edges].map(({ name }) => name), ...this.paths];
    this.conditions = this.conditions.map((each) =>
      each.isVolatile ? { ...each, needs: new Set([...each.needs, ...all]) } : each,
    );
  }
}

type Labels = NonNullable<NodePattern['labels']>;

function demanded(labels: Labels): Labels[] {
  return labels.kind === 'and' ? [...demanded(labels.left), ...demanded(labels.right)] : [labels];
}
