/** The place in a text up to which it was parsed, and the questions that every part of the grammar asks there. */
import { LIMITS } from '../../base/limits.ts';
import type { Name, Spanned } from './ast.ts';
import { type Tokens, tokenize } from './lexer.ts';
import { quotedName } from './literals.ts';
import { compileError } from './source-error.ts';
import type { TokenKind } from './token.ts';

export class TokenCursor {
  protected readonly text: string;
  readonly #tokens: Tokens;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
    this.#tokens = tokenize(text);
  }

  /** Kind of the token `ahead` of the next one. */
  protected kind(ahead = 0): TokenKind {
    return this.#tokens.kinds[this.#at + ahead] ?? 'end';
  }

  /** The keyword that the token spells, or ''. */
  protected word(ahead = 0): string {
    return this.kind(ahead) === 'name' ? (this.#tokens.words[this.#at + ahead] as string) : '';
  }

  /** Kind of a token behind the bracket that closes the next one. */
  protected kindBehindPartner(ahead: number): TokenKind {
    const partner = this.#tokens.partners[this.#at] as number;
    return partner < 0 ? 'end' : (this.#tokens.kinds[partner + ahead] ?? 'end');
  }

  protected get start(): number {
    return this.#tokens.starts[this.#at] as number;
  }

  /** From `start` to behind the last token. */
  protected span(start: number): Spanned {
    return { start, end: this.#at === 0 ? start : (this.#tokens.ends[this.#at - 1] as number) };
  }

  /** Of the next token. */
  protected here(): Spanned {
    return { start: this.start, end: this.#tokens.ends[this.#at] as number };
  }

  protected mark(): number {
    return this.#at;
  }

  protected back(mark: number): void {
    this.#at = mark;
  }

  protected skip(count = 1): void {
    this.#at += count;
  }

  protected eat(kind: TokenKind): boolean {
    if (this.kind() !== kind) return false;
    this.#at++;
    return true;
  }

  protected eatWord(word: string): boolean {
    if (this.word() !== word) return false;
    this.#at++;
    return true;
  }

  protected need(kind: TokenKind): void {
    if (!this.eat(kind)) this.fail(`expected \`${kind}\``);
  }

  protected needWord(word: string): void {
    if (!this.eatWord(word)) this.fail(`expected ${word}`);
  }

  protected isName(ahead = 0): boolean {
    const kind = this.kind(ahead);
    return kind === 'name' || kind === 'quotedName';
  }

  protected name(what = 'a name'): Name {
    const { start, end } = this.here();
    const source = this.text.slice(start, end);
    if (this.eat('name')) return { text: source, start, end };
    if (this.eat('quotedName')) return { text: quotedName(source), start, end };
    return this.fail(`expected ${what}`);
  }

  /** A name with dots in it, as functions and procedures have. */
  protected dottedName(): Name {
    const { start } = this;
    let { text } = this.name();
    while (this.eat('.')) text += `.${this.name().text}`;
    return { text, ...this.span(start) };
  }

  /** At the next token. */
  protected fail(expected: string, detail = 'UnexpectedSyntax'): never {
    const span = this.here();
    const found =
      this.kind() === 'end' ? 'the end of the text' : `\`${this.text.slice(span.start, span.end).slice(0, 40)}\``;
    throw compileError(this.text, span, detail, `${expected}, found ${found}`);
  }

  /** Runs a rule that may contain itself, up to the depth that texts may have. */
  protected nested<T>(rule: () => T): T {
    if (this.#depth >= LIMITS.queryDepthMax) this.fail(`a query nests at most ${LIMITS.queryDepthMax} levels deep`);
    this.#depth++;
    try {
      return rule();
    } finally {
      this.#depth--;
    }
  }
}
