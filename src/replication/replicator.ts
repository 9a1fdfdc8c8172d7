/**
 * Replication of one server: keeps a link with every peer, hands on what links bring in causal order, feeds them what the
 * peers lack, and notices what has ended, is behind or differs. The protocol is in state machines (`handshake.ts`,
 * `link.ts`, `causal-gate.ts`, `state-transfer.ts`); here they meet the engine, the network and time.
 */
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted } from '../../base/planted-bug.ts';
import type { ClusterOptions, ReplicationTiming } from '../cluster-options.ts';
import { joined, seqOf, type VersionVector, vectorObject } from '../commits/version-vector.ts';
import type { Member, ReplicationMetrics } from '../engine-port.ts';
import { Agreement } from './agreement.ts';
import { AntiEntropy } from './anti-entropy.ts';
import { ClusterIdentity } from './cluster-identity.ts';
import { CommitTail } from './commit-tail.ts';
import { type Hello, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, type QuorumFrame, type Status } from './frame.ts';
import type { Refusal } from './handshake.ts';
import { Inbox } from './inbox.ts';
import type { LinkSettings, LinkSurroundings } from './link.ts';
import { type Ending, LinkSession, type OutsideEffect, type SessionHost } from './link-session.ts';
import { READ_BYTES, readBeyond } from './log-reader.ts';
import { type LinkedSession, Membership } from './membership.ts';
import { rendezvousOrder } from './rendezvous.ts';
import type { Replica, StreamCommit } from './replica.ts';
import { hashOfSettings } from './settings-hash.ts';
import { TICKS_PER_HEARTBEAT, TIMING } from './timing.ts';
import { Transfers } from './transfers.ts';
import type { Connection } from './transport.ts';
import type { VoterChannel } from './voter-channel.ts';
import { VoterSet } from './voter-set.ts';

/** What replication needs of an engine beside its replica. */
const NONE_ENDED: VersionVector = new Map();

export interface ReplicatedEngine {
  readonly replica: Replica;
  attachStatus(status: {
    members(): readonly Member[];
    reasons(): readonly string[];
    metrics(): ReplicationMetrics;
  }): void;
}

export interface ReplicationOptions {
  readonly env: Env;
  readonly engine: ReplicatedEngine;
  readonly options: ClusterOptions;
  /** Name of this server in the cluster. */
  readonly name: string;
  /** Hears of a failed assertion; it should stop the process. */
  readonly onBug: (error: Error) => void;
  /**
   * A state that is being taken over cannot be taken in, because a partition of this server went bad: it answers nobody until
   * it is started again. It should stop the process.
   */
  readonly onStuck?: (error: WeftError) => void;
}

export interface Replication {
  /** Carries messages of those who decide strong operations. */
  readonly channel: VoterChannel;
  /** Ends all links. Idempotent. */
  close(): Promise<void>;
}

/** Starts dialing; resolves at once, whether or not anybody answers. */
export async function startReplication(options: ReplicationOptions): Promise<Replication> {
  const { replica } = options.engine;
  const identity = await ClusterIdentity.read(replica);
  const voterSet = await VoterSet.read(replica);
  return new Replicator(options, { identity, voterSet });
}

/** A coordinator that was silent for so long is passed over: one that only paused loses nothing but its lead. */
const QUIET_HEARTBEATS = 3;

class Replicator implements Replication, SessionHost {
  readonly env: Env;
  readonly secret: string;
  readonly settings: LinkSettings;
  readonly surroundings: LinkSurroundings;
  readonly channel: VoterChannel;
  #onQuorum: (from: string, body: Uint8Array, trace: string | undefined) => void = () => undefined;
  readonly #name: string;
  readonly #options: ClusterOptions;
  readonly #timing: ReplicationTiming;
  readonly #replica: Replica;
  readonly #identity: ClusterIdentity;
  readonly #voterSet: VoterSet;
  readonly #settingsHash: string;
  readonly #onBug: (error: Error) => void;
  readonly #membership: Membership;
  /** Every connection that is not closed, in the handshake or linked. */
  readonly #sessions = new Set<LinkSession>();
  readonly #tail = new CommitTail(LIMITS.commitTailBytesMax);
  readonly #inbox: Inbox;
  readonly #transfers: Transfers;
  readonly #antiEntropy: AntiEntropy;
  readonly #agreement: Agreement;
  /** What `#have` was joined from. */
  #haveOf: readonly [vector: VersionVector, retired: VersionVector] | undefined;
  #have: VersionVector = new Map();
  #sessionIds = 0;
  #timer: Timer | undefined;
  #closed = false;
  /** Of sessions that are over. */
  readonly #past = { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0, resends: 0 };
  #badFrames = 0;

