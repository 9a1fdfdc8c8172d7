/**
 * One text: what it began with and every change of it, each a Yjs update under the stamp of its patch. The text is a function of
 * the *set* of changes: all applied to an empty Yjs document in the order of their stamps. A stamp is later than all that
 * its writer had seen, so in this order nothing comes before what it builds on.
 *
 * - TEXT-1 Whatever order changes come in, and however often, the text is the same. Changes whose Yjs ids are new and follow
 *   what is here may be applied as they come, since Yjs gives the same in any order; all others begin anew.
 * - TEXT-2 If two changes use one Yjs id for different things, which no honest client does, that of the earlier stamp counts.
 * - TEXT-3 What builds on something that is not there at its turn does not count.
 */
import * as Y from 'yjs';
import type { ReplicaId } from '../base/ids.ts';
import { isLater, type Stamp } from './stamp.ts';
import { textClient } from './text-root.ts';
import { fillerUpdate, firstUpdate, readTextUpdate, type TextUpdate, type YjsId } from './text-update.ts';

export interface TextChange extends Stamp {
  readonly update: Uint8Array;
}

export class TextHistory {
  readonly root: string;
  readonly of: Stamp;
  /** In the order of their stamps. */
  #changes: TextChange[] = [];
  #bytes = 0;
  /** Absent until somebody reads, and after something came that must be put in between. */
  #folded: FoldedText | undefined;

  constructor(root: string, of: Stamp) {
    this.root = root;
    this.of = of;
  }

  get changes(): readonly TextChange[] {
    return this.#changes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(change: TextChange): void {
    const changes = this.#changes;
    let at = changes.length;
    while (
      at > 0 &&
      !isLater(change.clock, change.replica, changes[at - 1]?.clock ?? 0, changes[at - 1]?.replica ?? 0)
    ) {
      at--;
    }
    const next = changes[at];
    if (next !== undefined && next.clock === change.clock && next.replica === change.replica) return;
    changes.splice(at, 0, change);
    this.#bytes += change.update.length;
    const isLast = at === changes.length - 1;
    if (this.#folded?.add(change.update, isLast) === false) this.#folded = undefined;
  }

  /** @param initial what it began with */
  read(initial: string): string {
    return this.#fold(initial).text;
  }

  #fold(initial: string): FoldedText {
    if (this.#folded === undefined || this.#folded.initial !== initial) {
      this.#folded = new FoldedText(this.root, this.of, initial);
      for (const { update } of this.#changes) this.#folded.add(update, true);
    }
    return this.#folded;
  }

  /**
   * The update by which the text becomes `wanted`: what lies between the common beginning and end is replaced.
   * Undefined if it is that already.
   */
  edit(initial: string, wanted: string, stamp: Stamp): Uint8Array | undefined {
    return this.#fold(initial).edit(wanted, stamp);
  }

  clone(): TextHistory {
    const copy = new TextHistory(this.root, this.of);
    copy.#changes = Array.from(this.#changes);
    copy.#bytes = this.#bytes;
    return copy;
  }
}

/** What a text begins with, as a Yjs update; undefined if it is empty. */
export function initialUpdate(root: string, of: Stamp, text: string): Uint8Array | undefined {
  if (text === '') return undefined;
  return firstUpdate({ client: textClient(root, of), clock: 0 }, root, text);
}

/** The document of one text, as far as it was folded. */
class FoldedText {
  readonly initial: string;
  readonly #root: string;
  readonly #doc: Y.Doc;
  readonly #text: Y.Text;
  #shown: string | undefined;
  /** Some Yjs id came twice, or before what it builds on: from then on only the order of stamps tells what counts. */
  #isTangled = false;

