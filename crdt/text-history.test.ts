/** One text by itself: edits as small as can be, and the same text whatever order changes come in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { initialUpdate, isOwnChange, type TextChange, TextHistory } from './text-history.ts';
import { firstUpdate, readTextUpdate } from './text-update.ts';

const ROOT = 'node/n/t/0';
const stamp = (clock: number, replica = 1) => ({ clock, replica: replicaId(replica) });
const OF = stamp(10);
const history = (changes: readonly TextChange[] = []): TextHistory => {
  const made = new TextHistory(ROOT, OF);
  for (const change of changes) made.add(change);
  return made;
};

/** What a replica that has these changes writes so that the text becomes `wanted`. */
function edited(initial: string, changes: readonly TextChange[], wanted: string, clock: number): TextChange {
  const update = history(changes).edit(initial, wanted, stamp(clock));
  return { ...stamp(clock), update: update as Uint8Array };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** The characters that an update inserts and deletes. */
function sizeOf(update: Uint8Array): { readonly inserted: number; readonly deleted: number } {
  const { structs, deletions } = readTextUpdate(update);
  const sum = (parts: readonly { readonly length: number }[]) => parts.reduce((all, { length }) => all + length, 0);
  return { inserted: sum(structs), deleted: sum(deletions) };
}

describe('an edit', () => {
  test.each([
    ['', 'new', 3, 0],
    ['old', '', 0, 3],
    ['abcdef', 'abXdef', 1, 1],
    ['abc', 'abcabc', 3, 0],
    ['aaaa', 'aaa', 0, 1],
    ['begin end', 'begin middle end', 7, 0],
    // Neither half of a pair stays behind: U+1F6B2 and U+1F6B3, U+1F6B2 and U+1F6B1 begin alike, U+1F6B2 and U+2FAB2 end alike.
    ['x🚲y', 'x🚳y', 2, 2],
    ['🚲', '🚲🚱', 2, 0],
    ['🚲🚲', '🚲', 0, 2],
    ['x\u{1f6b2}y', 'x\u{2f6b2}y', 2, 2],
    ['\u{1f6b2}', '\u{2f6b2}\u{1f6b2}', 2, 0],
    // U+E000 and U+D7FF are no halves.
    ['a\ue000b', 'a\ud7ffb', 1, 1],
    ['\ue000x', '\ue000y', 1, 1],
    ['x\ue000', 'y\ue000', 1, 1],
    ['\ud7ffx', '\ud7ffy', 1, 1],
  ])('%j to %j -> inserts %i, deletes %i', (held, wanted, inserted, deleted) => {
    const change = edited(held, [], wanted, 20);
    expect(sizeOf(change.update)).toEqual({ inserted, deleted });
    expect(history([change]).read(held)).toBe(wanted);
    const { structs } = Y.decodeUpdate(change.update) as unknown as { structs: { content?: { str?: string } }[] };
    // A half of a pair by itself is what this finds.
    for (const { content } of structs) expect(content?.str ?? '').not.toMatch(/\p{Surrogate}/u);
  });

  test('to what it is -> nothing', () => {
    for (const text of ['', 'x', '🚲']) expect(history().edit(text, text, stamp(20))).toBeUndefined();
  });

  test('any text to any other, one after the other -> it, and nothing is changed before an edit is taken in', () => {
    const units = fc.constantFrom('a', 'b', '🚲', '🚳', '\u{2f6b2}', 'ñ', '\n');
    const text = fc.array(units, { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 5 }), (initial, wanted) => {
        const held = history();
        let now = initial;
        wanted.forEach((next, i) => {
          const update = held.edit(initial, next, stamp(20 + i));
          expect(held.read(initial)).toBe(now);
          expect(update === undefined).toBe(next === now);
          if (update !== undefined) held.add({ ...stamp(20 + i), update });
          now = next;
          expect(held.read(initial)).toBe(now);
        });
      }),
    );
  });
});

