/**
 * The few rows that describe the whole store (meta values, snapshot headers, the base of the log, dropped graphs, the
 * clean marker). Each is stored twice, far apart, so that one damaged block is healed; a digest over all of them goes
 * into every seal, so that a lost or stale row is noticed whichever batch wrote it.
 */
import { crc32 } from 'node:zlib';
import type { Log } from '../base/env.ts';
import { STATE_PREFIXES, startingWith } from './keys.ts';
import { corrupt, type Database, entries } from './level-database.ts';
import { decodeState, encodeState } from './records.ts';

/** What a write may add to a batch. */
export interface Batch {
  put(key: string, value: Buffer): unknown;
  del(key: string): unknown;
}

/** Digests are sums, so that rows can be added and taken away in any order; below 2^52 a sum of two stays exact. */
const MODULUS = 2 ** 52;

const contribution = (name: string, content: Uint8Array): number => crc32(content, crc32(name));

export class StateRows {
  readonly #contributions = new Map<string, number>();
  readonly #repairs: (readonly [name: string, content: Buffer])[] = [];
  #digest = 0;

  get count(): number {
    return this.#contributions.size;
  }

  get digest(): number {
    return this.#digest;
  }

  /** Adds the row to `batch`, which is number `batchNumber`. */
  put(batch: Batch, batchNumber: number, name: string, content: Buffer): void {
    for (const prefix of STATE_PREFIXES) batch.put(prefix + name, encodeState(prefix + name, batchNumber, content));
    this.#count(name, content);
  }

  delete(batch: Batch, name: string): void {
    for (const prefix of STATE_PREFIXES) batch.del(prefix + name);
    this.#discount(name);
  }

  /** Writes again the copies that `load` found damaged. */
  repair(batch: Batch, batchNumber: number): void {
    for (const [name, content] of this.#repairs.splice(0)) this.put(batch, batchNumber, name, content);
  }

  /** Reads all rows: of each its content, from the newer of its readable copies. */
  async load(db: Database, log: Log): Promise<Map<string, Buffer>> {
    const newest = new Map<string, { batch: number; content: Buffer; copies: number }>();
    for (const prefix of STATE_PREFIXES) {
      try {
        for await (const chunk of entries(db, startingWith(prefix))) {
          for (const [key, value] of chunk) {
            const state = decodeState(key, value);
            const name = key.slice(prefix.length);
            const known = newest.get(name);
            if (state === undefined) continue;
            if (known === undefined || state.batch > known.batch) newest.set(name, { ...state, copies: 1 });
            else if (state.batch === known.batch) known.copies++;
          }
        }
      } catch (error) {
        log.write('warn', 'storage: one copy of the state rows is unreadable', { prefix, error: String(error) });
      }
    }
    const contents = new Map<string, Buffer>();
    for (const [name, { content, copies }] of newest) {
      contents.set(name, content);
      this.#count(name, content);
      if (copies === STATE_PREFIXES.length) continue;
      this.#repairs.push([name, content]);
      log.write('warn', 'storage: a state row was read from its mirror', { name });
    }
    return contents;
  }

  #count(name: string, content: Uint8Array): void {
    this.#discount(name);
    const added = contribution(name, content);
    this.#contributions.set(name, added);
    this.#digest = (this.#digest + added) % MODULUS;
  }

  #discount(name: string): void {
    const removed = this.#contributions.get(name);
    if (removed === undefined) return;
    this.#contributions.delete(name);
    this.#digest = (this.#digest - removed + MODULUS) % MODULUS;
  }
}

/**
 * Reads one state row, undefined if it was never written. `known` says that it was.
 * @throws WeftError `data-corrupt` if a copy that is there cannot be read from either place
 */
export async function readStateRow(
  db: Database,
  name: string,
  options: { readonly known: boolean; readonly snapshot?: ReturnType<Database['snapshot']> },
): Promise<Buffer | undefined> {
  const keys = STATE_PREFIXES.map((prefix) => prefix + name);
  const { snapshot } = options;
  const values = await db.getMany(keys, snapshot === undefined ? {} : { snapshot });
  const states = keys.flatMap((key, at) => {
    const value = values[at];
    const state = value === undefined ? undefined : decodeState(key, value);
    return state === undefined ? [] : [state];
  });
  const newest = states.sort((a, b) => b.batch - a.batch)[0];
  if (newest !== undefined) return newest.content;
  if (options.known || values.some((value) => value !== undefined)) {
    throw corrupt(`both copies of the row ${JSON.stringify(name)} are damaged`, { row: name });
  }
  return undefined;
}
