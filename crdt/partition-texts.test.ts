/** Texts of a partition as stock Yjs clients share them: what their updates do to each text, and what is refused. */
import { describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { type NodeId, replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { PartitionTexts, TextsBehind } from './partition-texts.ts';
import type { EdgeCreate, NodeCreate, NodeUpdate } from './patch.ts';
import { textRoot } from './text-root.ts';
import { readTextUpdate, type TextStruct, type YjsId, type YjsRange } from './text-update.ts';

const SERVER = 5;
const TYPIST = 77;
const isForeign = (client: number): boolean => client === SERVER;
const NAMES = ['t', 'u', 'v'];
const made = (clock: number) => ({ clock, replica: replicaId(1) });

function create(id: string, texts: Readonly<Record<string, string>>): NodeCreate {
  const head = { kind: 'node-create', id: id as NodeId, labels: [], ...made(10) } as const;
  return { ...head, properties: texts, more: { textsMade: Object.keys(texts) } };
}

const ROOTS = NAMES.map((property) => textRoot({ element: 'node', id: 'n', property, of: made(10) }));
const [T, U, V] = ROOTS as [string, string, string];
const BEGIN = { t: 'one', u: 'two', v: '' };

/** A partition with three texts, and a stock client that has them. */
class Shared {
  readonly texts = new PartitionTexts('g/0');
  readonly client = new Y.Doc();
  #clock = 20;

  constructor() {
    this.client.clientID = TYPIST;
    this.texts.see([create('n', BEGIN)]);
    this.pull();
  }

  pull(): void {
    Y.applyUpdate(this.client, this.texts.diff(Y.encodeStateVector(this.client)));
  }

  /** The updates that the client makes of what it does. */
  typed(work: (text: (root: string) => Y.Text) => void): Uint8Array[] {
    const updates: Uint8Array[] = [];
    const note = (update: Uint8Array) => updates.push(update);
    this.client.on('update', note);
    work((root) => this.client.getText(root));
    this.client.off('update', note);
    return updates;
  }

  changes(updates: readonly Uint8Array[], repeatsDeletions = false) {
    return this.texts.changesOf(updates.map(readTextUpdate), isForeign, repeatsDeletions);
  }

  /** As a server does: each change of a text becomes visible under the stamp of a patch. Returns the texts that changed. */
  take(updates: readonly Uint8Array[], repeatsDeletions = false): string[] {
    const changes = this.changes(updates, repeatsDeletions);
    for (const { root, update } of changes) {
      const property = NAMES[ROOTS.indexOf(root)] as string;
      const more = { textChanges: new Map([[property, { of: made(10), update }]]) };
      const patch: NodeUpdate = {
        kind: 'node-update',
        id: 'n' as NodeId,
        ...made(++this.#clock),
        properties: {},
        more,
      };
      this.texts.see([patch]);
    }
    return changes.map(({ root }) => root);
  }

  /** What somebody has who comes now. */
  shown(): string[] {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, this.texts.diff(Uint8Array.from([0])));
    return ROOTS.map((root) => doc.getText(root).toString());
  }

  mine(): string[] {
    return ROOTS.map((root) => this.client.getText(root).toString());
  }
}

describe('what becomes visible', () => {
  test('texts of nodes and edges, and other properties -> each text has its root, the rest is none', () => {
    const texts = new PartitionTexts('g/0');
    const edge = { kind: 'edge-create', id: 'e', type: 'T', from: 'n', to: 'n', ...made(12) } as const;
    expect(texts.see([{ ...create('n', { t: 'x' }), more: {} }])).toBeUndefined();
    expect(texts.see([])).toBeUndefined();
    const news = texts.see([
      create('n', { t: 'of a node' }),
      { ...edge, properties: { t: 'of an edge' }, more: { textsMade: ['t'] } } as unknown as EdgeCreate,
    ]);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, news as Uint8Array);
    const edgeRoot = textRoot({ element: 'edge', id: 'e', property: 't', of: made(12) });
    expect(doc.getText(T).toString()).toBe('of a node');
    expect(doc.getText(edgeRoot).toString()).toBe('of an edge');
    expect(Y.encodeStateVector(doc)).toEqual(texts.stateVector());
    // Again: nothing that a document lacks.
    expect(texts.see([create('n', { t: 'of a node' })])).toBeUndefined();
  });

  test('an empty text -> there, though nothing says so to a document', () => {
    const shared = new Shared();
    const [update] = shared.typed((text) => text(V).insert(0, 'typed'));
    expect(shared.take([update as Uint8Array])).toEqual([V]);
    expect(shared.shown()).toEqual(['one', 'two', 'typed']);
  });

  test('patches of one commit in any order -> in the order of their stamps', () => {
    const shared = new Shared();
    const updates = shared.typed((text) => {
      text(T).insert(0, 'a');
      text(T).insert(1, 'b');
    });
    const patches = updates.map((update, i): NodeUpdate => {
      const more = { textChanges: new Map([['t', { of: made(10), update }]]) };
      return { kind: 'node-update', id: 'n' as NodeId, ...made(30 + i), properties: {}, more };
    });
    shared.texts.see(patches.toReversed());
    expect(shared.shown()[0]).toBe('abone');
  });
});

describe('updates of a stock client', () => {
  test('it types into several texts at once, in any pieces -> each text gets its part, and all have what it has', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new SeededRandom(seed);
      const shared = new Shared();
      for (let round = 0; round < 8; round++) {
        const updates = shared.typed((text) => {
          for (let i = 0; i < 1 + random.below(6); i++) {
            const one = text(random.pick(ROOTS));
            const at = random.below(one.length + 1);
            if (random.chance(0.4) && at < one.length) one.delete(at, 1 + random.below(one.length - at));
            else one.insert(at, random.pick(['x', 'yz', '🚲', 'abc']));
          }
        });
        const merged = random.chance(0.5) ? updates : [Y.mergeUpdates(updates)];
        shared.take(merged);
        expect(shared.shown(), `seed ${seed}`).toEqual(shared.mine());
        // What is here already says nothing.
        expect(shared.take(merged), `seed ${seed}`).toEqual([]);
        expect(shared.take([Y.encodeStateAsUpdate(shared.client)], true), `seed ${seed}`).toEqual([]);
      }
    }
  });

  test('it writes into one text and deletes in another -> each gets its own part, and nothing of the other', () => {
    const shared = new Shared();
    const changes = shared.changes(
      shared.typed((text) => {
        text(T).insert(0, 'a');
        text(U).delete(0, 1);
      }),
    );
    const parts = changes.map(({ root, update }) => {
      const { structs, deletions } = readTextUpdate(update);
      return [root, structs.length, deletions.length];
    });
    expect(parts).toEqual([
      [T, 1, 0],
      [U, 0, 1],
    ]);
  });

  test('pieces in the wrong order, all of them there -> taken; the first is missing -> it may come back with it', () => {
    const shared = new Shared();
    const updates = shared.typed((text) => {
      text(T).insert(0, 'a');
      text(T).insert(1, 'b');
      text(T).delete(0, 2);
    });
    expect(() => shared.changes(updates.slice(1))).toThrow(TextsBehind);
    expect(() => shared.changes(updates.slice(2))).toThrow('it deletes something that is not here');
    expect(shared.take(updates.toReversed())).toEqual([T]);
    expect(shared.shown()).toEqual(shared.mine());
  });

  test('what was typed comes twice at once, alone and within all that the server lacks -> it is there once', () => {
    for (const order of [(all: Uint8Array[]) => all, (all: Uint8Array[]) => all.toReversed()]) {
      const shared = new Shared();
      const before = Y.encodeStateVector(shared.client);
      const updates = shared.typed((text) => {
        text(T).insert(3, 'a');
        text(T).insert(4, 'b');
        text(U).insert(3, 'c');
        text(U).delete(0, 1);
      });
      const difference = Y.encodeStateAsUpdate(shared.client, before);
      shared.take(order([...updates.slice(0, 1), difference, ...updates]), true);
      expect(shared.shown()).toEqual(shared.mine());
      shared.take(shared.typed((text) => text(T).insert(5, 'd')));
      expect(shared.shown()[0]).toBe('oneabd');
    }
  });

  test('two type in turns, each after what the other typed, and all of it comes at once -> taken, and nobody waits', () => {
    const count = 8000;
    const shared = new Shared();
    const struct = (client: number, i: number): TextStruct => {
      const left = client === 1 && i === 0 ? undefined : { client: 3 - client, clock: client === 1 ? i - 1 : i };
      const root = left === undefined ? V : undefined;
      return { client, clock: i, length: 1, left, right: undefined, root, bytes: new Uint8Array() };
    };
    const structs = [2, 1].flatMap((client) => Array.from({ length: count }, (_, i) => struct(client, i)));
    const deletions = Array.from({ length: 50_000 }, () => ({ client: 1, clock: 0, length: count }));
    const [change, ...more] = shared.texts.changesOf([{ structs, deletions }], isForeign, false);
    expect([change?.root, more]).toEqual([V, []]);
  });

  test('one client deletes what another one deleted in part -> what is left of it, once', () => {
    const shared = new Shared();
    shared.take(shared.typed((text) => text(T).insert(0, 'abcdef')));
    const other = new Y.Doc();
    Y.applyUpdate(other, shared.texts.diff(Uint8Array.from([0])));
    shared.take(shared.typed((text) => text(T).delete(2, 2)));
    const before = Y.encodeStateVector(other);
    other.getText(T).delete(0, 6);
    const update = Y.encodeStateAsUpdate(other, before);
    const [change] = shared.changes([update]);
    const ranges = readTextUpdate(change?.update as Uint8Array).deletions.map(({ clock, length }) => [clock, length]);
    expect(ranges).toEqual([
      [0, 2],
      [4, 2],
    ]);
    shared.take([update]);
    expect(shared.shown()[0]).toBe('one');
    expect(shared.take([update])).toEqual([]);
  });
});

