/** What makes one server a member of a cluster. Interfaces only. */
import type { PlantedBug } from '../base/planted-bug.ts';
import type { Transport } from './replication/transport.ts';

export interface ClusterOptions {
  /** URLs of all other voters, as this server reaches them. */
  readonly peers: readonly string[];
  /** URL at which the others reach this one, for the status; it need not be known. */
  readonly advertise: string | undefined;
  /** Shared by all members; signs handshakes and session tokens. Empty on loopback only. */
  readonly secret: string;
  readonly transport: Transport;
  readonly timing?: Partial<ReplicationTiming>;
  readonly bugs?: ReadonlySet<PlantedBug>;
}

/** All in milliseconds. */
export interface ReplicationTiming {
  /** Between two signs of life on an idle link. */
  readonly heartbeatMs: number;
  /** Silence after which a peer is suspect, and after which it is dead and its link closed. */
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** Between two attempts to connect, at first and at most. */
  readonly redialMs: number;
  readonly redialMsMax: number;
  /** How long sent commits may stay unacknowledged before they are sent again. */
  readonly resendAfterMs: number;
  /** How long a commit that its origin should deliver itself may be missing before others pass it on. */
  readonly relayAfterMs: number;
  /** Between two comparisons of digests. */
  readonly antiEntropyMs: number;
}

export function hasPeers(cluster: ClusterOptions | undefined): boolean {
  return cluster !== undefined && cluster.peers.length > 0;
}
