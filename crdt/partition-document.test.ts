import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { BugError } from '../base/assert.ts';
import { replicaId } from '../base/ids.ts';
import { patchesOfBlock } from './block.ts';
import { compact, type PatchJudge } from './compaction.ts';
import { checkUpdate } from './foreign-update.ts';
import { mergeUpdates, PartitionDocument, patchesOf } from './partition-document.ts';
import { encodePatch } from './patch-codec.ts';

const SMALL = { segmentPatches: 2, chapterSegments: 2 };
const A = replicaId(7);
const B = replicaId(0xffff_fff0);

const open = (id = A, updates: readonly Uint8Array[] = [], sizes = SMALL) =>
  PartitionDocument.hydrate('0', id, updates, sizes);
const nodeDelete = (i: number) => encodePatch({ kind: 'node-delete', id: `n${i}`, clock: 1000 + i, replica: A });
const held = (document: PartitionDocument) => [...document.all()].sort();
const numbered = (count: number, prefix = 'p') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Patches are opaque to the document: these tests say which are live. */
const states = (
  isLive: (patch: string) => boolean,
  isExpired: (patch: string) => boolean = () => false,
): PatchJudge => ({
  stateOf: (patch) => (!isLive(patch) ? 'dead' : isExpired(patch) ? 'expired' : 'live'),
  elementOf: (patch) => patch.slice(0, 1),
  isTombstone: () => false,
  clockOf: () => 0,
});

/** Chapters as lists of segments of patches, as any Yjs client sees them. */
function layout(document: PartitionDocument): string[][][] {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, document.encode());
  const chapters = doc.getArray('log').toJSON() as string[][][];
  return chapters.map((segments) => segments.map((blocks) => blocks.flatMap(patchesOfBlock)));
}

function sync(from: PartitionDocument, to: PartitionDocument): string[] {
  return to.merge(from.diff(to.stateVector()));
}

describe('append and merge', () => {
  test('patches of two writers, exchanged -> both hold all of them, in their own segments', () => {
    const a = open(A);
    const b = open(B);
    a.append(numbered(5, 'a'));
    b.append(numbered(3, 'b'));
    expect(sync(a, b)).toEqual(numbered(5, 'a'));
    expect(sync(b, a)).toEqual(numbered(3, 'b'));
    expect(held(a)).toEqual([...numbered(5, 'a'), ...numbered(3, 'b')]);
    expect(held(b)).toEqual(held(a));
    a.append(['a5']);
    sync(a, b);
    // DOC-1: nobody appends to a segment or chapter of another writer.
    for (const chapter of layout(b)) expect(new Set(chapter.flat().map((patch) => patch[0])).size).toBe(1);
  });

  test('segments and chapters: full ones -> the next ones; one append may fill several', () => {
    const document = open();
    document.append(['p0']);
    document.append(numbered(9).slice(1));
    expect(layout(document)).toEqual([
      [
        ['p0', 'p1'],
        ['p2', 'p3'],
      ],
      [
        ['p4', 'p5'],
        ['p6', 'p7'],
      ],
      [['p8']],
    ]);
  });

  test('the update of an append -> says just that append, to whoever has what came before', () => {
    const a = open(A);
    const b = open(B);
    for (const patch of numbered(6)) {
      const update = a.append([patch]);
      expect(patchesOf(update)).toEqual([patch]);
      expect(b.merge(update)).toEqual([patch]);
    }
    expect(held(b)).toEqual(held(a));
  });

  test('an update merged again, and an older one after a newer -> nothing twice in the document', () => {
    const a = open(A);
    const b = open(B);
    a.append(['p0']);
    const older = a.encode();
    a.append(['p1']);
    const newer = a.encode();
    for (const update of [newer, older, newer]) b.merge(update);
    expect(held(b)).toEqual(['p0', 'p1']);
  });

  test('hydration under the same id -> continues the own segment; under another id -> starts one', () => {
    const document = open();
    document.append(numbered(3));
    const same = open(A, [document.encode()]);
    same.append(['p3']);
    expect(layout(same)).toEqual([
      [
        ['p0', 'p1'],
        ['p2', 'p3'],
      ],
    ]);
    const other = open(B, [document.encode()]);
    other.append(['q0']);
    expect(layout(other)).toContainEqual([['q0']]);
    expect(other.patches).toBe(4);
    expect(other.chars).toBe(8);
  });

  test('DOC-3 an update before what it builds on -> a bug, not a silent gap', () => {
    const a = open(A);
    a.append(['p0']);
    const early = a.append(['p1']);
    expect(() => open(B).merge(early)).toThrow(BugError);
  });

  test('DOC-4 another writer with our id -> a bug', () => {
    const a = open(A);
    const impostor = open(A);
    a.append(['p0']);
    impostor.append(['q0', 'q1', 'q2']);
    expect(() => a.merge(impostor.encode())).toThrow(BugError);
  });
});

