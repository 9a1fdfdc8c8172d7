/** Fetches the state of one partition in slices; a state machine that asks, waits, asks again and checks the whole. */
import { crc32 } from 'node:zlib';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { concatenated } from './fragments.ts';
import type { StateFrame, StatePending } from './frame.ts';

export type StateRequest = Extract<StateFrame, { kind: 'get-state' }>;
export type StateSlice = Extract<StateFrame, { kind: 'state' }>;

export type PullStep =
  | { readonly kind: 'ask'; readonly frame: StateRequest }
  | { readonly kind: 'whole'; readonly diff: Uint8Array; readonly vector: VersionVector }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Patience {
  /** How long a request may stay unanswered, in milliseconds. */
  readonly patienceMs: number;
  readonly attemptsMax: number;
  /** How long a peer that says that it makes what was asked for is waited for beyond that, in milliseconds. */
  readonly pendingMsMax: number;
}

export class StatePull {
  readonly #request: number;
  readonly key: PartitionKey;
  readonly #stateVector: Uint8Array;
  readonly #patience: Patience;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #whole: { readonly length: number; readonly checksum: number } | undefined;
  #askedMs = 0;
  #attempts = 0;
  /** Since when the peer says that it makes what was asked for. */
  #pendingSinceMs: number | undefined;

  /** @param request drawn for this pull, or for the transfer that it is a part of */
  constructor(request: number, key: PartitionKey, stateVector: Uint8Array, patience: Patience) {
    this.#request = request;
    this.key = key;
    this.#stateVector = stateVector;
    this.#patience = patience;
  }

  start(nowMs: number): PullStep {
    this.#attempts = 0;
    this.#pendingSinceMs = undefined;
    return this.#ask(nowMs);
  }

  get isPending(): boolean {
    return this.#pendingSinceMs !== undefined;
  }

  /** The peer is at it. Its disk may hang for ever, so that counts for a while only. */
  hearPending({ request, key }: StatePending, nowMs: number): void {
    if (request !== this.#request || key.graphKey !== this.key.graphKey || key.partition !== this.key.partition) return;
    this.#pendingSinceMs ??= nowMs;
    if (nowMs - this.#pendingSinceMs < this.#patience.pendingMsMax) this.#attempts = 0;
  }

  #ask(nowMs: number): PullStep {
    this.#askedMs = nowMs;
    const frame: StateRequest = {
      kind: 'get-state',
      request: this.#request,
      key: this.key,
      stateVector: this.#stateVector,
      offset: this.#bytes,
    };
    return { kind: 'ask', frame };
  }

  /** Undefined if the slice is not the one that was asked for. */
  hear({ request, key, offset, bytes, length, checksum, vector }: StateSlice, nowMs: number): PullStep | undefined {
    const isWanted =
      request === this.#request &&
      key.graphKey === this.key.graphKey &&
      key.partition === this.key.partition &&
      offset === this.#bytes;
    if (!isWanted) return undefined;
    if (length > LIMITS.stateBytesMax) return { kind: 'failed', reason: `a state of ${length} bytes is too large` };
    this.#whole ??= { length, checksum };
    if (this.#whole.length !== length || this.#whole.checksum !== checksum) {
      // The sender wrote meanwhile, so its state is another one: begin again with that.
      this.#parts = [];
      this.#bytes = 0;
      this.#whole = undefined;
      return this.start(nowMs);
    }
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes < length) {
      return bytes.length === 0
        ? { kind: 'failed', reason: 'the peer sends nothing of what it has' }
        : this.start(nowMs);
    }
    const diff = this.#parts.length === 1 ? bytes : concatenated(this.#parts, this.#bytes);
    if (diff.length !== length || crc32(diff) !== checksum)
      return { kind: 'failed', reason: 'a state has a wrong checksum' };
    return { kind: 'whole', diff, vector };
  }

  /** @param heardMs when a part of an answer came last, of which the rest is on its way: nobody is asked again for that */
  tick(nowMs: number, heardMs: number): PullStep | undefined {
    if (heardMs > this.#askedMs) {
      this.#askedMs = heardMs;
      this.#attempts = 0;
    }
    if (nowMs - this.#askedMs < this.#patience.patienceMs) return undefined;
    if (++this.#attempts >= this.#patience.attemptsMax) return { kind: 'failed', reason: 'the peer does not answer' };
    return this.#ask(nowMs);
  }
}
