/** States that are kept apart until all of a transfer are there, on LevelDB: one row for each partition. */
import { asUint8Array } from './bytes.ts';
import { compareKeys, parseStagedKey, STAGED, stagedKey, startingWith } from './keys.ts';
import { corrupt, type Database } from './level-database.ts';
import type { Maintained } from './log-maintenance.ts';
import { decodeRow, encodeRow, updateChecksum } from './records.ts';
import type { PartitionKey } from './store.ts';

/** Keys in one batch. */
const BATCH_ITEMS = 500;

export async function stage({ writer }: Maintained, key: PartitionKey, update: Uint8Array): Promise<void> {
  const name = stagedKey(key);
  const row = encodeRow(name, { previousLsn: 0, crc: updateChecksum(update), update });
  await writer.enqueue({ bytes: row.length, stage: (batch) => void batch.put(name, row) });
}

export async function listStaged(db: Database): Promise<PartitionKey[]> {
  const keys = await db.keys(startingWith(STAGED)).all();
  return keys.map(parseStagedKey).sort(compareKeys);
}

export async function readStaged(db: Database, key: PartitionKey): Promise<Uint8Array> {
  const name = stagedKey(key);
  const record = await db.get(name, { fillCache: false });
  const row = record === undefined ? undefined : decodeRow(name, record);
  if (row === undefined || updateChecksum(row.update) !== row.crc) {
    throw corrupt('a state that is being taken over is missing or has a wrong checksum', { ...key });
  }
  return asUint8Array(row.update);
}

export async function clearStaged({ db, writer, checkOpen }: Maintained): Promise<void> {
  for (;;) {
    checkOpen();
    const keys = await db.keys({ ...startingWith(STAGED), limit: BATCH_ITEMS }).all();
    if (keys.length === 0) return;
    await writer.enqueue({
      bytes: keys.length * 50,
      stage(batch) {
        for (const key of keys) batch.del(key);
      },
    });
  }
}
