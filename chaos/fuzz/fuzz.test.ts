/** A short run of every fuzzer; `npm run fuzz` is the long one. */
import { afterAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { buildTargets } from './targets.ts';

const INPUTS = 300;
const targets = await buildTargets();
afterAll(async () => {
  for (const target of targets) await target.close?.();
});

describe('fuzz', () => {
  test.each(targets)('$name: wrong inputs -> answered, or refused with an error of the table', async (target) => {
    for (let seed = 1; seed <= INPUTS; seed++) {
      let thrown: unknown;
      try {
        await target.once(new SeededRandom(seed));
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `seed ${seed}: ${target.input()}`).toBeUndefined();
    }
  });
});
