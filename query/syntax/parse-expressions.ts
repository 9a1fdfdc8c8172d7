/** Expressions, from the weakest operator down to the atoms. */
import type {
  ArithmeticOperator,
  BooleanOperator,
  CaseExpression,
  Clause,
  ComparisonOperator,
  Expression,
  MapProjectionItem,
  PatternPart,
  Query,
  SubqueryExpression,
} from './ast.ts';
import { floatLiteral, integerLiteral, negated, stringLiteral } from './literals.ts';
import { PatternParser } from './parse-patterns.ts';
import type { TokenKind } from './token.ts';

const COMPARISONS: ReadonlySet<TokenKind> = new Set(['=', '<>', '<', '<=', '>', '>=']);

export abstract class ExpressionParser extends PatternParser {
  protected abstract query(): Query;

  protected expression(): Expression {
    return this.nested(() =>
      this.#boolean('OR', () => this.#boolean('XOR', () => this.#boolean('AND', () => this.#not()))),
    );
  }

  #boolean(word: 'OR' | 'XOR' | 'AND', operand: () => Expression): Expression {
    const { start } = this;
    let left = operand();
    while (this.eatWord(word)) {
      const operator = word.toLowerCase() as BooleanOperator;
      left = { kind: 'binary', operator, left, right: operand(), ...this.span(start) };
    }
    return left;
  }

  #not(): Expression {
    const { start } = this;
    if (!this.eatWord('NOT')) return this.#comparison();
    return this.nested(() => ({ kind: 'unary', operator: 'not', of: this.#not(), ...this.span(start) }));
  }

  #comparison(): Expression {
    const { start } = this;
    const first = this.#predicate();
    if (!COMPARISONS.has(this.kind())) return first;
    const operands = [first];
    const operators: ComparisonOperator[] = [];
    while (COMPARISONS.has(this.kind())) {
      operators.push(this.kind() as ComparisonOperator);
      this.skip();
      operands.push(this.#predicate());
    }
    return { kind: 'comparison', operators, operands, ...this.span(start) };
  }

  /** `IN`, `STARTS WITH`, `IS NULL` and the like: they stand behind their operand. */
  #predicate(): Expression {
    const { start } = this;
    let left = this.#sum();
    for (;;) {
      const operator = this.#matchOperator();
      if (operator !== undefined) {
        left = { kind: 'binary', operator, left, right: this.#sum(), ...this.span(start) };
      } else if (this.eatWord('IS')) {
        const isNot = this.eatWord('NOT');
        this.needWord('NULL');
        left = { kind: 'unary', operator: isNot ? 'isNotNull' : 'isNull', of: left, ...this.span(start) };
      } else return left;
    }
  }

  #matchOperator(): 'in' | 'startsWith' | 'endsWith' | 'contains' | '=~' | undefined {
    if (this.eatWord('IN')) return 'in';
    if (this.eatWord('CONTAINS')) return 'contains';
    if (this.eat('=~')) return '=~';
    const word = this.word();
    if ((word !== 'STARTS' && word !== 'ENDS') || this.word(1) !== 'WITH') return undefined;
    this.skip(2);
    return word === 'STARTS' ? 'startsWith' : 'endsWith';
  }

  #arithmetic(operators: readonly TokenKind[], operand: () => Expression): Expression {
    const { start } = this;
    let left = operand();
    while (operators.includes(this.kind())) {
      const operator = this.kind() as ArithmeticOperator;
      this.skip();
      left = { kind: 'binary', operator, left, right: operand(), ...this.span(start) };
    }
    return left;
  }

  #sum(): Expression {
    return this.#arithmetic(['+', '-'], () =>
      this.#arithmetic(['*', '/', '%'], () => this.#arithmetic(['^'], () => this.#unary())),
    );
  }

  #unary(): Expression {
    const { start } = this;
    if (this.eat('+'))
      return this.nested(() => ({ kind: 'unary', operator: '+', of: this.#unary(), ...this.span(start) }));
    if (!this.eat('-')) return this.postfix();
    const here = this.here();
    if (this.kind() === 'integer') {
      const value = integerLiteral(this.text, here, true);
      this.skip();
      return this.#behind({ kind: 'literal', value, ...this.span(start) }, start);
    }
    if (this.kind() === 'float') {
      const value = negated(floatLiteral(this.text, here));
      this.skip();
      return this.#behind({ kind: 'literal', value, ...this.span(start) }, start);
    }
    return this.nested(() => ({ kind: 'unary', operator: '-', of: this.#unary(), ...this.span(start) }));
  }

  /** An atom and what stands directly behind it. */
  protected postfix(): Expression {
    const { start } = this;
    return this.#behind(this.#atom(), start);
  }

  #behind(atom: Expression, start: number): Expression {
    let of = atom;
    for (;;) {
      if (this.kind() === '.' && this.isName(1)) {
        this.skip();
        of = { kind: 'property', of, name: this.name(), ...this.span(start) };
      } else if (this.kind() === '[') of = this.#subscript(of, start);
      else if (this.kind() === ':' && (this.isName(1) || this.kind(1) === '!' || this.kind(1) === '%')) {
        this.skip();
        of = { kind: 'labels', of, labels: this.labelExpression('node'), ...this.span(start) };
      } else if (this.kind() === '{' && of.kind === 'variable') {
        of = { kind: 'mapProjection', of, items: this.#projectionItems(), ...this.span(start) };
      } else return of;
    }
  }

  #subscript(of: Expression, start: number): Expression {
    this.need('[');
    const first = this.kind() === '..' ? undefined : this.expression();
    if (!this.eat('..')) {
      this.need(']');
      return { kind: 'index', of, index: first as Expression, ...this.span(start) };
    }
    const to = this.kind() === ']' ? undefined : this.expression();
    this.need(']');
    return { kind: 'slice', of, from: first, to, ...this.span(start) };
  }

  #projectionItems(): MapProjectionItem[] {
    this.need('{');
    const items: MapProjectionItem[] = [];
    if (this.kind() !== '}') {
      do items.push(this.#projectionItem());
      while (this.eat(','));
    }
    this.need('}');
    return items;
  }

  #projectionItem(): MapProjectionItem {
    if (this.eat('.')) return this.eat('*') ? { kind: 'all' } : { kind: 'property', name: this.name() };
    const key = this.name();
    if (this.eat(':')) return { kind: 'entry', key, value: this.expression() };
    return { kind: 'variable', variable: { kind: 'variable', name: key.text, start: key.start, end: key.end } };
  }

  #atom(): Expression {
    const here = this.here();
    switch (this.kind()) {
      case 'integer':
        this.skip();
        return { kind: 'literal', value: integerLiteral(this.text, here, false), ...here };
      case 'float':
        this.skip();
        return { kind: 'literal', value: floatLiteral(this.text, here), ...here };
      case 'string':
        this.skip();
        return { kind: 'literal', value: stringLiteral(this.text, here), ...here };
      case 'parameter':
        return this.parameter();
      case '{':
        return this.map();
      case '(':
        return this.#parenthesised();
      case '[':
        return this.#bracketed();
      case 'name':
      case 'quotedName':
        return this.#named();
      case 'badNumber':
        return this.fail('expected a number', 'InvalidNumberLiteral');
      default:
        return this.fail('expected an expression');
    }
  }

  #parenthesised(): Expression {
    const { start } = this;
    const first = this.kindBehindPartner(1);
    const second = this.kindBehindPartner(2);
    const mayBePattern = (first === '-' && (second === '-' || second === '[')) || (first === '<' && second === '-');
    if (mayBePattern) {
      const pattern = this.#tryPattern();
      if (pattern !== undefined) return { kind: 'pattern', pattern, ...this.span(start) };
    }
    this.need('(');
    const inner = this.expression();
    this.need(')');
    return inner;
  }

  /** A pattern of at least one relationship; if there is none, the place stays where it was. */
  #tryPattern(): PatternPart | undefined {
    const mark = this.mark();
    try {
      const pattern = this.patternPart();
      if (pattern.relationships.length > 0) return pattern;
    } catch {
      // What looks like a pattern may be `(a) - (b)` or `(a) < -1`; if that is wrong, too, its own error tells.
    }
    this.back(mark);
    return undefined;
  }

  /** A list, a comprehension over a list, or one over a pattern. */
  #bracketed(): Expression {
    const { start } = this;
    this.need('[');
    if (this.isName() && this.word(1) === 'IN') {
      const variable = this.name();
      this.needWord('IN');
      const list = this.expression();
      const where = this.eatWord('WHERE') ? this.expression() : undefined;
      const map = this.eat('|') ? this.expression() : undefined;
      this.need(']');
      return { kind: 'listComprehension', variable, list, where, map, ...this.span(start) };
    }
    const mark = this.mark();
    if (this.kind() === '(' || (this.isName() && this.kind(1) === '=' && this.kind(2) === '(')) {
      const pattern = this.#tryPattern();
      if (pattern !== undefined && (this.word() === 'WHERE' || this.kind() === '|')) {
        const where = this.eatWord('WHERE') ? this.expression() : undefined;
        this.need('|');
        const map = this.expression();
        this.need(']');
        return { kind: 'patternComprehension', pattern, where, map, ...this.span(start) };
      }
      this.back(mark);
    }
    const items: Expression[] = [];
    if (this.kind() !== ']') {
      do items.push(this.expression());
      while (this.eat(','));
    }
    this.need(']');
    return { kind: 'list', items, ...this.span(start) };
  }

  /** A word: a constant, a keyword that begins an expression, a call, or a variable. */
  #named(): Expression {
    const here = this.here();
    const { start } = here;
    switch (this.word()) {
      case 'TRUE':
      case 'FALSE': {
        const value = this.word() === 'TRUE';
        this.skip();
        return { kind: 'literal', value, ...here };
      }
      case 'NULL':
        this.skip();
        return { kind: 'literal', value: null, ...here };
      case 'CASE':
        if (this.kind(1) !== '.' && this.kind(1) !== 'end') return this.#case();
        break;
      case 'EXISTS':
      case 'COUNT':
      case 'COLLECT':
        if (this.kind(1) === '{') return this.#subquery();
        if (this.word() === 'COUNT' && this.kind(1) === '(' && this.kind(2) === '*') {
          this.skip(3);
          this.need(')');
          return { kind: 'countStar', ...this.span(start) };
        }
        break;
      case 'SHORTESTPATH':
      case 'ALLSHORTESTPATHS':
        if (this.kind(1) === '(') return { kind: 'pattern', pattern: this.patternPart(), ...this.span(start) };
        break;
      case 'ALL':
      case 'ANY':
      case 'NONE':
      case 'SINGLE':
        if (this.kind(1) === '(' && this.isName(2) && this.word(3) === 'IN') return this.#quantifier();
        break;
      case 'REDUCE':
        if (this.kind(1) === '(') return this.#reduce();
        break;
    }
    if (this.#isCall()) return this.#call();
    const { text } = this.name();
    return { kind: 'variable', name: text, ...here };
  }

  #isCall(): boolean {
    let ahead = 1;
    while (this.kind(ahead) === '.' && this.isName(ahead + 1)) ahead += 2;
    return this.kind(ahead) === '(';
  }

  #call(): Expression {
    const { start } = this;
    const name = this.dottedName();
    this.need('(');
    const distinct = this.eatWord('DISTINCT');
    const args: Expression[] = [];
    if (this.kind() !== ')') {
      do args.push(this.expression());
      while (this.eat(','));
    }
    this.need(')');
    return { kind: 'call', name, distinct, arguments: args, ...this.span(start) };
  }

  #case(): CaseExpression {
    const { start } = this;
    this.needWord('CASE');
    const of = this.word() === 'WHEN' ? undefined : this.expression();
    const whens: CaseExpression['whens'][number][] = [];
    while (this.eatWord('WHEN')) {
      const when = this.expression();
      this.needWord('THEN');
      // biome-ignore lint/suspicious/noThenProperty: the word of the language, and nobody awaits a node of a tree
      whens.push({ when, then: this.expression() });
    }
    if (whens.length === 0) this.fail('expected WHEN');
    const otherwise = this.eatWord('ELSE') ? this.expression() : undefined;
    this.needWord('END');
    return { kind: 'case', of, whens, otherwise, ...this.span(start) };
  }

  /** Inside of the braces stands a query, or only a pattern. */
  #subquery(): SubqueryExpression {
    const { start } = this;
    const mode = this.word().toLowerCase() as SubqueryExpression['mode'];
    this.skip(2);
    const isPattern = this.kind() === '(' || (this.isName() && this.kind(1) === '=');
    const query = isPattern ? this.#patternQuery() : this.query();
    this.need('}');
    return { kind: 'subquery', mode, query, ...this.span(start) };
  }

  #patternQuery(): Query {
    const { start } = this;
    const pattern = this.patterns();
    const where = this.eatWord('WHERE') ? this.expression() : undefined;
    const span = this.span(start);
    const match: Clause = { kind: 'match', optional: false, pattern, where, ...span };
    return { singles: [{ clauses: [match], ...span }], unions: [], ...span };
  }

  #quantifier(): Expression {
    const { start } = this;
    const quantifier = this.word().toLowerCase() as 'all' | 'any' | 'none' | 'single';
    this.skip(2);
    const variable = this.name();
    this.needWord('IN');
    const list = this.expression();
    const where = this.eatWord('WHERE') ? this.expression() : undefined;
    this.need(')');
    return { kind: 'quantifier', quantifier, variable, list, where, ...this.span(start) };
  }

  #reduce(): Expression {
    const { start } = this;
    this.skip(2);
    const accumulator = this.name('a variable');
    this.need('=');
    const initial = this.expression();
    this.need(',');
    const variable = this.name('a variable');
    this.needWord('IN');
    const list = this.expression();
    this.need('|');
    const map = this.expression();
    this.need(')');
    return { kind: 'reduce', accumulator, initial, variable, list, map, ...this.span(start) };
  }
}