describe('what is refused', () => {
  const bytes = new Uint8Array();
  const struct = (over: Partial<TextStruct>): TextStruct => {
    const head = { client: TYPIST, clock: 0, length: 1, left: undefined, right: undefined, root: undefined, bytes };
    return { ...head, ...over };
  };
  const attempt = (structs: readonly TextStruct[], deletions: readonly YjsRange[] = [], mayBeAhead = false) => {
    const shared = new Shared();
    const first = (root: string): YjsId => {
      const held = readTextUpdate(shared.texts.diff(Uint8Array.from([0]))).structs;
      const { client, clock } = held.find((one) => one.root === root) as TextStruct;
      return { client, clock };
    };
    const named = structs.map((one) => ({
      ...one,
      left: one.left?.client === 0 ? first(ROOTS[one.left.clock] as string) : one.left,
      right: one.right?.client === 0 ? first(ROOTS[one.right.clock] as string) : one.right,
    }));
    return shared.texts.changesOf([{ structs: named, deletions }], isForeign, mayBeAhead);
  };
  /** The first character of a text that is here. */
  const of = (text: number): YjsId => ({ client: 0, clock: text });
  const other = textRoot({ element: 'node', id: 'other', property: 't', of: made(10) });
  const server = { client: SERVER, clock: 3 };
  const nobody = { client: 99, clock: 3 };

  test('what builds on texts that are here -> taken', () => {
    expect(attempt([struct({ root: T })]).map(({ root }) => root)).toEqual([T]);
    expect(attempt([struct({ left: of(0) })]).map(({ root }) => root)).toEqual([T]);
    expect(attempt([struct({ right: of(1) })]).map(({ root }) => root)).toEqual([U]);
    expect(attempt([struct({ left: of(1), right: of(1) })]).map(({ root }) => root)).toEqual([U]);
    const after = struct({ clock: 1, left: { client: TYPIST, clock: 0 } });
    expect(attempt([struct({ root: V }), after]).map(({ root }) => root)).toEqual([V]);
  });

  test.each([
    ['it writes under the id of a server', [struct({ client: SERVER, root: T })]],
    ['it is in two texts', [struct({ left: of(0), right: of(1) })]],
    ['it is in two texts', [struct({})]],
    [`there is no text ${other}`, [struct({ root: other })]],
    ['there is no text log', [struct({ root: 'log' })]],
    // Under a server's id there is never a text.
    ['it is no text', [struct({ left: server })]],
    ['it is no text', [struct({ right: server })]],
    ['it is no text', [struct({ left: server, right: nobody })]],
    ['it is no text', [struct({ left: nobody, right: server })]],
  ])('%s', (why, structs) => {
    expect(() => attempt(structs)).toThrow(
      expect.objectContaining({ code: 'invalid-request', message: `the update is not taken: ${why}` }),
    );
  });

  test.each([
    ['a client beyond those of stock clients', [struct({ client: 2 ** 32, root: T })]],
    ['something between is missing', [struct({ clock: 1, root: T })]],
    ['what is left of it is not here', [struct({ left: nobody })]],
    ['what is right of it is not here', [struct({ left: of(0), right: nobody })]],
    ['it follows itself', [struct({ left: { client: TYPIST, clock: 0 } })]],
  ])('%s -> it may come back with it', (_, structs) => {
    expect(() => attempt(structs)).toThrow(TextsBehind);
    expect(() => attempt(structs)).toThrow('it builds on something that is not here');
  });

  test('the last id of a stock client -> taken', () => {
    expect(attempt([struct({ client: 2 ** 32 - 1, root: T })]).length).toBe(1);
  });

  test('a text that this server may not have yet, of a client that tells all that it has -> it may come back with it', () => {
    expect(() => attempt([struct({ root: other })], [], true)).toThrow(TextsBehind);
    expect(() => attempt([struct({ root: 'log' })], [], true)).toThrow('there is no text log');
  });

  test('a deletion of what a server wrote -> refused; among all deletions ever it says nothing', () => {
    const deletion = { client: SERVER, clock: 0, length: 3 };
    expect(() => attempt([], [deletion])).toThrow('it deletes what is in no text');
    expect(attempt([], [deletion], true)).toEqual([]);
  });

  test('a deletion of what is not here, wholly or at its end -> it may come back with it', () => {
    expect(() => attempt([], [{ ...nobody, length: 1 }])).toThrow(TextsBehind);
    const typed = struct({ root: T, length: 3 });
    expect(() => attempt([typed], [{ client: TYPIST, clock: 1, length: 3 }])).toThrow(TextsBehind);
    expect(attempt([typed], [{ client: TYPIST, clock: 1, length: 2 }]).length).toBe(1);
  });
});
