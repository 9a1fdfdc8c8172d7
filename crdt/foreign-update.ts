/**
 * Reads a Yjs update that came from elsewhere without applying it, and refuses whatever a weft server would never write:
 * Yjs itself takes almost anything, and what it took is in the document for good. The bytes are read here rather than by
 * `Y.decodeUpdate`, which makes objects of everything before anybody can object, and reads past the end of its bytes.
 *
 * The form is that of `lib0` and of Yjs updates, version 1: for each client its structs from one clock on, then the
 * ranges that are deleted. Of the structs of Yjs only four occur here: an array (a chapter or segment), a run of text
 * blocks, and, in a state, what is left of deleted ones. What has to be compared with the document comes back as `needs`
 * and `joins`; `PartitionDocument.mergeAll` compares it.
 */
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isOfCopies, patchesOfBlock } from './block.ts';
import { ByteReader } from './byte-reader.ts';
import { ClientClocks } from './client-clocks.ts';
import type { Patch } from './patch.ts';
import { clockOfPatch, decodePatch } from './patch-codec.ts';
import { NEVER } from './stamp.ts';

/** What a struct is by its place: blocks lie in segments, segments in chapters, chapters in the log. */
export type PlaceKind =
  | 'chapter'
  | 'segment'
  | 'block'
  /** A chapter or a segment: the update does not tell. */
  | 'array';

/** A struct outside of the update that one inside builds on, and what it must be. */
export interface Join {
  readonly client: number;
  readonly clock: number;
  readonly place: { readonly kind: PlaceKind };
}

/** An update that may be applied to a document that has what it needs. */
export interface CheckedUpdate {
  readonly update: Uint8Array;
  /** The patches that it brings, as texts and decoded, in the same order. */
  readonly texts: readonly string[];
  readonly patches: readonly Patch[];
  /** How many of them, the last ones, are copies that compaction made (DOC-7): they bring nothing new. */
  readonly copies: number;
  /** The latest clock of their stamps, to be held against the drift limit; `NEVER` without patches. */
  readonly clockMax: number;
  /** By Yjs client: how many of its clock numbers the document must hold, this update's own structs not counted. */
  readonly needs: ClientClocks;
  /** By Yjs client: the clock after the structs that the update brings. */
  readonly brings: ClientClocks;
  readonly joins: readonly Join[];
}

const CLIENT_MAX = 0xffff_ffff;

// The first byte of a struct: five bits of content, then whether it names a left neighbour. A server appends only, so no
// struct ever names a right one, or a key.
const GC = 0x00;
const DELETED = 0x01;
const ARRAY = 0x07;
const BLOCKS = 0x08;
const HAS_LEFT = 0x80;
/** As content of an array struct: the type `Y.Array`. As an element of a run: text. */
const Y_ARRAY = 0;
const ANY_TEXT = 119;
const ROOT = 'log';

/**
 * Checks the update of a commit: structs of its origin alone, all of them alive, and deletions.
 * @throws WeftError `malformed-request`, definite
 */
export function checkUpdate(update: Uint8Array, origin: ReplicaId): CheckedUpdate {
  return check(update, origin);
}

/**
 * Checks a state, or the difference of two (`PartitionDocument.diff`): structs of any client, deleted ones too. How they
 * nest is checked only as far as each struct tells.
 * @throws WeftError `malformed-request`, definite
 */
export function checkState(update: Uint8Array): CheckedUpdate {
  return check(update, undefined);
}

/**
 * As `checkState`, of bytes that it accepted before: patches are decoded only if they are asked for.
 * @throws WeftError `malformed-request`, definite
 */
export function readState(update: Uint8Array): CheckedUpdate {
  return check(update, undefined, { decodes: false });
}

function check(update: Uint8Array, origin: ReplicaId | undefined, { decodes } = { decodes: true }): CheckedUpdate {
  try {
    return new UpdateCheck(update, origin, decodes).run();
  } catch (cause) {
    if (cause instanceof WeftError && cause.code === 'malformed-request') throw cause;
    throw new WeftError('malformed-request', `the update cannot be read: ${(cause as Error).message}`, {}, cause);
  }
}

function refuse(what: string): never {
  throw new WeftError('malformed-request', `no server writes such an update: ${what}`);
}

/** What was found. A class, because an object that is written out with a getter costs more than the check of a small update. */
class Checked implements CheckedUpdate {
  readonly update: Uint8Array;
  readonly texts: readonly string[];
  readonly copies: number;
  readonly clockMax: number;
  readonly needs: ClientClocks;
  readonly brings: ClientClocks;
  readonly joins: readonly Join[];
  #decoded: readonly Patch[] | undefined;

