/**
 * Expressions, by recursive descent: one method for each level of precedence, loosest first, down to what follows an atom.
 */

import type { BinaryExpression, ComparisonOperator, Expression, LabelExpression } from './ast.ts';
import { AtomParser } from './atom-parser.ts';
import { floatLiteral, integerLiteral, negated } from './literals.ts';

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);
const PREDICATES: ReadonlySet<string> = new Set(['IN', 'STARTS', 'ENDS', 'CONTAINS', 'IS']);

export abstract class ExpressionParser extends AtomParser {
  protected expression(): Expression {
    this.enter();
    const result = this.#or();
    this.leave();
    return result;
  }

  #or(): Expression {
    const first = this.#xor();
    if (this.word !== 'OR') return first;
    const operands = [first];
    while (this.takeWord('OR')) operands.push(this.#xor());
    return balanced('or', operands);
  }

  #xor(): Expression {
    const first = this.#and();
    if (this.word !== 'XOR') return first;
    const operands = [first];
    while (this.takeWord('XOR')) operands.push(this.#and());
    return balanced('xor', operands);
  }

  #and(): Expression {
    const first = this.#not();
    if (this.word !== 'AND') return first;
    const operands = [first];
    while (this.takeWord('AND')) operands.push(this.#not());
    return balanced('and', operands);
  }

