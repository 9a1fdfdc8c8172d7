/**
 * A partition as a Yjs document: `log` is a Y.Array of chapters, a chapter a Y.Array of segments, a segment a Y.Array of
 * blocks, a block the text of patches that were appended together, one a line. Yjs gives idempotent transport, delta
 * sync and interoperation; the graph is the fold of patches.
 *
 * - DOC-1 A chapter or segment is appended to only by its owner, the Yjs client that made it. It is sealed once its
 *   owner has a later one; only sealed ones are ever deleted.
 * - DOC-2 A copy of a patch is deleted only if the patch is dead, or if a later copy (same text, further on in the log)
 *   is here or written by the same transaction. The order of a Y.Array is the same everywhere and for ever, so nobody
 *   deletes the last copy that there ever was: concurrent compactions lose nothing, and at worst leave copies for the
 *   next one. (The first copy, or the one of the smallest client, would not do: while one server drops it for being
 *   second to another, a second server rewrites that other one, and then drops what it wrote for being second to the first.)
 *   `compaction.ts` chooses what goes.
 * - DOC-3 Yjs never holds anything pending: updates are merged in causal order.
 * - DOC-4 Our Yjs client id never changes behind our back (it would mean that someone else writes with it).
 * - DOC-8 Yjs takes in what is appended when the document is next asked for anything, or the segment is full: a transaction costs
 *   several times what a block does. The update of an append says the same as if it had, and whoever reads finds it there.
 */
import * as Y from 'yjs';
import { assert, present } from '../base/assert.ts';
import type { ReplicaId } from '../base/ids.ts';
import { blocksOf, patchesOfBlock } from './block.ts';
import { encodeAppended, encodeBlocks, encodeDocument } from './block-encoder.ts';
import type { CheckedUpdate, PlaceKind } from './foreign-update.ts';
import { QuietDoc } from './quiet-doc.ts';

/** Patches of a segment and segments of a chapter. Small ones bring every path of compaction within reach of a test. */
export interface DocumentSizes {
  readonly segmentPatches: number;
  readonly chapterSegments: number;
}
const SIZES: DocumentSizes = { segmentPatches: 256, chapterSegments: 64 };
/** Characters beyond which a segment takes no more: its dead patches stay until it is sealed. */
const SEGMENT_CHARS = 1024 * 1024;

type Segment = Y.Array<string>;
export type Chapter = Y.Array<Segment>;

/** What `compaction.ts` makes of a document. */
export interface Rewrite {
  /** Indices of the segments to delete, in their order, by chapter. */
  readonly doomed: ReadonlyMap<Chapter, readonly number[]>;
  /** What is needed of those, with the chapter in which it lay. */
  readonly copies: ReadonlyMap<string, Chapter>;
  /** The patches of all other segments. */
  readonly kept: readonly (readonly string[])[];
}

/** A segment, as compaction finds it. */
export interface SegmentAt {
  readonly chapter: Chapter;
  /** Within its chapter. */
  readonly index: number;
  readonly sealed: boolean;
  readonly patches: readonly string[];
}

export class PartitionDocument {
  readonly #yjs: Y.Doc;
  readonly #replica: ReplicaId;
  readonly #sizes: DocumentSizes;
  #chapter: Chapter | undefined;
  #segment: Segment | undefined;
  /** Segments ever made in `#chapter`: deleted ones count, so that every chapter is sealed in the end. */
  #chapterSegments = 0;
  /** Patches in `#segment`, those that wait included. */
  #segmentPatches = 0;
  #segmentChars = 0;
  /** Own clock after the last block of `#segment`; undefined while that is not known. */
  #segmentEnd: number | undefined;
  /** Blocks of `#segment` that Yjs does not have yet (DOC-8). */
  #waiting: string[] = [];
  /** Patches in the document, dead ones and duplicates included; too high by what merges brought twice. */
  patches = 0;
  /** Characters of those patches: the measure of memory. */
  chars = 0;

  private constructor(guid: string, replica: ReplicaId, sizes: DocumentSizes) {
    this.#sizes = sizes;
    this.#yjs = new QuietDoc({ guid });
    this.#replica = replica;
  }

