import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { BugError } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { compact, type PatchJudge } from './compaction.ts';
import { acceptedTexts } from './foreign-update.model.ts';
import { checkState, checkUpdate } from './foreign-update.ts';
import { mergeUpdates, PartitionDocument, patchesOf } from './partition-document.ts';
import { encodePatch } from './patch-codec.ts';
import { NEVER } from './stamp.ts';

const A = replicaId(7);
const B = replicaId(0xffff_fff0);
const SMALL = { segmentPatches: 2, chapterSegments: 2 };

const open = (id: ReplicaId, updates: readonly Uint8Array[] = []) => PartitionDocument.hydrate('0', id, updates, SMALL);

/** To compact a document so that these patches stay. */
const keeping = (isLive: (patch: string) => boolean): PatchJudge => ({
  stateOf: (patch) => (isLive(patch) ? 'live' : 'dead'),
  elementOf: (patch) => patch,
  isTombstone: () => false,
  clockOf: () => 0,
});

let clock = 0;
const patch = (id: string, properties = {}) =>
  encodePatch({ kind: 'node-create', clock: ++clock, replica: A, id, labels: ['L'], properties });

function refusal(of: () => unknown): string {
  try {
    of();
  } catch (error) {
    if (error instanceof WeftError && error.code === 'malformed-request') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('what a server writes', () => {
  test('an append to an open segment -> its patches, its latest clock, and what it builds on', () => {
    const document = open(A);
    document.append([patch('a')]);
    const text = patch('b', { name: 'é🦜' });
    const checked = checkUpdate(document.append([text]), A);
    expect(checked.texts).toEqual([text]);
    expect(checked.patches).toEqual([expect.objectContaining({ kind: 'node-create', id: 'b' })]);
    expect(checked.clockMax).toBe(clock);
    // Chapter, segment and the first patch.
    expect([...checked.needs]).toEqual([[A, 3]]);
    expect(checked.joins).toEqual([{ client: A, clock: 2, place: { kind: 'block' } }]);
  });

  test('the first append of a writer after others -> builds on the last chapter of the log', () => {
    const a = open(A);
    a.append([patch('a')]);
    const b = open(B, [a.encode()]);
    const { needs, joins } = checkUpdate(b.append([patch('b')]), B);
    expect([...needs]).toEqual([[A, 1]]);
    expect(joins).toEqual([{ client: A, clock: 0, place: { kind: 'chapter' } }]);
  });

  test('a compaction that writes nothing again -> deletions alone, of what must be here', () => {
    const document = open(A);
    document.append(['x', 'x', 'x'].map((id) => patch(id)));
    const last = [...document.all()].at(-1);
    const { update } = compact(
      document,
      keeping((text) => text === last),
    );
    const { texts, clockMax, needs } = checkUpdate(update as Uint8Array, A);
    expect({ texts, clockMax }).toEqual({ texts: [], clockMax: NEVER });
    expect([...needs]).toEqual([[A, 3]]);
  });
});

/** Updates of Yjs documents that are not those of a partition. */
function written(by: (doc: Y.Doc) => void, id: number = A): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = id;
  doc.transact(() => by(doc));
  return Y.encodeStateAsUpdate(doc);
}
const log = (doc: Y.Doc) => doc.getArray<Y.Array<unknown>>('log');
function chapter(doc: Y.Doc): Y.Array<unknown> {
  const made = new Y.Array<unknown>();
  log(doc).push([made]);
  return made;
}
function segment(doc: Y.Doc, ...blocks: unknown[]): Y.Array<unknown> {
  const made = new Y.Array<unknown>();
  chapter(doc).push([made]);
  if (blocks.length > 0) made.push(blocks);
  return made;
}
const bytes = (...parts: readonly (number | readonly number[])[]) => Uint8Array.from(parts.flat());
/** 2^49 in seven bits a byte. */
const HUGE = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];