  #not(): Expression {
    if (this.word !== 'NOT') return this.#comparison();
    const { start } = this;
    this.at++;
    this.enter();
    const of = this.#not();
    this.leave();
    return { kind: 'unary', operator: 'not', of, start, end: of.end };
  }

  #comparison(): Expression {
    return this.#comparisonOf(this.#predicates());
  }

  protected conditionOn(left: Expression): Expression | undefined {
    if (!COMPARISONS.has(this.kind) && !this.#isPredicate()) return undefined;
    return this.#comparisonOf(this.#predicatesOf(left));
  }

  #comparisonOf(first: Expression): Expression {
    if (!COMPARISONS.has(this.kind)) return first;
    const operands = [first];
    const operators: ComparisonOperator[] = [];
    while (COMPARISONS.has(this.kind)) {
      operators.push(this.kind as ComparisonOperator);
      this.at++;
      operands.push(this.#predicates());
    }
    return { kind: 'comparison', operators, operands, start: first.start, end: this.lastEnd };
  }

  #predicates(): Expression {
    return this.#predicatesOf(this.#additive());
  }

  #isPredicate(): boolean {
    return this.kind === '=~' || (this.kind === ':' && this.kindAt(this.at + 1) === ':') || PREDICATES.has(this.word);
  }

  /** `IN`, `STARTS WITH`, `IS NULL` and their like follow each other. */
  #predicatesOf(first: Expression): Expression {
    let left = first;
    for (let length = 0; ; length++) {
      this.checkChain(length);
      if (this.kind === '=~') {
        this.at++;
        left = binary('=~', left, this.#additive());
        continue;
      }
      if (this.kind === ':' && this.kindAt(this.at + 1) === ':') {
        left = this.#typed(left);
        continue;
      }
      switch (this.word) {
        case 'IN':
          this.at++;
          left = binary('in', left, this.#additive());
          continue;
        case 'STARTS':
        case 'ENDS': {
          const operator = this.word === 'STARTS' ? 'startsWith' : 'endsWith';
          this.at++;
          this.expectWord('WITH');
          left = binary(operator, left, this.#additive());
          continue;
        }
        case 'CONTAINS':
          this.at++;
          left = binary('contains', left, this.#additive());
          continue;
        case 'IS':
          left = this.#is(left);
          continue;
        default:
          return left;
      }
    }
  }

  /** `IS [NOT] NULL`, `IS [NOT] :: INTEGER`, `IS [NOT] NFC NORMALIZED`, `IS Label`. */
  #is(of: Expression): Expression {
    const { start } = of;
    this.expectWord('IS');
    const isNot = this.takeWord('NOT');
    if (this.takeWord('NULL')) {
      return { kind: 'unary', operator: isNot ? 'isNotNull' : 'isNull', of, start, end: this.lastEnd };
    }
    const isType = this.kind === ':' || this.sourceAt(this.at).toUpperCase() === 'TYPED';
    const found = isType ? this.#typed(of) : this.#normalized(of);
    if (found !== undefined) {
      return isNot ? { kind: 'unary', operator: 'not', of: found, start, end: found.end } : found;
    }
    if (isNot || of.kind !== 'variable' || !this.isName) this.unexpected('NULL or `:: TYPE`');
    return { kind: 'labels', of, labels: this.labelExpression(), start, end: this.lastEnd };
  }

  #normalized(of: Expression): Expression | undefined {
    const { at, start } = this;
    const form = this.normalForm();
    if (!this.takeText('NORMALIZED')) {
      // A label may have the name of a form.
      this.at = at;
      return undefined;
    }
    const name = { text: 'isNormalized', start, end: this.lastEnd };
    const args = form === undefined ? [of] : [of, form];
    return { kind: 'call', name, distinct: false, arguments: args, start: of.start, end: this.lastEnd };
  }

  /** What follows `IS`, or its colons alone. */
  #typed(of: Expression): Expression {
    if (this.take(':')) this.expect(':');
    else this.at++;
    const types = this.valueTypes(!this.barEnds);
    return { kind: 'typed', of, types, start: of.start, end: this.lastEnd };
  }

  #additive(): Expression {
    let left = this.#multiplicative();
    for (let length = 0; this.kind === '+' || this.kind === '-' || this.#isConcatenation(); length++) {
      this.checkChain(length);
      // `||` is read as `+`: it joins texts, and lists.
      const operator = this.kind === '-' ? '-' : '+';
      this.at += this.kind === '|' ? 2 : 1;
      left = binary(operator, left, this.#multiplicative());
    }
    return left;
  }

  #isConcatenation(): boolean {
    return (
      this.kind === '|' &&
      this.kindAt(this.at + 1) === '|' &&
      this.spanAt(this.at).end === this.spanAt(this.at + 1).start
    );
  }

  #multiplicative(): Expression {
    let left = this.#power();
    for (let length = 0; this.kind === '*' || this.kind === '/' || this.kind === '%'; length++) {
      this.checkChain(length);
      const operator = this.kind;
      this.at++;
      left = binary(operator, left, this.#power());
    }
    return left;
  }

  #power(): Expression {
    let left = this.#sign();
    for (let length = 0; this.kind === '^'; length++) {
      this.checkChain(length);
      this.at++;
      left = binary('^', left, this.#sign());
    }
    return left;
  }

  #sign(): Expression {
    const operator = this.kind;
    if (operator !== '-' && operator !== '+') return this.#postfix();
    const { start } = this;
    this.at++;
    if (operator === '-' && (this.kind === 'integer' || this.kind === 'float') && !this.#hasPostfix(this.at + 1)) {
      const span = this.spanAt(this.at);
      const value =
        this.kind === 'integer' ? integerLiteral(this.text, span, true) : negated(floatLiteral(this.text, span));
      this.at++;
      return { kind: 'literal', value, start, end: span.end };
    }
    this.enter();
    const of = this.#sign();
    this.leave();
    return { kind: 'unary', operator, of, start, end: of.end };
  }

  /** What SET and REMOVE name: without operators, so that `=` is left to them. */
  protected propertyTarget(): Expression {
    return this.nested(() => this.#postfix());
  }

  #hasPostfix(index: number): boolean {
    const kind = this.kindAt(index);
    return kind === '.' || kind === '[' || kind === ':';
  }

  #postfix(): Expression {
    let of = this.atom();
    for (let length = 0; ; length++) {
      this.checkChain(length);
      const { start } = of;
      if (this.kind === '.') {
        this.at++;
        const name = this.name('a property name');
        of = { kind: 'property', of, name, start, end: name.end };
      } else if (this.kind === '[') {
        of = this.bracketed(false, () => this.#indexOrSlice(of));
      } else if (this.kind === ':' && this.kindAt(this.at + 1) !== ':') {
        const labels = this.labels();
        of = { kind: 'labels', of, labels, start, end: this.lastEnd };
      } else return of;
    }
  }

  #indexOrSlice(of: Expression): Expression {
    this.expect('[');
    const from = this.kind === '..' ? undefined : this.expression();
    if (this.take('..')) {
      const to = this.kind === ']' ? undefined : this.expression();
      this.expect(']');
      return { kind: 'slice', of, from, to, start: of.start, end: this.lastEnd };
    }
    this.expect(']');
    return { kind: 'index', of, index: from as Expression, start: of.start, end: this.lastEnd };
  }

  /** `:A`, `:A:B`, `:A|B`, `:A&!B`, from its first colon on. */
  protected labels(): LabelExpression {
    this.expect(':');
    return this.labelExpression();
  }

  protected labelExpression(): LabelExpression {
    let left = this.#labelOr();
    while (this.kind === ':') {
      this.at++;
      const right = this.#labelOr();
      left = { kind: 'and', left, right, start: left.start, end: right.end };
    }
    return left;
  }

  #labelOr(): LabelExpression {
    let left = this.#labelAnd();
    for (let length = 0; this.kind === '|' && this.#barChooses(); length++) {
      this.checkChain(length);
      this.at++;
      // `:A|:B` is an older way to write `:A|B`.
      this.take(':');
      const right = this.#labelAnd();
      left = { kind: 'or', left, right, start: left.start, end: right.end };
    }
    return left;
  }

  /** Within a comprehension the last `|` begins the value of each item: `[n IN l WHERE n:A|B | n.x]`. */
  #barChooses(): boolean {
    if (this.#isConcatenation()) return false;
    if (!this.barEnds) return true;
    for (let index = this.at + 1; ; index++) {
      const kind = this.kindAt(index);
      if (kind === '|') return true;
      if (kind === ']' || kind === ')' || kind === '}' || kind === 'end') return false;
      const partner = this.tokens.partners[index] as number;
      if (partner > index) index = partner;
    }
  }

  #labelAnd(): LabelExpression {
    let left = this.#labelNot();
    for (let length = 0; this.kind === '&'; length++) {
      this.checkChain(length);
      this.at++;
      const right = this.#labelNot();
      left = { kind: 'and', left, right, start: left.start, end: right.end };
    }
    return left;
  }

  #labelNot(): LabelExpression {
    const { start } = this;
    if (this.take('!')) {
      const of = this.nested(() => this.#labelNot());
      return { kind: 'not', of, start, end: of.end };
    }
    if (this.take('%')) return { kind: 'any', start, end: this.lastEnd };
    if (this.take('$')) {
      this.expect('(');
      const names = this.nested(() => this.expression());
      this.expect(')');
      return { kind: 'computed', names, start, end: this.lastEnd };
    }
    if (this.kind === '(') {
      return this.bracketed(false, () => {
        this.expect('(');
        const inner = this.nested(() => this.#labelOr());
        this.expect(')');
        return inner;
      });
    }
    const { text, end } = this.name('a label');
    return { kind: 'label', name: text, start, end };
  }
}

function binary(operator: BinaryExpression['operator'], left: Expression, right: Expression): BinaryExpression {
  return { kind: 'binary', operator, left, right, start: left.start, end: right.end };
}

/** A tree of little depth: these operators are associative, and a generated condition may have thousands of them. */
function balanced(operator: 'and' | 'or' | 'xor', operands: readonly Expression[]): Expression {
  const [first, second] = operands;
  if (first !== undefined && second === undefined) return first;
  const middle = operands.length >> 1;
  return binary(operator, balanced(operator, operands.slice(0, middle)), balanced(operator, operands.slice(middle)));
}
