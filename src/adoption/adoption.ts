/**
 * Taking over the state of another server, so that all of it comes or nothing. The states of its partitions, of one
 * moment, are kept apart until all are there; then one small row says so, and from then on they are taken in, over a
 * crash too, without the other server. A crash before that leaves what was here before. Meanwhile this replica answers
 * nobody: its streams are about to jump.
 *
 *     none ──begin──> staging ──decide──> applying ──applied──> none
 *                        └──cancel──> none
 */
import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { PartitionKey, Store } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';

const META_NAME = 'adoption';

/** What is here once all states are taken in. */
export interface Adopted {
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  /** A reading of the clock that is later than all stamps in the states. */
  readonly clock: number;
}

/** Also a check that all states are there when they are taken in. */
interface Decided extends Adopted {
  readonly states: number;
  readonly checksum: number;
}

/** What it has staged, by partition. */
export interface Attempt {
  readonly kind: 'staging';
  readonly checksums: Map<string, number>;
}

type Phase = { readonly kind: 'none' } | Attempt | ({ readonly kind: 'applying' } & Decided);

const NONE: Phase = { kind: 'none' };
const CHECKSUMS = 2 ** 32;
const RETRY = { retryAfterSeconds: 1 };

export class Adoption {
  readonly #store: Store;
  #phase: Phase;
  #writing: Promise<void> | undefined;

  private constructor(store: Store, phase: Phase) {
    this.#store = store;
    this.#phase = phase;
  }

  static async read(store: Store): Promise<Adoption> {
    const held = await store.getMeta(META_NAME);
    return new Adoption(store, held === undefined || held.length === 0 ? NONE : decode(held));
  }

  get isActive(): boolean {
    return this.#phase.kind !== 'none';
  }

  /** States are being taken in: partitions may hold parts of commits. */
  get isApplying(): boolean {
    return this.#phase.kind === 'applying';
  }

  /** @throws WeftError `replica-recovering`, definite, while it is not over */
  check(): void {
    if (this.#phase.kind === 'none') return;
    throw new WeftError('replica-recovering', 'this server takes over the state of another one', RETRY);
  }

  /** From here on nothing is answered. What an earlier attempt left is let go of. */
  async begin(): Promise<void> {
    assert(this.#phase.kind !== 'applying', 'what was decided is finished first');
    this.#phase = { kind: 'staging', checksums: new Map() };
    // What the attempt before is still writing must go, too.
    await this.#writing?.catch(() => undefined);
    await this.#store.clearStaged();
  }

  /** @throws WeftError `invalid-request` if no attempt goes on */
  attempt(): Attempt {
    if (this.#phase.kind !== 'staging') throw new WeftError('invalid-request', 'no adoption has begun');
    return this.#phase;
  }

  /** @throws WeftError `invalid-request` if the attempt is over */
  async stage(attempt: Attempt, key: PartitionKey, state: Uint8Array): Promise<void> {
    if (this.#phase !== attempt) throw new WeftError('invalid-request', 'the adoption was cancelled');
    this.#writing = this.#store.stage(key, state);
    await this.#writing;
    attempt.checksums.set(`${key.graphKey}/${key.partition}`, crc32(state));
  }

  /** Nothing of it stays. */
  cancel(): void {
    if (this.#phase.kind === 'staging') this.#phase = NONE;
  }

  /** All states are there; from here on there is no way back. */
  async decide(adopted: Adopted): Promise<void> {
    const { checksums } = this.attempt();
    const checksum = sum(checksums.values());
    const { vector, retired, clock } = adopted;
    const decided: Decided = { vector, retired, clock, states: checksums.size, checksum };
    // In memory first: if the write fails, nobody knows whether it is there.
    this.#phase = { kind: 'applying', ...decided };
    await this.#store.setMeta(META_NAME, encode(decided));
  }

  /**
   * What was decided and is not taken in yet: the partitions of which a state is kept, each read and verified once.
   * @throws WeftError `data-corrupt` if they are not those that were staged
   */
  async decided(): Promise<(Adopted & { readonly partitions: readonly PartitionKey[] }) | undefined> {
    const phase = this.#phase;
    if (phase.kind !== 'applying') return undefined;
    const partitions = await this.#store.listStaged();
    let checksum = 0;
    for (const key of partitions) checksum = (checksum + crc32(await this.#store.readStaged(key))) % CHECKSUMS;
    if (partitions.length !== phase.states || checksum !== phase.checksum) {
      throw new WeftError(
        'data-corrupt',
        `${partitions.length} of ${phase.states} states that are being taken over are there; empty the data folder`,
      );
    }
    return { ...phase, partitions };
  }

  /** All of it is in its place, durably. */
  async applied(): Promise<void> {
    await this.#store.setMeta(META_NAME, new Uint8Array());
    await this.#store.clearStaged();
    this.#phase = NONE;
  }
}

function sum(checksums: Iterable<number>): number {
  let total = 0;
  for (const checksum of checksums) total = (total + checksum) % CHECKSUMS;
  return total;
}

function encode({ vector, retired, ...rest }: Decided): Uint8Array {
  return toUtf8(JSON.stringify({ vector: Array.from(vector), retired: Array.from(retired), ...rest }));
}

function decode(held: Uint8Array): Phase {
  const { vector, retired, ...rest } = JSON.parse(fromUtf8(held)) as Omit<Decided, 'vector' | 'retired'> & {
    readonly vector?: [ReplicaId, number][];
    readonly retired?: [ReplicaId, number][];
  };
  if (vector === undefined || retired === undefined) {
    throw new WeftError('data-corrupt', 'an earlier version was taking over a state; empty the data folder');
  }
  return { kind: 'applying', ...rest, vector: new Map(vector), retired: new Map(retired) };
}
