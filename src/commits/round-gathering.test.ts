/** When a round begins: how long it waits for those whom the last one answered. */
import { expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { memoryNetwork } from '../replication/memory-network.model.ts';
import { RoundGathering } from './round-gathering.ts';

const ROUND_MS = 8;
const CROWD = 64;

/** After a round that has answered so many, while others waited. */
async function afterRound(answered: number, waitingNow: number, { changed = true, roundMs = ROUND_MS } = {}) {
  const { env, advance } = memoryNetwork();
  let waiting = answered;
  const gathering = new RoundGathering(env, () => waiting);
  await gathering.whenGathered();
  waiting = waitingNow;
  advance(roundMs);
  if (changed) gathering.answered(answered);
  let begun = false;
  void gathering.whenGathered().then(() => {
    begun = true;
  });
  const hasBegun = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return begun;
  };
  const arrive = (count: number) => {
    for (let i = 0; i < count; i++) {
      waiting++;
      gathering.noticed();
    }
  };
  return { advance, arrive, hasBegun, gathering };
}

test('half of a crowd waited while the other half was answered -> the next round has both, as soon as they are there', async () => {
  const { arrive, hasBegun } = await afterRound(CROWD / 2, CROWD / 2);
  arrive(CROWD / 2 - 1);
  expect(await hasBegun()).toBe(false);
  arrive(1);
  expect(await hasBegun()).toBe(true);
});

test('some do not ask again -> they are waited for during half of what the last round took', async () => {
  const { advance, arrive, hasBegun } = await afterRound(CROWD / 2, CROWD / 2);
  arrive(3);
  advance(ROUND_MS / 2 - 1);
  expect(await hasBegun()).toBe(false);
  advance(1);
  expect(await hasBegun()).toBe(true);
});

test('the last round was shorter than any timer -> they are waited for all the same', async () => {
  const { arrive, hasBegun } = await afterRound(CROWD / 2, CROWD / 2, { roundMs: 0.4 });
  arrive(CROWD / 2 - 1);
  expect(await hasBegun()).toBe(false);
  arrive(1);
  expect(await hasBegun()).toBe(true);
});

test('most did not ask again in time -> the next rounds begin at once, then they are waited for again', async () => {
  const { env, advance } = memoryNetwork();
  const gathering = new RoundGathering(env, () => CROWD);
  const waits: boolean[] = [];
  await gathering.whenGathered();
  for (let round = 0; round < 8; round++) {
    advance(ROUND_MS);
    gathering.answered(CROWD);
    let begun = false;
    const gathered = gathering.whenGathered().then(() => {
      begun = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    waits.push(!begun);
    // Longer than it waits.
    advance(ROUND_MS);
    await gathered;
  }
  expect(waits).toEqual([true, false, true, false, false, false, true, false]);
});

test.each([
  { what: 'a few clients', answered: LIMITS.gatherMin - 2, waiting: 1, options: {} },
  { what: 'all are there', answered: 0, waiting: CROWD, options: {} },
  {
    what: 'the last round changed nothing, so it cost little',
    answered: CROWD,
    waiting: 1,
    options: { changed: false },
  },
  { what: 'the last round took no time', answered: CROWD, waiting: 1, options: { roundMs: 0 } },
])('$what -> at once', async ({ answered, waiting, options }) => {
  expect(await (await afterRound(answered, waiting, options)).hasBegun()).toBe(true);
});

test('the coordinator stops -> it does not wait on', async () => {
  const { gathering, hasBegun } = await afterRound(CROWD, 1);
  gathering.stop();
  expect(await hasBegun()).toBe(true);
});
