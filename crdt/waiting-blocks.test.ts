/** DOC-8: a document that nobody asks anything between appends writes what one writes that is asked each time. */
import { expect, test } from 'vitest';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { compact } from './compaction.ts';
import { PartitionDocument } from './partition-document.ts';

const A = replicaId(7);
const B = replicaId(0xffff_fff0);
const SIZES = { segmentPatches: 6, chapterSegments: 2 };
const ROUNDS = 150;

const open = (replica = A) => PartitionDocument.hydrate('0', replica, [], SIZES);
/** Yjs takes in what waits. */
const ask = (document: PartitionDocument) => document.structs();

function round(seed: number): void {
  const random = new SeededRandom(seed);
  const below = (limit: number) => random.uint32() % limit;
  const asked = open();
  const unasked = open();
  const follower = open(replicaId(9));
  const other = open(B);
  let made = 0;
  const patches = (prefix: string) => Array.from({ length: 1 + below(4) }, () => `${prefix}${made++}`);
  const steps: ((document: PartitionDocument) => Uint8Array | undefined)[] = [];
  for (let turn = 0; turn < 40; turn++) {
    const what = below(10);
    if (what < 7) {
      const own = patches('a');
      steps.push((document) => document.append(own));
    } else if (what < 9) {
      const theirs = other.append(patches('b'));
      steps.push((document) => {
        document.merge(theirs);
        return theirs;
      });
    } else {
      const dead = below(made + 1);
      const judge = {
        stateOf: (patch: string) => (Number(patch.slice(1)) < dead ? ('dead' as const) : ('live' as const)),
        elementOf: (patch: string) => patch,
        isTombstone: () => false,
        clockOf: () => 0,
      };
      steps.push((document) => compact(document, judge).update);
    }
  }
  for (const [turn, step] of steps.entries()) {
    const at = `seed ${seed}, turn ${turn}`;
    const update = step(unasked);
    expect(update, at).toEqual(step(asked));
    ask(asked);
    if (update !== undefined) follower.merge(update);
  }
  const again = PartitionDocument.hydrate('0', A, [asked.encode()], SIZES);
  expect([unasked.patches, unasked.chars], `seed ${seed}`).toEqual([again.patches, again.chars]);
  expect(unasked.encode(), `seed ${seed}`).toEqual(asked.encode());
  expect([...follower.all()], `seed ${seed}`).toEqual([...asked.all()]);
}

test('documents that are asked after each step, and not before the end -> the same updates, the same document', () => {
  for (let seed = 1; seed <= ROUNDS; seed++) round(seed);
});
