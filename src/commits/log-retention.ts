/**
 * Up to where the log may be let go of, on a server with peers: as far as every voter has it. That is known as vectors,
 * and needed as a position in the log, so now and then the vector at a position is marked. A mark that everybody covers
 * says that everything up to its position may go.
 */
import * as LIMITS from '../../base/limits.ts';
import type { Lsn } from '../../storage/store.ts';
import { covers, type VersionVector } from './version-vector.ts';

/** Bytes of updates between two marks: finer than what a checkpoint lets go of at a time. */
const MARK_BYTES = LIMITS.logBytesMax / 32;

export class LogRetention {
  readonly #marks: { readonly lsn: Lsn; readonly vector: VersionVector }[] = [];
  #allowed: Lsn = 0;
  #bytes = 0;

  /** What is there at the start. */
  constructor(lsn: Lsn, vector: VersionVector) {
    this.#marks.push({ lsn, vector });
  }

  /** A round became visible. */
  advanced(lsn: Lsn, bytes: number, vector: () => VersionVector): void {
    this.#bytes += bytes;
    if (this.#bytes < MARK_BYTES) return;
    this.#bytes = 0;
    this.#marks.push({ lsn, vector: vector() });
    // Peers that are away for long need no fine marks: the log goes by size then.
    if (this.#marks.length > LIMITS.logMarksMax) this.#marks.splice(1, 1);
  }

  /** All voters have what `vector` covers. */
  allow(vector: VersionVector): void {
    for (let mark = this.#marks[0]; mark !== undefined && covers(vector, mark.vector); mark = this.#marks[0]) {
      this.#allowed = mark.lsn;
      this.#marks.shift();
    }
  }

  get allowedLsn(): Lsn {
    return this.#allowed;
  }
}
