/**
 * Holds commits of others until what they build on is here (Birman, Schiper, Stephenson: Lightweight Causal and Atomic
 * Group Multicast, 1991). A commit goes on when it follows the last one of its stream and its `after` is covered. What
 * has no room is dropped: its sender has no acknowledgement for it and sends it again.
 */

import type { ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { Commit } from '../../storage/store.ts';
import { seqOf, type VersionVector } from '../commits/version-vector.ts';

export interface HeldCommit {
  readonly commit: Commit;
  /** Estimated bytes of memory. */
  readonly bytes: number;
  /** The link that it came by. */
  readonly from: number;
}

export interface GateLimits {
  readonly heldBytesMax: number;
  readonly heldCommitsMax: number;
}

export class CausalGate {
  readonly #have: () => VersionVector;
  readonly #limits: GateLimits;
  readonly #bugs: ReadonlySet<PlantedBug> | undefined;
  /** By stream and seq. */
  readonly #held = new Map<ReplicaId, Map<number, HeldCommit>>();
  /** Per stream the last commit that was taken, durable or on its way. */
  readonly #taken = new Map<ReplicaId, number>();
  heldBytes = 0;
  heldCommits = 0;

  /** @param have what is durable and visible here, retired streams included */
  constructor(have: () => VersionVector, limits: GateLimits, bugs?: ReadonlySet<PlantedBug>) {
    this.#have = have;
    this.#limits = limits;
    this.#bugs = bugs;
  }

  #reached(origin: ReplicaId): number {
    return Math.max(this.#taken.get(origin) ?? 0, seqOf(this.#have(), origin));
  }

  /** Takes a commit in. `duplicate`: it is here, held or on its way; `dropped`: there is no room. */
  offer(held: HeldCommit): 'held' | 'duplicate' | 'dropped' {
    const { origin, seq } = held.commit;
    if (seq <= this.#reached(origin)) return 'duplicate';
    let stream = this.#held.get(origin);
    if (stream?.has(seq)) return 'duplicate';
    // One that can go on at once needs no room, so that a full gate never blocks what would empty it.
    const isFull =
      this.heldBytes + held.bytes > this.#limits.heldBytesMax || this.heldCommits >= this.#limits.heldCommitsMax;
    if (isFull && !this.#isReady(held.commit)) return 'dropped';
    if (stream === undefined) {
      stream = new Map();
      this.#held.set(origin, stream);
    }
    stream.set(seq, held);
    this.heldBytes += held.bytes;
    this.heldCommits++;
    return 'held';
  }

  #isReady({ origin, seq, after }: Commit): boolean {
    if (seq !== this.#reached(origin) + 1) return false;
    if (isPlanted(this.#bugs, 'no-causal-gate')) return true;
    return after.every(([other, wanted]) => this.#reached(other) >= wanted);
  }

  /** Commits that can be applied one after the other, up to about `bytesMax` bytes; they count as taken from now on. */
  take(bytesMax: number): HeldCommit[] {
    const ready: HeldCommit[] = [];
    let bytes = 0;
    for (let progress = true; progress && bytes < bytesMax; ) {
      progress = false;
      for (const [origin, stream] of this.#held) {
        while (bytes < bytesMax) {
          const held = stream.get(this.#reached(origin) + 1);
          if (held === undefined || !this.#isReady(held.commit)) break;
          this.#remove(origin, stream, held);
          this.#taken.set(origin, held.commit.seq);
          ready.push(held);
          bytes += held.bytes;
          progress = true;
        }
      }
    }
    return ready;
  }

  #remove(origin: ReplicaId, stream: Map<number, HeldCommit>, held: HeldCommit): void {
    stream.delete(held.commit.seq);
    if (stream.size === 0) this.#held.delete(origin);
    this.heldBytes -= held.bytes;
    this.heldCommits--;
  }

  /** What was taken is durable and visible, or will never be: only what is here counts from now on. */
  settle(): void {
    this.#taken.clear();
    // A state transfer, or a relay that was faster, may have brought what is held.
    for (const [origin, stream] of this.#held) {
      const reached = seqOf(this.#have(), origin);
      for (const held of stream.values()) if (held.commit.seq <= reached) this.#remove(origin, stream, held);
    }
  }

  /** Forgets what came by a link that cannot be trusted. */
  forget(from: number): void {
    for (const [origin, stream] of this.#held) {
      for (const held of stream.values()) if (held.from === from) this.#remove(origin, stream, held);
    }
  }

  /** True if something waits for commits that have not come. */
  get isWaiting(): boolean {
    return this.heldCommits > 0;
  }
}
