/**
 * The last commits that became durable here, encoded once for all links, so that a peer that keeps up is never fed from
 * disk. Per stream they are contiguous; the oldest go first when the whole exceeds its bound.
 */
import type { ReplicaId } from '../../base/ids.ts';
import { encodeCommit } from './frame-codec.ts';
import type { StreamCommit } from './replica.ts';

export interface TailCommit {
  readonly origin: ReplicaId;
  readonly seq: number;
  readonly lsn: number;
  readonly encoded: Uint8Array;
  /** Monotonic time at which it became durable here, in milliseconds. */
  readonly atMs: number;
  /** `traceparent` of a request that wrote it; only of commits of this server. */
  readonly trace?: string | undefined;
}

export class CommitTail {
  readonly #bytesMax: number;
  /** In the order of lsn; entries before `#first` were let go. */
  #order: TailCommit[] = [];
  #first = 0;
  #bytes = 0;
  readonly #streams = new Map<ReplicaId, { base: number; commits: TailCommit[] }>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(commit: StreamCommit, atMs: number): void {
    const { origin, seq, lsn, trace } = commit;
    const entry: TailCommit = { origin, seq, lsn, encoded: encodeCommit(commit), atMs, trace };
    let stream = this.#streams.get(origin);
    if (stream === undefined || stream.base + stream.commits.length + 1 !== seq) {
      // After a state transfer the stream goes on further ahead.
      stream = { base: seq - 1, commits: [] };
      this.#streams.set(origin, stream);
    }
    stream.commits.push(entry);
    this.#order.push(entry);
    this.#bytes += entry.encoded.length;
    while (this.#bytes > this.#bytesMax && this.#first < this.#order.length - 1) this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#first++] as TailCommit;
    this.#bytes -= oldest.encoded.length;
    const stream = this.#streams.get(oldest.origin);
    if (stream?.commits[oldest.seq - stream.base - 1] === oldest) {
      // Kept as holes until half of the list is gone, so that dropping is cheap.
      const gone = oldest.seq - stream.base;
      if (gone * 2 > stream.commits.length) {
        stream.commits = stream.commits.slice(gone);
        stream.base = oldest.seq;
      }
    }
    if (this.#first * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The commit, if it is still here. */
  find(origin: ReplicaId, seq: number): TailCommit | undefined {
    const stream = this.#streams.get(origin);
    return stream?.commits[seq - stream.base - 1];
  }
}
