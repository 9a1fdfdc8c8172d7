/** Patterns: `p = (a:A {k: 1})-[r:T*1..3]->(b)`, and `shortestPath(...)` around them. */
import type { LabelExpression, NodePattern, PatternPart, RelationshipPattern, Spanned } from './ast.ts';
import { ExpressionParser } from './expression-parser.ts';
import { integerLiteral } from './literals.ts';

type Properties = NodePattern['properties'];
type Range = RelationshipPattern['range'];

export abstract class PatternParser extends ExpressionParser {
  protected pattern(): PatternPart[] {
    return this.commaList(() => this.patternPart());
  }

  /** One that is sought. What is made may be as long as it likes. */
  protected soughtPattern(): PatternPart[] {
    const parts = this.pattern();
    this.checkChain(parts.reduce((sum, { nodes }) => sum + nodes.length, -1));
    return parts;
  }

  protected patternPart(): PatternPart {
    const { start } = this;
    const named = this.isName && this.kindAt(this.at + 1) === '=';
    const variable = named ? this.name('a variable') : undefined;
    if (named) this.expect('=');
    const { word } = this;
    if ((word === 'SHORTESTPATH' || word === 'ALLSHORTESTPATHS') && this.kindAt(this.at + 1) === '(') {
      this.at += 2;
      const path = this.#path();
      this.expect(')');
      const shortest = word === 'SHORTESTPATH' ? 'single' : 'all';
      return { variable, shortest, ...path, start, end: this.lastEnd };
    }
    return { variable, shortest: undefined, ...this.#path(), start, end: this.lastEnd };
  }

  #path(): { readonly nodes: NodePattern[]; readonly relationships: RelationshipPattern[] } {
    if (this.kind === '(' && this.kindAt(this.at + 1) === '(') {
      this.expect('(');
      const inner = this.nested(() => this.#path());
      this.expect(')');
      return inner;
    }
    const nodes = [this.#node()];
    const relationships: RelationshipPattern[] = [];
    while (this.kind === '-' || (this.kind === '<' && this.kindAt(this.at + 1) === '-')) {
      this.checkChain(nodes.length);
      relationships.push(this.#relationship());
      nodes.push(this.#node());
    }
    return { nodes, relationships };
  }

  #node(): NodePattern {
    const { start } = this;
    if (!this.take('(')) this.unexpected('a node pattern, as in `(n:Label)`');
    const variable = this.#variable();
    const labels = this.#elementLabels();
    const properties = this.#properties();
    const where = this.takeWord('WHERE') ? this.expression() : undefined;
    this.expect(')');
    return { variable, labels, properties, where, start, end: this.lastEnd };
  }

  #variable(): NodePattern['variable'] {
    if (!this.isName || this.word === 'WHERE') return undefined;
    // `(is)` is a node of that name, `(IS A)` one of that label.
    const next = this.kindAt(this.at + 1);
    if (this.word === 'IS' && (next === 'name' || next === 'quotedName')) return undefined;
    return this.name('a variable');
  }

  /** `:A`, `IS A`. */
  #elementLabels(): LabelExpression | undefined {
    if (this.kind === ':') return this.labels();
    return this.takeWord('IS') ? this.labelExpression() : undefined;
  }

  #properties(): Properties {
    if (this.kind === '{') return this.nested(() => this.mapLiteral());
    if (this.kind !== 'parameter') return undefined;
    const span = this.spanAt(this.at);
    return { kind: 'parameter', name: this.parameterName(), ...span };
  }

  #relationship(): RelationshipPattern {
    const { start } = this;
    const left = this.take('<');
    this.expect('-');
    let variable: RelationshipPattern['variable'];
    let types: LabelExpression | undefined;
    let range: Range;
    let properties: Properties;
    let where: RelationshipPattern['where'];
    if (this.take('[')) {
      variable = this.#variable();
      types = this.#elementLabels();
      if (this.kind === '*') range = this.#range();
      else if (this.kind === '..') {
        this.fail(
          this.spanAt(this.at),
          'InvalidRelationshipPattern',
          'the length of a path begins with `*`, as in `*1..3`',
        );
      }
      properties = this.#properties();
      where = this.takeWord('WHERE') ? this.expression() : undefined;
      this.expect(']');
    }
    this.expect('-');
    const right = this.take('>');
    range ??= this.#quantifier();
    const arrow = left ? (right ? 'both' : 'left') : right ? 'right' : 'none';
    return { variable, types, arrow, range, properties, where, start, end: this.lastEnd };
  }

  /** `*`, `*2`, `*1..`, `*..3`, `*1..3`. */
  #range(): Range {
    this.expect('*');
    const min = this.#bound();
    if (!this.take('..')) return { min, max: min };
    return { min, max: this.#bound() };
  }

  /** `+`, `*`, `{2}`, `{1,}`, `{,3}`, `{1,3}` behind a relationship: the same in the words of GQL. */
  #quantifier(): Range {
    if (this.take('+')) return { min: 1, max: undefined };
    if (this.take('*')) return { min: 0, max: undefined };
    if (!this.take('{')) return undefined;
    const min = this.#bound();
    if (min === undefined && this.kind !== ',') this.unexpected('how often, as in `{1,3}`');
    const max = this.take(',') ? this.#bound() : min;
    this.expect('}');
    return { min: min ?? 0, max };
  }

  #bound(): number | undefined {
    const span: Spanned = this.spanAt(this.at);
    if (this.kind === '-') {
      this.fail(span, 'InvalidRelationshipPattern', 'the length of a path is not negative');
    }
    if (this.kind !== 'integer') return undefined;
    this.at++;
    return Number(integerLiteral(this.text, span, false));
  }
}
