/** Checks patterns: what their variables are already, and what may stand in a pattern that is matched, made or merged. */
import { allowedTypes, computedIn, isPath } from '../plan/expression-facts.ts';
import type { LabelExpression, NodePattern, PatternPart, RelationshipPattern } from '../syntax/ast.ts';
import { type ExpressionAnalysis, place } from './analyse-expression.ts';
import { type Names, type Report, withNames } from './analysis-scope.ts';
import { EDGE, listOf, maybe, NODE, PATH, type StaticType } from './static-type.ts';

export type PatternUse = 'match' | 'create' | 'merge' | 'expression';

export class PatternAnalysis {
  readonly #report: Report;
  readonly #expressions: () => ExpressionAnalysis;

  constructor(report: Report, expressions: () => ExpressionAnalysis) {
    this.#report = report;
    this.#expressions = expressions;
  }

  /**
   * The names after the parts.
   * @param mayDefine false where a pattern only asks about what is there
   */
  parts(parts: readonly PatternPart[], before: Names, use: PatternUse, mayDefine = true): Names {
    // One that grows: a copy for each of the thousands of variables that a CREATE may have costs the square.
    const names = new Map(before);
    const relationships = new Set<string>();
    for (const part of parts) this.#part(part, names, { use, mayDefine, relationships });
    // Properties and conditions see all variables of a MATCH, and of CREATE those that came before.
    return names;
  }

  /** Adds its variables to `names`. */
  #part(
    part: PatternPart,
    names: Map<string, StaticType>,
    context: { readonly use: PatternUse; readonly mayDefine: boolean; readonly relationships: Set<string> },
  ): void {
    const { use, mayDefine, relationships } = context;
    const defined = new Set<string>();
    const define = (name: string, type: StaticType, span: { readonly start: number; readonly end: number }) => {
      if (!mayDefine) this.#report.undefinedVariable(span, name);
      names.set(name, type);
      defined.add(name);
    };
    const makes = use === 'create' || use === 'merge';
    part.nodes.forEach((node, i) => {
      if (makes) this.#madeLabels(node);
      this.#node(node, names, part.relationships.length === 0, use);
      if (node.variable !== undefined && !names.has(node.variable.text))
        define(node.variable.text, NODE, node.variable);
      const relationship = part.relationships[i];
      if (relationship === undefined) return;
      const { variable, range } = relationship;
      const known = variable === undefined ? undefined : names.get(variable.text);
      if (makes && variable !== undefined && known !== undefined) this.#report.alreadyBound(variable, variable.text);
      if (makes) this.#madeRelationship(relationship, use);
      if (variable === undefined) return;
      if (known !== undefined) {
        const fits = range === undefined ? maybe(known, 'edge') : maybe(known, 'list');
        if (!fits || (known.kind === 'list' && known.item !== undefined && !maybe(known.item, 'edge'))) {
          this.#report.typeConflict(variable, variable.text, 'relationship');
        }
        if (relationships.has(variable.text)) {
          const message = `the relationship \`${variable.text}\` cannot be matched twice by one pattern`;
          this.#report.fail(variable, 'RelationshipUniquenessViolation', message);
        }
      } else define(variable.text, range === undefined ? EDGE : listOf(EDGE), variable);
      relationships.add(variable.text);
    });
    for (const element of [...part.nodes, ...part.relationships]) {
      if (makes && element.where !== undefined) {
        this.#report.fail(element.where, 'UnexpectedSyntax', 'what is made has no WHERE');
      }
    }
    for (const node of part.nodes) this.#contents(node, names, names, use);
    // Of a path each relationship is asked, while the path is followed: it sees lists of paths that are there before it.
    const paths = part.relationships.filter((each) => isPath(each, part));
    const open = new Set(paths.flatMap(({ variable }) => variable?.text ?? []).filter((name) => defined.has(name)));
    let seen: Names = open.size === 0 ? names : new Map(Array.from(names).filter(([name]) => !open.has(name)));
    for (const relationship of part.relationships) {
      if (!isPath(relationship, part)) {
        this.#contents(relationship, names, names, use);
        continue;
      }
      const name = relationship.variable?.text;
      this.#contents(relationship, seen, name === undefined ? seen : withNames(seen, [[name, EDGE]]), use);
      if (name !== undefined) seen = withNames(seen, [[name, names.get(name) ?? EDGE]]);
    }
    if (part.variable !== undefined) {
      if (names.has(part.variable.text)) this.#report.alreadyBound(part.variable, part.variable.text);
      define(part.variable.text, PATH, part.variable);
    }
  }

  #node(node: NodePattern, names: Names, isAlone: boolean, use: PatternUse): void {
    const { variable } = node;
    const known = variable === undefined ? undefined : names.get(variable.text);
    if (variable === undefined || known === undefined) return;
    if (!maybe(known, 'node')) this.#report.typeConflict(variable, variable.text, 'node');
    if (use !== 'create' && use !== 'merge') return;
    if (isAlone || node.labels !== undefined || node.properties !== undefined) {
      this.#report.alreadyBound(variable, variable.text);
    }
  }

  #madeLabels({ labels }: NodePattern): void {
    if (labels === undefined || isChain(labels)) return;
    this.#report.fail(labels, 'UnexpectedSyntax', 'a node that is made has labels, as in `:A:B`, not a choice of them');
  }

  #madeRelationship(relationship: RelationshipPattern, use: PatternUse): void {
    const { types, range, arrow } = relationship;
    if (range !== undefined) {
      this.#report.fail(relationship, 'CreatingVarLength', 'a relationship of variable length can only be matched');
    }
    if (types === undefined || (types.kind !== 'computed' && allowedTypes(types)?.length !== 1)) {
      this.#report.fail(relationship, 'NoSingleRelationshipType', 'a relationship that is made has exactly one type');
    }
    if (arrow === 'both' || (arrow === 'none' && use === 'create')) {
      this.#report.fail(relationship, 'RequiresDirectedRelationship', 'a relationship that is made has one direction');
    }
  }

  /** @param inside what its WHERE sees */
  #contents(element: NodePattern | RelationshipPattern, names: Names, inside: Names, use: PatternUse): void {
    const { properties, where } = element;
    const labels = 'types' in element ? element.types : element.labels;
    for (const each of computedIn(labels)) this.#expressions().check(each, place(names));
    if (properties?.kind === 'parameter' && use !== 'create') {
      const message = 'properties that are matched are written out, as in {name: $name}';
      this.#report.fail(properties, 'InvalidParameterUse', message);
    }
    if (properties !== undefined) this.#expressions().check(properties, place(names));
    if (where !== undefined) this.#expressions().condition(where, place(inside));
  }
}

/** `:A`, `:A:B`, `:A&B`. */
function isChain(labels: LabelExpression): boolean {
  if (labels.kind === 'label' || labels.kind === 'computed') return true;
  return labels.kind === 'and' && isChain(labels.left) && isChain(labels.right);
}