  /** With all that was appended: takes in what waits. */
  get #doc(): Y.Doc {
    if (this.#waiting.length > 0) {
      const blocks = this.#waiting;
      this.#waiting = [];
      const segment = present(this.#segment, 'what waits is of a segment');
      this.#yjs.transact(() => segment.push(blocks));
      assert(this.#clock === this.#segmentEnd, 'DOC-8: Yjs gives blocks the clocks that their updates have');
    }
    return this.#yjs;
  }

  get #log(): Y.Array<Chapter> {
    return this.#doc.getArray('log');
  }

  /** The next of our own. */
  get #clock(): number {
    return Y.getState(this.#yjs.store, this.#replica) + this.#waiting.length;
  }

  /** Runs a transaction and returns the update that says what it did. Yjs encodes one only for those who listen. */
  #write(change: () => void): Uint8Array {
    let update: Uint8Array | undefined;
    // A throwing listener would kill the document for good, so it only stores.
    const store = (made: Uint8Array) => {
      update = made;
    };
    this.#doc.on('update', store);
    try {
      this.#doc.transact(change);
    } finally {
      this.#doc.off('update', store);
    }
    assert(update !== undefined, 'a transaction that writes emits an update');
    this.#assertSound();
    return update;
  }

  /** Builds the document from a snapshot and the updates after it, in order. */
  static hydrate(guid: string, replica: ReplicaId, updates: readonly Uint8Array[], sizes = SIZES): PartitionDocument {
    const document = new PartitionDocument(guid, replica, sizes);
    if (updates.length > 0) {
      document.#doc.transact(() => {
        for (const update of updates) Y.applyUpdate(document.#doc, update);
      });
    }
    // Loading our own history under our id would make Yjs choose another one, for fear of a clash, and say so on stdout.
    document.#doc.clientID = replica;
    document.#assertSound();
    document.#adoptOwn();
    for (const { patches } of document.segments()) document.#countAll(patches);
    return document;
  }

  #assertSound(): void {
    const { pendingStructs, pendingDs } = this.#doc.store;
    assert(pendingStructs === null && pendingDs === null, 'DOC-3: an update came before what it builds on');
    assert(this.#doc.clientID === this.#replica, 'DOC-4: the Yjs client id changed');
  }

  /** Continues our own last chapter and segment, if this replica id wrote here before. */
  #adoptOwn(): void {
    for (const chapter of this.#log.toArray()) {
      if (ownerOf(chapter) !== this.#replica) continue;
      this.#chapter = chapter;
      this.#segment = chapter.length > 0 ? chapter.get(chapter.length - 1) : undefined;
      this.#chapterSegments = chapter.length;
      const patches = this.#segment === undefined ? [] : patchesIn(this.#segment);
      this.#segmentPatches = patches.length;
      this.#segmentChars = charsOf(patches);
    }
  }

  #countAll(patches: readonly string[]): void {
    this.patches += patches.length;
    this.chars += charsOf(patches);
  }

  /** How many patches the open segment takes. */
  get #room(): number {
    return this.#segmentChars < SEGMENT_CHARS ? this.#sizes.segmentPatches - this.#segmentPatches : 0;
  }

  /** Appends patches and returns the update that says so. */
  append(patches: readonly string[]): Uint8Array {
    const clock = this.#clock;
    if (this.#segmentEnd === clock && patches.length <= this.#room) {
      const blocks = blocksOf(patches, 'new');
      this.#waiting.push(...blocks);
      this.#segmentPatches += patches.length;
      this.#segmentChars += charsOf(patches);
      this.#segmentEnd = clock + blocks.length;
      this.#countAll(patches);
      return encodeBlocks(blocks, this.#replica, clock);
    }
    const doc = this.#doc;
    doc.transact(() => this.#push(patches));
    this.#assertSound();
    return encodeAppended(doc, this.#replica, clock);
  }

  #push(patches: readonly string[], kind: 'new' | 'copies' = 'new'): void {
    let at = 0;
    while (at < patches.length) {
      const segment = this.#openSegment();
      const room = this.#room;
      const part = at === 0 && patches.length <= room ? patches : patches.slice(at, at + room);
      segment.push(blocksOf(part, kind));
      this.#segmentPatches += part.length;
      this.#segmentChars += charsOf(part);
      at += part.length;
      this.#segmentEnd = this.#clock;
    }
    this.#countAll(patches);
  }

  #openSegment(): Segment {
    if (this.#segment !== undefined && this.#room > 0) return this.#segment;
    if (this.#chapter === undefined || this.#chapterSegments >= this.#sizes.chapterSegments) {
      this.#chapter = new Y.Array<Segment>();
      this.#chapterSegments = 0;
      this.#log.push([this.#chapter]);
    }
    this.#segment = new Y.Array<string>();
    this.#segmentPatches = 0;
    this.#segmentChars = 0;
    this.#chapterSegments++;
    this.#chapter.push([this.#segment]);
    return this.#segment;
  }

  /** Applies an update of another replica whose causal predecessors are here; returns the patches that it brought. */
  merge(update: Uint8Array): string[] {
    const patches = patchesOf(update);
    Y.applyUpdate(this.#doc, update);
    this.#assertSound();
    this.#countAll(patches);
    return patches;
  }

  /** Runs `merges` in one transaction of each of these documents. Nothing is appended meanwhile. */
  static together(documents: readonly PartitionDocument[], merges: () => void): void {
    const [document, ...rest] = documents;
    if (document === undefined) {
      merges();
      return;
    }
    document.#doc.transact(() => PartitionDocument.together(rest, merges));
    document.#assertSound();
  }

  /**
   * Applies checked updates of other replicas, in an order in which each finds what it needs here or in those before it.
   * Many at a time cost less than one by one.
   */
  mergeAll(updates: readonly CheckedUpdate[]): void {
    this.#doc.transact(() => {
      for (const checked of updates) {
        const lacking = this.lacks(checked);
        assert(lacking === undefined, () => `DOC-3: an update came before what it builds on: ${lacking}`);
        Y.applyUpdate(this.#doc, checked.update);
      }
    });
    this.#assertSound();
    for (const { texts } of updates) this.#countAll(texts);
  }

  /** What an update builds on and the document does not hold, or holds as something else; undefined if it may be merged. */
  lacks({ needs, brings, joins }: Pick<CheckedUpdate, 'needs' | 'brings' | 'joins'>): string | undefined {
    const { store } = this.#doc;
    for (const [client, clocks] of needs) {
      const held = Y.getState(store, client);
      if (held < clocks) return `clock ${clocks} of client ${client}, of which ${held} are here`;
    }
    // What came before changes nothing now, and what it joined may be gone by compaction.
    if (Array.from(brings).every(([client, end]) => Y.getState(store, client) >= end)) return undefined;
    for (const { client, clock, place } of joins) {
      const found = this.#placeOf(Y.getItem(store, Y.createID(client, clock)));
      if (found === place.kind || (place.kind === 'array' && (found === 'chapter' || found === 'segment'))) continue;
      return `a ${place.kind} at clock ${clock} of client ${client}, where there is ${found ?? 'nothing any more'}`;
    }
    return undefined;
  }

  /** Undefined for what was deleted with all around it. */
  #placeOf(struct: Y.AbstractStruct): PlaceKind | undefined {
    if (!(struct instanceof Y.Item)) return undefined;
    let depth = 0;
    for (let at: Y.Item | null = struct; at !== null; at = (at.parent as Y.AbstractType<unknown>)._item) depth++;
    return (['chapter', 'segment', 'block'] as const)[depth - 1];
  }

  /** Every patch in the document. */
  *all(): Generator<string> {
    for (const { patches } of this.segments()) yield* patches;
  }

  /** In the order of the log. */
  *segments(): Generator<SegmentAt> {
    const chapters = this.#log.toArray();
    const lastOf = new Map<number, Chapter>();
    for (const chapter of chapters) lastOf.set(ownerOf(chapter), chapter);
    for (const chapter of chapters) {
      const chapterSealed = lastOf.get(ownerOf(chapter)) !== chapter;
      const segments = chapter.toArray();
      for (let index = 0; index < segments.length; index++) {
        const sealed = chapterSealed || index < segments.length - 1;
        yield { chapter, index, sealed, patches: patchesIn(segments[index] as Segment) };
      }
    }
  }

  /**
   * Writes the copies into the own newest segment and deletes segments, in one transaction; returns the update that says so.
   * Nothing visible changes if `compaction.ts` chose (DOC-2).
   */
  rewrite({ doomed, copies, kept }: Rewrite): Uint8Array {
    const update = this.#write(() => {
      this.#writeAfter(new Set(copies.values()));
      this.#push(Array.from(copies.keys()), 'copies');
      for (const [chapter, indices] of doomed) for (const index of indices.toReversed()) chapter.delete(index, 1);
      this.#deleteEmptyChapters();
    });
    this.patches = 0;
    this.chars = 0;
    for (const patches of kept) this.#countAll(patches);
    this.#countAll(Array.from(copies.keys()));
    return update;
  }

  /** DOC-2: a copy comes after what it replaces, so the next write starts a chapter unless the own one comes after all. */
  #writeAfter(chapters: ReadonlySet<Chapter>): void {
    const log = this.#log.toArray();
    const own = this.#chapter === undefined ? -1 : log.lastIndexOf(this.#chapter);
    if (!log.some((chapter, at) => at > own && chapters.has(chapter))) return;
    this.#chapter = undefined;
    this.#segment = undefined;
  }

  /** Yjs collapses all that was in a deleted chapter into one struct. */
  #deleteEmptyChapters(): void {
    const chapters = this.#log.toArray();
    const laterOwners = new Set<number>();
    for (let index = chapters.length - 1; index >= 0; index--) {
      const chapter = chapters[index] as Chapter;
      if (chapter.length === 0 && laterOwners.has(ownerOf(chapter))) this.#log.delete(index, 1);
      else laterOwners.add(ownerOf(chapter));
    }
  }

  /** The whole document as one update. */
  encode(): Uint8Array {
    return encodeDocument(this.#doc);
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.#doc);
  }

  /** What a replica with `stateVector` lacks. */
  diff(stateVector: Uint8Array): Uint8Array {
    return encodeDocument(this.#doc, stateVector);
  }

  /** Structs in memory: what compaction keeps small. */
  structs(): number {
    let count = 0;
    for (const structs of this.#doc.store.clients.values()) count += structs.length;
    return count;
  }
}

function patchesIn(segment: Segment): string[] {
  const blocks = segment.toArray();
  return blocks.length === 1 ? patchesOfBlock(blocks[0] as string) : blocks.flatMap(patchesOfBlock);
}

function charsOf(patches: readonly string[]): number {
  let chars = 0;
  for (const { length } of patches) chars += length;
  return chars;
}

function ownerOf(type: Chapter): number {
  const item = type._item;
  assert(item !== null, 'a chapter is part of the log');
  return item.id.client;
}

/**
 * The patches that an update holds, without building a document. Deletions are ignored: what they remove is dead or a
 * duplicate (DOC-2), so folding it changes nothing.
 */
export function patchesOf(update: Uint8Array): string[] {
  const patches: string[] = [];
  for (const struct of Y.decodeUpdate(update).structs) {
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentAny)) continue;
    for (const block of struct.content.arr) if (typeof block === 'string') patches.push(...patchesOfBlock(block));
  }
  return patches;
}

/** False if these updates, in any order, build on something that is not among them. */
export function isWhole(updates: readonly Uint8Array[]): boolean {
  return merged(updates) !== undefined;
}

/** One update that says what all of them say; undefined if they build on something that is not among them. */
export function mergeWhole(updates: readonly Uint8Array[]): Uint8Array | undefined {
  const doc = merged(updates);
  return doc && Y.encodeStateAsUpdate(doc);
}

function merged(updates: readonly Uint8Array[]): Y.Doc | undefined {
  const doc = new Y.Doc();
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update);
  });
  return doc.store.pendingStructs === null && doc.store.pendingDs === null ? doc : undefined;
}

/** One update that says what all of them say. Quadratic in their number: for a few at a time. */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  return Y.mergeUpdates(updates as Uint8Array[]);
}
