/** Text. Positions and lengths count code points; a negative length is an error. */
import { runtimeError } from '../query-error.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { pointCount, slicePoints } from './code-points.ts';
import { badArgument, countArgument, listArgument, type ScalarFunction, scalar, stringArgument } from './function.ts';

function length(name: string, value: RuntimeValue): number {
  const count = countArgument(name, value);
  if (count < 0) throw runtimeError('ArgumentError', 'NumberOutOfRange', `${name}() takes no negative number`);
  return count;
}

function mapped(name: string, map: (text: string) => RuntimeValue): ScalarFunction {
  return scalar(name, [1, 1], (_, text) => map(stringArgument(name, text)));
}

/** Trims white space, or the characters of a second argument. */
function trimming(name: string, { start, end }: { readonly start: boolean; readonly end: boolean }): ScalarFunction {
  return scalar(name, [1, 2], (_, text, characters) => {
    let trimmed = stringArgument(name, text);
    if (characters === undefined) {
      if (start) trimmed = trimmed.trimStart();
      return end ? trimmed.trimEnd() : trimmed;
    }
    const set = new Set(stringArgument(name, characters));
    const points = Array.from(trimmed);
    let from = 0;
    let to = points.length;
    while (start && from < to && set.has(points[from] as string)) from++;
    while (end && to > from && set.has(points[to - 1] as string)) to--;
    return points.slice(from, to).join('');
  });
}

function split(text: string, delimiters: RuntimeValue): RuntimeValue {
  if (typeof delimiters === 'string') return delimiters === '' ? Array.from(text) : text.split(delimiters);
  let parts = [text];
  for (const delimiter of listArgument('split', delimiters)) {
    const by = stringArgument('split', delimiter);
    parts = parts.flatMap((part) => (by === '' ? Array.from(part) : part.split(by)));
  }
  return parts;
}

function normalForm(form: RuntimeValue | undefined): string {
  const wanted = form === undefined ? 'NFC' : stringArgument('normalize', form).toUpperCase();
  if (!/^NFK?[CD]$/.test(wanted)) throw badArgument('normalize', form as RuntimeValue, 'NFC, NFD, NFKC or NFKD');
  return wanted;
}

export const STRING_FUNCTIONS: readonly ScalarFunction[] = [
  mapped('toLower', (text) => text.toLowerCase()),
  mapped('lower', (text) => text.toLowerCase()),
  mapped('toUpper', (text) => text.toUpperCase()),
  mapped('upper', (text) => text.toUpperCase()),
  trimming('trim', { start: true, end: true }),
  trimming('btrim', { start: true, end: true }),
  trimming('ltrim', { start: true, end: false }),
  trimming('rtrim', { start: false, end: true }),
  scalar('left', [2, 2], (_, text, count) => slicePoints(stringArgument('left', text), 0, length('left', count))),
  scalar('right', [2, 2], (_, text, count) => {
    const source = stringArgument('right', text);
    return slicePoints(source, Math.max(0, pointCount(source) - length('right', count)));
  }),
  scalar('substring', [2, 3], (_, text, start, count) => {
    const source = stringArgument('substring', text);
    const from = length('substring', start);
    return slicePoints(source, from, count === undefined ? undefined : from + length('substring', count));
  }),
  scalar('replace', [3, 3], (_, text, search, by) => {
    const source = stringArgument('replace', text);
    const wanted = stringArgument('replace', search);
    // The empty text is found before each character and at the end.
    const parts = wanted === '' ? ['', ...source, ''] : source.split(wanted);
    return parts.join(stringArgument('replace', by));
  }),
  scalar('split', [2, 2], (_, text, delimiters) => split(stringArgument('split', text), delimiters)),
  scalar('normalize', [1, 2], (_, text, form) => stringArgument('normalize', text).normalize(normalForm(form))),
  scalar('isNormalized', [1, 2], (_, text, form) =>
    typeof text === 'string' ? text === text.normalize(normalForm(form)) : null,
  ),
  mapped('char_length', pointCount),
  mapped('character_length', pointCount),
];
