/** What belongs to no other family. `coalesce` and `exists` look at one argument after the other, in `expressions/`. */
import { equal } from '../values/equality.ts';
import { valueTypeOf } from '../values/value-type.ts';
import { type ScalarFunction, scalar } from './function.ts';

const HEX = '0123456789abcdef';

/** A random UUID (version 4, RFC 9562) from the injected random source. */
function uuid(random32: () => number): string {
  let text = '';
  for (let word = 0; word < 4; word++) {
    let bits = random32();
    for (let i = 0; i < 8; i++) {
      const at = word * 8 + i;
      let digit = bits & 15;
      bits >>>= 4;
      if (at === 12) digit = 4;
      if (at === 16) digit = (digit & 3) | 8;
      if (at === 8 || at === 12 || at === 16 || at === 20) text += '-';
      text += HEX[digit];
    }
  }
  return text;
}

export const SCALAR_FUNCTIONS: readonly ScalarFunction[] = [
  scalar('timestamp', [0, 0], ({ statementMs }) => Math.floor(statementMs)),
  scalar('randomUUID', [0, 0], ({ random32 }) => uuid(random32), { pure: false }),
  scalar('nullIf', [2, 2], (_, a, b) => (equal(a, b) === true ? null : a), { strict: false }),
  scalar('valueType', [1, 1], (_, value) => valueTypeOf(value), { strict: false }),
];
