/**
 * Every planted bug is caught within its seeds, and the same seeds without it pass: so it is the bug that was caught, not
 * the scenario. What the checkers say about a bug is not pinned down; that they say something is.
 */
import { afterAll, describe, expect, test } from 'vitest';
import type { PlantedBug } from '../base/planted-bug.ts';
import { StrayRejections } from './host.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runSeed, type SeedReport } from './run-seed.ts';
import { type Direction, scenarioOf } from './scenario.ts';
import { SimRandom } from './sim/random.ts';

const strays = new StrayRejections();
afterAll(() => strays.stop());

function run(seed: number, direction: Direction, bug?: PlantedBug) {
  const bugs = new Set<PlantedBug>(bug === undefined ? [] : [bug]);
  const scenario = scenarioOf(new SimRandom(seed).fork('scenario'), 'small', bugs, direction);
  return runSeed({ seed, scenario }, strays.take);
}

const verdictOf = ({ seed, failures }: SeedReport) =>
  failures.map(({ checker, evidence }) => `seed ${seed}, ${checker}: ${evidence}`);

describe('planted bugs', () => {
  for (const [name, { seeds, direction }] of Object.entries(PLANTED_BUGS)) {
    test(`${name}: up to ${seeds} seeds -> caught, and without it the same seeds pass`, async () => {
      let caught = false;
      for (let seed = 1; seed <= seeds && !caught; seed++) {
        expect(verdictOf(await run(seed, direction))).toEqual([]);
        caught = (await run(seed, direction, name as PlantedBug)).failures.length > 0;
      }
      expect(caught).toBe(true);
    });
  }
});

test('simulator: one seed twice -> one trace; another seed -> another one', async () => {
  const [once, again, other] = [await run(1, {}), await run(1, {}), await run(2, {})];
  expect(again.hash).toBe(once.hash);
  expect(other.hash).not.toBe(once.hash);
});
