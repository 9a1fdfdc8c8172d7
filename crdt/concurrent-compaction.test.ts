/** DOC-2: several replicas that compact one document at the same time lose nothing, and are rid of copies in the end. */
import { describe, expect, test } from 'vitest';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { compact, type PatchJudge } from './compaction.ts';
import { PartitionDocument } from './partition-document.ts';
import { sealedPatches } from './sealed-patches.model.ts';

const A = replicaId(7);
const B = replicaId(0xffff_fff0);

/** Patches are opaque to the document: these tests say which are live. */
const states = (isLive: (patch: string) => boolean): PatchJudge => ({
  stateOf: (patch) => (isLive(patch) ? 'live' : 'dead'),
  elementOf: (patch) => patch,
  isTombstone: () => false,
  clockOf: () => 0,
});

const held = (document: PartitionDocument) => [...document.all()].sort();
const sync = (from: PartitionDocument, to: PartitionDocument) => to.merge(from.diff(to.stateVector()));

test('one needs again what a tombstone hides, to the other both are of no use -> both stay', () => {
  const sizes = { segmentPatches: 3, chapterSegments: 4 };
  const a = PartitionDocument.hydrate('0', A, [], sizes);
  const b = PartitionDocument.hydrate('0', B, [], sizes);
  a.append(['hidden', 'x1', 'x2', 'tombstone', 'y1', 'y2', 'z']);
  sync(a, b);
  const judge = (stateOf: PatchJudge['stateOf']): PatchJudge => ({
    stateOf,
    elementOf: (patch) => (patch === 'hidden' || patch === 'tombstone' ? 'element' : patch),
    isTombstone: (patch) => patch === 'tombstone',
    clockOf: (patch) => (patch === 'tombstone' ? 2 : 1),
  });
  compact(
    a,
    judge((patch) => (patch === 'tombstone' ? 'expired' : patch === 'z' ? 'live' : 'dead')),
  );
  compact(
    b,
    judge((patch) => (patch.startsWith('x') ? 'dead' : 'live')),
  );
  expect(held(a)).toEqual(['z']);
  sync(a, b);
  sync(b, a);
  expect(held(a)).toEqual(['hidden', 'tombstone', 'z']);
  expect(held(b)).toEqual(held(a));
});

describe('two replicas compact the same segments at once', () => {
  const live = ['p1', 'p9', 'p29', 'q0', 'q1', 'q2', 'q3', 'r0', 'r1', 'r2', 'r3'];
  const compactLive = (document: PartitionDocument) =>
    compact(
      document,
      states((patch) => live.includes(patch)),
    );

  /** They then fill the segments that hold the copies. */
  function compactedTwice(): [PartitionDocument, PartitionDocument] {
    const sizes = { segmentPatches: 4, chapterSegments: 2 };
    const a = PartitionDocument.hydrate('0', A, [], sizes);
    const b = PartitionDocument.hydrate('0', B, [], sizes);
    a.append(Array.from({ length: 30 }, (_, i) => `p${i}`));
    sync(a, b);
    for (const document of [a, b]) compactLive(document);
    a.append(['q0', 'q1', 'q2', 'q3']);
    b.append(['r0', 'r1', 'r2', 'r3']);
    sync(a, b);
    sync(b, a);
    return [a, b];
  }

  test('and again -> nothing lost', () => {
    const [a, b] = compactedTwice();
    expect(held(a)).toEqual(held(b));
    expect(held(a)).toEqual(expect.arrayContaining(live));
    for (const document of [a, b]) compactLive(document);
    sync(a, b);
    sync(b, a);
    expect(held(a)).toEqual(held(b));
    expect(held(a)).toEqual(expect.arrayContaining(live));
  });

  test.each([
    ['one', 0],
    ['the other', 1],
  ])('and then %s of them once more -> every patch once, and nothing left to do', (_, by) => {
    const document = compactedTwice()[by as 0 | 1];
    expect(held(document).filter((patch) => patch === 'p1')).toEqual(['p1', 'p1']);
    compactLive(document);
    expect(held(document)).toEqual(live.toSorted());
    expect(compactLive(document).update).toBeUndefined();
  });
});

