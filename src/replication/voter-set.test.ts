import { beforeEach, expect, test } from 'vitest';
import { firstConfiguration, withoutVoter } from './configuration.ts';
import { VoterSet } from './voter-set.ts';

const FIRST = firstConfiguration(
  new Map([
    ['a', 'ma'],
    ['b', 'mb'],
  ]),
);
const SECOND = withoutVoter(FIRST, 'b');

let disk: Map<string, Uint8Array>;
/** Writes that are not durable yet. */
let held: (() => void)[];
let holds: boolean;

const notes = {
  readNote: async (name: string) => disk.get(name),
  writeNote: (name: string, value: Uint8Array) => {
    return new Promise<void>((resolve) => {
      const sync = () => {
        disk.set(name, value);
        resolve();
      };
      if (holds) held.push(sync);
      else sync();
    });
  },
};

beforeEach(() => {
  disk = new Map();
  held = [];
  holds = false;
});

test('a server that knows nothing -> no voter, and none itself', async () => {
  const set = await VoterSet.read(notes);
  expect([set.configuration.number, set.votesIn, set.isVoter('a')]).toEqual([0, 0, false]);
});

test('a later configuration -> taken over and told, once; another one of the same number, or an earlier one -> not (STR-12)', async () => {
  const set = await VoterSet.read(notes);
  let changes = 0;
  set.onChange(() => changes++);
  set.adopt(SECOND);
  expect([set.configuration, changes, set.isVoter('a'), set.isVoter('b')]).toEqual([SECOND, 1, true, false]);
  for (const other of [SECOND, { ...SECOND, voters: ['x'] }, FIRST]) set.adopt(other);
  expect([set.configuration, changes]).toEqual([SECOND, 1]);
});

test('a restart -> what it knew and in which configuration it voted, also if that is over', async () => {
  const set = await VoterSet.read(notes);
  set.adopt(FIRST);
  await set.vote();
  expect(set.votesIn).toBe(1);
  set.adopt(SECOND);
  await set.durable;
  const again = await VoterSet.read(notes);
  expect([again.configuration, again.votesIn]).toEqual([SECOND, 1]);
});

test('durable -> when all that was said before is on the disk', async () => {
  const set = await VoterSet.read(notes);
  holds = true;
  set.adopt(FIRST);
  set.adopt(SECOND);
  const told: string[] = [];
  const durable = set.durable.then(() => told.push('all'));
  held[1]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([]);
  held[0]?.();
  await durable;
  expect(told).toEqual(['all']);
});
