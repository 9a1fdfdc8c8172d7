/**
 * What an expression is made of: literals, brackets, and what begins with a word.
 *
 * Three openings are ambiguous and decided by looking ahead along matched brackets, without trying: `(` begins a pattern or
 * a parenthesis, `[` a list or one of two comprehensions, and a name may call a function.
 */
import type { CaseExpression, Expression, MapExpression, MapProjectionItem, Name, PatternPart, Query } from './ast.ts';
import { CallParser } from './call-parser.ts';
import { floatLiteral, integerLiteral, stringLiteral } from './literals.ts';
import { EXPRESSION } from './token-stream.ts';

const QUANTIFIERS: ReadonlyMap<string, 'all' | 'any' | 'none' | 'single'> = new Map([
  ['ALL', 'all'],
  ['ANY', 'any'],
  ['NONE', 'none'],
  ['SINGLE', 'single'],
]);
const SUBQUERIES: ReadonlyMap<string, 'exists' | 'count' | 'collect'> = new Map([
  ['EXISTS', 'exists'],
  ['COUNT', 'count'],
  ['COLLECT', 'collect'],
]);

export abstract class AtomParser extends CallParser {
  /** Within the condition of a comprehension, where `|` ends it. */
  protected barEnds = false;

  /** A path, optionally named and in `shortestPath`. */
  protected abstract patternPart(): PatternPart;
  /** What stands in the braces of a sub-query. */
  protected abstract subquery(): Query;
  /** A condition whose left side is given, as in `WHEN > 3`; undefined where no operator follows. */
  protected abstract conditionOn(left: Expression): Expression | undefined;

  /** Inside of brackets of its own. */
  protected bracketed<T>(barEnds: boolean, parse: () => T): T {
    const before = this.barEnds;
    this.barEnds = barEnds;
    const result = parse();
    this.barEnds = before;
    return result;
  }

  protected atom(): Expression {
    const { start, kind } = this;
    switch (kind) {
      case 'integer': {
        const span = this.spanAt(this.at);
        this.at++;
        return { kind: 'literal', value: integerLiteral(this.text, span, false), start, end: span.end };
      }
      case 'float': {
        const span = this.spanAt(this.at);
        this.at++;
        return { kind: 'literal', value: floatLiteral(this.text, span), start, end: span.end };
      }
      case 'string': {
        const span = this.spanAt(this.at);
        this.at++;
        return { kind: 'literal', value: stringLiteral(this.text, span), start, end: span.end };
      }
      case 'parameter': {
        const name = this.parameterName();
        return { kind: 'parameter', name, start, end: this.lastEnd };
      }
      case '(':
        return this.bracketed(false, () => this.#parenthesis());
      case '[':
        return this.bracketed(false, () => this.#listOrComprehension());
      case '{':
        return this.bracketed(false, () => this.mapLiteral());
      case 'name':
      case 'quotedName':
        return this.#named();
      default:
        return this.unexpected(EXPRESSION);
    }
  }

  #parenthesis(): Expression {
    const { start } = this;
    if (this.isPatternAt(this.at)) return this.#patternExpression();
    this.expect('(');
    const inner = this.expression();
    this.expect(')');
    // The brackets belong to the span, but make no node.
    return { ...inner, start, end: this.lastEnd };
  }

  #patternExpression(): Expression {
    const { start } = this;
    this.enter();
    const pattern = this.patternPart();
    this.leave();
    return { kind: 'pattern', pattern, start, end: this.lastEnd };
  }

  /** Whether the bracket at `index` begins `(...)--`, `(...)-[...]-` or `(...)<-`, and holds what a node pattern may hold. */
  protected isPatternAt(index: number): boolean {
    if (this.kindAt(index) !== '(') return false;
    const close = this.tokens.partners[index] as number;
    if (close < 0 || !this.#isNodeInside(index + 1)) return false;
    let next = close + 1;
    if (this.kindAt(next) === '<') next++;
    if (this.kindAt(next) !== '-') return false;
    next++;
    if (this.kindAt(next) === '[') {
      const end = this.tokens.partners[next] as number;
      return end >= 0 && this.kindAt(end + 1) === '-' && this.#isRelationshipInside(next + 1);
    }
    if (this.kindAt(next) !== '-') return false;
    // Without an arrowhead it may be a difference: `(a)--+(b)`.
    return this.kindAt(next + 1) === '(' || this.kindAt(next + 1) === '>';
  }

  #isNodeInside(index: number): boolean {
    const kind = this.kindAt(index);
    if (kind === ')' || kind === ':' || kind === '{') return true;
    if (kind !== 'name' && kind !== 'quotedName') return false;
    const after = this.kindAt(index + 1);
    return after === ')' || after === ':' || after === '{' || isPatternWord(this.wordAt(index + 1));
  }

