/**
 * Up to which clock reading tombstones are durable with every voter, so that they may expire (docs/adr/0006). What the
 * voters have is known as positions in streams; now and then the clock at a position is marked, and the last mark that
 * all voters have reached says how far that stream is stable.
 */
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { seqOf, type VersionVector } from './version-vector.ts';

interface Mark {
  readonly seq: number;
  readonly clock: number;
}

export class StableHorizon {
  readonly #marks = new Map<ReplicaId, Mark[]>();
  #stable: VersionVector = new Map();

  /** A commit is durable here; `clock` is its origin's reading after it. */
  note(origin: ReplicaId, { seq, clock }: Mark): void {
    const marks = this.#marks.get(origin);
    if (marks === undefined) {
      this.#marks.set(origin, [{ seq, clock }]);
      return;
    }
    marks.push({ seq, clock });
    // Coarser marks only make tombstones wait longer.
    if (marks.length > LIMITS.horizonMarksMax)
      this.#marks.set(
        origin,
        marks.filter((_, i) => i % 2 === 0),
      );
  }

  /** Every voter has what `vector` covers. */
  allow(vector: VersionVector): void {
    this.#stable = vector;
    for (const [origin, marks] of this.#marks) {
      const reached = marks.findLastIndex(({ seq }) => seq <= seqOf(vector, origin));
      if (reached > 0) marks.splice(0, reached);
    }
  }

  /** All patches with an earlier clock are durable with every voter. `have`: live streams as they are here. */
  clock(have: VersionVector): number {
    let horizon = Number.POSITIVE_INFINITY;
    for (const [origin, seq] of have) {
      const stable = seqOf(this.#stable, origin);
      if (stable >= seq) continue;
      const mark = this.#marks.get(origin)?.findLast((candidate) => candidate.seq <= stable);
      horizon = Math.min(horizon, mark?.clock ?? 0);
    }
    return horizon;
  }
}