describe('what no server writes -> refused, saying what', () => {
  const good = patch('a');
  const copies = `\n${patch('b')}`;
  const sound = written((doc) => segment(doc, good));
  test('the sound one of them -> accepted', () => {
    expect(checkUpdate(sound, A).texts).toEqual([good]);
  });

  test('copies behind something new; a state of a log that was compacted and went on -> accepted', () => {
    expect(
      checkUpdate(
        written((doc) => segment(doc, good, copies)),
        A,
      ),
    ).toMatchObject({ copies: 1 });
    expect(refusal(() => checkState(written((doc) => segment(doc, copies, good))))).toBe('accepted');
  });

  test.each<[string, Uint8Array, string]>([
    ['nothing', bytes(), 'it ends too early'],
    ['half of it', sound.subarray(0, sound.length >> 1), 'ends too early'],
    ['a byte too many', bytes(...sound, 0), 'bytes follow'],
    ['another one behind', bytes(...sound, ...sound), 'bytes follow'],
    ['of another writer', written((doc) => segment(doc, good), B), `structs of client ${B}`],
    ['another root', written((doc) => doc.getArray('other').push([new Y.Array()])), 'another root'],
    ['a map as root', written((doc) => doc.getMap('log').set('a', new Y.Array())), 'a struct of kind 39'],
    ['text in the log', written((doc) => doc.getArray('log').push([good])), 'a block in the log'],
    ['text in a chapter', written((doc) => chapter(doc).push([good])), 'a chapter where a segment belongs'],
    [
      'an array in a segment',
      written((doc) => segment(doc).push([new Y.Array()])),
      'a segment where a chapter belongs',
    ],
    [
      'an array beside blocks',
      written((doc) => segment(doc, good).push([new Y.Array()])),
      'a block where a chapter or segment belongs',
    ],
    ['a map in the log', written((doc) => doc.getArray('log').push([new Y.Map()])), 'a type that is no array'],
    ['a number as block', written((doc) => segment(doc, 7)), 'a block that is no text'],
    ['bytes as block', written((doc) => segment(doc, Uint8Array.of(1))), 'a struct of kind 3'],
    ['a subdocument', written((doc) => segment(doc, new Y.Doc({ guid: 'x' }))), 'a struct of kind 9'],
    ['a text', written((doc) => doc.getText('log').insert(0, good)), 'a struct of kind 4'],
    ['no patch', written((doc) => segment(doc, 'hello')), 'this is no patch'],
    ['something new behind copies', written((doc) => segment(doc, copies, good)), 'something new after copies'],
    ['an empty line', written((doc) => segment(doc, `${good}\n`)), 'this is no patch'],
    ['before what was there', written((doc) => segment(doc, good).insert(0, [good])), 'a struct of kind 72'],
    [
      'deleted at once',
      written((doc) => {
        segment(doc, good);
        log(doc).delete(0, 1);
      }),
      'brings something deleted',
    ],
    ['a gap', bytes(1, 1, A, 0, 10, 5, 0), 'a struct of kind 10'],
    ['a hole of garbage', bytes(1, 1, A, 0, 0, HUGE, 0), 'brings something deleted'],
    ['a huge clock', bytes(1, 1, A, HUGE, 0x07, 1, 3, 0x6c, 0x6f, 0x67, 0, 0), 'beyond all reason'],
    ['a huge neighbour', bytes(1, 1, A, 0, 0x87, 3, HUGE, 0, 0), 'beyond all reason'],
    ['a huge deletion', bytes(0, 1, A, 1, 0, HUGE), 'beyond all reason'],
    ['a deletion of nothing', bytes(0, 1, A, 1, 5, 0), 'has no length'],
    ['deletions that overlap', bytes(0, 1, A, 2, 5, 3, 7, 2), 'out of order'],
    ['a client twice', bytes(0, 2, 3, 1, 0, 1, 3, 1, 5, 1), 'out of order'],
    ['a client that is too large', bytes(0, 1, HUGE, 1, 0, 1), 'out of order'],
    ['a client without structs', bytes(1, 0, A, 0, 0), 'without structs'],
    ['more structs than bytes', bytes(1, HUGE, A, 0), 'ends too early'],
    ['more clients than bytes', bytes(HUGE), 'ends too early'],
    ['more blocks than bytes', bytes(1, 1, A, 3, 0x88, A, 2, HUGE), 'ends too early'],
    ['a number that is too large', bytes(new Array(9).fill(0xff)), 'too large'],
    ['a number with a needless byte', bytes(0x80, 0), 'longer than it must be'],
    ['text that is no UTF-8', bytes(1, 1, A, 3, 0x88, A, 2, 1, 119, 2, 0xc3, 0x28, 0), 'cannot be read'],
  ])('%s', (_, update, why) => {
    expect(refusal(() => checkUpdate(update, A))).toContain(why);
  });

  test('a block in the midst of others, or after itself -> refused', () => {
    const block = [119, good.length, ...new TextEncoder().encode(good)];
    const array = (...place: number[]) => [...place, 0];
    const start = [array(0x07, 1, 3, 0x6c, 0x6f, 0x67), array(0x07, 0, A, 0), [0x08, 0, A, 1, 2, block, block].flat()];
    const then = (clock: number) => bytes(1, 4, A, 0, ...start, [0x88, A, clock, 1, block].flat(), 0);
    expect(checkUpdate(then(3), A).texts).toHaveLength(3);
    for (const clock of [2, 4, 5]) expect(refusal(() => checkUpdate(then(clock), A))).toContain('joins no end');
  });

  test('deletions of what its writer had not written yet -> refused', () => {
    const forged = Uint8Array.from(sound);
    expect(forged.at(-1)).toBe(0);
    expect(refusal(() => checkUpdate(bytes(...forged.subarray(0, -1), 1, A, 1, 2, 2), A))).toContain('not written yet');
  });

  test('names and depth of JSON beyond all bounds -> refused without exhausting the stack', () => {
    const deep = '['.repeat(400_000);
    const text = `${good.slice(0, 16)}id\t[]\t{"p":${deep}`;
    expect(
      refusal(() =>
        checkUpdate(
          written((doc) => segment(doc, text)),
          A,
        ),
      ),
    ).not.toBe('accepted');
    const long = good + ' '.repeat(1_000_001);
    expect(
      refusal(() =>
        checkUpdate(
          written((doc) => segment(doc, long)),
          A,
        ),
      ),
    ).toContain('characters');
  });
});

