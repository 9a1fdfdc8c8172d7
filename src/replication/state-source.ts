/**
 * Answers the requests of a state transfer. The first one fixes a moment: a cut of the replica, from which all answers to
 * requests of the same number come. It is let go of when another transfer begins, the link ends, or nothing was asked for
 * long. What no cut was opened for is a repair by anti-entropy, and gets the state as it is now.
 */
import { crc32 } from 'node:zlib';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { StateFrame, StatePending } from './frame.ts';
import type { Replica, ReplicaCut } from './replica.ts';
import type { StateRequest } from './state-pull.ts';

/** How much goes into one answer. Tiny sizes bring paging and slicing within reach of a test. */
export interface AnswerSizes {
  readonly pagePartitions: number;
  readonly sliceBytes: number;
}
/** A few slices in flight do not hold up commits. */
const SIZES: AnswerSizes = { pagePartitions: 1000, sliceBytes: 1024 * 1024 };

type Request = Extract<StateFrame, { kind: 'list-state' | 'get-state' }>;
type Answer = Exclude<StateFrame, Request | StatePending>;

export interface StateSourceOptions {
  readonly replica: Replica;
  /** What is durable and visible here, retired streams included: no partition holds anything beyond it. */
  readonly have: () => VersionVector;
  readonly nowMs: () => number;
  readonly sizes?: AnswerSizes;
}

interface Made {
  readonly state: Uint8Array;
  readonly checksum: number;
  readonly vector: VersionVector;
}

/** A state of which slices go out, or will once it is made. */
interface Sliced {
  readonly name: string;
  readonly made: Promise<Made>;
  isMade: boolean;
}

export class StateSource {
  readonly #options: StateSourceOptions;
  readonly #sizes: AnswerSizes;
  #opened: { readonly request: number; readonly cut: Promise<ReplicaCut> } | undefined;
  #askedMs = 0;
  #sliced: Sliced | undefined;

  constructor(options: StateSourceOptions) {
    this.#options = options;
    this.#sizes = options.sizes ?? SIZES;
  }

  /** Undefined for a request that cannot be answered now; it will be repeated, or given up. */
  async answer(request: Request): Promise<Answer | undefined> {
    this.#askedMs = this.#options.nowMs();
    try {
      return request.kind === 'list-state' ? await this.#list(request) : await this.#slice(request);
    } catch (error) {
      if (!(error instanceof WeftError) || !PASSING.includes(error.code)) throw error;
      return undefined;
    }
  }

  /** What to say to a request that is repeated while its answer is being made. */
  pending(request: Request): StatePending | undefined {
    if (request.kind !== 'get-state' || this.#sliced?.name !== nameOf(request) || this.#sliced.isMade) return undefined;
    return { kind: 'state-pending', request: request.request, key: request.key };
  }

  tick(): void {
    if (this.#options.nowMs() - this.#askedMs >= LIMITS.stateIdleMsMax) this.release();
  }

  /** Lets go of the moment. */
  release(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#sliced = undefined;
    opened?.cut.then((cut) => cut.release()).catch(() => undefined);
  }

  #cutOf(request: number): Promise<ReplicaCut> | undefined {
    return this.#opened?.request === request ? this.#opened.cut : undefined;
  }

  #open(request: number): Promise<ReplicaCut> {
    this.release();
    const cut = this.#options.replica.openCut();
    this.#opened = { request, cut };
    cut.catch(() => {
      if (this.#opened?.cut === cut) this.#opened = undefined;
    });
    return cut;
  }

  async #list({ request, after }: Extract<Request, { kind: 'list-state' }>): Promise<Answer | undefined> {
    const opened = this.#cutOf(request) ?? (after === undefined ? this.#open(request) : undefined);
    if (opened === undefined) return undefined;
    const { partitions: all, vector, retired, clock } = await opened;
    const from = after === undefined ? 0 : indexAfter(all, after);
    const partitions = all.slice(from, from + this.#sizes.pagePartitions);
    const more = from + partitions.length < all.length;
    return { kind: 'state-list', request, after, partitions, more, vector, retired, clock };
  }

  async #slice(asked: StateRequest): Promise<Answer> {
    const { request, key, stateVector, offset } = asked;
    const opened = await this.#cutOf(request);
    const name = nameOf(asked);
    // One that is asked for again while it is made, or goes out, is not made anew: it might be another one each time.
    if (this.#sliced?.name !== name) this.#sliced = this.#begin(name, this.#make(opened, key, stateVector));
    const sliced = this.#sliced;
    const { state, checksum, vector } = await sliced.made.catch((error: unknown) => {
      this.#forget(sliced);
      throw error;
    });
    const bytes = state.subarray(offset, offset + this.#sizes.sliceBytes);
    if (offset + bytes.length >= state.length) this.#forget(sliced);
    return { kind: 'state', request, key, offset, bytes, length: state.length, checksum, vector };
  }

  #begin(name: string, made: Promise<Made>): Sliced {
    const sliced: Sliced = { name, made, isMade: false };
    const end = (): void => {
      sliced.isMade = true;
    };
    made.then(end, end);
    return sliced;
  }

  #forget(sliced: Sliced): void {
    if (this.#sliced === sliced) this.#sliced = undefined;
  }

  async #make(opened: ReplicaCut | undefined, key: PartitionKey, stateVector: Uint8Array): Promise<Made> {
    const state = await (opened?.diff(key, stateVector) ?? this.#current(key, stateVector));
    return { state, checksum: crc32(state), vector: opened?.vector ?? this.#options.have() };
  }

  /** The vector is read after it, so that it covers all of it. */
  #current(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array> {
    const { replica } = this.#options;
    if (replica.recovering) throw new WeftError('replica-recovering', 'this server takes over a state itself');
    return replica.stateDiff(key, stateVector);
  }
}

/** Nothing is wrong with the request. */
const PASSING: readonly string[] = ['replica-recovering', 'too-many-requests', 'shutting-down', 'partition-recovering'];

function nameOf({ request, key, stateVector }: StateRequest): string {
  return `${request}/${key.graphKey}/${key.partition}/${Buffer.from(stateVector).toString('base64')}`;
}

/** Where the list goes on. */
function indexAfter(all: readonly PartitionKey[], after: PartitionKey): number {
  return all.findIndex(({ graphKey, partition }) => graphKey === after.graphKey && partition === after.partition) + 1;
}
