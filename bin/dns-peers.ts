/**
 * `--peers dns:NAME?servers=N`: the other servers are the targets of the SRV records of a name, as a headless service of Kubernetes
 * gives one to each of its pods. Who votes must not hang on what DNS happens to say at a start, so the number of servers is
 * given, and the answer is kept in the store: from then on a server starts while others are away, and without DNS.
 */
import type { Env } from '../base/env.ts';
import { compareText } from '../base/order.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { Store } from '../storage/store.ts';
import { OperationFailed } from './exit.ts';

/** What DNS is asked. */
export interface ServiceResolver {
  /** The SRV records of a name. Rejects if there are none, or nobody answers. */
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
}

export interface DnsPeers {
  /** Such as `_weft._tcp.weft.default.svc.cluster.local`. */
  readonly name: string;
  /** Voting servers, this one included. */
  readonly servers: number;
}

export interface DiscoveryOptions {
  readonly env: Env;
  readonly resolver: ServiceResolver;
  /** Keeps the answer. */
  readonly store: Pick<Store, 'getMeta' | 'setMeta'>;
  /** URL at which the others reach this server: its target among the records. */
  readonly own: string;
  /** How long to ask, in milliseconds. */
  readonly waitMs: number;
}

const META = 'dns-peers';
const SERVERS_MAX = 15;
/** Between two questions, in milliseconds. */
const ASK_AGAIN_MS = 1000;

/** Undefined if `text` is none of these. @throws Error that says what it must be */
export function parseDnsPeers(text: string): DnsPeers | undefined {
  if (!text.startsWith('dns:')) return undefined;
  const match = /^dns:([\w.-]{1,253})\?servers=(\d{1,2})$/.exec(text);
  const servers = Number(match?.[2]);
  if (match === null || servers < 2 || servers > SERVERS_MAX) {
    throw new Error(`It must be dns:NAME?servers=N, where N is from 2 to ${SERVERS_MAX} and counts this server too.`);
  }
  return { name: match[1] as string, servers };
}

/** URLs of the other servers, in canonical order. @throws OperationFailed if they are not all known in time */
export async function discoverPeers(peers: DnsPeers, options: DiscoveryOptions): Promise<readonly string[]> {
  const { env, store, own, waitMs } = options;
  const kept = await keptPeers(peers, options);
  if (kept !== undefined) return kept;
  const startedMs = env.clock.monotonicMs();
  for (;;) {
    const { urls, problem } = await ask(peers, options);
    if (urls.length === peers.servers && urls.includes(own)) {
      const others = urls.filter((url) => url !== own);
      await store.setMeta(META, toUtf8(JSON.stringify({ ...peers, own, others })));
      return others;
    }
    const said = problem ?? `it names ${urls.length} of ${peers.servers} servers (${urls.join(', ')})`;
    if (urls.length > peers.servers || env.clock.monotonicMs() - startedMs >= waitMs) {
      throw new OperationFailed(`--peers: ${peers.name} does not name ${own} and all others: ${said}`);
    }
    env.log.write('info', 'waiting for the names of the peers', { name: peers.name, said });
    await new Promise<void>((resolve) => void env.scheduler.after(ASK_AGAIN_MS, resolve));
  }
}

async function keptPeers(peers: DnsPeers, { store, own }: DiscoveryOptions): Promise<readonly string[] | undefined> {
  const held = await store.getMeta(META);
  if (held === undefined) return undefined;
  const kept = JSON.parse(fromUtf8(held)) as DnsPeers & { readonly own: string; readonly others: readonly string[] };
  const isSame = kept.name === peers.name && kept.servers === peers.servers && kept.own === own;
  return isSame ? kept.others : undefined;
}

async function ask(
  { name }: DnsPeers,
  { resolver, own }: DiscoveryOptions,
): Promise<{ readonly urls: readonly string[]; readonly problem?: string }> {
  try {
    const scheme = new URL(own).protocol;
    const records = await resolver.resolveSrv(name);
    const urls = records.map((record) => `${scheme}//${record.name.toLowerCase().replace(/\.$/, '')}:${record.port}`);
    return { urls: Array.from(new Set(urls)).sort(compareText) };
  } catch (error) {
    return { urls: [], problem: (error as Error).message };
  }
}
