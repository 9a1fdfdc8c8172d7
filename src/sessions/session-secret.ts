/** What session tokens are signed with. */
import type { Random } from '../../base/env.ts';
import { toUtf8 } from '../../base/text.ts';
import type { Store } from '../../storage/store.ts';
import { type ClusterOptions, hasPeers } from '../cluster-options.ts';

const META = 'session-secret';
const BYTES = 32;

/**
 * The secret of the cluster, empty or not, because its servers must understand each other. A server that stands alone
 * and has none makes one, and keeps it, so that tokens survive a restart.
 */
export async function sessionSecret(
  store: Store,
  random: Random,
  cluster: ClusterOptions | undefined,
): Promise<Uint8Array> {
  if (cluster !== undefined && (cluster.secret !== '' || hasPeers(cluster))) return toUtf8(cluster.secret);
  const held = await store.getMeta(META);
  if (held !== undefined) return held;
  const secret = Uint8Array.from({ length: BYTES }, () => random.uint32() & 0xff);
  await store.setMeta(META, secret);
  return secret;
}
