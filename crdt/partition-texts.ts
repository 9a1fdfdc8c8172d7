/**
 * The texts of a partition as one Yjs document, each in a root of its own, for stock Yjs clients. It is given the patches that are
 * visible, and holds what they say of texts; those that were replaced or deleted stay as they were. And it says what an
 * update that such a client sends would do: nothing is believed but what lies in these texts as a whole.
 */
import * as Y from 'yjs';
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import type { Assignments, Patch } from './patch.ts';
import { isLater } from './stamp.ts';
import { applyTextUpdate, initialUpdate } from './text-history.ts';
import { parseTextRoot, type TextElement, textRoot } from './text-root.ts';
import {
  readTextUpdate,
  type TextStruct,
  type TextUpdate,
  writeTextUpdate,
  type YjsId,
  type YjsRange,
} from './text-update.ts';

/** Ids of stock clients; what is written under a stamp has longer ones. */
const STOCK_CLIENT_MAX = 0xffff_ffff;

/** What an update does to one text. */
export interface RootChange {
  readonly root: string;
  readonly update: Uint8Array;
}

/** The client has something that is not here yet: it may come back with it. */
export class TextsBehind extends Error {
  override readonly name = 'TextsBehind';
}

export class PartitionTexts {
  readonly #doc: Y.Doc;
  readonly #roots = new Map<unknown, string>();

  constructor(guid: string) {
    this.#doc = new Y.Doc({ guid });
  }