describe('a document that lacks what an update builds on -> says what, and refuses to merge it', () => {
  test('an update before its predecessor', () => {
    const a = open(A);
    a.append([patch('a')]);
    const late = checkUpdate(a.append([patch('b')]), A);
    const b = open(B);
    expect(b.lacks(late)).toBe('clock 3 of client 7, of which 0 are here');
    expect(() => b.mergeAll([late])).toThrow(BugError);
  });

  test('a deletion of what is not here', () => {
    const a = open(A);
    a.append([patch('a')]);
    expect(a.lacks(checkUpdate(bytes(0, 1, 9, 1, 0, 1), B))).toBe('clock 1 of client 9, of which 0 are here');
    expect(a.lacks(checkUpdate(bytes(0, 1, A, 1, 0, 4), B))).toBe('clock 4 of client 7, of which 3 are here');
  });

  test('a block forged behind a segment', () => {
    const a = open(A);
    a.append([patch('a')]);
    const text = patch('b');
    const block = [1, 119, text.length, ...new TextEncoder().encode(text)];
    const forged = checkUpdate(bytes(1, 1, A, 3, 0x88, A, 1, block, 0), A);
    expect(open(B, [a.encode()]).lacks(forged)).toBe('a block at clock 1 of client 7, where there is segment');
  });

  test('a batch in which each builds on the one before -> merged, and read like any other', () => {
    const a = open(A);
    const texts = Array.from({ length: 9 }, (_, i) => patch(`n${i}`));
    const updates = texts.map((text) => checkUpdate(a.append([text]), A));
    const b = open(B);
    b.mergeAll(updates);
    expect([...b.all()]).toEqual(texts);
    expect(b.patches).toBe(9);
    expect(b.encode()).toEqual(a.encode());
  });
});

interface Written {
  readonly update: Uint8Array;
  readonly by: ReplicaId;
}

