/**
 * Texts that several replicas edit at once, their patches arriving in any order, again, and over snapshots. What all must end with is
 * said by a plain Yjs document that is given every update as it was made.
 *
 * A failure names its seed; `WEFT_SEED=n npx vitest run crdt/texts` replays that round alone.
 */
import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { type NodeId, replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { PropertyChanges } from '../graph/model.ts';
import { changesToAssignments } from './assignments.ts';
import type { NodeCreate, NodeUpdate, Patch } from './patch.ts';
import { decodePatch, encodePatch } from './patch-codec.ts';
import { toPatches } from './register-patches.ts';
import { Registers } from './registers.ts';
import { initialUpdate } from './text-history.ts';
import { textRoot } from './text-root.ts';
import { readTextUpdate } from './text-update.ts';
import { registersVersion } from './version.ts';

const FIRST_SEED = Number(process.env.WEFT_SEED ?? 1);
const ROUNDS = Number(process.env.WEFT_ROUNDS ?? (process.env.WEFT_SEED === undefined ? 40 : 1));
const ID = 'a/b c' as NodeId;
const TYPIST = 77;
/** 2^49, as lib0 writes it. */
const HUGE = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
const PIECES = ['x', 'yz', '🚲', 'ab🧶cd', '\n', 'ñandú '];

const stamped = (clock: number, replica: number) => ({ clock, replica: replicaId(replica), id: ID });
const create = (clock: number, replica: number, text: string): NodeCreate => ({
  kind: 'node-create',
  ...stamped(clock, replica),
  labels: [],
  properties: { t: text },
  more: { textsMade: ['t'] },
});
function edited(registers: Registers, text: string, clock: number, replica: number): NodeUpdate | undefined {
  const changes: PropertyChanges = { t: { kind: 'text', text } };
  const stamp = { clock, replica: replicaId(replica) };
  const { more } = changesToAssignments(registers, changes, stamp, 'node', ID);
  return more.textChanges && { kind: 'node-update', ...stamped(clock, replica), properties: {}, more };
}
/** As it arrives elsewhere. */
const sent = (patch: Patch): Patch => decodePatch(encodePatch(patch));
const folded = (patches: Iterable<Patch>): Registers => {
  const registers = new Registers();
  for (const patch of patches) registers.fold(sent(patch));
  return registers;
};
function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = Array.from(items);
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}
function mutated(text: string, random: SeededRandom): string {
  const units = Array.from(text);
  const at = random.below(units.length + 1);
  const gone = random.below(3) === 0 ? random.below(units.length - at + 1) : 0;
  units.splice(at, gone, ...Array.from(PIECES[random.below(PIECES.length)] as string));
  return units.join('');
}

/** Replicas that edit, hear of each other in causal order, and a stock client that types through one after the other. */
function playRound(random: SeededRandom): {
  readonly patches: Patch[];
  readonly reference: Y.Doc;
  readonly root: string;
} {
  const first = create(10, 1, random.below(2) === 0 ? '' : 'begin 🚲 end');
  const root = textRoot({ element: 'node', id: ID, property: 't', of: first });
  const begin = initialUpdate(root, first, first.properties.t as string);
  const documentOf = (): Y.Doc => {
    const doc = new Y.Doc();
    if (begin !== undefined) Y.applyUpdate(doc, begin);
    return doc;
  };
  const patches: Patch[] = [first];
  const replicas = [1, 2, 3].map((replica) => ({
    replica,
    registers: folded([first]),
    doc: documentOf(),
    clock: 10,
    has: 1,
  }));
  const reference = documentOf();
  const typist = documentOf();
  typist.clientID = TYPIST;
  const hear = (at: (typeof replicas)[number]): void => {
    for (const patch of patches.slice(at.has)) {
      at.registers.fold(sent(patch));
      Y.applyUpdate(at.doc, updateOf(patch));
      at.clock = Math.max(at.clock, patch.clock);
    }
    at.has = patches.length;
  };
  for (let step = 0; step < 40; step++) {
    const at = random.pick(replicas);
    const kind = random.below(5);
    if (kind === 0) hear(at);
    else if (kind === 1) {
      // What the client has of others the server must have, too.
      if (lacksOfOthers(at.doc, typist)) hear(at);
      Y.applyUpdate(typist, Y.encodeStateAsUpdate(at.doc));
      const text = typist.getText(root);
      const place = random.below(text.length + 1);
      if (random.below(3) === 0 && place < text.length) text.delete(place, 1);
      else text.insert(place, random.pick(PIECES));
      const update = Y.encodeStateAsUpdate(typist, Y.encodeStateVector(at.doc));
      const more = { textChanges: new Map([['t', { of: first, update }]]) };
      take(at, { kind: 'node-update', ...stamped(++at.clock, at.replica), properties: {}, more });
    } else {
      const patch = edited(at.registers, mutated(at.registers.property('t') as string, random), ++at.clock, at.replica);
      if (patch !== undefined) take(at, patch);
    }
  }
  function take(at: (typeof replicas)[number], patch: NodeUpdate): void {
    at.registers.fold(sent(patch));
    patches.push(patch);
    Y.applyUpdate(at.doc, updateOf(patch));
    Y.applyUpdate(reference, updateOf(patch));
    expect(at.registers.property('t')).toBe(at.doc.getText(root).toString());
  }
  return { patches, reference, root };
}

