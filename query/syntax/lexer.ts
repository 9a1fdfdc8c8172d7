/**
 * Text to tokens, in one pass. Tokens are columns (kind, start, end, keyword), not objects, and brackets know their
 * partners, so that the parser decides what an opening bracket begins by looking, never by trying.
 *
 * A number that is none, like `12ab`, is a token too: where a name is wanted it is a wrong token like any other.
 */
import * as LIMITS from '../../base/limits.ts';
import { compileError } from './source-error.ts';
import { keywordOf, type TokenKind } from './token.ts';

export interface Tokens {
  readonly text: string;
  readonly kinds: readonly TokenKind[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** The keyword that a name spells, else ''. */
  readonly words: readonly string[];
  /** Index of the bracket that closes an opening one; -1 for none. */
  readonly partners: readonly number[];
}

const CLOSES: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const DIGITS: Readonly<Record<string, RegExp>> = { x: /^0[xX](_?[0-9a-fA-F])+$/, o: /^0[oO](_?[0-7])+$/ };
const NAME_START = /[\p{ID_Start}\p{Pc}]/u;
const NAME_PART = /[\p{ID_Continue}\p{Sc}\p{Pc}]/u;
/** What editors and web pages make of the arrow of a relationship. The grammar of openCypher has all of them. */
const ARROW_PARTS: Readonly<Record<'-' | '<' | '>', string>> = {
  '-': '\u00AD\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uFE58\uFE63\uFF0D',
  '<': '\u27E8\u3008\uFE64\uFF1C',
  '>': '\u27E9\u3009\uFE65\uFF1E',
};
const BEFORE_ARROW_PART: ReadonlySet<TokenKind | undefined> = new Set([')', ']', '<', '-']);
const AFTER_ARROW_PART = new RegExp(`\\s*[[(>\\-${ARROW_PARTS['-']}${ARROW_PARTS['>']}]`, 'y');

export function tokenize(text: string): Tokens {
  if (text.length > LIMITS.queryCharsMax) {
    const message = `a query has at most ${LIMITS.queryCharsMax} characters, this one has ${text.length}`;
    throw compileError(text, { start: 0, end: 1 }, 'UnexpectedSyntax', message);
  }
  return new Lexer(text).run();
}

class Lexer implements Tokens {
  readonly text: string;
  readonly kinds: TokenKind[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly words: string[] = [];
  readonly partners: number[] = [];
  readonly #open: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.text = text;
  }

  run(): Tokens {
    const { text } = this;
    for (;;) {
      this.#skipBlank();
      if (this.#at >= text.length) break;
      const start = this.#at;
      const code = text.charCodeAt(start);
      if (isNameStart(code)) this.#name();
      else if (isDigit(code) || (code === DOT && isDigit(text.charCodeAt(start + 1)))) this.#number();
      else if (code === QUOTE || code === DOUBLE_QUOTE) this.#string(code);
      else if (code === BACKTICK) this.#push('quotedName', start, this.#quotedEnd());
      else if (code === DOLLAR) this.#parameter();
      else if (code > 127) this.#beyondAscii();
      else this.#punctuation();
    }
    this.#push('end', text.length, text.length);
    return this;
  }

  #push(kind: TokenKind, start: number, end: number, word = ''): void {
    this.kinds.push(kind);
    this.starts.push(start);
    this.ends.push(end);
    this.words.push(word);
    this.partners.push(-1);
    this.#at = end;
  }

  #fail(start: number, end: number, detail: string, message: string): never {
    throw compileError(this.text, { start, end }, detail, message);
  }

