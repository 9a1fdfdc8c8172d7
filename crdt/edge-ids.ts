/**
 * Which ordinal stands for which edge id in which source partition. An id that was made here says no more than that
 * partition and a stamp (`routing.ts`), mostly the one of the edge's create, which the table has anyway: such an id is
 * kept as its stamp and found by a hash of it. Only other ids are kept as text.
 *
 * Somebody may choose an id of that form, too; so it is the form that decides, whoever made it, and the stamp in the
 * table is that of the id only as long as `adopt` was not told otherwise.
 */
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { grown } from './columns.ts';
import { encodeStamp, stampAtEnd } from './patch-codec.ts';
import { NEVER, type Stamp } from './stamp.ts';

/** How the view numbers partitions. */
export interface PartitionNumbers {
  partitionAt(index: number): PartitionId;
  /** Undefined for a partition that has no number. */
  findIndex(partition: PartitionId): number | undefined;
}

/** Characters of an id after the partition: a tilde and a stamp. */
const MADE_CHARS = 16;

export class EdgeIds {
  readonly #partitions: PartitionNumbers;
  /** Index of the source partition, by ordinal. */
  home = new Int32Array(0);
  /** A stamp of the edge, by ordinal: that of its id if it has no text. */
  clock = new Float64Array(0);
  replica = new Uint32Array(0);
  /** By ordinal; empty for an id that is kept as a stamp. */
  readonly #texts: string[] = [];
  readonly #withText = new Map<string, number>();
  /** Further ordinals of the same text in other source partitions, as a chain: rare, and reported by integrity. */
  readonly #nextOf = new Map<number, number>();
  /** Open addressing: one more than the ordinal, 0 if free. The length is a power of two. */
  #slots = new Int32Array(64);
  #slotsTaken = 0;
  /** No stamp that is kept is later: most edges that come are new, and need not be looked for. */
  #latest = NEVER;

  constructor(partitions: PartitionNumbers) {
    this.#partitions = partitions;
  }

  reserve(capacity: number): void {
    this.home = grown(this.home, capacity);
    this.clock = grown(this.clock, capacity);
    this.replica = grown(this.replica, capacity);
  }

  /** The stamp as which `id` is kept, if it reads as one that was made for an edge of this partition. */
  stampOf(id: string, home: number): Stamp | undefined {
    const partition = this.#partitions.partitionAt(home);
    const isMade =
      id.length === partition.length + MADE_CHARS && id[partition.length] === '~' && id.startsWith(partition);
    return isMade ? stampAtEnd(id) : undefined;
  }

