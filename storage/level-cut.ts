/**
 * A cut of the store on LevelDB: one of its explicit snapshots, with what the index knew at that moment. Both are taken
 * between two batches, so that neither is further than the other.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { compareKeys, partitionPath } from './keys.ts';
import { type Database, type DatabaseSnapshot, isReadError } from './level-database.ts';
import type { LogIndex } from './log-index.ts';
import { type Expected, expectedNow, isDamage, NOTHING, readPartitionAt, recovering } from './partition-read.ts';
import type { Lsn, PartitionKey, PartitionState, StoreCut } from './store.ts';

type Held = Expected & { readonly damage: string | undefined };

export class LevelCut implements StoreCut {
  readonly lsn: Lsn;
  readonly streams: StoreCut['streams'];
  readonly partitions: readonly PartitionKey[];
  readonly #db: Database;
  readonly #moment: DatabaseSnapshot;
  readonly #open: Set<LevelCut>;
  readonly #held = new Map<string, Held>();

  /** @param open all cuts of the store; this one is among them until it is released */
  constructor(db: Database, index: LogIndex, open: Set<LevelCut>) {
    if (open.size >= LIMITS.storeCutsMax) {
      throw new WeftError('too-many-requests', 'too many cuts of the store are open', { retryAfterSeconds: 1 });
    }
    this.#db = db;
    this.#open = open;
    this.lsn = index.durableLsn;
    this.streams = Array.from(index.durableSeqs);
    for (const entry of index.entries()) {
      if (!index.holdsAnything(entry)) continue;
      this.#held.set(partitionPath(entry), { ...expectedNow(index, entry), damage: entry.damage?.reason });
    }
    this.partitions = Array.from(this.#held.values(), ({ graphKey, partition }) => ({ graphKey, partition })).sort(
      compareKeys,
    );
    this.#moment = db.snapshot();
    open.add(this);
  }

  async readPartition(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState> {
    this.#checkOpen();
    const held = this.#held.get(partitionPath(key));
    if (held === undefined) return NOTHING;
    if (held.damage !== undefined) throw recovering(key, held.damage);
    try {
      return await readPartitionAt(this.#db, this.#moment, held, want);
    } catch (error) {
      // Released under it: LevelDB refuses what is still to be read.
      this.#checkOpen();
      // Whether it is damaged is found out by who reads it as it is now.
      if (!isDamage(error) && !isReadError(error)) throw error;
      throw recovering(key, error instanceof Error ? error.message : String(error));
    }
  }

  #checkOpen(): void {
    if (!this.#open.has(this)) throw new WeftError('shutting-down', 'the cut of the store was released');
  }

  async release(): Promise<void> {
    if (this.#open.delete(this)) await this.#moment.close();
  }
}
