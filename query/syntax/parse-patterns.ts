/** Patterns: nodes, relationships, and what they say of labels, types, length and properties. */
import type {
  Expression,
  LabelExpression,
  MapExpression,
  NodePattern,
  ParameterExpression,
  PatternPart,
  RelationshipPattern,
} from './ast.ts';
import { integerLiteral, quotedName } from './literals.ts';
import { TokenCursor } from './token-cursor.ts';

export abstract class PatternParser extends TokenCursor {
  protected abstract expression(): Expression;

  protected patterns(): PatternPart[] {
    const parts = [this.patternPart()];
    while (this.eat(',')) parts.push(this.patternPart());
    return parts;
  }

  protected patternPart(): PatternPart {
    const { start } = this;
    const isNamed = this.isName() && this.kind(1) === '=';
    const variable = isNamed ? this.name('a variable') : undefined;
    if (isNamed) this.need('=');
    const word = this.word();
    const isShortest = (word === 'SHORTESTPATH' || word === 'ALLSHORTESTPATHS') && this.kind(1) === '(';
    if (!isShortest) return { variable, shortest: undefined, ...this.#chain(), ...this.span(start) };
    this.skip(2);
    const chain = this.#chain();
    this.need(')');
    return { variable, shortest: word === 'SHORTESTPATH' ? 'single' : 'all', ...chain, ...this.span(start) };
  }

  #chain(): { readonly nodes: readonly NodePattern[]; readonly relationships: readonly RelationshipPattern[] } {
    const nodes = [this.#node()];
    const relationships: RelationshipPattern[] = [];
    while (this.kind() === '-' || this.kind() === '<') {
      relationships.push(this.#relationship());
      nodes.push(this.#node());
    }
    return { nodes, relationships };
  }

  #node(): NodePattern {
    const { start } = this;
    this.need('(');
    const variable = this.isName() && !this.#isWhere() ? this.name('a variable') : undefined;
    const labels = this.eat(':') ? this.labelExpression('node') : undefined;
    const properties = this.#properties();
    const where = this.eatWord('WHERE') ? this.expression() : undefined;
    this.need(')');
    return { variable, labels, properties, where, ...this.span(start) };
  }

  /** `(WHERE ...)`, not a variable that is called so. */
  #isWhere(): boolean {
    return this.word() === 'WHERE' && this.kind(1) !== ')' && this.kind(1) !== ':' && this.kind(1) !== '{';
  }

  #relationship(): RelationshipPattern {
    const { start } = this;
    const isLeft = this.eat('<');
    this.need('-');
    let variable: RelationshipPattern['variable'];
    let types: RelationshipPattern['types'];
    let range: RelationshipPattern['range'];
    let properties: RelationshipPattern['properties'];
    let where: RelationshipPattern['where'];
    if (this.eat('[')) {
      if (this.isName() && !this.#isWhere()) variable = this.name('a variable');
      if (this.eat(':')) types = this.labelExpression('relationship');
      if (this.eat('*')) range = this.#range();
      properties = this.#properties();
      if (this.eatWord('WHERE')) where = this.expression();
      this.need(']');
    }
    this.need('-');
    const isRight = this.eat('>');
    const arrow = isLeft ? (isRight ? 'both' : 'left') : isRight ? 'right' : 'none';
    return { variable, types, arrow, range, properties, where, ...this.span(start) };
  }

  /** Behind `*`. */
  #range(): NonNullable<RelationshipPattern['range']> {
    const min = this.#length();
    if (!this.eat('..')) return { min, max: min };
    return { min, max: this.#length() };
  }

  #length(): number | undefined {
    const here = this.here();
    if (this.kind() === '-') this.fail('a length is not negative', 'InvalidRelationshipPattern');
    if (!this.eat('integer')) return undefined;
    return Number(integerLiteral(this.text, here, false));
  }

  #properties(): MapExpression | ParameterExpression | undefined {
    if (this.kind() === '{') return this.map();
    return this.kind() === 'parameter' ? this.parameter() : undefined;
  }

  protected map(): MapExpression {
    const { start } = this;
    this.need('{');
    const entries: { readonly key: ReturnType<PatternParser['name']>; readonly value: Expression }[] = [];
    if (this.kind() !== '}') {
      do {
        const key = this.name('a key');
        this.need(':');
        entries.push({ key, value: this.expression() });
      } while (this.eat(','));
    }
    this.need('}');
    return { kind: 'map', entries, ...this.span(start) };
  }

  protected parameter(): ParameterExpression {
    const { start, end } = this.here();
    this.need('parameter');
    const source = this.text.slice(start + 1, end);
    return { kind: 'parameter', name: source.startsWith('`') ? quotedName(source) : source, start, end };
  }

  /** `A|B`, `A&!B`; labels of nodes may also be joined by `:`, types of relationships separated by `|:`. */
  protected labelExpression(of: 'node' | 'relationship'): LabelExpression {
    const { start } = this;
    let left = this.#labelConjunction(of);
    while (this.kind() === '|' && this.#startsLabel(this.kind(1) === ':' ? 2 : 1)) {
      this.skip();
      this.eat(':');
      left = { kind: 'or', left, right: this.#labelConjunction(of), ...this.span(start) };
    }
    return left;
  }

  #startsLabel(ahead: number): boolean {
    const kind = this.kind(ahead);
    return this.isName(ahead) || kind === '!' || kind === '%' || kind === '(';
  }

  #labelConjunction(of: 'node' | 'relationship'): LabelExpression {
    const { start } = this;
    let left = this.#labelTerm();
    while (this.kind() === '&' || (of === 'node' && this.kind() === ':')) {
      this.skip();
      left = { kind: 'and', left, right: this.#labelTerm(), ...this.span(start) };
    }
    return left;
  }

  #labelTerm(): LabelExpression {
    return this.nested(() => {
      const { start } = this;
      if (this.eat('!')) return { kind: 'not', of: this.#labelTerm(), ...this.span(start) };
      if (this.eat('%')) return { kind: 'any', ...this.span(start) };
      if (this.eat('(')) {
        const inner = this.labelExpression('node');
        this.need(')');
        return inner;
      }
      const { text } = this.name('a label or type');
      return { kind: 'label', name: text, ...this.span(start) };
    });
  }
}