  constructor(root: string, of: Stamp, initial: string) {
    this.initial = initial;
    this.#root = root;
    this.#doc = new Y.Doc({ guid: root });
    this.#text = this.#doc.getText(root);
    const first = initialUpdate(root, of, initial);
    if (first !== undefined) Y.applyUpdate(this.#doc, first);
  }

  get text(): string {
    this.#shown ??= this.#text.toString();
    return this.#shown;
  }

  /** False if it cannot be applied in this order. @param isLast it has the latest stamp */
  add(bytes: Uint8Array, isLast: boolean): boolean {
    const update = readTextUpdate(bytes);
    const { follows, isNew } = placeOf(this.#doc, update);
    if (!isNew || !follows) this.#isTangled = true;
    if (!isLast && this.#isTangled) return false;
    this.#shown = undefined;
    applyTextUpdate(this.#doc, update, bytes);
    return true;
  }

  edit(wanted: string, stamp: Stamp): Uint8Array | undefined {
    const held = this.text;
    const { start, end, inserted } = difference(held, wanted);
    if (start === end && inserted === '') return undefined;
    // A draft may be thrown away, so the edit is made on a copy.
    const copy = new Y.Doc({ guid: this.#root });
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(this.#doc));
    copy.clientID = textClient(this.#root, stamp);
    const text = copy.getText(this.#root);
    let update: Uint8Array | undefined;
    copy.on('update', (made: Uint8Array) => {
      update = made;
    });
    copy.transact(() => {
      if (end > start) text.delete(start, end - start);
      if (inserted !== '') text.insert(start, inserted);
    });
    return update;
  }
}

/** Whether its structs follow what a document has, without holes; and whether all are new. */
function placeOf(
  doc: Y.Doc,
  { structs, deletions }: TextUpdate,
): { readonly follows: boolean; readonly isNew: boolean } {
  let follows = true;
  let isNew = true;
  const ends = new Map<number, number>();
  const has = ({ client, clock }: YjsId) => clock < (ends.get(client) ?? Y.getState(doc.store, client));
  for (const struct of structs) {
    const held = ends.get(struct.client) ?? Y.getState(doc.store, struct.client);
    if (struct.clock < held) isNew = false;
    if (struct.clock !== held) follows = false;
    ends.set(struct.client, Math.max(held, struct.clock + struct.length));
  }
  for (const { left, right } of structs) {
    if ((left !== undefined && !has(left)) || (right !== undefined && !has(right))) follows = false;
  }
  for (const { client, clock, length } of deletions) if (!has({ client, clock: clock + length - 1 })) follows = false;
  return { follows, isNew };
}

/** Applies an update to a document; clock numbers that it passes over are those of other texts (`fillerUpdate`). TEXT-3. */
export function applyTextUpdate(doc: Y.Doc, { structs }: TextUpdate, bytes: Uint8Array): void {
  const seen = new Set<number>();
  for (const { client, clock } of structs) {
    if (seen.has(client)) continue;
    seen.add(client);
    const held = Y.getState(doc.store, client);
    if (clock > held) Y.applyUpdate(doc, fillerUpdate({ client, clock: held, length: clock - held }));
  }
  Y.applyUpdate(doc, bytes);
  doc.store.pendingStructs = null;
  doc.store.pendingDs = null;
}

/** `held[start..end)` becomes `inserted`. Neither splits a pair of surrogates. */
function difference(held: string, wanted: string): { start: number; end: number; inserted: string } {
  const shorter = Math.min(held.length, wanted.length);
  let start = 0;
  while (start < shorter && held.charCodeAt(start) === wanted.charCodeAt(start)) start++;
  if (start > 0 && isHigh(held.charCodeAt(start - 1))) start--;
  let tail = 0;
  while (
    tail < shorter - start &&
    held.charCodeAt(held.length - 1 - tail) === wanted.charCodeAt(wanted.length - 1 - tail)
  ) {
    tail++;
  }
  if (tail > 0 && isLow(held.charCodeAt(held.length - tail))) tail--;
  return { start, end: held.length - tail, inserted: wanted.slice(start, wanted.length - tail) };
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** Of a change that was made under a stamp, not by a stock client: the only Yjs client that may write in it. */
export function isOwnChange(
  update: TextUpdate,
  root: string,
  stamp: { readonly clock: number; readonly replica: ReplicaId },
): boolean {
  const own = textClient(root, stamp);
  return update.structs.every(({ client }) => client === own);
}