test('a compactor whose own chapter comes before what it rewrites -> the copy comes after that all the same', () => {
  const sizes = { segmentPatches: 4, chapterSegments: 2 };
  const a = PartitionDocument.hydrate('0', A, [], sizes);
  const b = PartitionDocument.hydrate('0', B, [], sizes);
  a.append(['a0']);
  sync(a, b);
  b.append(['b0', 'b1', 'b2', 'b3', 'b4']);
  sync(b, a);
  compact(
    a,
    states((patch) => patch !== 'b0' && patch !== 'b1' && patch !== 'b2'),
  );
  expect([...a.all()]).toEqual(['a0', 'b4', 'b3']);
});

/** Replicas that write, exchange and compact in any order; `gone` are dead for those who have seen their successor. */
function play(random: SeededRandom): { documents: PartitionDocument[]; live: string[] } {
  const sizes = { segmentPatches: 2 + random.below(4), chapterSegments: 1 + random.below(3) };
  const ids = random.shuffled([1, 2, 3, 2 ** 32 - 1, 2 ** 32 - 2]).map(replicaId);
  const count = 3 + random.below(3);
  const documents = ids.slice(0, count).map((id) => PartitionDocument.hydrate('0', id, [], sizes));
  const versions = Array.from({ length: 12 }, () => 0);
  for (let step = 0; step < 120; step++) {
    const document = random.pick(documents);
    const dice = random.below(10);
    if (dice < 4) {
      const element = random.below(versions.length);
      versions[element] = (versions[element] as number) + 1;
      document.append([`${element}.${versions[element]}`]);
    } else if (dice < 6) sync(document, random.pick(documents));
    else compact(document, latestHere(document));
  }
  for (let pass = 0; pass < 2; pass++) {
    for (const from of documents) for (const to of documents) if (from !== to) sync(from, to);
  }
  return { documents, live: versions.flatMap((version, element) => (version > 0 ? [`${element}.${version}`] : [])) };
}

/** A patch is live if no later one of its element is here. */
function latestHere(document: PartitionDocument): PatchJudge {
  const versionOf = (patch: string) => Number(patch.split('.')[1]);
  const latest = new Map<string | undefined, number>();
  for (const patch of document.all()) {
    const element = patch.split('.')[0];
    latest.set(element, Math.max(latest.get(element) ?? 0, versionOf(patch)));
  }
  return states((patch) => latest.get(patch.split('.')[0]) === versionOf(patch));
}

const ROUNDS = Number(process.env.WEFT_ROUNDS ?? 250);
const FIRST_SEED = Number(process.env.WEFT_SEED ?? 1);

test('replicas that compact again and again before they hear of each other -> nothing lost, and no copies in the end', () => {
  let copies = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const { documents, live } = play(random);
    const context = `WEFT_SEED=${seed}`;
    const lost = (document: PartitionDocument) => {
      const all = new Set(document.all());
      return live.filter((patch) => !all.has(patch));
    };
    for (const document of documents) {
      expect(held(document), context).toEqual(held(documents[0] as PartitionDocument));
      expect(lost(document), context).toEqual([]);
    }
    const compactor = random.pick(documents);
    if (sealedPatches(compactor).length > new Set(sealedPatches(compactor)).size) copies++;
    // A round may seal the compactor's own newest segment, and so find more to do in the next.
    let rounds = 0;
    while (compact(compactor, latestHere(compactor)).update !== undefined) expect(++rounds, context).toBeLessThan(5);
    expect(lost(compactor), context).toEqual([]);
    const left = sealedPatches(compactor).filter((patch) => live.includes(patch));
    expect(left.length, context).toBe(new Set(left).size);
  }
  expect(copies).toBeGreaterThan(ROUNDS / 10);
});
