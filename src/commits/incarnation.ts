/**
 * The identity of this server process. A server that stands alone goes on with its replica id after a clean stop;
 * otherwise a fresh one is made durable before anything is written, because clock numbers that others may have seen must
 * never be used again.
 */
import type { Random } from '../../base/env.ts';
import { type ReplicaId, replicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Store } from '../../storage/store.ts';

const META_NAME = 'replica-id';

export interface Incarnation {
  readonly replica: ReplicaId;
  /** The last commit of this replica's stream. */
  readonly lastSeq: number;
  /** Later than every clock reading in the store. */
  readonly clock: number;
}

export interface IncarnationOptions {
  readonly random: Random;
  /** A member of a cluster always takes a fresh id: its folder may be a backup, whose numbers are used (ADR 0004). */
  readonly hasPeers: boolean;
  /** Origins of streams beside those in the log. */
  readonly used: Iterable<ReplicaId>;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export async function beginIncarnation(
  store: Store,
  { random, hasPeers, used: others, bugs }: IncarnationOptions,
): Promise<Incarnation> {
  const { clean, streams } = store.recovery;
  const clock = streams.reduce((latest, stream) => Math.max(latest, stream.clock), 0);
  const held = await store.getMeta(META_NAME);
  if (held !== undefined && ((clean && !hasPeers) || isPlanted(bugs, 'reuse-replica-id'))) {
    const replica = replicaId(Number(fromUtf8(held)));
    return { replica, lastSeq: streams.find(({ origin }) => origin === replica)?.seq ?? 0, clock };
  }
  const used = new Set<number>([...others, ...streams.map(({ origin }) => origin)]);
  if (held !== undefined) used.add(Number(fromUtf8(held)));
  let replica = replicaId(random.uint32());
  while (replica === 0 || used.has(replica)) replica = replicaId(random.uint32());
  await store.setMeta(META_NAME, toUtf8(String(replica)));
  return { replica, lastSeq: 0, clock };
}