describe('compact', () => {
  test('nothing dead -> nothing to send', () => {
    const document = open();
    document.append(numbered(9));
    expect(
      compact(
        document,
        states(() => true),
      ),
    ).toEqual({ update: undefined, dropped: 0, rewritten: 0 });
  });

  test('DOC-1 the newest segment of every writer -> stays, even if dead', () => {
    const a = open(A);
    const b = open(B);
    a.append(numbered(3, 'a'));
    b.append(numbered(3, 'b'));
    sync(b, a);
    compact(
      a,
      states(() => false),
    );
    expect(held(a)).toEqual(['a2', 'b2']);
  });

  test('DOC-2 a live patch among dead ones -> written again before its segment goes', () => {
    const document = open(A, [], { segmentPatches: 4, chapterSegments: 2 });
    document.append(numbered(10));
    const { dropped, rewritten } = compact(
      document,
      states((patch) => patch === 'p1' || patch >= 'p4'),
    );
    expect({ dropped, rewritten }).toEqual({ dropped: 4, rewritten: 1 });
    expect(held(document)).toEqual(['p1', ...numbered(10).slice(4)]);
    expect(document.patches).toBe(7);
  });

  test('a chapter without live patches -> collapses into one Yjs struct', () => {
    const document = open(A, [], { segmentPatches: 256, chapterSegments: 64 });
    let compactions = 0;
    for (let round = 0; round < 100; round++) {
      document.append(numbered(600, `${round}:`));
      if (
        compact(
          document,
          states((patch) => patch.startsWith(`${round}:`)),
        ).update !== undefined
      )
        compactions++;
    }
    expect(compactions).toBeGreaterThan(50);
    expect(document.patches).toBeLessThan(3000);
    expect(document.structs()).toBeLessThan(200);
    expect(open(B, [document.encode()]).patches).toBe(document.patches);
  });

  test('an expired tombstone -> goes with the last other patch of its element, not before', () => {
    const expired = (patch: string) => patch === 'xd';
    const alone = open();
    alone.append(['xc', 'xd', 'y0', 'y1', 'y2']);
    compact(
      alone,
      states((patch) => patch !== 'xc', expired),
    );
    expect(held(alone)).toEqual(['y0', 'y1', 'y2']);

    const accompanied = open();
    accompanied.append(['xc', 'y0', 'xd', 'z0', 'y1']);
    compact(
      accompanied,
      states((patch) => patch !== 'xc' && patch !== 'z0', expired),
    );
    expect(held(accompanied)).toContain('xc');
    expect(held(accompanied)).toContain('xd');
  });

  test('an append and a compaction in one commit -> what was written again is told from what is new', () => {
    const document = open(A, [], { segmentPatches: 4, chapterSegments: 2 });
    const old = Array.from({ length: 8 }, (_, i) => nodeDelete(i));
    document.append(old);
    const appended = document.append([nodeDelete(8)]);
    const { update } = compact(
      document,
      states((patch) => patch === old[1] || patch === nodeDelete(8)),
    );
    const checked = checkUpdate(mergeUpdates([appended, update as Uint8Array]), A);
    expect(checked.texts).toEqual([nodeDelete(8), old[1]]);
    expect(checked.copies).toBe(1);
    expect(checkUpdate(appended, A).copies).toBe(0);
  });

  test('the update of a compaction -> brings a replica that had everything to the same patches', () => {
    const a = open(A);
    const b = open(B);
    a.append(numbered(9));
    sync(a, b);
    const { update } = compact(
      a,
      states((patch) => patch === 'p1' || patch === 'p8'),
    );
    if (update === undefined) throw new Error('there was something to compact');
    b.merge(update);
    expect(held(b)).toEqual(held(a));
    expect(held(a)).toEqual(expect.arrayContaining(['p1', 'p8']));
  });
});