  constructor(found: Omit<CheckedUpdate, 'patches'> & { readonly decoded: readonly Patch[] | undefined }) {
    this.update = found.update;
    this.texts = found.texts;
    this.copies = found.copies;
    this.clockMax = found.clockMax;
    this.needs = found.needs;
    this.brings = found.brings;
    this.joins = found.joins;
    this.#decoded = found.decoded;
  }

  get patches(): readonly Patch[] {
    this.#decoded ??= this.texts.map(decodePatch);
    return this.#decoded;
  }
}

class UpdateCheck {
  readonly #reader: ByteReader;
  readonly #update: Uint8Array;
  readonly #origin: ReplicaId | undefined;
  readonly #texts: string[] = [];
  readonly #patches: Patch[] | undefined;
  readonly #needs = new ClientClocks();
  readonly #joins: Join[] = [];
  readonly #brings = new ClientClocks();
  /** Of a commit with several structs: what they are, by their last clock. */
  #places: Map<number, { kind: PlaceKind }> | undefined;
  #clockMax = NEVER;
  #copies = 0;
  // The struct that is being read, and the first one of its client.
  #client = 0;
  #clock = 0;
  #from = 0;

  constructor(update: Uint8Array, origin: ReplicaId | undefined, decodes: boolean) {
    this.#reader = new ByteReader(update);
    this.#update = update;
    this.#origin = origin;
    this.#patches = decodes ? [] : undefined;
  }

  run(): CheckedUpdate {
    const clients = this.#reader.varUint();
    let before = CLIENT_MAX + 1;
    for (let i = 0; i < clients; i++) before = this.#readStructs(before);
    this.#readDeletions();
    if (!this.#reader.ended) refuse('bytes follow its end');
    return new Checked({
      update: this.#update,
      texts: this.#texts,
      copies: this.#copies,
      clockMax: this.#clockMax,
      needs: this.#needs,
      brings: this.#brings,
      joins: this.#joins,
      decoded: this.#patches,
    });
  }

  #need(client: number, clocks: number): void {
    if (clocks > (this.#needs.get(client) ?? 0)) this.#needs.set(client, clocks);
  }

  #readClient(before: number): number {
    const client = this.#reader.varUint();
    if (client >= before) refuse(`client ${client} comes out of order`);
    return client;
  }

  #clockAfter(clock: number, length: number): number {
    if (length === 0) refuse('something has no length');
    const end = clock + length;
    return end > LIMITS.structClockMax ? refuse(`the clock number ${end} is beyond all reason`) : end;
  }

