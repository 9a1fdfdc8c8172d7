/**
 * `text =~ pattern`: the whole text must match. RE2 syntax, run in time linear in the text whatever the pattern: no
 * back-references, no look-around, which are errors. The last patterns are kept compiled.
 */
import type { RE2JS } from 're2js';
import { REGULAR_EXPRESSIONS } from '../parts.ts';
import { runtimeError } from '../query-error.ts';
import type { Ternary } from '../values/logic.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';

const KEPT_MAX = 256;
const PATTERN_CHARS_MAX = 4096;
const compiled = new Map<string, RE2JS>();

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (pattern.length > PATTERN_CHARS_MAX) {
    const message = `a regular expression has at most ${PATTERN_CHARS_MAX} characters`;
    throw runtimeError('ArgumentError', 'InvalidArgumentValue', message);
  }
  const library = REGULAR_EXPRESSIONS.get().RE2JS;
  let made: RE2JS;
  try {
    made = library.compile(pattern);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw runtimeError('ArgumentError', 'InvalidArgumentValue', `the regular expression is invalid: ${message}`);
  }
  if (compiled.size >= KEPT_MAX) compiled.clear();
  compiled.set(pattern, made);
  return made;
}

/** Null unless both are strings. */
export function matchesPattern(text: RuntimeValue, pattern: RuntimeValue): Ternary {
  if (typeof text !== 'string' || typeof pattern !== 'string') return null;
  return compile(pattern).matches(text);
}
