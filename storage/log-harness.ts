/** Databases that are put together row by row, so that what no store would write can be in them. */
import type { ReplicaId } from '../base/ids.ts';
import { BASE, commitKey, FORMAT_KEY, rowKey, rowPrefix, SEAL_KEYS } from './keys.ts';
import type { RawLevel } from './level-harness.ts';
import { chainHash, encodeBase, encodeManifest, encodeRow, encodeSeal, NO_HASH, updateChecksum } from './records.ts';
import { StateRows } from './state-rows.ts';
import { A, at, B, bytes, commitOf } from './store.conformance.ts';

export interface Logged {
  readonly origin: ReplicaId;
  readonly seq: number;
  readonly lsn: number;
  readonly partitions?: readonly string[];
  /** The hash of the one before it if absent. */
  readonly previous?: Buffer;
}

export interface Content {
  readonly commits?: readonly Logged[];
  /** What the seal says; as many as there are commits if absent. */
  readonly lastLsn?: number;
  readonly states?: Readonly<Record<string, Buffer>>;
  readonly format?: string;
}

/** The last batch. */
export const BATCH = 7;
export const updateOf = ({ origin, seq }: Logged, partition: string) =>
  commitOf(origin, seq, [partition]).parts[0]?.update ?? bytes('');

/** All that a store would have written, with the hash of each commit as it comes. */
export async function putLog(
  db: RawLevel,
  { commits = [], lastLsn, states = {}, format = 'weft data format 1' }: Content,
): Promise<void> {
  const batch = db.batch();
  const [hashes, rows] = [new Map<ReplicaId, Buffer>(), new Map<string, number>()];
  for (const commit of commits) {
    const { origin, seq, lsn, partitions = [] } = commit;
    const parts = partitions.map((partition) => {
      const update = updateOf(commit, partition);
      const [key, crc] = [rowKey(rowPrefix(at(partition)), lsn), updateChecksum(update)];
      batch.put(key, encodeRow(key, { previousLsn: rows.get(partition) ?? 0, crc, update }));
      rows.set(partition, lsn);
      return { ...at(partition), length: update.length, crc };
    });
    const previous = commit.previous ?? hashes.get(origin) ?? NO_HASH;
    const key = commitKey(origin, seq);
    const record = Buffer.from(
      encodeManifest(key, { origin, seq, lsn, clock: seq * 10, previous, parts, locators: [], after: [] }),
    );
    batch.put(key, record);
    hashes.set(origin, chainHash(record));
  }
  const state = new StateRows();
  for (const [name, content] of Object.entries(states)) state.put(batch, BATCH, name, content);
  const seal = { batch: BATCH, lastLsn: lastLsn ?? commits.length, stateRows: state.count, stateDigest: state.digest };
  for (const key of SEAL_KEYS) batch.put(key, encodeSeal(key, seal));
  batch.put(FORMAT_KEY, Buffer.from(format));
  await batch.write();
}

/** Commits of two streams. */
export const a = (seq: number, lsn: number, ...partitions: string[]): Logged => ({ origin: A, seq, lsn, partitions });
export const b = (seq: number, lsn: number, ...partitions: string[]): Logged => ({ origin: B, seq, lsn, partitions });
export const rowOf = (partition: string, lsn: number): string => rowKey(rowPrefix(at(partition)), lsn);

/** Where the stream goes on behind commit `seq`. */
export const head = (seq: number) => ({ seq, hash: Buffer.alloc(32, seq), clock: 5 });
export const baseOf = (lsn: number, seqs: readonly (readonly [ReplicaId, number])[]) => ({
  [BASE]: encodeBase({ lsn, streams: new Map(seqs.map(([origin, seq]) => [origin, head(seq)])) }),
});
