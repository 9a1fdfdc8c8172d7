/** What `GET /v1/cluster` and `GET /v1/chaos/links` answer. Types only. */

export interface ClusterDescription {
  readonly self: { readonly name: string; readonly replicaId: number };
  readonly members: readonly Member[];
  readonly quorum: {
    readonly isReachable: boolean;
    readonly reachable: number;
    readonly majority: number;
    readonly voters: readonly string[];
  };
  /** Origin -> last contiguous seq that is durable on this server. */
  readonly vector: Readonly<Record<string, number>>;
}

export interface Member {
  readonly name: string;
  readonly url: string;
  readonly state: 'alive' | 'suspect' | 'dead';
  readonly self: boolean;
  readonly replicaId?: number;
  readonly vector?: Readonly<Record<string, number>>;
  readonly lagCommits: number;
  readonly lagMs: number;
  readonly link: {
    readonly state: 'up' | 'connecting' | 'down' | 'refused';
    readonly reason?: string;
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly unacknowledgedBytes: number;
  };
}

export interface LinkFault {
  readonly peer: string;
  readonly cut: boolean;
  readonly direction: 'in' | 'out' | 'both';
  readonly delayMs: number;
  readonly dropRate: number;
}
