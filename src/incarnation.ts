/**
 * The identity of this server process. After a clean stop the same replica id goes on; otherwise a fresh one is made
 * durable before anything is written, because clock numbers that others may have seen must never be used again.
 */
import type { Random } from '../base/env.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { Store } from '../storage/store.ts';

const META_NAME = 'replica-id';

export interface Incarnation {
  readonly replica: ReplicaId;
  /** The last commit of this replica's stream. */
  readonly lastSeq: number;
  /** Later than every clock reading in the store. */
  readonly clock: number;
}

export async function beginIncarnation(store: Store, random: Random): Promise<Incarnation> {
  const { clean, streams } = store.recovery;
  const clock = streams.reduce((latest, stream) => Math.max(latest, stream.clock), 0);
  const held = await store.getMeta(META_NAME);
  if (clean && held !== undefined) {
    const replica = replicaId(Number(fromUtf8(held)));
    return { replica, lastSeq: streams.find(({ origin }) => origin === replica)?.seq ?? 0, clock };
  }
  const used = new Set<number>(streams.map(({ origin }) => origin));
  let replica = replicaId(random.uint32());
  while (replica === 0 || used.has(replica)) replica = replicaId(random.uint32());
  await store.setMeta(META_NAME, toUtf8(String(replica)));
  return { replica, lastSeq: 0, clock };
}
