/** Errors that point at a place of the text. */
import { QueryError, type QueryErrorType, type QueryPosition } from '../query-error.ts';
import type { Spanned } from './ast.ts';

/** Characters of the line that an excerpt shows on either side of the place. */
const EXCERPT_SIDE = 60;

function positionAt(text: string, offset: number): QueryPosition {
  let line = 1;
  let lineStart = 0;
  for (;;) {
    const next = text.indexOf('\n', lineStart);
    if (next < 0 || next >= offset) break;
    line++;
    lineStart = next + 1;
  }
  return { offset, line, column: offset - lineStart + 1 };
}

/** The line of the place, cut to a readable length, with carets below it. */
function excerptAt(text: string, { start, end }: Spanned): string {
  const { column } = positionAt(text, start);
  const lineStart = start - column + 1;
  const newline = text.indexOf('\n', start);
  const lineEnd = newline < 0 ? text.length : newline;
  const from = Math.max(lineStart, start - EXCERPT_SIDE);
  const to = Math.min(lineEnd, start + EXCERPT_SIDE);
  const shown = text.slice(from, to).replace(/[\t\r]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(end, to) - start));
  return `${shown}\n${' '.repeat(start - from)}${carets}`;
}

/** @param detail one of the TCK, e.g. `UndefinedVariable` */
export function compileError(
  text: string,
  span: Spanned,
  detail: string,
  message: string,
  type: QueryErrorType = 'SyntaxError',
): QueryError {
  const position = positionAt(text, span.start);
  return new QueryError(`${message} (line ${position.line}, column ${position.column})`, {
    type,
    phase: 'compile time',
    detail,
    position,
    excerpt: excerptAt(text, span),
  });
}