  constructor(
    given: ReplicationOptions,
    { identity, voterSet }: { readonly identity: ClusterIdentity; readonly voterSet: VoterSet },
  ) {
    const { env, engine, options, name, onBug, onStuck = () => undefined } = given;
    const { replica } = engine;
    const { bugs, transport } = options;
    this.env = env;
    this.secret = options.secret;
    this.#name = name;
    this.#settingsHash = hashOfSettings();
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#replica = replica;
    this.#identity = identity;
    this.#voterSet = voterSet;
    this.#onBug = onBug;
    this.settings = { ...this.#timing, windowBytes: LIMITS.linkWindowBytes, noRelay: isPlanted(bugs, 'no-relay') };
    this.surroundings = {
      replica: replica.replicaId,
      have: () => this.#currentHave(),
      find: (origin, seq) => this.#tail.find(origin, seq),
      status: () => this.#status(),
      givesState: () => replica.damaged().length === 0,
    };
    const guard = (work: Promise<unknown> | undefined) => this.#guard(work);
    const patienceMs = this.#timing.resendAfterMs;
    this.#membership = new Membership({
      env,
      name,
      urls: options.peers,
      voterSet,
      timing: this.#timing,
      transport,
      open: (url) => (connection) => this.#open(connection, url),
    });
    this.#transfers = new Transfers({
      env,
      replica,
      have: () => this.#currentHave(),
      patienceMs,
      guard,
      onEnd: () => this.#afterTransfer(),
      onStuck,
      bugs,
    });
    this.#inbox = new Inbox({
      env,
      replica,
      have: () => this.#currentHave(),
      patienceMs: patienceMs / 4,
      bugs,
      guard,
      isPaused: () => this.#closed || this.#transfers.isTaking,
      distrust: (id, detail) => this.#distrust(id, detail),
      ask: () => this.#askAgain(),
      decodeMore: () => {
        for (const session of this.#sessions) session.decodeCommits();
      },
    });
    this.#antiEntropy = new AntiEntropy({ env, replica, periodMs: this.#timing.antiEntropyMs, patienceMs, guard });
    const have = () => this.#currentHave();
    this.#agreement = new Agreement({ env, replica, membership: this.#membership, identity, have, guard });
    this.channel = this.#openChannel();
    replica.onCommits((commits) => this.#onCommits(commits));
    replica.electCompactor((key) => rendezvousOrder(key, this.#membership.liveNames())[0] === name);
    engine.attachStatus({
      members: () => this.#members(),
      reasons: () => (replica.recovering ? ['the server takes over the state of another one'] : []),
      metrics: () => this.#metrics(),
    });
    transport.listen((connection) => this.#open(connection, undefined));
    this.#tick();
  }

  #tick(): void {
    if (this.#closed) return;
    this.#timer = this.env.scheduler.after(this.#timing.heartbeatMs / TICKS_PER_HEARTBEAT, () => this.#tick());
    for (const session of this.#sessions) session.tick(this.#timing.deadAfterMs);
    this.#membership.tick(this.#currentHave());
    this.#inbox.tick(this.env.clock.monotonicMs());
    this.#transfers.tick();
    this.#antiEntropy.tick(this.#membership.links());
    this.#agreement.tick();
  }

  /** Runs work that nobody waits for: operating errors are logged, bugs are not swallowed. */
  #guard(work: Promise<unknown> | undefined): void {
    work?.catch((error: unknown) => {
      if (this.#closed) return;
      if (!(error instanceof WeftError)) this.#onBug(error instanceof Error ? error : new Error(String(error)));
      // Nothing can be made durable any more: the links would only try again and again.
      else if (error.code === 'storage-failed') void this.close();
      else this.env.log.write('error', 'replication: work failed', { code: error.code, detail: error.message });
    });
  }

  // Sessions.

  #open(connection: Connection, url: string | undefined): LinkSession {
    const session = new LinkSession({
      id: ++this.#sessionIds,
      role: url === undefined ? 'acceptor' : 'dialer',
      url,
      own: this.#hello(),
      connection,
      host: this,
    });
    this.#sessions.add(session);
    session.begin();
    return session;
  }

  #hello(): Hello {
    const nonce = new Uint8Array(16);
    const words = new DataView(nonce.buffer);
    for (let at = 0; at < nonce.length; at += 4) words.setUint32(at, this.env.random.uint32());
    return {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      versionMin: PROTOCOL_VERSION_MIN,
      name: this.#name,
      replica: this.#replica.replicaId,
      clusterId: this.#identity.id,
      established: this.#identity.established,
      settingsHash: this.#settingsHash,
      size: this.#options.peers.length + 1,
      configuration: this.#voterSet.configuration,
      wallMs: Math.floor(this.env.clock.wallMs()),
      nonce,
    };
  }

  admit(session: LinkSession, own: Hello, peer: Hello): Refusal | undefined {
    if (this.#closed) return { code: 'stopping', detail: `${this.#name} is stopping` };
    const refusal = this.#membership.admit(session, own, peer);
    if (refusal !== undefined) return refusal;
    this.#guard(this.#identity.meet(own, peer));
    // Before anything else of the cluster comes in: whoever holds anything of it must know that it was founded.
    this.#voterSet.adopt(peer.configuration);
    return undefined;
  }

  ended(session: LinkSession, why: Ending): void {
    this.#sessions.delete(session);
    this.#past.framesSent += session.framesSent;
    this.#past.framesReceived += session.framesReceived;
    this.#past.bytesSent += session.bytesSent;
    this.#past.bytesReceived += session.bytesReceived;
    this.#past.resends += session.link?.resends ?? 0;
    this.#membership.lose(session, why);
    this.#transfers.lose(session);
    this.#antiEntropy.lose(session);
  }

  get hasCommitsAhead(): boolean {
    return this.#inbox.hasAhead;
  }

  countBadFrame(): void {
    this.#badFrames++;
  }

  #distrust(sessionId: number, detail: string): void {
    this.#badFrames++;
    for (const session of this.#sessions) {
      if (session.id === sessionId) session.refuse({ code: 'bad-frame', detail });
    }
  }

  // What links bring.

  perform(session: LinkSession, effect: OutsideEffect, frameBytes: number): void {
    switch (effect.kind) {
      case 'receive':
        this.#inbox.take(session.id, effect.commits, frameBytes);
        return;
      case 'read':
        this.#guard(this.#read(session, effect));
        return;
      case 'status':
        this.#hearStatus(session, effect.status);
        return;
      case 'behind':
        this.#transfers.begin(session);
        return;
      case 'state':
        this.#transfers.hear(session, effect.frame);
        if (effect.frame.kind === 'state' || effect.frame.kind === 'state-pending')
          this.#antiEntropy.hearState(session, effect.frame);
        return;
      case 'digest':
        this.#antiEntropy.hear(session, effect.frame);
        return;
      case 'quorum':
        this.#hearQuorum(session, effect);
        return;
      case 'traces':
        this.#inbox.expect(effect.traces);
    }
  }

  async #read(session: LinkSession, { after, roomBytes }: Extract<OutsideEffect, { kind: 'read' }>): Promise<void> {
    const nowMs = this.env.clock.monotonicMs();
    const bytesMax = Math.min(roomBytes, READ_BYTES);
    const read = await readBeyond(this.#replica, after, this.#currentHave(), { nowMs, bytesMax });
    session.step({ kind: 'read', ...read });
  }

  #hearStatus(session: LinkSession, { wallMs, clusterId, established }: Status): void {
    const apartMs = Math.round(Math.abs(wallMs - this.env.clock.wallMs()));
    const peer = this.#membership.peerOf(session);
    if (apartMs > LIMITS.clockDriftMsMax) {
      session.refuse({
        code: 'clock',
        detail: `the clocks of ${this.#name} and ${peer?.name} are ${apartMs} ms apart`,
      });
    } else if (established && this.#identity.established && clusterId !== this.#identity.id) {
      session.refuse({ code: 'cluster', detail: `cluster ${clusterId} is not cluster ${this.#identity.id}` });
    } else {
      if (peer !== undefined) peer.clusterId = clusterId;
      this.#guard(this.#identity.hear(clusterId, established));
    }
  }

  #askAgain(): void {
    for (const session of this.#membership.links()) session.step({ kind: 'starved' });
  }

  #afterTransfer(): void {
    this.#inbox.afterJump();
    this.#askAgain();
  }

  // Strong operations.

  #openChannel(): VoterChannel {
    return {
      self: this.#name,
      size: this.#options.peers.length + 1,
      voterSet: this.#voterSet,
      reachable: () => this.#membership.liveNames(QUIET_HEARTBEATS * this.#timing.heartbeatMs),
      met: () => this.#membership.metNames(),
      ended: (of) => this.#membership.sessionTo(of)?.link?.peerRetired ?? NONE_ENDED,
      version: (of) => this.#membership.sessionTo(of)?.version ?? PROTOCOL_VERSION,
      send: (to, body, trace) => this.#membership.sessionTo(to)?.sendQuorum(body, trace),
      listen: (listener) => {
        this.#onQuorum = listener;
      },
    };
  }

  #hearQuorum(session: LinkSession, { body, trace }: QuorumFrame): void {
    const from = this.#membership.peerOf(session)?.name;
    if (from === undefined) return;
    try {
      this.#onQuorum(from, body, trace);
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'malformed-request') throw error;
      this.#distrust(session.id, error.message);
    }
  }

  // What is here.

  #onCommits(commits: readonly StreamCommit[]): void {
    const nowMs = this.env.clock.monotonicMs();
    const sessions = this.#membership.links();
    for (const commit of commits) if (this.#isLacked(commit, sessions)) this.#tail.push(commit, nowMs);
    for (const session of sessions) session.step({ kind: 'advanced' });
  }

  /** A server that catches up does so with commits that the others have: who comes later and lacks them gets them from the log. */
  #isLacked({ origin, seq }: StreamCommit, sessions: readonly LinkedSession[]): boolean {
    if (origin === this.#replica.replicaId) return true;
    return sessions.some(({ link }) => link.peerVector === undefined || seqOf(link.peerVector, origin) < seq);
  }

  /** Everything that is durable and visible here, retired streams included. */
  #currentHave(): VersionVector {
    const { vector, retired } = this.#replica;
    if (vector !== this.#haveOf?.[0] || retired !== this.#haveOf[1]) {
      this.#haveOf = [vector, retired];
      this.#have = joined(vector, retired);
    }
    return this.#have;
  }

  #status(): Omit<Status, 'kind' | 'resend'> {
    return {
      clusterId: this.#identity.id,
      established: this.#identity.established,
      vector: this.#replica.vector,
      retired: this.#replica.retired,
      direct: this.#membership.links().map(({ link }) => link.peer.replica),
      wallMs: Math.floor(this.env.clock.wallMs()),
    };
  }

  // What people see.

  #members(): readonly Member[] {
    const self: Member = {
      name: this.#name,
      url: this.#options.advertise ?? '',
      state: 'alive',
      self: true,
      replicaId: this.#replica.replicaId,
      vector: vectorObject(this.#replica.vector),
      heardMsAgo: 0,
      lagCommits: 0,
      lagMs: 0,
      link: { state: 'up', bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 },
    };
    return this.#membership.describe(self, this.#currentHave(), this.#tail);
  }

  #metrics(): ReplicationMetrics {
    const totals = { ...this.#past };
    for (const session of this.#sessions) {
      totals.framesSent += session.framesSent;
      totals.framesReceived += session.framesReceived;
      totals.bytesSent += session.bytesSent;
      totals.bytesReceived += session.bytesReceived;
      totals.resends += session.link?.resends ?? 0;
    }
    return {
      framesSentTotal: totals.framesSent,
      framesReceivedTotal: totals.framesReceived,
      bytesSentTotal: totals.bytesSent,
      bytesReceivedTotal: totals.bytesReceived,
      commitsReceivedTotal: this.#inbox.received,
      commitsDuplicateTotal: this.#inbox.duplicates,
      commitsHeld: this.#inbox.gate.heldCommits,
      heldBytes: this.#inbox.gate.heldBytes,
      resendsTotal: totals.resends,
      refusedFramesTotal: this.#badFrames,
      linksUp: this.#membership.links().length,
      stateTransfersTotal: this.#transfers.completed,
      digestComparisonsTotal: this.#antiEntropy.comparisons,
      repairsTotal: this.#antiEntropy.repairs,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    for (const session of this.#sessions) session.refuse({ code: 'stopping', detail: `${this.#name} is stopping` });
    this.#options.transport.close();
  }
}