  #readStructs(before: number): number {
    const count = this.#reader.varUint();
    const client = this.#readClient(before);
    if (this.#origin !== undefined && client !== this.#origin) {
      refuse(`structs of client ${client} in a commit of ${this.#origin}`);
    }
    if (count === 0) refuse('a client without structs');
    this.#client = client;
    this.#from = this.#reader.varUint();
    this.#clock = this.#from;
    for (let i = 0; i < count; i++) {
      const length = this.#readStruct(count > 1);
      this.#clock = this.#clockAfter(this.#clock, length);
    }
    this.#need(client, this.#from);
    this.#brings.set(client, this.#clock);
    return client;
  }

  /** Returns the length of the struct. `named`: others of this update may build on it. */
  #readStruct(named: boolean): number {
    const byte = this.#reader.byte();
    const content = byte & ~HAS_LEFT;
    if (content > BLOCKS || (content > DELETED && content < ARRAY) || byte === (GC | HAS_LEFT)) {
      refuse(`a struct of kind ${byte}`);
    }
    if (content <= DELETED && this.#origin !== undefined) refuse('a commit that brings something deleted');
    if (content === GC) return this.#reader.varUint();
    const place = byte & HAS_LEFT ? this.#readLeft(content) : this.#readParent(content);
    if (content === DELETED) return this.#reader.varUint();
    const length = content === ARRAY ? this.#readArray() : this.#readBlocks();
    if (named && place !== undefined) {
      this.#places ??= new Map();
      this.#places.set(this.#clock + length - 1, place);
    }
    return length;
  }

  #readArray(): number {
    if (this.#reader.varUint() !== Y_ARRAY) refuse('a type that is no array');
    return 1;
  }

  #readBlocks(): number {
    const length = this.#reader.varUint();
    for (let i = 0; i < length; i++) {
      if (this.#reader.byte() !== ANY_TEXT) refuse('a block that is no text');
      this.#readPatches(this.#reader.text());
    }
    return length;
  }

  #readPatches(block: string): void {
    if (block.indexOf('\n') < 0) {
      this.#refuseAfterCopies();
      this.#readPatch(block);
      return;
    }
    const before = this.#texts.length;
    for (const text of patchesOfBlock(block)) this.#readPatch(text);
    if (isOfCopies(block)) this.#copies += this.#texts.length - before;
    else this.#refuseAfterCopies();
  }

  /** A commit appends what is new before it compacts. */
  #refuseAfterCopies(): void {
    if (this.#copies > 0 && this.#origin !== undefined) refuse('something new after copies');
    this.#copies = 0;
  }

  #readPatch(text: string): void {
    if (text.length > LIMITS.patchCharsMax) refuse(`a patch of ${text.length} characters`);
    this.#texts.push(text);
    this.#patches?.push(decodePatch(text));
    const clock = clockOfPatch(text);
    if (clock > this.#clockMax) this.#clockMax = clock;
  }

  // --- where the struct stands

  /** A struct that comes after another one in the same list, and so is what that one is. */
  #readLeft(content: number): { kind: PlaceKind } | undefined {
    const client = this.#readClient(CLIENT_MAX + 1);
    const clock = this.#reader.varUint();
    const own = client === this.#client;
    if (content === BLOCKS) {
      if (!own) refuse(`a block in a segment of client ${client}`);
      return this.#buildOn(client, clock, 'block');
    }
    // Only the log is shared by all writers.
    return this.#buildOn(client, clock, own ? 'array' : 'chapter');
  }

  /** The first struct of its list. */
  #readParent(content: number): { kind: PlaceKind } | undefined {
    const named = this.#reader.varUint();
    if (named === 1) {
      if (this.#reader.text() !== ROOT) refuse('another root than the log');
      if (content === BLOCKS) refuse('a block in the log');
      return { kind: 'chapter' };
    }
    if (named !== 0) refuse('a parent of no kind');
    const client = this.#readClient(CLIENT_MAX + 1);
    const clock = this.#reader.varUint();
    if (client !== this.#client) refuse(`something in a chapter or segment of client ${client}`);
    if (content === DELETED) return this.#buildOn(client, clock, 'array');
    this.#buildOn(client, clock, content === BLOCKS ? 'segment' : 'chapter');
    return { kind: content === BLOCKS ? 'block' : 'segment' };
  }

  /** Notes that the struct builds on another one, which must be a `kind`; returns what that one is. */
  #buildOn(client: number, clock: number, kind: PlaceKind): { kind: PlaceKind } | undefined {
    const isHere = client === this.#client && clock >= this.#from;
    if (!isHere && clock >= LIMITS.structClockMax) refuse(`the clock number ${clock} is beyond all reason`);
    if (this.#origin === undefined) {
      // Those of clients that come later in the bytes are not known yet; Yjs sorts it out.
      if (client === this.#client && !isHere) this.#need(client, clock + 1);
      return undefined;
    }
    if (isHere) {
      const place = this.#places?.get(clock);
      // Neighbours join the last element of what was written before.
      if (place === undefined) return refuse('a struct that joins no end of an earlier one');
      if (place.kind === kind || (kind === 'array' && place.kind !== 'block')) return place;
      // What its own neighbours left open, this one tells.
      if (place.kind === 'array' && kind !== 'block') place.kind = kind;
      else refuse(`a ${place.kind} where a ${kind === 'array' ? 'chapter or segment' : kind} belongs`);
      return place;
    }
    const place = { kind };
    this.#need(client, clock + 1);
    this.#joins.push({ client, clock, place });
    return place;
  }

  // --- deletions

  #readDeletions(): void {
    const clients = this.#reader.varUint();
    let before = CLIENT_MAX + 1;
    for (let i = 0; i < clients; i++) {
      const client = this.#readClient(before);
      before = client;
      const written = this.#brings.get(client);
      const count = this.#reader.varUint();
      if (count === 0) refuse('deletions of a client without any');
      let end = -1;
      for (let j = 0; j < count; j++) {
        const clock = this.#reader.varUint();
        // Neighbouring ranges are one.
        if (clock <= end) refuse('deletions out of order');
        end = this.#clockAfter(clock, this.#reader.varUint());
      }
      if (written === undefined) this.#need(client, end);
      else if (end > written) refuse('deletions of what was not written yet');
    }
  }
}