  /** Takes patches in that became visible, those of a commit or of a whole partition. Returns what is new to a document. */
  see(patches: readonly Patch[]): Uint8Array | undefined {
    const told = patches.filter(tellsOfTexts);
    if (told.length === 0) return undefined;
    const before = Y.encodeStateVector(this.#doc);
    const deleted: Uint8Array[] = [];
    const note = (update: Uint8Array) => deleted.push(update);
    this.#doc.on('update', note);
    try {
      for (const patch of told.sort(byStamp)) this.#see(patch);
    } finally {
      this.#doc.off('update', note);
    }
    if (deleted.length === 0) return undefined;
    return deleted.length === 1 ? deleted[0] : Y.encodeStateAsUpdate(this.#doc, before);
  }

  #see({ kind, id, clock, replica, properties, more }: PatchOfTexts): void {
    const element: TextElement = kind === 'node-create' || kind === 'node-update' ? 'node' : 'edge';
    for (const property of more.textsMade ?? []) {
      const root = textRoot({ element, id, property, of: { clock, replica } });
      this.#open(root);
      const text = properties[property];
      const first = typeof text === 'string' ? initialUpdate(root, { clock, replica }, text) : undefined;
      if (first !== undefined) Y.applyUpdate(this.#doc, first);
    }
    for (const [property, { of, update }] of more.textChanges ?? []) {
      this.#open(textRoot({ element, id, property, of }));
      applyTextUpdate(this.#doc, readTextUpdate(update), update);
    }
  }

  #open(root: string): void {
    this.#roots.set(this.#doc.getText(root), root);
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.#doc);
  }

  /** What somebody with this state vector lacks of the texts. */
  diff(stateVector: Uint8Array): Uint8Array {
    return Y.encodeStateAsUpdate(this.#doc, stateVector);
  }

  /**
   * What updates of a stock client, one after the other, do to each text; nothing for what is here already.
   * @param isForeign whether a Yjs client is one of the servers, under whose ids nobody else may write
   * @param repeatsDeletions whether all deletions ever are among it, those of servers too, which say nothing
   * @throws WeftError `invalid-request`, definite; TextsBehind
   */
  changesOf(
    updates: readonly TextUpdate[],
    isForeign: (client: number) => boolean,
    repeatsDeletions: boolean,
  ): readonly RootChange[] {
    const all = { structs: updates.flatMap(({ structs }) => structs), deletions: updates.flatMap((u) => u.deletions) };
    const placed = this.#placed(all.structs, isForeign, repeatsDeletions);
    const deletions = all.deletions.flatMap((range) => this.#deleted(range, placed, isForeign, repeatsDeletions));
    const roots = new Set([...placed.map(({ root }) => root), ...deletions.map(({ root }) => root)]);
    const [only] = roots;
    if (only !== undefined && roots.size === 1) {
      return [{ root: only, update: writeTextUpdate({ structs: placed.map(({ struct }) => struct), deletions }) }];
    }
    // In each text the ids of a client have holes where it wrote into another: runs without holes, as they came.
    const changes: { readonly root: string; readonly structs: TextStruct[]; readonly deletions: YjsRange[] }[] = [];
    for (const { root, struct } of placed) {
      const last = changes.at(-1);
      if (last?.root === root && last.structs[0]?.client === struct.client) last.structs.push(struct);
      else changes.push({ root, structs: [struct], deletions: [] });
    }
    for (const root of roots) {
      const own = deletions.filter((range) => range.root === root);
      if (own.length > 0) changes.push({ root, structs: [], deletions: own });
    }
    return changes.map(({ root, ...update }) => ({ root, update: writeTextUpdate(update) }));
  }

  /** Structs that are not here yet, each with its root, in an order in which each finds what it builds on. */
  #placed(structs: readonly TextStruct[], isForeign: (client: number) => boolean, mayBeAhead: boolean): Placed[] {
    const placed: Placed[] = [];
    const ends = new Map<number, number>();
    const held = (client: number) => ends.get(client) ?? Y.getState(this.#doc.store, client);
    const rootAt = (id: YjsId): string | undefined => {
      // Mostly it is what was written just before.
      return placed.findLast(({ struct }) => isWithin(id, struct))?.root ?? this.#rootAt(id);
    };
    let waiting = structs.filter(({ client, clock, length }) => clock + length > held(client));
    while (waiting.length > 0) {
      const before = waiting.length;
      waiting = waiting.filter((struct) => {
        const { client, clock, length, left, right } = struct;
        if (isForeign(client)) throw refused('it writes under the id of a server');
        if (client > STOCK_CLIENT_MAX || clock > held(client)) return true;
        const [a, b] = [left, right].map((id) => id && rootAt(id));
        if ((left !== undefined && a === undefined) || (right !== undefined && b === undefined)) {
          for (const id of [left, right]) if (id !== undefined && isForeign(id.client)) throw refused('it is no text');
          return true;
        }
        const root = struct.root ?? a ?? b;
        if (root === undefined || (a !== undefined && b !== undefined && a !== b)) throw refused('it is in two texts');
        if (!this.#doc.share.has(root)) {
          if (mayBeAhead && parseTextRoot(root) !== undefined) return true;
          throw refused(`there is no text ${root}`);
        }
        placed.push({ root, struct });
        ends.set(client, clock + length);
        return false;
      });
      if (waiting.length === before) throw new TextsBehind('it builds on something that is not here');
    }
    return placed;
  }

  #rootAt({ client, clock }: YjsId): string | undefined {
    if (clock >= Y.getState(this.#doc.store, client)) return undefined;
    const item = Y.getItem(this.#doc.store, Y.createID(client, clock));
    return item instanceof Y.Item ? this.#roots.get(item.parent) : undefined;
  }

  /** The parts of a range that are not deleted yet, each with its root. */
  #deleted(
    range: YjsRange,
    placed: readonly Placed[],
    isForeign: (client: number) => boolean,
    repeats: boolean,
  ): (YjsRange & { readonly root: string })[] {
    const { client } = range;
    if (isForeign(client)) {
      if (repeats) return [];
      throw refused('it deletes what is in no text');
    }
    const parts: (YjsRange & { readonly root: string })[] = [];
    const end = range.clock + range.length;
    for (let clock = range.clock; clock < end; ) {
      const known =
        clock < Y.getState(this.#doc.store, client) && Y.getItem(this.#doc.store, Y.createID(client, clock));
      const found = known || placed.findLast(({ struct }) => isWithin({ client, clock }, struct));
      if (!found) throw new TextsBehind('it deletes something that is not here');
      const [from, length] =
        'struct' in found ? [found.struct.clock, found.struct.length] : [found.id.clock, found.length];
      const next = Math.min(end, from + length);
      const root = 'struct' in found ? found.root : this.#roots.get((found as Y.Item).parent);
      const isGone = !('struct' in found) && found.deleted;
      if (!isGone && root !== undefined) parts.push({ client, clock, length: next - clock, root });
      clock = next;
    }
    return parts;
  }
}

interface Placed {
  readonly root: string;
  readonly struct: TextStruct;
}

type PatchOfTexts = Extract<Patch, { readonly more?: Assignments }> & { readonly more: Assignments };

function tellsOfTexts(patch: Patch): patch is PatchOfTexts {
  return 'more' in patch && (patch.more?.textsMade ?? patch.more?.textChanges) !== undefined;
}

function isWithin({ client, clock }: YjsId, struct: TextStruct): boolean {
  return struct.client === client && struct.clock <= clock && clock < struct.clock + struct.length;
}

function byStamp(a: { clock: number; replica: ReplicaId }, b: { clock: number; replica: ReplicaId }): number {
  if (a.clock === b.clock && a.replica === b.replica) return 0;
  return isLater(a.clock, a.replica, b.clock, b.replica) ? 1 : -1;
}

function refused(why: string): WeftError {
  return new WeftError('invalid-request', `the update is not taken: ${why}`);
}
