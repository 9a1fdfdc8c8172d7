/**
 * Reads what servers send each other: MessagePack arrays whose fields are checked one after the other before anything is
 * believed. Also the small encodings that go with it.
 */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';

/** Most commits follow from nothing but the one before them. */
const EMPTY_VECTOR: VersionVector = new Map();

/** Reads the fields of an array one after the other. All throw `malformed-request`. */
export class FieldReader {
  readonly #fields: readonly unknown[];
  #at = 0;

  constructor(fields: unknown) {
    if (!Array.isArray(fields)) throw malformed('expected an array');
    this.#fields = fields;
  }

  #next(name: string): unknown {
    if (this.#at >= this.#fields.length) throw malformed(`${name} is missing`);
    return this.#fields[this.#at++];
  }

  get done(): boolean {
    return this.#at >= this.#fields.length;
  }

  end(): void {
    if (!this.done) throw malformed(`${this.#fields.length - this.#at} fields too many`);
  }

  integer(name: string): number {
    return asInteger(name, this.#next(name));
  }

  boolean(name: string): boolean {
    const field = this.#next(name);
    if (typeof field !== 'boolean') throw malformed(`${name} must be a boolean`);
    return field;
  }

  text(name: string): string {
    return asText(name, this.#next(name));
  }

  name(name: string): string {
    const text = this.text(name);
    if (text === '') throw malformed(`${name} must not be empty`);
    return text;
  }

  /** Storage name of a graph. */
  graph(name: string): string {
    return asGraphKey(this.text(name));
  }

  bytes(name: string): Uint8Array {
    return asBytes(name, this.#next(name));
  }

  replica(name: string): ReplicaId {
    return asReplica(name, this.#next(name));
  }

  array(name: string): readonly unknown[] {
    const field = this.#next(name);
    if (!Array.isArray(field)) throw malformed(`${name} must be an array`);
    return field;
  }

  list<T>(name: string, read: (field: unknown) => T): T[] {
    return this.array(name).map(read);
  }

  rest<T>(read: (field: unknown) => T): T[] {
    const items = this.#fields.slice(this.#at).map(read);
    this.#at = this.#fields.length;
    return items;
  }

  vector(name: string): VersionVector {
    const fields = this.array(name);
    if (fields.length === 0) return EMPTY_VECTOR;
    const vector = new Map<ReplicaId, number>();
    for (let i = 0; i < fields.length; i += 2) vector.set(asReplica(name, fields[i]), asInteger(name, fields[i + 1]));
    return vector;
  }

  key(name: string): PartitionKey {
    return asKey(this.#next(name), this.#next(name));
  }

  optionalKey(name: string): PartitionKey | undefined {
    const graphKey = this.#next(name);
    const partition = this.#next(name);
    return graphKey === null && partition === null ? undefined : asKey(graphKey, partition);
  }
}

export function asInteger(name: string, field: unknown): number {
  if (!Number.isSafeInteger(field) || (field as number) < 0) throw malformed(`${name} must be a non-negative integer`);
  return field as number;
}

export function asReplica(name: string, field: unknown): ReplicaId {
  const value = asInteger(name, field);
  if (value === 0 || value > 0xffff_ffff) throw malformed(`${name} must be a replica id`);
  return value as ReplicaId;
}

export function asText(name: string, field: unknown): string {
  if (typeof field !== 'string') throw malformed(`${name} must be text`);
  return field;
}

export function asBytes(name: string, field: unknown): Uint8Array {
  if (!(field instanceof Uint8Array)) throw malformed(`${name} must be bytes`);
  return field;
}

const GRAPH_KEY = /^[A-Za-z0-9_-]{1,64}$/;

export function asKey(graphKey: unknown, partition: unknown): PartitionKey {
  if (typeof partition !== 'string' || partition === '' || partition.length > LIMITS.nameBytesMax + 1) {
    throw malformed('a partition id is malformed');
  }
  return { graphKey: asGraphKey(graphKey), partition: partition as PartitionId };
}

export const isGraphKey = (text: string): boolean => GRAPH_KEY.test(text);

export function asGraphKey(field: unknown): string {
  if (typeof field !== 'string' || !isGraphKey(field)) throw malformed('a graph key is malformed');
  return field;
}

export function keyFields(key: PartitionKey | undefined): readonly [string | null, string | null] {
  return key === undefined ? [null, null] : [key.graphKey, key.partition];
}

export function flat(vector: VersionVector): number[] {
  return Array.from(vector).flat();
}

export function malformed(what: string): WeftError {
  return new WeftError('malformed-request', `bad frame: ${what}`);
}
