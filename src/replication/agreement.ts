/**
 * What follows from knowing all members: how far each of them has everything, which streams have ended,
 * and that the cluster is one. Each needs all of them, so most is decided only while all are heard.
 */
import type { Env } from '../../base/env.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { equalVectors, met, seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import type { Membership } from './membership.ts';
import type { Replica } from './replica.ts';

export interface AgreementOptions {
  readonly env: Env;
  readonly replica: Replica;
  readonly membership: Membership;
  readonly identity: ClusterIdentity;
  /** What is durable and visible here, retired streams included. */
  readonly have: () => VersionVector;
  readonly guard: (work: Promise<unknown> | undefined) => void;
}

export class Agreement {
  readonly #options: AgreementOptions;
  /** What every voter has. */
  #stable: VersionVector = new Map();

  constructor(options: AgreementOptions) {
    this.#options = options;
  }

  tick(): void {
    this.#noteStable();
    const { membership, identity, guard } = this.#options;
    if (!membership.isWhole) return;
    if (membership.members?.every(({ clusterId }) => clusterId === identity.id)) guard(identity.establish());
    this.#retireEnded();
  }

  /** As far as is known, which outlives a link: the log may let go of it, and tombstones in it may expire. */
  #noteStable(): void {
    const { membership, replica, have } = this.#options;
    const vectors = [have()];
    const { members } = membership;
    if (members === undefined) return;
    for (const { vector } of members) {
      if (vector === undefined) return;
      vectors.push(vector);
    }
    const stable = met(vectors);
    if (equalVectors(stable, this.#stable)) return;
    this.#stable = stable;
    replica.allowTruncation(stable);
  }

  /**
   * A stream whose server has a new incarnation ends once every voter has the same of it: nobody can have more. And once every other
   * server that is known here has it too: vectors do not name it any more, so nobody would wait for it.
   */
  #retireEnded(): void {
    const { replica, env, guard } = this.#options;
    for (const [origin, seq] of replica.vector) {
      if (this.#isLive(origin) || !this.#everyPeer(origin, (there) => there === seq)) continue;
      env.log.write('info', 'replication: a stream ended', { origin, commits: seq });
      guard(replica.retire(origin));
    }
  }

  #isLive(origin: ReplicaId): boolean {
    const { replica, membership } = this.#options;
    return origin === replica.replicaId || membership.peers.some((peer) => peer.replica === origin);
  }

  #everyPeer(origin: ReplicaId, holds: (seq: number) => boolean): boolean {
    const { members, peers } = this.#options.membership;
    return members !== undefined && peers.every(({ vector }) => holds(seqOf(vector ?? new Map(), origin)));
  }
}
