/**
 * A change of one text as a Yjs update, read strictly and without applying it: runs of characters, formats and what is left of
 * deleted ones, all in one root, and deletions. Nothing that Yjs would take beyond that is a change of a text: no other
 * types, no holes, no `GC` structs, which would stand for something that is kept from us.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** Yjs client and clock. */
export interface YjsId {
  readonly client: number;
  readonly clock: number;
}

export interface TextStruct extends YjsId {
  readonly length: number;
  readonly left: YjsId | undefined;
  readonly right: YjsId | undefined;
  /** Name of the root; undefined if a neighbour tells. */
  readonly root: string | undefined;
  /** As it was encoded. */
  readonly bytes: Uint8Array;
}

export interface YjsRange extends YjsId {
  readonly length: number;
}

export interface TextUpdate {
  /** By client in the order of the bytes; those of a client follow each other without holes. */
  readonly structs: readonly TextStruct[];
  readonly deletions: readonly YjsRange[];
}

const DELETED = 1;
const CHARACTERS = 4;
const FORMAT = 6;
const CONTENT = 0x1f;
const HAS_KEY = 0x20;
const HAS_RIGHT = 0x40;
const HAS_LEFT = 0x80;
/** Yjs reads client ids of this size as they are; stock clients stay below 2^32. */
const CLIENT_MAX = Number.MAX_SAFE_INTEGER;

/** @throws WeftError `malformed-request`, definite */
export function readTextUpdate(bytes: Uint8Array): TextUpdate {
  try {
    return new Reading(bytes).run();
  } catch (cause) {
    if (cause instanceof WeftError) throw cause;
    throw refusal((cause as Error).message, cause);
  }
}

function refusal(why: string, cause?: unknown): WeftError {
  return new WeftError('malformed-request', `this changes no text: ${why}`, {}, cause);
}

class Reading {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes);
  }

  run(): TextUpdate {
    const structs: TextStruct[] = [];
    const clients = new Set<number>();
    for (let left = this.#reader.varUint(); left > 0; left--) {
      const count = this.#reader.varUint();
      const client = this.#client();
      if (clients.has(client) || count === 0) throw refusal('a client comes twice, or without structs');
      clients.add(client);
      let clock = this.#reader.varUint();
      for (let i = 0; i < count; i++) {
        const struct = this.#struct(client, clock);
        structs.push(struct);
        clock = clockAfter(struct);
      }
    }
    const deletions: YjsRange[] = [];
    for (let left = this.#reader.varUint(); left > 0; left--) {
      const client = this.#client();
      for (let ranges = this.#reader.varUint(); ranges > 0; ranges--) {
        const range = { client, clock: this.#reader.varUint(), length: this.#reader.varUint() };
        clockAfter(range);
        deletions.push(range);
      }
    }
    if (!this.#reader.ended) throw refusal('bytes follow its end');
    return { structs, deletions };
  }

  #client(): number {
    const client = this.#reader.varUint();
    if (client > CLIENT_MAX) throw refusal('an impossible client');
    return client;
  }

  #id(): YjsId {
    return { client: this.#client(), clock: this.#reader.varUint() };
  }

  #struct(client: number, clock: number): TextStruct {
    const start = this.#reader.at;
    const info = this.#reader.byte();
    if (info & HAS_KEY) throw refusal('a struct with a key');
    const left = info & HAS_LEFT ? this.#id() : undefined;
    const right = info & HAS_RIGHT ? this.#id() : undefined;
    let root: string | undefined;
    if (left === undefined && right === undefined) {
      if (this.#reader.varUint() !== 1) throw refusal('a struct in no root');
      root = this.#reader.text();
    }
    const length = this.#content(info & CONTENT);
    const bytes = this.#bytes.subarray(start, this.#reader.at);
    return { client, clock, length, left, right, root, bytes };
  }

  #content(kind: number): number {
    switch (kind) {
      case DELETED:
        return this.#reader.varUint();
      case CHARACTERS:
        return this.#reader.text().length;
      case FORMAT:
        this.#reader.text();
        JSON.parse(this.#reader.text());
        return 1;
      default:
        throw refusal(`a struct of kind ${kind}`);
    }
  }
}

function clockAfter({ clock, length }: YjsRange): number {
  if (length === 0 || clock + length > LIMITS.structClockMax) throw refusal('a length or clock beyond reason');
  return clock + length;
}

/** The update that says this. */
export function writeTextUpdate({ structs, deletions }: TextUpdate): Uint8Array {
  const writer = new ByteWriter();
  const byClient = groups(structs);
  writer.varUint(byClient.size);
  for (const [client, of] of byClient) {
    writer
      .varUint(of.length)
      .varUint(client)
      .varUint(of[0]?.clock ?? 0);
    for (const { bytes } of of) writer.raw(bytes);
  }
  const deleted = groups(deletions);
  writer.varUint(deleted.size);
  for (const [client, of] of deleted) {
    writer.varUint(client).varUint(of.length);
    for (const { clock, length } of of) writer.varUint(clock).varUint(length);
  }
  return writer.finish();
}

function groups<T extends YjsId>(items: readonly T[]): Map<number, T[]> {
  const byClient = new Map<number, T[]>();
  for (const item of items) {
    const of = byClient.get(item.client);
    if (of === undefined) byClient.set(item.client, [item]);
    else of.push(item);
  }
  return new Map(Array.from(byClient).sort(([a], [b]) => b - a));
}

/** An update that fills clock numbers of a client with nothing: what belongs to other texts. */
export function fillerUpdate({ client, clock, length }: YjsRange): Uint8Array {
  return new ByteWriter()
    .varUint(1)
    .varUint(1)
    .varUint(client)
    .varUint(clock)
    .byte(0)
    .varUint(length)
    .varUint(0)
    .finish();
}

/** The update that makes `text` the first thing in an empty root. */
export function firstUpdate({ client, clock }: YjsId, root: string, text: string): Uint8Array {
  const struct = new ByteWriter().byte(CHARACTERS).varUint(1).text(root).text(text).finish();
  return new ByteWriter().varUint(1).varUint(1).varUint(client).varUint(clock).raw(struct).varUint(0).finish();
}