describe('changes in any order, read after each (TEXT-1)', () => {
  const readAll = (initial: string, changes: readonly TextChange[]): string => {
    const held = history();
    for (const change of changes) {
      held.add(change);
      held.read(initial);
    }
    return held.read(initial);
  };

  test.each([
    ['one before the other', '', ['b', 'ab', 'cab']],
    ['one behind the other', '', ['a', 'ab', 'abc']],
    ['in the middle of the last one', '', ['ad', 'abd', 'abcd']],
    ['each deletes some of the last one', 'abc', ['ac', 'xc', 'x']],
    ['all is deleted', 'abc', ['', 'x', '']],
  ])('%s -> the last text', (_, initial, texts) => {
    const changes: TextChange[] = [];
    for (const [i, text] of texts.entries()) changes.push(edited(initial, changes, text, 20 + i));
    for (const order of permutations(changes)) {
      expect(readAll(initial, order)).toBe(texts.at(-1));
      // Again, all of them: known.
      expect(readAll(initial, [...order, ...order])).toBe(texts.at(-1));
    }
  });

  test('of replicas that have seen any of what came before -> one text', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const changes: TextChange[] = [];
      for (let clock = 20; changes.length < 4; clock++) {
        const seen: TextChange[] = [];
        // Whoever has seen a change has seen all that it builds on.
        for (const change of changes) if (random.chance(0.6) && buildsOn(change, seen)) seen.push(change);
        const text = history(seen).read('ab');
        const at = random.below(text.length + 1);
        const wanted = text.slice(0, at) + random.pick(['x', 'yz']) + text.slice(at + random.below(2));
        if (wanted !== text) changes.push(edited('ab', seen, wanted, clock));
      }
      const wanted = history(changes).read('ab');
      for (const order of permutations(changes)) expect(readAll('ab', order), `seed ${seed}`).toBe(wanted);
    }
  });

  /** Whether a document of these changes takes one more as a whole. */
  function buildsOn({ update }: TextChange, seen: readonly TextChange[]): boolean {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, initialUpdate(ROOT, OF, 'ab') as Uint8Array);
    for (const change of seen) Y.applyUpdate(doc, change.update);
    Y.applyUpdate(doc, update);
    return doc.store.pendingStructs === null && doc.store.pendingDs === null;
  }

  test('a client skips ids, and uses them the other way round [no honest client] -> one text', () => {
    const typed = (at: number, clock: number, text: string): TextChange => {
      return { ...stamp(at), update: firstUpdate({ client: 77, clock }, ROOT, text) };
    };
    const changes = [typed(20, 6, 'later id'), typed(30, 5, 'x')];
    for (const order of permutations(changes)) expect(readAll('', order)).toBe('later id');
  });

  test('what it began with differs -> read anew from that', () => {
    const change = edited('ab', [], 'abc', 20);
    const held = history([change]);
    expect([held.read('ab'), held.read(''), held.read('ab')]).toEqual(['abc', '', 'abc']);
  });
});

describe('who wrote a change', () => {
  const own = edited('ab', [], 'axb', 20);

  test('made under a stamp -> of that stamp and text, and of no other', () => {
    const update = readTextUpdate(own.update);
    expect(isOwnChange(update, ROOT, stamp(20))).toBe(true);
    for (const [root, by] of [
      [ROOT, stamp(21)],
      [ROOT, stamp(20, 2)],
      [`${ROOT}1`, stamp(20)],
    ] as const) {
      expect(isOwnChange(update, root, by)).toBe(false);
    }
  });

  test('somebody else wrote a part of it -> not of that stamp; only deletions -> of any', () => {
    const { structs, deletions } = readTextUpdate(own.update);
    const typed = structs.map((struct) => ({ ...struct, client: 77 }));
    expect(isOwnChange({ structs: [...structs, ...typed], deletions }, ROOT, stamp(20))).toBe(false);
    expect(isOwnChange({ structs: [...typed, ...structs], deletions }, ROOT, stamp(20))).toBe(false);
    expect(isOwnChange(readTextUpdate(edited('ab', [], 'a', 20).update), ROOT, stamp(33))).toBe(true);
  });
});

test('a copy -> goes on by itself; bytes are those of all changes', () => {
  const first = edited('', [], 'a', 20);
  const held = history([first]);
  const copy = held.clone();
  const second = edited('', [first], 'ab', 21);
  copy.add(second);
  expect([held.read(''), copy.read('')]).toEqual(['a', 'ab']);
  expect([held.bytes, copy.bytes]).toEqual([first.update.length, first.update.length + second.update.length]);
  copy.add(second);
  expect(copy.bytes).toBe(first.update.length + second.update.length);
  expect(copy.changes.map(({ clock }) => clock)).toEqual([20, 21]);
});
