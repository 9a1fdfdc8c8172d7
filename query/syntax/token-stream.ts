/** A parser's view of the tokens: where it stands, what is next, and how it fails. */
import * as LIMITS from '../../base/limits.ts';
import { CATALOG } from '../parts.ts';
import type { Name, Spanned } from './ast.ts';
import { type Tokens, tokenize } from './lexer.ts';
import { quotedName } from './literals.ts';
import { compileError } from './source-error.ts';
import type { TokenKind } from './token.ts';

export abstract class TokenStream {
  readonly text: string;
  protected readonly tokens: Tokens;
  /** Index of the next token. */
  protected at = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenize(text);
  }

  protected get kind(): TokenKind {
    return this.tokens.kinds[this.at] as TokenKind;
  }

  protected kindAt(index: number): TokenKind {
    return this.tokens.kinds[index] ?? 'end';
  }

  /** The keyword that the next token spells, or ''. */
  protected get word(): string {
    return this.tokens.words[this.at] as string;
  }

  protected wordAt(index: number): string {
    return this.tokens.words[index] ?? '';
  }

  /** Offset at which the next token starts. */
  protected get start(): number {
    return this.tokens.starts[this.at] as number;
  }

  /** Offset at which the last token ended. */
  protected get lastEnd(): number {
    return this.at === 0 ? 0 : (this.tokens.ends[this.at - 1] as number);
  }

  protected spanAt(index: number): Spanned {
    return { start: this.tokens.starts[index] as number, end: this.tokens.ends[index] as number };
  }

  protected sourceAt(index: number): string {
    return this.text.slice(this.tokens.starts[index], this.tokens.ends[index]);
  }

  protected take(kind: TokenKind): boolean {
    if (this.kind !== kind) return false;
    this.at++;
    return true;
  }

  protected takeWord(word: string): boolean {
    if (this.word !== word) return false;
    this.at++;
    return true;
  }

  /** A name that is no keyword. */
  protected takeText(text: string): boolean {
    if (this.kind !== 'name' || this.sourceAt(this.at).toUpperCase() !== text) return false;
    this.at++;
    return true;
  }

  protected expect(kind: TokenKind): void {
    if (!this.take(kind)) this.unexpected(`\`${kind}\``);
  }

  protected expectWord(word: string): void {
    if (!this.takeWord(word)) this.unexpected(word);
  }

  protected get isName(): boolean {
    return this.kind === 'name' || this.kind === 'quotedName';
  }

  protected name(what: string): Name {
    if (!this.isName) this.unexpected(what);
    const span = this.spanAt(this.at);
    const source = this.sourceAt(this.at);
    const text = this.kind === 'quotedName' ? quotedName(source) : source;
    this.at++;
    return { text, start: span.start, end: span.end };
  }

  protected parameterName(): string {
    const source = this.sourceAt(this.at).slice(1);
    this.expect('parameter');
    return source.startsWith('`') ? quotedName(source) : source;
  }

  /** @param what was expected, e.g. "an expression" */
  protected unexpected(what: string): never {
    const span = this.spanAt(this.at);
    if (this.kind === 'badNumber' && what === EXPRESSION) {
      this.fail(span, 'InvalidNumberLiteral', `\`${this.sourceAt(this.at)}\` is no number`);
    }
    const found = this.kind === 'end' ? 'the text ends' : `there is \`${shortened(this.sourceAt(this.at))}\``;
    const hint = CATALOG.ifThere?.hintAt(this.tokens, this.at, what) ?? '';
    this.fail(span, 'UnexpectedSyntax', `expected ${what}, but ${found}${hint}`);
  }

  protected fail(span: Spanned, detail: string, message: string): never {
    throw compileError(this.text, span, detail, message);
  }

  /** Runs `parse` one level deeper. */
  protected nested<T>(parse: () => T): T {
    this.enter();
    const result = parse();
    this.#depth--;
    return result;
  }

  protected enter(): void {
    if (++this.#depth > LIMITS.queryDepthMax) {
      const message = `expressions and sub-queries nest at most ${LIMITS.queryDepthMax} levels`;
      this.fail(this.spanAt(this.at), 'UnexpectedSyntax', message);
    }
  }

  protected leave(): void {
    this.#depth--;
  }

  /** @param length of a chain of operators, clauses or nodes that are sought, so far: each is a level of the plan */
  protected checkChain(length: number): void {
    if (length > LIMITS.queryChainMax) {
      const message = `at most ${LIMITS.queryChainMax} operators, clauses or nodes of a pattern follow each other; use lists or brackets`;
      this.fail(this.spanAt(this.at), 'UnexpectedSyntax', message);
    }
  }

  /** Items between commas. */
  protected commaList<T>(item: () => T): T[] {
    const items = [item()];
    while (this.take(',')) items.push(item());
    return items;
  }
}

export const EXPRESSION = 'an expression';

function shortened(source: string): string {
  return source.length > 30 ? `${source.slice(0, 30)}…` : source;
}
