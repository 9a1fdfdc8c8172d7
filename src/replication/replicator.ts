/**
 * Replication of one server: dials the peers, keeps one link with each, hands on what they bring in causal order, feeds
 * them what they lack, and notices what is dead, behind or different. The protocol itself is in the state machines
 * (`link.ts`, `handshake.ts`, `causal-gate.ts`, `state-transfer.ts`); here they meet the engine, the network and time.
 */
import { createHash } from 'node:crypto';
import { present } from '../../base/assert.ts';
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { isPlanted } from '../../base/planted-bug.ts';
import type { ClusterOptions, ReplicationTiming } from '../cluster-options.ts';
import type { Member, MemberState, ReplicationMetrics } from '../engine-port.ts';
import { equalVectors, joined, met, seqOf, type VersionVector, vectorObject } from '../version-vector.ts';
import { AntiEntropy } from './anti-entropy.ts';
import { CausalGate } from './causal-gate.ts';
import { ClusterIdentity } from './cluster-identity.ts';
import { CommitTail } from './commit-tail.ts';
import { type Hello, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, type Status } from './frame.ts';
import type { Refusal } from './handshake.ts';
import type { LinkSettings, LinkSurroundings } from './link.ts';
import { type Ending, LinkSession, type OutsideEffect, type SessionHost } from './link-session.ts';
import { readBeyond } from './log-reader.ts';
import { Peer } from './peer.ts';
import { rendezvousOrder } from './rendezvous.ts';
import type { Replica, StreamCommit } from './replica.ts';
import { TICKS_PER_HEARTBEAT, TIMING } from './timing.ts';
import { Transfers } from './transfers.ts';

/** Bytes of commits that are handed to the engine at a time. */
const RECEIVE_BYTES = 2 * 1024 * 1024;

/** What replication needs of an engine beside its replica. */
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
  readonly onBug?: (error: Error) => void;
}

export interface Replication {
  /** Ends all links. Idempotent. */
  close(): Promise<void>;
}

/** Starts dialing; resolves at once, whether or not anybody answers. */
export async function startReplication(options: ReplicationOptions): Promise<Replication> {
  const identity = await ClusterIdentity.read(options.engine.replica);
  return new Replicator(options, identity);
}

class Replicator implements Replication, SessionHost {
  readonly env: Env;
  readonly secret: string;
  readonly settings: LinkSettings;
  readonly surroundings: LinkSurroundings;
  readonly #name: string;
  readonly #options: ClusterOptions;
  readonly #timing: ReplicationTiming;
  readonly #replica: Replica;
  readonly #identity: ClusterIdentity;
  readonly #settingsHash: string;
  readonly #onBug: (error: Error) => void;
  readonly #peers: readonly Peer[];
  /** Every connection that is not closed, in the handshake or linked. */
  readonly #sessions = new Set<LinkSession>();
  readonly #tail = new CommitTail(LIMITS.commitTailBytesMax);
  readonly #gate: CausalGate;
  readonly #transfers: Transfers;
  readonly #antiEntropy: AntiEntropy;
  #haveSource: VersionVector | undefined;
  #retiredSource: VersionVector | undefined;
  #have: VersionVector = new Map();
  #receiving = false;
  #starvedSinceMs: number | undefined;
  #stable: VersionVector = new Map();
  #sessionIds = 0;
  #timer: Timer | undefined;
  #closed = false;
  readonly #ended = { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0, resends: 0 };
  #commitsReceived = 0;
  #commitsDuplicate = 0;
  #badFrames = 0;