/** Updates and states of documents that two writers fill, exchange and compact. */
function history(random: SeededRandom): { commits: Written[]; states: Uint8Array[]; documents: PartitionDocument[] } {
  const writers = [A, B];
  const documents = writers.map((id) => open(id));
  const commits: Written[] = [];
  const states: Uint8Array[] = [];
  for (let step = 0; step < 12 + random.below(20); step++) {
    const at = random.below(2);
    const document = documents[at] as PartitionDocument;
    const other = documents[1 - at] as PartitionDocument;
    const by = writers[at] as ReplicaId;
    const some = Array.from({ length: 1 + random.below(5) }, () => patch(random.pick(['a', 'é', '__proto__'])));
    const compacted = () =>
      compact(
        document,
        keeping((text) => text.length % 7 === 0 || some.includes(text)),
      );
    switch (random.below(4)) {
      case 0:
        commits.push({ by, update: document.append(some) });
        break;
      case 1: {
        const { update } = compacted();
        if (update !== undefined) commits.push({ by, update });
        break;
      }
      case 2: {
        const parts = [document.append(some), compacted().update].filter((part) => part !== undefined);
        commits.push({ by, update: mergeUpdates(parts) });
        break;
      }
      default: {
        const diff = other.diff(document.stateVector());
        states.push(diff, other.encode());
        document.merge(diff);
      }
    }
  }
  return { commits, states, documents };
}

/** One change of the kinds that broken software and disks make. */
function mutated(update: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(update.length);
  const made = Array.from(update);
  switch (random.below(6)) {
    case 0:
      made[at] = (made[at] as number) ^ (1 << random.below(8));
      break;
    case 1:
      made[at] = random.pick([0, 1, 7, 8, 10, 0x7f, 0x80, 0x87, 0x88, 0xc8, 0xff]);
      break;
    case 2:
      made.length = at;
      break;
    case 3:
      made.splice(at, 1 + random.below(4));
      break;
    case 4:
      made.splice(at, 0, ...made.slice(random.below(made.length)).slice(0, 1 + random.below(8)));
      break;
    default:
      // The structure is in the first bytes and the last ones.
      made[random.below(Math.min(12, made.length))] = random.below(256);
  }
  return Uint8Array.from(made);
}

const ROUNDS = Number(process.env.WEFT_ROUNDS ?? 150);
const FIRST_SEED = Number(process.env.WEFT_SEED ?? 1);

describe('random documents', () => {
  test('every commit and every state -> accepted, with the patches that Yjs finds', () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
      const { commits, states } = history(new SeededRandom(seed));
      for (const { update, by } of commits) {
        expect(checkUpdate(update, by).texts, `WEFT_SEED=${seed}`).toEqual(patchesOf(update));
        expect(acceptedTexts(update, by), `WEFT_SEED=${seed}`).toEqual(patchesOf(update));
      }
      for (const state of states) expect(checkState(state).texts, `WEFT_SEED=${seed}`).toEqual(patchesOf(state));
    }
  });

  test('mutated commits -> accepted or refused as the model says, and what is accepted does no harm', () => {
    let refused = 0;
    let merged = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
      const random = new SeededRandom(seed);
      const { commits, documents } = history(random);
      const state = (documents[0] as PartitionDocument).encode();
      for (const { update, by } of commits) {
        for (let i = 0; i < 20; i++) {
          let bad = mutated(update, random);
          while (random.chance(0.2) && bad.length > 0) bad = mutated(bad, random);
          const expected = acceptedTexts(bad, by);
          const context = `WEFT_SEED=${seed} ${Array.from(bad).join(' ')}`;
          if (expected === undefined) {
            expect(
              refusal(() => checkUpdate(bad, by)),
              context,
            ).not.toBe('accepted');
            refused++;
            continue;
          }
          const checked = checkUpdate(bad, by);
          expect(checked.texts, context).toEqual(expected);
          const reader = open(replicaId(1), [state]);
          if (reader.lacks(checked) !== undefined) continue;
          reader.mergeAll([checked]);
          for (const _ of reader.all()) merged++;
          open(replicaId(1), [reader.encode()]);
        }
      }
    }
    expect(refused).toBeGreaterThan(ROUNDS);
    expect(merged).toBeGreaterThan(ROUNDS);
  });

  test('mutated states and random bytes -> refused, or read without harm', () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
      const random = new SeededRandom(seed);
      for (const state of history(random).states) {
        const noise = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
        for (const bad of [mutated(state, random), noise]) {
          if (refusal(() => checkState(bad)) !== 'accepted') continue;
          expect(checkState(bad).texts, `WEFT_SEED=${seed}`).toEqual(patchesOf(bad));
        }
      }
    }
  });
});
