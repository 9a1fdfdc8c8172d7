/** Makes wrong inputs of right ones: small changes that keep most of the form get further than noise does. */
import type { SeededRandom } from '../../base/seeded-random.ts';

/** Values at the edges of what integers and lengths may be. */
const EDGES = [0, 1, 0x7f, 0x80, 0xc0, 0xc1, 0xd9, 0xdb, 0xdc, 0xdd, 0xfe, 0xff];
const CHANGES_MAX = 4;

export function mutateBytes(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let mutated = Array.from(bytes);
  for (let change = random.below(CHANGES_MAX); change >= 0; change--) {
    const at = random.below(mutated.length + 1);
    const length = 1 + random.below(8);
    const part = mutated.slice(at, at + length);
    switch (random.below(6)) {
      case 0:
        mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        mutated[at] = random.pick(EDGES);
        break;
      case 2:
        mutated = mutated.slice(0, at);
        break;
      case 3:
        mutated.splice(at, length);
        break;
      case 4:
        mutated.splice(random.below(mutated.length + 1), 0, ...part);
        break;
      default:
        mutated.splice(at, 0, random.below(256));
    }
  }
  return Uint8Array.from(mutated);
}

/** Pieces that mean something somewhere: brackets, numbers at their limits, text that is hard to carry. */
const PIECES = [
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '"',
    "'",
    '`',
    ':',
    ',',
    '\\',
    '\n',
    '\0',
    '-',
    '.',
    '..',
    '*',
    '$',
    '|',
    '/*',
    '//',
  ],
  ...['null', 'true', '1e400', '-0', '9223372036854775808', '0x', '1.', '.5', '\ud800', '\u{1f680}', '__proto__'],
  ...['"$type"', '"$inc"', 'MATCH ', 'RETURN ', 'WITH ', 'UNWIND ', 'WHERE ', 'CALL ', ' AS ', 'NOT ', 'CASE ', 'END '],
];

export function mutateText(random: SeededRandom, text: string): string {
  let mutated = text;
  for (let change = random.below(CHANGES_MAX); change >= 0; change--) {
    const at = random.below(mutated.length + 1);
    const end = Math.min(mutated.length, at + 1 + random.below(8));
    switch (random.below(5)) {
      case 0:
        mutated = mutated.slice(0, at) + random.pick(PIECES) + mutated.slice(at);
        break;
      case 1:
        mutated = mutated.slice(0, at) + mutated.slice(end);
        break;
      case 2:
        mutated = mutated.slice(0, at) + random.pick(PIECES) + mutated.slice(end);
        break;
      case 3: {
        const from = random.below(mutated.length + 1);
        mutated = mutated.slice(0, at) + mutated.slice(from, from + 12) + mutated.slice(at);
        break;
      }
      default:
        mutated = mutated.slice(0, at);
    }
  }
  return mutated;
}