  /** `stamp`: what `stampOf` says of the id. */
  find(id: string, home: number, stamp = this.stampOf(id, home)): number | undefined {
    if (stamp !== undefined && stamp.clock <= this.#latest) {
      const ordinal = this.#stamped(stamp.clock, stamp.replica, home);
      if (ordinal !== undefined) return ordinal;
    }
    if (this.#withText.size === 0) return undefined;
    let ordinal = this.#withText.get(id);
    while (ordinal !== undefined && this.home[ordinal] !== home) ordinal = this.#nextOf.get(ordinal);
    return ordinal;
  }

  /** The ordinals of this id in all source partitions. */
  findAll(id: string): number[] {
    const found: number[] = [];
    const named = this.#partitions.findIndex(id.slice(0, Math.max(0, id.length - MADE_CHARS)) as PartitionId);
    const stamp = named === undefined ? undefined : this.stampOf(id, named);
    if (named !== undefined && stamp !== undefined) {
      const ordinal = this.#stamped(stamp.clock, stamp.replica, named);
      if (ordinal !== undefined) found.push(ordinal);
    }
    for (let at = this.#withText.get(id); at !== undefined; at = this.#nextOf.get(at)) found.push(at);
    return found;
  }

  /** Gives `ordinal`, which is free, to an id that `find` does not find; `stamp` as there. */
  add(ordinal: number, id: string, home: number, stamp: Stamp | undefined): void {
    this.home[ordinal] = home;
    if (stamp === undefined) {
      this.#addText(ordinal, id);
      return;
    }
    this.#texts[ordinal] = '';
    this.clock[ordinal] = stamp.clock;
    this.replica[ordinal] = stamp.replica;
    this.#latest = Math.max(this.#latest, stamp.clock);
    this.#addStamped(ordinal);
  }

  /** Gives the id of an edge to another row, which `find` does not find. */
  copy(row: number, edge: number): void {
    this.home[row] = this.home[edge] as number;
    this.#texts[row] = this.at(edge);
  }

  removeCopy(row: number): void {
    this.#texts[row] = '';
  }

  at(ordinal: number): string {
    const text = this.#texts[ordinal] as string;
    if (text !== '') return text;
    const stamp = encodeStamp(this.clock[ordinal] as number, this.replica[ordinal] as ReplicaId);
    return `${this.#partitions.partitionAt(this.home[ordinal] as number)}~${stamp}`;
  }

  /** Gives the edge another stamp; an id that was kept as the former one becomes text. */
  adopt(ordinal: number, clock: number, replica: ReplicaId): void {
    if (this.clock[ordinal] === clock && this.replica[ordinal] === replica) return;
    if (this.#texts[ordinal] === '') {
      const text = this.at(ordinal);
      this.#removeStamped(ordinal);
      this.#addText(ordinal, text);
    }
    this.clock[ordinal] = clock;
    this.replica[ordinal] = replica;
  }

  remove(ordinal: number): void {
    if (this.#texts[ordinal] === '') this.#removeStamped(ordinal);
    else this.#removeText(ordinal);
  }

  // --- ids as text

  #addText(ordinal: number, id: string): void {
    this.#texts[ordinal] = id;
    const head = this.#withText.get(id);
    if (head === undefined) {
      this.#withText.set(id, ordinal);
      return;
    }
    const next = this.#nextOf.get(head);
    if (next !== undefined) this.#nextOf.set(ordinal, next);
    this.#nextOf.set(head, ordinal);
  }

  #removeText(ordinal: number): void {
    const id = this.#texts[ordinal] as string;
    const next = this.#nextOf.get(ordinal);
    this.#nextOf.delete(ordinal);
    const head = this.#withText.get(id);
    if (head === ordinal) {
      if (next === undefined) this.#withText.delete(id);
      else this.#withText.set(id, next);
    } else {
      let previous = head as number;
      while (this.#nextOf.get(previous) !== ordinal) previous = this.#nextOf.get(previous) as number;
      if (next === undefined) this.#nextOf.delete(previous);
      else this.#nextOf.set(previous, next);
    }
    this.#texts[ordinal] = '';
  }

  // --- ids as stamps

  #stamped(clock: number, replica: number, home: number): number | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = hashStamp(clock, replica) & mask; ; at = (at + 1) & mask) {
      const ordinal = (slots[at] as number) - 1;
      if (ordinal < 0) return undefined;
      if (this.clock[ordinal] === clock && this.replica[ordinal] === replica && this.home[ordinal] === home) {
        return ordinal;
      }
    }
  }

  #hashOf(ordinal: number): number {
    return hashStamp(this.clock[ordinal] as number, this.replica[ordinal] as number);
  }

  #addStamped(ordinal: number): void {
    if (this.#slotsTaken * 3 >= this.#slots.length * 2) {
      const held = this.#slots;
      this.#slots = new Int32Array(2 * held.length);
      for (const taken of held) if (taken > 0) this.#place(taken - 1);
    }
    this.#place(ordinal);
    this.#slotsTaken++;
  }

  #place(ordinal: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hashOf(ordinal) & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = ordinal + 1;
  }

  /** Frees the slot, and moves later entries up that would not be found beyond a free one. */
  #removeStamped(ordinal: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let free = this.#hashOf(ordinal) & mask;
    while (slots[free] !== ordinal + 1) free = (free + 1) & mask;
    for (let at = (free + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const wanted = this.#hashOf((slots[at] as number) - 1) & mask;
      if (((at - wanted) & mask) < ((at - free) & mask)) continue;
      slots[free] = slots[at] as number;
      free = at;
    }
    slots[free] = 0;
    this.#slotsTaken--;
  }
}

/** Spreads stamps that follow each other, as they mostly do. */
function hashStamp(clock: number, replica: number): number {
  let hash = Math.imul((clock % 0x1_0000_0000) ^ Math.imul(replica, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ Math.floor(clock / 0x1_0000_0000), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
