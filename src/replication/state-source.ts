/** Answers the requests of a state transfer. It keeps nothing but the state that is being sliced, to save work. */
import { crc32 } from 'node:zlib';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../version-vector.ts';
import type { StateFrame } from './frame.ts';
import type { Replica } from './replica.ts';

/** How much goes into one answer. Tiny sizes bring paging and slicing within reach of a test. */
export interface AnswerSizes {
  readonly pagePartitions: number;
  readonly sliceBytes: number;
}
/** A few slices in flight do not hold up commits. */
const SIZES: AnswerSizes = { pagePartitions: 1000, sliceBytes: 1024 * 1024 };

type Request = Extract<StateFrame, { kind: 'list-state' | 'get-state' }>;

export class StateSource {
  readonly #replica: Replica;
  readonly #bound: () => VersionVector;
  readonly #sizes: AnswerSizes;
  #sliced:
    | { readonly name: string; readonly state: Uint8Array; readonly checksum: number; readonly vector: VersionVector }
    | undefined;

  /** @param bound what no partition here holds anything beyond */
  constructor(replica: Replica, bound: () => VersionVector, sizes = SIZES) {
    this.#replica = replica;
    this.#bound = bound;
    this.#sizes = sizes;
  }

  async answer(request: Request): Promise<Exclude<StateFrame, Request>> {
    return request.kind === 'list-state' ? this.#list(request) : this.#slice(request);
  }

  async #list({ request, after }: Extract<Request, { kind: 'list-state' }>): Promise<Exclude<StateFrame, Request>> {
    // Read before anything else: what is listed and sent from here on covers at least this.
    const { vector, retired, clockReading: clock } = this.#replica;
    const all = await this.#replica.listPartitions();
    const from = after === undefined ? 0 : indexAfter(all, after);
    const partitions = all.slice(from, from + this.#sizes.pagePartitions);
    return {
      kind: 'state-list',
      request,
      after,
      partitions,
      more: from + partitions.length < all.length,
      vector,
      retired,
      clock,
    };
  }

  async #slice({
    request,
    key,
    stateVector,
    offset,
  }: Extract<Request, { kind: 'get-state' }>): Promise<Exclude<StateFrame, Request>> {
    const name = `${key.graphKey}/${key.partition}/${Buffer.from(stateVector).toString('base64')}`;
    if (offset === 0 || this.#sliced?.name !== name) {
      const state = await this.#replica.stateDiff(key, stateVector);
      this.#sliced = { name, state, checksum: crc32(state), vector: this.#bound() };
    }
    const { state, checksum, vector } = this.#sliced;
    const bytes = state.subarray(offset, offset + this.#sizes.sliceBytes);
    if (offset + bytes.length >= state.length) this.#sliced = undefined;
    return { kind: 'state', request, key, offset, bytes, length: state.length, checksum, vector };
  }
}

/** Where the list goes on. The partition itself may be gone by now; then everything is listed again, which is harmless. */
function indexAfter(all: readonly PartitionKey[], after: PartitionKey): number {
  return all.findIndex(({ graphKey, partition }) => graphKey === after.graphKey && partition === after.partition) + 1;
}
