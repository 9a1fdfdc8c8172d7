/** JSON text of requests: numbers stay exact (`graph/exact-json.ts`), and what is malformed is told with its place. */
import { parse as parseSlowly } from 'lossless-json';
import { WeftError } from '../base/errors.ts';
import { parseExactJson } from '../graph/exact-json.ts';

/** Above this length the position of a syntax error is not looked for: the slow parser would hold the loop. */
const LOCATE_CHARS_MAX = 1024 * 1024;

/**
 * Parses `text` into a tree of plain objects, arrays and scalars in which every number is exact or in typed form.
 * @throws WeftError `malformed-request` that says where, definite
 */
export function parseJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new WeftError('malformed-request', `the JSON text is malformed: ${whereMalformed(text, error)}`, {}, error);
  }
}

/** V8 does not always give a position; the slow parser does, so it runs once more over short malformed texts. */
function whereMalformed(text: string, error: unknown): string {
  if (text.length <= LOCATE_CHARS_MAX) {
    try {
      parseSlowly(text, undefined, { parseNumber: Number, onDuplicateKey: ({ newValue }) => newValue });
    } catch (located) {
      // Only a SyntaxError locates; a deeply nested text overflows this recursive parser instead.
      if (located instanceof SyntaxError) return withLine(text, located.message);
    }
  }
  return error instanceof Error ? error.message : String(error);
}

/** Adds line and column to the position, for texts of more than one line. */
function withLine(text: string, message: string): string {
  const position = /at position (\d+)$/.exec(message)?.[1];
  if (position === undefined || !text.includes('\n')) return message;
  const before = text.slice(0, Number(position)).split('\n');
  return `${message} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1})`;
}
