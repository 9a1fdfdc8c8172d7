/**
 * How far this replica is: the last commit of every stream that is durable and visible here. Streams that ended are
 * kept apart, so that the vector that travels with tokens and commits stays as small as the cluster.
 */
import type { ReplicaId } from '../../base/ids.ts';
import { seqOf, type VersionVector } from './version-vector.ts';

export class Progress {
  readonly #live = new Map<ReplicaId, number>();
  #retired: VersionVector;
  /** Streams of others that moved since `takeMoved`. */
  readonly #moved = new Set<ReplicaId>();
  /** A copy of `#live` for those who keep it; made when somebody asks. */
  #vector: VersionVector | undefined;

  constructor(vector: Iterable<readonly [ReplicaId, number]>, retired: VersionVector) {
    this.#retired = retired;
    for (const origin of retired.keys()) this.#moved.add(origin);
    for (const [origin, seq] of vector) if (seq > seqOf(retired, origin)) this.#live.set(origin, seq);
    for (const origin of this.#live.keys()) {
      this.#retired = without(this.#retired, origin);
      this.#moved.add(origin);
    }
  }

  /** Live streams only. A new object whenever it moved. */
  get vector(): VersionVector {
    this.#vector ??= new Map(this.#live);
    return this.#vector;
  }

  get retired(): VersionVector {
    return this.#retired;
  }

  /** How far a stream is here, live or ended. */
  seq(origin: ReplicaId): number {
    return this.#live.get(origin) ?? seqOf(this.#retired, origin);
  }

  covers(wanted: Iterable<readonly [ReplicaId, number]>): boolean {
    for (const [origin, seq] of wanted) if (this.seq(origin) < seq) return false;
    return true;
  }

  /** Moves a stream forward; one that had ended lives again. */
  advance(origin: ReplicaId, seq: number): void {
    this.#live.set(origin, seq);
    this.#moved.add(origin);
    if (this.#retired.has(origin)) this.#retired = without(this.#retired, origin);
    this.#vector = undefined;
  }

  /**
   * How far streams other than `own` are that moved since the last call: at first all, also those that ended, because what
   * follows builds on them, and a server that comes with an empty disk has not seen them.
   */
  takeMoved(own: ReplicaId): (readonly [origin: ReplicaId, seq: number])[] {
    const moved: (readonly [ReplicaId, number])[] = [];
    for (const origin of this.#moved) if (origin !== own) moved.push([origin, this.seq(origin)]);
    this.#moved.clear();
    return moved;
  }

  /** A stream ended. */
  retire(origin: ReplicaId): void {
    const seq = this.#live.get(origin);
    if (seq === undefined) return;
    this.#live.delete(origin);
    this.#retired = new Map(this.#retired).set(origin, seq);
    this.#vector = undefined;
  }

  /** Joins what was taken over from another replica. */
  adopt(vector: VersionVector, retired: VersionVector): void {
    for (const [origin, seq] of vector) if (seq > this.seq(origin)) this.advance(origin, seq);
    for (const [origin, seq] of retired) {
      if (seq < this.seq(origin)) continue;
      this.advance(origin, seq);
      this.retire(origin);
    }
  }
}

function without(vector: VersionVector, origin: ReplicaId): VersionVector {
  const rest = new Map(vector);
  rest.delete(origin);
  return rest;
}
