/**
 * Writes until it is killed: `DIRECTORY ORIGIN SEED DURABILITY`. Prints `open`, and each acknowledged seq on a line of
 * its own. Commits overlap; snapshots, truncations and meta values go on beside them.
 */
import { writeSync } from 'node:fs';
import type { Env } from '../../base/env.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { openLevelStore } from '../../storage/level-store.ts';
import type { Store } from '../../storage/store.ts';
import {
  commitOf,
  documentOf,
  numbersFrom,
  PARTITIONS,
  partitionKey,
  partitionsOf,
  snapshotUpdates,
  viewOf,
} from './store-kill.workload.ts';

const [directory = '', originText = '', seedText = '', durability = ''] = process.argv.slice(2);
const origin = Number(originText) as ReplicaId;
const random = numbersFrom(Number(seedText));
const env: Env = {
  clock: { wallMs: () => 0, monotonicMs: () => 0 },
  random: { uint32: () => random(2 ** 32) },
  scheduler: { after: () => ({ cancel: () => undefined }), yield: () => Promise.resolve() },
  log: { write: () => undefined },
};

const say = (line: string): void => void writeSync(1, `${line}\n`);

async function work(store: Store): Promise<never> {
  /** Of each partition the updates that it holds, and after which commit that was. */
  const updates = new Map<string, number>();
  for (const partition of PARTITIONS) {
    const state = await store.readPartition(partitionKey(partition), { document: true });
    updates.set(partition, snapshotUpdates(state) + state.tail.length);
  }
  let seq = store.recovery.streams.find((stream) => stream.origin === origin)?.seq ?? 0;
  let lsn = store.recovery.lastLsn;
  for (;;) {
    const calls: Promise<unknown>[] = [];
    for (let count = 1 + random(16); count > 0; count--) {
      const current = ++seq;
      lsn++;
      for (const partition of partitionsOf(origin, current)) updates.set(partition, (updates.get(partition) ?? 0) + 1);
      calls.push(store.append(commitOf(origin, current)).then(() => say(String(current))));
      if (random(20) > 0) continue;
      const partition = PARTITIONS[random(PARTITIONS.length)] ?? '0';
      const held = updates.get(partition) ?? 0;
      const snapshot = { lsn, document: documentOf(held), view: viewOf(held) };
      calls.push(store.writeSnapshot(partitionKey(partition), snapshot));
    }
    if (random(10) === 0) calls.push(store.truncateLog(lsn));
    if (random(10) === 0) calls.push(store.setMeta('seq', new TextEncoder().encode(String(seq))));
    await Promise.all(calls);
  }
}

const store = await openLevelStore({ directory, durability: durability === 'disk' ? 'disk' : 'buffered', env });
say('open');
await work(store);