  constructor({ env, engine, options, name, onBug }: ReplicationOptions, identity: ClusterIdentity) {
    const { replica } = engine;
    const bugs = options.bugs;
    this.env = env;
    this.secret = options.secret;
    this.#name = name;
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#replica = replica;
    this.#identity = identity;
    this.#settingsHash = hashOfSettings();
    this.#onBug =
      onBug ??
      ((error) => {
        throw error;
      });
    this.#peers = options.peers.map((url) => new Peer(url, this.#timing.redialMs));
    this.settings = {
      ...this.#timing,
      windowBytes: LIMITS.linkWindowBytes,
      noRelay: isPlanted(bugs, 'no-relay'),
    };
    this.surroundings = {
      replica: replica.replicaId,
      have: () => this.#currentHave(),
      find: (origin, seq) => this.#tail.find(origin, seq),
      status: () => this.#status(),
    };
    const gateLimits = { heldBytesMax: LIMITS.heldBytesMax, heldCommitsMax: LIMITS.heldCommitsMax };
    this.#gate = new CausalGate(() => this.#currentHave(), gateLimits, bugs);
    this.#transfers = new Transfers({
      env,
      replica,
      patienceMs: this.#timing.resendAfterMs,
      guard: (work) => this.#guard(work),
      onEnd: () => this.#afterTransfer(),
    });
    this.#antiEntropy = new AntiEntropy({
      env,
      replica,
      periodMs: this.#timing.antiEntropyMs,
      patienceMs: this.#timing.resendAfterMs,
      guard: (work) => this.#guard(work),
    });
    replica.onCommits((commits) => this.#onCommits(commits));
    replica.electCompactor((key) => rendezvousOrder(key, this.#liveNames())[0] === name);
    engine.attachStatus({
      members: () => this.#members(),
      reasons: () => (replica.recovering ? ['the server takes over the state of another one'] : []),
      metrics: () => this.#metrics(),
    });
    options.transport.listen((connection) => this.#open(connection, undefined));
    this.#tick();
  }

  // Time.

  #nowMs(): number {
    return this.env.clock.monotonicMs();
  }

  #tick(): void {
    if (this.#closed) return;
    this.#timer = this.env.scheduler.after(this.#timing.heartbeatMs / TICKS_PER_HEARTBEAT, () => this.#tick());
    const nowMs = this.#nowMs();
    for (const session of this.#sessions) session.tick(this.#timing.deadAfterMs);
    for (const peer of this.#peers) {
      peer.observe(this.#currentHave(), nowMs);
      this.#logState(peer, nowMs);
      if (peer.session === undefined && !peer.isDialing && nowMs >= peer.nextDialMs) this.#dial(peer, nowMs);
    }
    this.#feedStarved(nowMs);
    this.#transfers.tick(this.#links());
    this.#noteStable();
    this.#retireEnded();
    this.#establish();
    this.#antiEntropy.tick(this.#links());
  }

  /** Runs work that nobody waits for: operating errors are logged, bugs are not swallowed. */
  #guard(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.#closed) return;
      if (!(error instanceof WeftError)) this.#onBug(error instanceof Error ? error : new Error(String(error)));
      else this.env.log.write('error', 'replication: work failed', { code: error.code, detail: error.message });
    });
  }

  // Connections.

  #dial(peer: Peer, nowMs: number): void {
    peer.isDialing = true;
    const { redialMs, redialMsMax } = this.#timing;
    // Two servers that dial each other in step would refuse each other's links for ever.
    const jitter = 0.5 + this.env.random.uint32() / 2 ** 32;
    peer.nextDialMs = nowMs + peer.dialDelayMs * jitter;
    peer.dialDelayMs = Math.min(peer.dialDelayMs * 2, redialMsMax);
    this.#options.transport.dial(peer.url, {
      opened: (connection) => {
        peer.isDialing = false;
        return this.#open(connection, peer);
      },
      failed: (reason) => {
        peer.isDialing = false;
        if (!peer.disagrees) peer.ending = { reason, refusal: undefined };
        if (peer.dialDelayMs < redialMs) peer.dialDelayMs = redialMs;
      },
    });
  }

  #open(
    connection: Parameters<Parameters<ClusterOptions['transport']['listen']>[0]>[0],
    peer: Peer | undefined,
  ): LinkSession {
    const session = new LinkSession({
      id: ++this.#sessionIds,
      role: peer === undefined ? 'acceptor' : 'dialer',
      url: peer?.url,
      own: this.#hello(),
      connection,
      host: this,
    });
    this.#sessions.add(session);
    if (peer !== undefined) peer.isDialing = true;
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
      wallMs: Math.floor(this.env.clock.wallMs()),
      nonce,
    };
  }

  admit(session: LinkSession, own: Hello, hello: Hello): Refusal | undefined {
    if (this.#closed) return { code: 'stopping', detail: `${this.#name} is stopping` };
    const peer = this.#peerOf(session, hello.name);
    if (peer === undefined) {
      const known = this.#peers.map(({ name, url }) => name ?? url).join(', ');
      return { code: 'name', detail: `${hello.name} is none of the peers of ${this.#name}: ${known}` };
    }
    const held = peer.session;
    if (held !== undefined && peer.replica === hello.replica && !isPreferred(session, held, own, hello)) {
      return { code: 'duplicate', detail: `${this.#name} and ${hello.name} have a link already` };
    }
    this.#guardMaybe(this.#identity.meet(own, hello));
    peer.meetIncarnation(hello.name, hello.replica);
    held?.refuse({ code: 'duplicate', detail: `a newer link between ${this.#name} and ${hello.name} takes its place` });
    if (held !== undefined) peer.unlink({ reason: 'replaced by another link', refusal: undefined });
    peer.session = session;
    peer.ending = undefined;
    peer.dialDelayMs = this.#timing.redialMs;
    this.env.log.write('info', 'replication: link up', {
      peer: hello.name,
      replicaId: hello.replica,
      role: session.role,
    });
    return undefined;
  }

  /** Whom a session belongs to: the peer that was dialed, or the one of that name, or one whose name is not known yet. */
  #peerOf(session: LinkSession, name: string): Peer | undefined {
    const named = this.#peers.find((peer) => peer.name === name);
    if (session.url === undefined) return named ?? this.#peers.find((peer) => peer.name === undefined);
    const dialed = present(
      this.#peers.find((peer) => peer.url === session.url),
      'only peers are dialed',
    );
    // It was met before it was dialed, and stands at the wrong URL, or somebody else moved in here.
    if (named !== undefined && named !== dialed) named.name = undefined;
    return dialed;
  }

  ended(session: LinkSession, why: Ending): void {
    this.#sessions.delete(session);
    const { framesSent, framesReceived, bytesSent, bytesReceived, link } = session;
    this.#ended.framesSent += framesSent;
    this.#ended.framesReceived += framesReceived;
    this.#ended.bytesSent += bytesSent;
    this.#ended.bytesReceived += bytesReceived;
    this.#ended.resends += link?.resends ?? 0;
    const dialed = this.#peers.find(({ url }) => url === session.url);
    if (dialed !== undefined) dialed.isDialing = false;
    const peer = this.#peers.find((candidate) => candidate.session === session);
    if (peer !== undefined) {
      peer.unlink(why);
      this.#transfers.lose(session);
      this.env.log.write('info', 'replication: link down', { peer: peer.name ?? peer.url, reason: why.reason });
    } else if (why.refusal !== undefined && why.refusal.code !== 'duplicate' && link === undefined) {
      // Whoever it was, its operator and ours should see why it cannot come in.
      if (dialed !== undefined && dialed.session === undefined) dialed.ending = why;
      else this.#noteStranger(why);
      this.env.log.write('warn', 'replication: link refused', { url: session.url ?? null, ...why.refusal });
    }
  }

  /** An accepted connection was refused before it was clear whose it is: shown at peers that were never met. */
  #noteStranger(why: Ending): void {
    for (const peer of this.#peers) {
      if (peer.session === undefined && peer.name === undefined && !peer.disagrees) peer.ending = why;
    }
  }

  countBadFrame(): void {
    this.#badFrames++;
  }

  #links(): LinkSession[] {
    return this.#peers.map(({ session }) => session).filter((session) => session?.link !== undefined) as LinkSession[];
  }

  // What links bring.

  perform(session: LinkSession, effect: OutsideEffect, frameBytes: number): void {
    switch (effect.kind) {
      case 'receive':
        this.#receive(session, effect.commits, frameBytes);
        return;
      case 'read':
        this.#guard(
          readBeyond(this.#replica, effect.after, this.#currentHave(), this.#nowMs()).then((read) =>
            session.step({ kind: 'read', ...read }),
          ),
        );
        return;
      case 'status':
        this.#hearStatus(session, effect.status);
        return;
      case 'behind':
        this.#transfers.begin(session);
        return;
      case 'state':
        this.#transfers.hear(session, effect.frame);
        if (effect.frame.kind === 'state') this.#antiEntropy.hearState(session, effect.frame);
        return;
      case 'digest':
        this.#antiEntropy.hear(session, effect.frame);
    }
  }

  #hearStatus(session: LinkSession, { wallMs, clusterId, established }: Status): void {
    const apartMs = Math.abs(wallMs - this.env.clock.wallMs());
    if (apartMs > LIMITS.clockDriftMsMax) {
      const detail = `the clocks of ${this.#name} and ${session.link?.peer.name} are ${Math.round(apartMs)} ms apart`;
      session.refuse({ code: 'clock', detail });
      return;
    }
    if (established && this.#identity.established && clusterId !== this.#identity.id) {
      session.refuse({ code: 'cluster', detail: `cluster ${clusterId} is not cluster ${this.#identity.id}` });
      return;
    }
    const peer = this.#peers.find((candidate) => candidate.session === session);
    if (peer !== undefined) peer.clusterId = clusterId;
    this.#guardMaybe(this.#identity.hear(clusterId, established));
  }

  #guardMaybe(work: Promise<void> | undefined): void {
    if (work !== undefined) this.#guard(work);
  }

  #establish(): void {
    if (this.#peers.every(({ session, clusterId }) => session !== undefined && clusterId === this.#identity.id)) {
      this.#guardMaybe(this.#identity.establish());
    }
  }

  #receive(
    session: LinkSession,
    commits: Extract<OutsideEffect, { kind: 'receive' }>['commits'],
    frameBytes: number,
  ): void {
    const bytes = Math.ceil(frameBytes / Math.max(1, commits.length));
    for (const commit of commits) {
      const outcome = this.#gate.offer({ commit, bytes, from: session.id });
      if (outcome === 'duplicate') this.#commitsDuplicate++;
    }
    this.#pump();
  }

  /** Hands the engine what can be applied, one batch at a time. */
  #pump(): void {
    if (this.#receiving || this.#closed || this.#transfers.isTaking) return;
    const batch = this.#gate.take(RECEIVE_BYTES);
    if (batch.length === 0) return;
    this.#receiving = true;
    this.#guard(
      this.#replica
        .receive(batch.map(({ commit }) => commit))
        .then(() => {
          this.#commitsReceived += batch.length;
        })
        .catch((error: unknown) => {
          if (!(error instanceof WeftError) || error.code !== 'malformed-request') throw error;
          this.#badFrames++;
          for (const id of new Set(batch.map(({ from }) => from))) this.#distrust(id, error.message);
        })
        .finally(() => {
          this.#receiving = false;
          this.#gate.settle();
          this.#starvedSinceMs = undefined;
          this.#pump();
        }),
    );
  }

  #distrust(sessionId: number, detail: string): void {
    this.#gate.forget(sessionId);
    for (const session of this.#sessions) {
      if (session.id === sessionId) session.refuse({ code: 'bad-frame', detail });
    }
  }

  /** Commits wait for others that do not come: a frame was lost, so everybody is asked to begin again. */
  #feedStarved(nowMs: number): void {
    if (!this.#gate.isWaiting || this.#receiving || this.#transfers.isTaking) {
      this.#starvedSinceMs = undefined;
      return;
    }
    this.#starvedSinceMs ??= nowMs;
    if (nowMs - this.#starvedSinceMs < this.#timing.resendAfterMs / 4) return;
    this.#starvedSinceMs = nowMs;
    for (const session of this.#links()) session.step({ kind: 'starved' });
  }

  #afterTransfer(): void {
    this.#gate.settle();
    this.#pump();
    for (const session of this.#links()) session.step({ kind: 'starved' });
  }

  // What is here.

  #onCommits(commits: readonly StreamCommit[]): void {
    const nowMs = this.#nowMs();
    for (const commit of commits) this.#tail.push(commit, nowMs);
    for (const session of this.#links()) session.step({ kind: 'advanced' });
  }

  /** Everything that is durable and visible here, retired streams included; made anew only when something moved. */
  #currentHave(): VersionVector {
    const { vector, retired } = this.#replica;
    if (vector !== this.#haveSource || retired !== this.#retiredSource) {
      this.#haveSource = vector;
      this.#retiredSource = retired;
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
      direct: this.#links().map(({ link }) => present(link, 'a link is up').peer.replica),
      wallMs: Math.floor(this.env.clock.wallMs()),
    };
  }

  /** What every voter has, as far as is known: the log may let go of it, tombstones in it may expire. */
  #noteStable(): void {
    const vectors = [this.#currentHave()];
    for (const { vector } of this.#peers) {
      if (vector === undefined) return;
      vectors.push(vector);
    }
    const stable = met(vectors);
    if (equalVectors(stable, this.#stable)) return;
    this.#stable = stable;
    this.#replica.allowTruncation(stable);
  }

  /** A stream whose server has a new incarnation ends once every voter has the same of it. */
  #retireEnded(): void {
    const nowMs = this.#nowMs();
    const live = new Set<ReplicaId>([this.#replica.replicaId]);
    for (const peer of this.#peers) {
      if (peer.session?.link?.peerVector === undefined || peer.state(nowMs, this.#timing) !== 'alive') return;
      live.add(present(peer.replica, 'a linked peer is known'));
    }
    for (const [origin, seq] of this.#replica.vector) {
      if (live.has(origin) || !this.#peers.every(({ vector }) => seqOf(vector ?? new Map(), origin) === seq)) continue;
      this.env.log.write('info', 'replication: a stream ended', { origin, commits: seq });
      this.#guard(this.#replica.retire(origin));
    }
  }

  // What people see.

  #liveNames(): string[] {
    const nowMs = this.#nowMs();
    const live = this.#peers.filter((peer) => peer.name !== undefined && peer.state(nowMs, this.#timing) === 'alive');
    return [this.#name, ...live.map(({ name }) => name as string)];
  }

  #logState(peer: Peer, nowMs: number): void {
    const state: MemberState = peer.state(nowMs, this.#timing);
    if (state === peer.lastState) return;
    if (peer.name !== undefined) this.env.log.write('info', 'replication: peer state', { peer: peer.name, state });
    peer.lastState = state;
  }

  #members(): readonly Member[] {
    const nowMs = this.#nowMs();
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
    const have = this.#currentHave();
    const others = this.#peers.map((peer) => peer.describe(nowMs, this.#timing, have, this.#tail));
    return [self, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #metrics(): ReplicationMetrics {
    const sum = (of: 'framesSent' | 'framesReceived' | 'bytesSent' | 'bytesReceived') =>
      Array.from(this.#sessions).reduce((total, session) => total + session[of], this.#ended[of]);
    return {
      framesSentTotal: sum('framesSent'),
      framesReceivedTotal: sum('framesReceived'),
      bytesSentTotal: sum('bytesSent'),
      bytesReceivedTotal: sum('bytesReceived'),
      commitsReceivedTotal: this.#commitsReceived,
      commitsDuplicateTotal: this.#commitsDuplicate,
      commitsHeld: this.#gate.heldCommits,
      heldBytes: this.#gate.heldBytes,
      resendsTotal: this.#links().reduce((total, { link }) => total + (link?.resends ?? 0), this.#ended.resends),
      refusedFramesTotal: this.#badFrames,
      linksUp: this.#links().length,
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

/** Of two links between the same two servers, the one dialed by the smaller replica id stays; of one dialer, the newer. */
function isPreferred(session: LinkSession, held: LinkSession, own: Hello, peer: Hello): boolean {
  if (session.role === held.role) return true;
  return session.role === (own.replica < peer.replica ? 'dialer' : 'acceptor');
}

/** What must be the same on all servers, or they would not agree on the graph. */
function hashOfSettings(): string {
  const { tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax } = LIMITS;
  const settings = { tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax };
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex');
}