  #skipBlank(): void {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === SPACE || (code >= 9 && code <= 13) || (code >= 28 && code <= 31)) this.#at++;
      else if (code === SLASH && text.charCodeAt(this.#at + 1) === SLASH) {
        const newline = text.indexOf('\n', this.#at);
        this.#at = newline < 0 ? text.length : newline + 1;
      } else if (code === SLASH && text.charCodeAt(this.#at + 1) === STAR) {
        const close = text.indexOf('*/', this.#at + 2);
        if (close < 0) this.#fail(this.#at, this.#at + 2, 'UnexpectedSyntax', 'this comment is not closed by `*/`');
        this.#at = close + 2;
      } else if (code > 127 && /\s/.test(text.charAt(this.#at))) this.#at++;
      else return;
    }
  }

  #name(): void {
    const { text } = this;
    const start = this.#at;
    const end = this.#nameEnd(start);
    this.#push('name', start, end, keywordOf(text.slice(start, end)));
  }

  #nameEnd(start: number): number {
    const { text } = this;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (isNamePart(code)) at++;
      else if (code > 127) {
        const character = String.fromCodePoint(text.codePointAt(at) as number);
        if (!NAME_PART.test(character)) return at;
        at += character.length;
      } else return at;
    }
  }

  #quotedEnd(): number {
    const { text } = this;
    let at = this.#at + 1;
    for (;;) {
      const close = text.indexOf('`', at);
      if (close < 0) this.#fail(this.#at, this.#at + 1, 'UnexpectedSyntax', 'this name is not closed by a backtick');
      if (text.charCodeAt(close + 1) !== BACKTICK) return close + 1;
      at = close + 2;
    }
  }

  #parameter(): void {
    const { text } = this;
    const start = this.#at;
    this.#at++;
    if (text.charCodeAt(this.#at) === OPEN) {
      this.#push('$', start, this.#at);
      return;
    }
    let end: number;
    if (text.charCodeAt(this.#at) === BACKTICK) end = this.#quotedEnd();
    else end = this.#nameEnd(this.#at);
    if (end === start + 1) {
      this.#fail(start, end, 'UnexpectedSyntax', 'a parameter has a name or a number behind `$`');
    }
    this.#push('parameter', start, end);
  }

  #number(): void {
    const { text } = this;
    const start = this.#at;
    let at = start;
    let isFloat = false;
    while (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === UNDERSCORE) at++;
    if (text.charCodeAt(at) === DOT && isDigit(text.charCodeAt(at + 1))) {
      isFloat = true;
      at++;
      while (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === UNDERSCORE) at++;
    }
    if ((text.charCodeAt(at) | 32) === LOWER_E) {
      const sign = text.charCodeAt(at + 1);
      const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
      if (isDigit(text.charCodeAt(digits))) {
        isFloat = true;
        at = digits;
        while (isDigit(text.charCodeAt(at))) at++;
      }
    }
    const end = this.#nameEnd(at);
    this.#push(
      end === at || isBased(text.slice(start, end)) ? (isFloat ? 'float' : 'integer') : 'badNumber',
      start,
      end,
    );
  }

  #string(quote: number): void {
    const { text } = this;
    const start = this.#at;
    let at = start + 1;
    for (;;) {
      if (at >= text.length) {
        this.#fail(start, start + 1, 'UnexpectedSyntax', 'this string is not closed by the same quotation mark');
      }
      const code = text.charCodeAt(at);
      if (code === quote) break;
      at += code === BACKSLASH ? 2 : 1;
    }
    this.#push('string', start, at + 1);
  }

  #beyondAscii(): void {
    const { text } = this;
    const start = this.#at;
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    if (NAME_START.test(character)) {
      this.#name();
      return;
    }
    const arrowPart = this.#arrowPart(character);
    if (arrowPart !== undefined) {
      this.#push(arrowPart, start, start + character.length);
      return;
    }
    const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    const message = `the character U+${code} has no meaning here`;
    this.#fail(start, start + character.length, 'InvalidUnicodeCharacter', message);
  }

  /** Only within an arrow: elsewhere a dash is no minus. */
  #arrowPart(character: string): '-' | '<' | '>' | undefined {
    AFTER_ARROW_PART.lastIndex = this.#at + character.length;
    if (!BEFORE_ARROW_PART.has(this.kinds.at(-1)) || !AFTER_ARROW_PART.test(this.text)) return undefined;
    return (['-', '<', '>'] as const).find((part) => ARROW_PARTS[part].includes(character));
  }

  #punctuation(): void {
    const start = this.#at;
    const first = this.text.charAt(start);
    const two = first + this.text.charAt(start + 1);
    if (TWO.has(two)) {
      this.#push(two as TokenKind, start, start + 2);
      return;
    }
    if (!ONE.has(first)) {
      this.#fail(start, start + 1, 'UnexpectedSyntax', `the character \`${first}\` has no meaning here`);
    }
    const index = this.kinds.length;
    this.#push(first as TokenKind, start, start + 1);
    if (first === '(' || first === '[' || first === '{') this.#open.push(index);
    else if (first in CLOSES) {
      const opening = this.#open.at(-1);
      if (opening !== undefined && this.kinds[opening] === CLOSES[first]) {
        this.#open.pop();
        this.partners[opening] = index;
      }
    }
  }
}

const TWO: ReadonlySet<string> = new Set(['..', '+=', '=~', '<>', '<=', '>=']);
const ONE: ReadonlySet<string> = new Set('()[]{},:;.+-*/%^=<>|&!');

const SPACE = 32;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const QUOTE = 39;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;
const UNDERSCORE = 95;
const OPEN = 40; // (
const BACKTICK = 96;
const LOWER_E = 101;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isNameStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === UNDERSCORE;
}

function isNamePart(code: number): boolean {
  return isNameStart(code) || isDigit(code) || code === DOLLAR;
}

/** `0x1F` and `0o17`. */
function isBased(text: string): boolean {
  const base = text.charAt(1).toLowerCase();
  return DIGITS[base]?.test(text) ?? false;
}
