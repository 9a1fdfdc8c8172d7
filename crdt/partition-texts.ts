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
    const structs = updates.flatMap((update) => update.structs);
    const ranges = joinedRanges(updates.flatMap((update) => update.deletions));
    const placed = this.#placed(structs, isForeign, repeatsDeletions);
    const deletions = ranges.flatMap((range) => this.#deleted(range, placed, isForeign, repeatsDeletions));
    const roots = new Set([...placed.inOrder.map(({ root }) => root), ...deletions.map(({ root }) => root)]);
    const [only] = roots;
    if (only !== undefined && roots.size === 1 && !placed.overlap) {
      return [
        { root: only, update: writeTextUpdate({ structs: placed.inOrder.map(({ struct }) => struct), deletions }) },
      ];
    }
    // In each text the ids of a client have holes where it wrote into another: runs without holes, as they came. What it sent
    // again together with more begins anew, since only the first of a run says which ids it has.
    const changes: { readonly root: string; readonly structs: TextStruct[]; readonly deletions: YjsRange[] }[] = [];
    for (const { root, struct } of placed.inOrder) {
      const last = changes.at(-1);
      const before = last?.root === root ? last.structs.at(-1) : undefined;
      if (before?.client === struct.client && endOf(before) === struct.clock) last?.structs.push(struct);
      else changes.push({ root, structs: [struct], deletions: [] });
    }
    for (const root of roots) {
      const own = deletions.filter((range) => range.root === root);
      if (own.length > 0) changes.push({ root, structs: [], deletions: own });
    }
    return changes.map(({ root, ...update }) => ({ root, update: writeTextUpdate(update) }));
  }

  /**
   * Structs that are not here yet, each with its root, in an order in which each finds what it builds on. Those of a client follow
   * each other; where they wait for another client, they go on once that has come so far.
   */
  #placed(structs: readonly TextStruct[], isForeign: (client: number) => boolean, mayBeAhead: boolean): PlacedStructs {
    const placed = new PlacedStructs((client) => Y.getState(this.#doc.store, client));
    const rootAt = (id: YjsId): string | undefined => (placed.at(id) ?? { root: this.#rootAt(id) }).root;
    const queues = queuesOf(structs);
    /** By client, the others that wait for it. */
    const behind = new Map<number, number[]>();

    /** Places the next one of a client. @returns false if it must wait */
    const place = (struct: TextStruct): boolean => {
      const { client, clock, left, right } = struct;
      if (endOf(struct) <= placed.end(client)) return true;
      if (isForeign(client)) throw refused('it writes under the id of a server');
      if (client > STOCK_CLIENT_MAX || clock > placed.end(client)) return false;
      const [a, b] = [left, right].map((id) => id && rootAt(id));
      const lacking = left !== undefined && a === undefined ? left : b === undefined ? right : undefined;
      if (lacking !== undefined) {
        for (const id of [left, right]) if (id !== undefined && isForeign(id.client)) throw refused('it is no text');
        const others = behind.get(lacking.client) ?? [];
        behind.set(lacking.client, others);
        others.push(client);
        return false;
      }
      const root = struct.root ?? a ?? b;
      if (root === undefined || (a !== undefined && b !== undefined && a !== b)) throw refused('it is in two texts');
      if (!this.#doc.share.has(root)) {
        if (mayBeAhead && parseTextRoot(root) !== undefined) return false;
        throw refused(`there is no text ${root}`);
      }
      placed.add({ root, struct });
      return true;
    };

    const ready = Array.from(queues.keys());
    for (let client = ready.pop(); client !== undefined; client = ready.pop()) {
      const queue = queues.get(client) as TextStruct[];
      const before = placed.end(client);
      for (let next = queue.at(-1); next !== undefined && place(next); next = queue.at(-1)) queue.pop();
      if (placed.end(client) === before) continue;
      for (const other of behind.get(client) ?? []) ready.push(other);
      behind.delete(client);
    }
    for (const queue of queues.values()) {
      if (queue.length > 0) throw new TextsBehind('it builds on something that is not here');
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
    placed: PlacedStructs,
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
      const found = known || placed.at({ client, clock });
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

/** What was placed, found by its ids. */
class PlacedStructs {
  readonly inOrder: Placed[] = [];
  /** Whether some have ids that others have too. */
  overlap = false;
  readonly #byClient = new Map<number, Placed[]>();
  readonly #held: (client: number) => number;

  /** @param held the clock after what is here of a client */
  constructor(held: (client: number) => number) {
    this.#held = held;
  }

  add(placed: Placed): void {
    const { client, clock } = placed.struct;
    const own = this.#byClient.get(client);
    this.inOrder.push(placed);
    if (own === undefined) {
      this.#byClient.set(client, [placed]);
      return;
    }
    if (clock < this.end(client)) this.overlap = true;
    own.push(placed);
  }

  /** The clock after all of a client, what is here included. */
  end(client: number): number {
    const last = this.#byClient.get(client)?.at(-1);
    return last === undefined ? this.#held(client) : endOf(last.struct);
  }

  at({ client, clock }: YjsId): Placed | undefined {
    const own = this.#byClient.get(client) ?? [];
    let [low, high] = [0, own.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((own[middle] as Placed).struct.clock <= clock) low = middle + 1;
      else high = middle;
    }
    const found = own[low - 1];
    return found !== undefined && clock < endOf(found.struct) ? found : undefined;
  }
}

function endOf({ clock, length }: YjsRange): number {
  return clock + length;
}

/** By client, the one with the first id last, before shorter ones that begin with it, too. */
function queuesOf(structs: readonly TextStruct[]): Map<number, TextStruct[]> {
  const queues = new Map<number, TextStruct[]>();
  for (const struct of structs) {
    const queue = queues.get(struct.client);
    if (queue === undefined) queues.set(struct.client, [struct]);
    else queue.push(struct);
  }
  for (const queue of queues.values()) queue.sort((a, b) => b.clock - a.clock || a.length - b.length);
  return queues;
}

/** The same ids, each once: whoever sends a range a thousand times must not be looked at a thousand times. */
function joinedRanges(ranges: readonly YjsRange[]): YjsRange[] {
  const joined: YjsRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.client - b.client || a.clock - b.clock)) {
    const { client, clock, length } = joined.at(-1) ?? { client: -1, clock: 0, length: 0 };
    if (range.client !== client || range.clock > clock + length) joined.push(range);
    else joined[joined.length - 1] = { client, clock, length: Math.max(length, endOf(range) - clock) };
  }
  return joined;
}

function byStamp(a: { clock: number; replica: ReplicaId }, b: { clock: number; replica: ReplicaId }): number {
  if (a.clock === b.clock && a.replica === b.replica) return 0;
  return isLater(a.clock, a.replica, b.clock, b.replica) ? 1 : -1;
}

function refused(why: string): WeftError {
  return new WeftError('invalid-request', `the update is not taken: ${why}`);
}
