/** Calls of functions, and the words that some of them take among their arguments. */
import type { Expression, Name } from './ast.ts';
import { TypeParser } from './type-parser.ts';

const TRIM_SIDES: Readonly<Record<string, string>> = { BOTH: 'btrim', LEADING: 'ltrim', TRAILING: 'rtrim' };
const OPERAND_STARTS: ReadonlySet<string> = new Set(['name', 'quotedName', 'string', 'parameter']);

export abstract class CallParser extends TypeParser {
  protected abstract expression(): Expression;

  protected dottedName(tokens: number, what: string): Name {
    const { start } = this;
    let text = '';
    for (let i = 0; i < tokens; i += 2) {
      if (i > 0) {
        this.expect('.');
        text += '.';
      }
      text += this.name(what).text;
    }
    return { text, start, end: this.lastEnd };
  }

  protected call(tokens: number): Expression {
    const name = this.dottedName(tokens, 'a function');
    this.expect('(');
    const called = name.text.toLowerCase();
    const side = called === 'trim' ? this.#trimSide() : undefined;
    const distinct = this.word === 'DISTINCT' && this.kindAt(this.at + 1) !== ')' && this.takeWord('DISTINCT');
    // `count(ALL x)` is `count(x)`.
    if (this.word === 'ALL' && this.#isOperandNext() && this.wordAt(this.at + 1) === '') this.at++;
    const isEmpty = this.kind === ')' || (side !== undefined && this.#isFrom());
    const args = isEmpty
      ? []
      : this.commaList(() => (called === 'normalize' ? this.normalForm() : undefined) ?? this.expression());
    const { start } = name;
    if (side === undefined && !(called === 'trim' && this.#isFrom())) {
      this.expect(')');
      return { kind: 'call', name, distinct, arguments: args, start, end: this.lastEnd };
    }
    // `trim(BOTH 'x' FROM text)` is `btrim(text, 'x')`.
    if (!this.takeText('FROM')) this.unexpected('FROM');
    args.unshift(this.expression());
    this.expect(')');
    const text = side ?? 'btrim';
    return { kind: 'call', name: { ...name, text }, distinct, arguments: args, start, end: this.lastEnd };
  }

  /** The function that trims where the next word says; a variable may have the name of one. */
  #trimSide(): string | undefined {
    const side = TRIM_SIDES[this.sourceAt(this.at).toUpperCase()];
    if (side === undefined || !this.#isOperandNext()) return undefined;
    this.at++;
    return side;
  }

  #isOperandNext(): boolean {
    return OPERAND_STARTS.has(this.kindAt(this.at + 1));
  }

  #isFrom(): boolean {
    return this.kind === 'name' && this.sourceAt(this.at).toUpperCase() === 'FROM';
  }

  /** A form of Unicode normalisation, which stands without quotation marks. */
  protected normalForm(): Expression | undefined {
    const value = this.sourceAt(this.at).toUpperCase();
    if (this.kind !== 'name' || !/^NFK?[CD]$/.test(value)) return undefined;
    const { start } = this;
    this.at++;
    return { kind: 'literal', value, start, end: this.lastEnd };
  }
}