  #isRelationshipInside(index: number): boolean {
    const kind = this.kindAt(index);
    if (kind === ']' || kind === ':' || kind === '*' || kind === '{') return true;
    if (kind !== 'name' && kind !== 'quotedName') return false;
    const after = this.kindAt(index + 1);
    return after === ']' || after === ':' || after === '*' || after === '{' || isPatternWord(this.wordAt(index + 1));
  }

  #listOrComprehension(): Expression {
    const { start } = this;
    this.expect('[');
    const first = this.kind;
    const isName = first === 'name' || first === 'quotedName';
    if (isName && this.wordAt(this.at + 1) === 'IN') return this.#listComprehension(start);
    if (this.isPatternAt(this.at) || (isName && this.kindAt(this.at + 1) === '=' && this.isPatternAt(this.at + 2))) {
      return this.#patternComprehension(start);
    }
    const items = this.kind === ']' ? [] : this.commaList(() => this.expression());
    this.expect(']');
    return { kind: 'list', items, start, end: this.lastEnd };
  }

  #listComprehension(start: number): Expression {
    const variable = this.name('a variable');
    this.expectWord('IN');
    const { list, where } = this.bracketed(true, () => {
      const list = this.expression();
      return { list, where: this.takeWord('WHERE') ? this.expression() : undefined };
    });
    const map = this.take('|') ? this.expression() : undefined;
    this.expect(']');
    return { kind: 'listComprehension', variable, list, where, map, start, end: this.lastEnd };
  }

  #patternComprehension(start: number): Expression {
    this.enter();
    const pattern = this.patternPart();
    this.leave();
    const where = this.takeWord('WHERE') ? this.bracketed(true, () => this.expression()) : undefined;
    if (!this.take('|')) this.unexpected('`|` and the value of each match');
    const map = this.expression();
    this.expect(']');
    return { kind: 'patternComprehension', pattern, where, map, start, end: this.lastEnd };
  }

  protected mapLiteral(): MapExpression {
    const { start } = this;
    this.expect('{');
    const entries: { key: Name; value: Expression }[] = [];
    if (this.kind !== '}') {
      do {
        const key = this.name('a key');
        this.expect(':');
        entries.push({ key, value: this.expression() });
      } while (this.take(','));
    }
    this.expect('}');
    return { kind: 'map', entries, start, end: this.lastEnd };
  }

  /** What begins with a word: a constant, a form of its own, a call, or a variable. */
  #named(): Expression {
    const { start, word } = this;
    const next = this.kindAt(this.at + 1);
    switch (word) {
      case 'TRUE':
      case 'FALSE':
      case 'NULL':
        if (next === '(') break;
        this.at++;
        return { kind: 'literal', value: word === 'NULL' ? null : word === 'TRUE', start, end: this.lastEnd };
      case 'NAN':
      case 'INF':
      case 'INFINITY':
        // Variables of this name go first only where they are called with backticks.
        if (next === '(' || next === '.' || next === ':') break;
        this.at++;
        return { kind: 'literal', value: word === 'NAN' ? NaN : Infinity, start, end: this.lastEnd };
      case 'CASE':
        if (isCaseStart(next)) return this.bracketed(false, () => this.#case());
        break;
      case 'ALL':
      case 'ANY':
      case 'NONE':
      case 'SINGLE':
        if (next === '(') return this.bracketed(false, () => this.#quantifier());
        break;
      case 'REDUCE':
        if (next === '(') return this.bracketed(false, () => this.#reduce());
        break;
      case 'SHORTESTPATH':
      case 'ALLSHORTESTPATHS':
        if (next === '(') return this.#patternExpression();
        break;
      case 'EXISTS':
      case 'COUNT':
      case 'COLLECT':
        if (next === '{') return this.bracketed(false, () => this.#subqueryExpression());
        if (word === 'COUNT' && next === '(' && this.kindAt(this.at + 2) === '*') {
          this.at += 3;
          this.expect(')');
          return { kind: 'countStar', start, end: this.lastEnd };
        }
        break;
    }
    if (next === '(' || next === '.') {
      const parts = this.#callNameLength();
      if (parts > 0) return this.bracketed(false, () => this.call(parts));
    }
    const name = this.name('a variable');
    const variable = { kind: 'variable', name: name.text, start, end: name.end } as const;
    if (next !== '{') return variable;
    return this.bracketed(false, () => {
      const items = this.#mapProjectionItems();
      return { kind: 'mapProjection', of: variable, items, start, end: this.lastEnd };
    });
  }

  /** Tokens of a function's name, dots included, if a parenthesis follows; else 0. */
  #callNameLength(): number {
    let index = this.at;
    for (;;) {
      const kind = this.kindAt(index);
      if (kind !== 'name' && kind !== 'quotedName') return 0;
      const next = this.kindAt(index + 1);
      if (next === '(') return index + 1 - this.at;
      if (next !== '.') return 0;
      index += 2;
    }
  }

  #case(): CaseExpression {
    const { start } = this;
    this.expectWord('CASE');
    const of = this.word === 'WHEN' ? undefined : this.expression();
    const whens: { when: Expression; then: Expression; isCondition: boolean }[] = [];
    while (this.takeWord('WHEN')) {
      // `CASE x WHEN 1, > 7 THEN ...` has several alternatives for one result.
      const alternatives = this.commaList(() => {
        const condition = of === undefined ? undefined : this.conditionOn(of);
        return { when: condition ?? this.expression(), isCondition: condition !== undefined };
      });
      this.expectWord('THEN');
      const then = this.expression();
      for (const each of alternatives) whens.push({ ...each, then });
    }
    if (whens.length === 0) this.unexpected('WHEN');
    const otherwise = this.takeWord('ELSE') ? this.expression() : undefined;
    this.expectWord('END');
    if (of === undefined || !whens.some(({ isCondition }) => isCondition)) {
      return { kind: 'case', of, whens, otherwise, start, end: this.lastEnd };
    }
    // With a condition among them, all are conditions.
    const conditions = whens.map(({ when, then, isCondition }) => ({
      when: isCondition ? when : equals(of, when),
      then,
    }));
    return { kind: 'case', of: undefined, whens: conditions, otherwise, start, end: this.lastEnd };
  }

  #quantifier(): Expression {
    const { start, word } = this;
    const quantifier = QUANTIFIERS.get(word) ?? 'all';
    this.at++;
    this.expect('(');
    const variable = this.name('a variable');
    this.expectWord('IN');
    const list = this.expression();
    const where = this.takeWord('WHERE') ? this.expression() : undefined;
    this.expect(')');
    return { kind: 'quantifier', quantifier, variable, list, where, start, end: this.lastEnd };
  }

  #reduce(): Expression {
    const { start } = this;
    this.at++;
    this.expect('(');
    const accumulator = this.name('a variable');
    this.expect('=');
    const initial = this.expression();
    this.expect(',');
    const variable = this.name('a variable');
    this.expectWord('IN');
    const list = this.bracketed(true, () => this.expression());
    this.expect('|');
    const map = this.expression();
    this.expect(')');
    return { kind: 'reduce', accumulator, initial, variable, list, map, start, end: this.lastEnd };
  }

  #subqueryExpression(): Expression {
    const { start, word } = this;
    const mode = SUBQUERIES.get(word) ?? 'exists';
    this.at++;
    this.expect('{');
    this.enter();
    const query = this.subquery();
    this.leave();
    this.expect('}');
    return { kind: 'subquery', mode, query, start, end: this.lastEnd };
  }

  #mapProjectionItems(): MapProjectionItem[] {
    this.expect('{');
    const items: MapProjectionItem[] = [];
    if (this.kind !== '}') {
      do items.push(this.#mapProjectionItem());
      while (this.take(','));
    }
    this.expect('}');
    return items;
  }

  #mapProjectionItem(): MapProjectionItem {
    if (this.take('.')) {
      if (this.take('*')) return { kind: 'all' };
      return { kind: 'property', name: this.name('a property name') };
    }
    const key = this.name('a key, `.property` or `.*`');
    if (this.take(':')) return { kind: 'entry', key, value: this.expression() };
    return { kind: 'variable', variable: { kind: 'variable', name: key.text, start: key.start, end: key.end } };
  }
}

function equals(left: Expression, right: Expression): Expression {
  return { kind: 'comparison', operators: ['='], operands: [left, right], start: right.start, end: right.end };
}

/** What may follow the variable of an element of a pattern. */
function isPatternWord(word: string): boolean {
  return word === 'WHERE' || word === 'IS';
}

/** Whether what follows CASE can begin an expression, so that CASE is no variable. */
function isCaseStart(kind: string): boolean {
  return !['.', ',', ')', ']', '}', ':', '=', '<', '>', '<>', '<=', '>=', '+', '*', '/', '%', '^', 'end'].includes(
    kind,
  );
}