const updateOf = (patch: Patch): Uint8Array =>
  ('more' in patch && patch.more?.textChanges?.get('t')?.update) || new Uint8Array([0, 0]);

function lacksOfOthers(held: Y.Doc, doc: Y.Doc): boolean {
  const { structs } = readTextUpdate(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(held)));
  return structs.some(({ client }) => client !== TYPIST);
}

describe('texts', () => {
  test('edits of several replicas, in any order, twice, over copies and snapshots -> one text, one version', () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
      const random = new SeededRandom(seed);
      const { patches, reference, root } = playRound(random);
      const inOrder = folded(patches);
      expect(inOrder.property('t'), `WEFT_SEED=${seed}`).toBe(reference.getText(root).toString());
      const wanted = [inOrder.property('t'), registersVersion(inOrder)];
      for (let times = 0; times < 4; times++) {
        const some = shuffled([...patches, ...patches.slice(random.below(patches.length))], random);
        const cut = random.below(some.length);
        const before = folded(some.slice(0, cut));
        // Reading on the way must not change what comes out.
        if (times % 2 === 0) before.properties();
        const started = times < 2 ? before.clone() : folded(toPatches(before, 'node', ID));
        for (const patch of some.slice(cut)) {
          started.fold(sent(patch));
          if (times % 2 === 0) started.property('t');
        }
        expect([started.property('t'), registersVersion(started)], `WEFT_SEED=${seed}`).toEqual(wanted);
      }
    }
  });

  test('one Yjs id for two things -> the same text everywhere, whatever came first', () => {
    const first = create(10, 1, 'ab');
    const root = textRoot({ element: 'node', id: ID, property: 't', of: first });
    const typed = (text: string, clock: number, replica: number): Patch[] => {
      const doc = new Y.Doc();
      Y.applyUpdate(doc, initialUpdate(root, first, 'ab') as Uint8Array);
      doc.clientID = TYPIST;
      const updates: Uint8Array[] = [];
      doc.on('update', (update: Uint8Array) => updates.push(update));
      doc.getText(root).insert(1, text);
      doc.getText(root).insert(2, '!');
      return updates.map((update, i) => ({
        kind: 'node-update',
        ...stamped(clock + i, replica),
        properties: {},
        more: { textChanges: new Map([['t', { of: first, update }]]) },
      }));
    };
    const patches = [first, ...typed('one', 20, 1), ...typed('another', 19, 2)];
    const wanted = folded(patches).property('t');
    expect(wanted).toContain('a!nother');
    const random = new SeededRandom(3);
    for (let times = 0; times < 50; times++) {
      const registers = new Registers();
      for (const patch of shuffled(patches, random)) {
        registers.fold(sent(patch));
        registers.property('t');
      }
      expect(registers.property('t')).toBe(wanted);
    }
  });

  test('assigned again, removed, deleted and made again -> what was typed into the old one is gone', () => {
    const first = create(10, 1, 'old');
    const change = edited(folded([first]), 'old and more', 11, 1) as NodeUpdate;
    const late = edited(folded([first, change]), 'old and late', 40, 2) as NodeUpdate;
    const again: Patch = {
      kind: 'node-update',
      ...stamped(20, 1),
      properties: { t: 'new' },
      more: { textsMade: ['t'] },
    };
    const plain: Patch = { kind: 'node-update', ...stamped(20, 1), properties: { t: 'plain' } };
    const removed: Patch = { kind: 'node-delete', ...stamped(20, 1) };
    const made = create(30, 1, 'made');
    const shows = (...patches: Patch[]) => {
      const [one, other] = [folded(patches), folded(patches.toReversed())];
      expect(one.properties()).toEqual(other.properties());
      expect(registersVersion(one)).toBe(registersVersion(other));
      return one;
    };
    expect(shows(first, change, late).property('t')).toBe('old and late');
    expect(shows(first, change, late, again).property('t')).toBe('new');
    expect(shows(first, change, late, plain).textNames()).toBeUndefined();
    expect(shows(first, change, late).clone().textNames()).toEqual(['t']);
    expect(shows(first, change, removed, made, late).property('t')).toBe('made');
    // CRDT-3: so all of these can be dropped.
    const dead = shows(first, change, late, again);
    for (const patch of [change, late]) expect(dead.isLive(patch, false)).toBe(false);
    expect(dead.isLive(again, false)).toBe(true);
    const gone = shows(first, change, removed, late);
    for (const patch of [change, late]) expect(gone.isLive(patch, false)).toBe(false);
    expect(shows(first, change, removed, late).isLive(change, true)).toBe(true);
    for (const patch of [change, late]) expect(shows(first, change, late).isLive(patch, false)).toBe(true);
  });

  test.each([
    ['array', (doc: Y.Doc) => doc.getArray('log').insert(0, ['x'])],
    ['map', (doc: Y.Doc) => doc.getMap('log').set('x', 1)],
    ['type in a text', (doc: Y.Doc) => doc.getText('t').insertEmbed(0, new Y.Text('x'))],
    ['picture in a text', (doc: Y.Doc) => doc.getText('t').insertEmbed(0, { image: 'x' })],
  ])('update that writes %s -> is no change of a text', (_what, write) => {
    const doc = new Y.Doc();
    write(doc);
    expect(() => readTextUpdate(Y.encodeStateAsUpdate(doc))).toThrow('this changes no text');
  });

  test.each([
    ['a run of no characters', [1, 1, TYPIST, 0, 0x04, 1, 1, 0x74, 0, 0]],
    ['a deletion of nothing', [0, 1, TYPIST, 1, 3, 0]],
    ['a clock beyond all that a client writes', [1, 1, TYPIST, ...HUGE, 0x04, 1, 1, 0x74, 1, 0x78, 0]],
    ['a deletion beyond that', [0, 1, TYPIST, 1, ...HUGE, 1]],
  ])('update with %s -> is no change of a text', (_what, bytes) => {
    expect(() => readTextUpdate(Uint8Array.from(bytes))).toThrow('a length or clock beyond reason');
  });

  test('update with bytes changed or cut off -> refused, or read as Yjs reads it', () => {
    const random = new SeededRandom(5);
    const doc = new Y.Doc();
    const text = doc.getText('t');
    for (let i = 0; i < 20; i++) text.insert(random.below(text.length + 1), random.pick(PIECES));
    text.format(2, 5, { bold: true });
    text.delete(3, 4);
    const whole = Y.encodeStateAsUpdate(doc);
    expect(readTextUpdate(whole).structs.length).toBeGreaterThan(10);
    let taken = 0;
    for (let times = 0; times < 3000; times++) {
      const bytes = whole.slice(0, random.below(4) === 0 ? random.below(whole.length) : whole.length);
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
      try {
        const { structs } = readTextUpdate(bytes);
        taken++;
        const clocks = Y.decodeUpdate(bytes).structs.map(({ id, length }) => [id.client, id.clock, length]);
        expect(structs.map(({ client, clock, length }) => [client, clock, length])).toEqual(clocks);
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed-request' });
      }
    }
    expect(taken).toBeGreaterThan(100);
  });
});
