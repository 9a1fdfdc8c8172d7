/**
 * The other servers: who they are, whether they live, and the one link to each. Dials those of `--peers` that have none, with
 * growing pauses; of two links to the same server it keeps one, and both ends choose the same. Once the cluster is founded,
 * servers that were named to nobody may come too: they know the cluster secret, and vote only if they are made voters.
 */
import { present } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { compareText } from '../../base/order.ts';
import type { ReplicationTiming } from '../cluster-options.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { Member } from '../engine-port.ts';
import type { CommitTail } from './commit-tail.ts';
import type { Hello } from './frame.ts';
import type { Refusal } from './handshake.ts';
import type { Link } from './link.ts';
import type { Ending, LinkSession } from './link-session.ts';
import { Peer } from './peer.ts';
import type { Accept, Transport } from './transport.ts';
import type { VoterSet } from './voter-set.ts';

/** A session whose handshake is done. */
export type LinkedSession = LinkSession & { readonly link: Link };

export interface MembershipOptions {
  readonly env: Env;
  readonly name: string;
  readonly urls: readonly string[];
  readonly voterSet: VoterSet;
  readonly timing: ReplicationTiming;
  readonly transport: Transport;
  /** Makes a session of a connection that was dialed. */
  readonly open: (url: string) => Accept;
}

export class Membership {
  #peers: readonly Peer[];
  readonly #options: MembershipOptions;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#peers = options.urls.map((url) => new Peer(url, options.timing.redialMs));
  }

  get peers(): readonly Peer[] {
    return this.#peers;
  }

  /**
   * Those without which nothing is settled: the voters, and who is linked beside them. Undefined while a voter was never met;
   * before the voters have met, all that this server was told of.
   */
  get members(): readonly Peer[] | undefined {
    const { number, voters } = this.#options.voterSet.configuration;
    if (number === 0) return this.#peers;
    const isMet = (name: string) => name === this.#options.name || this.#peers.some((peer) => peer.name === name);
    if (!voters.every(isMet)) return undefined;
    return this.#peers.filter(
      ({ name, session }) => name !== undefined && (voters.includes(name) || session !== undefined),
    );
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }

  tick(have: VersionVector): void {
    const { timing, env } = this.#options;
    const nowMs = this.#nowMs();
    for (const peer of this.#peers) {
      peer.observe(have, nowMs);
      const state = peer.state(nowMs, timing);
      if (state !== peer.lastState && peer.name !== undefined) {
        env.log.write('info', 'replication: peer state', { peer: peer.name, state });
      }
      peer.lastState = state;
      const isDue = peer.url !== '' && peer.session === undefined && !peer.isDialing && nowMs >= peer.nextDialMs;
      if (isDue) this.#dial(peer, nowMs);
    }
  }

  #dial(peer: Peer, nowMs: number): void {
    const { timing, env, transport, open } = this.#options;
    peer.isDialing = true;
    // Servers that start together must not go on dialing together.
    const jitter = 0.5 + env.random.uint32() / 2 ** 32;
    peer.nextDialMs = nowMs + peer.dialDelayMs * jitter;
    peer.dialDelayMs = Math.min(peer.dialDelayMs * 2, timing.redialMsMax);
    const { url } = peer;
    transport.dial(url, {
      opened: open(url),
      failed: (reason) => {
        // Another peer may have turned out to be there meanwhile.
        const dialed = this.#at(url);
        dialed.isDialing = false;
        if (!dialed.disagrees) dialed.ending = { reason, refusal: undefined };
      },
    });
  }

  /** Takes a session whose handshake is done as the link to its peer, or says why not. */
  admit(session: LinkSession, own: Hello, hello: Hello): Refusal | undefined {
    const { name, env, timing } = this.#options;
    const peer = this.#peerFor(session, hello.name);
    if (peer === undefined) {
      const known = this.#peers.map((candidate) => candidate.name ?? candidate.url).join(', ');
      return { code: 'name', detail: `${hello.name} is none of the peers of ${name}, which are ${known}` };
    }
    const held = peer.session;
    if (held !== undefined) {
      if (peer.replica === hello.replica && !isPreferred(session, held, own, hello)) {
        return { code: 'duplicate', detail: `${name} and ${hello.name} have a link already` };
      }
      peer.unlink({ reason: 'another link takes its place', refusal: undefined });
      held.refuse({ code: 'duplicate', detail: `another link between ${name} and ${hello.name} takes its place` });
    }
    peer.meetIncarnation(hello.name, hello.replica);
    peer.session = session;
    peer.ending = undefined;
    peer.dialDelayMs = timing.redialMs;
    env.log.write('info', 'replication: link up', { peer: hello.name, replicaId: hello.replica, role: session.role });
    return undefined;
  }

  /** The peer that was dialed, or the one of that name, or one that was not met yet. */
  #peerFor(session: LinkSession, name: string): Peer | undefined {
    const named = this.#peers.find((peer) => peer.name === name);
    if (session.url === undefined) return named ?? this.#newcomer(name);
    const dialed = this.#at(session.url);
    if (named === undefined || named === dialed) return dialed;
    // It came in before it was dialed and was taken for another one; its link stays its link.
    named.exchangeUrls(dialed);
    if (dialed.url === '' && dialed.name === undefined) this.#peers = this.#peers.filter((peer) => peer !== dialed);
    return named;
  }

  /** One that was named to this server and not met yet, or, in a cluster that is founded, one that nobody named to it. */
  #newcomer(name: string): Peer | undefined {
    const { voterSet, urls, timing } = this.#options;
    const { number, voters } = voterSet.configuration;
    const isNamed = number === 0 || (voters.includes(name) && voters.length === urls.length + 1);
    if (isNamed) return this.#peers.find((peer) => peer.name === undefined);
    const peer = new Peer('', timing.redialMs);
    this.#peers = [...this.#peers, peer];
    return peer;
  }

  #at(url: string): Peer {
    return present(
      this.#peers.find((peer) => peer.url === url),
      'only peers are dialed',
    );
  }

  /** A session is over. Answers the peer whose link it was, if it was one. */
  lose(session: LinkSession, why: Ending): Peer | undefined {
    const { env } = this.#options;
    if (session.url !== undefined) {
      this.#at(session.url).isDialing = false;
      if (why.refusal?.code === 'duplicate') this.#learnPlace(session.url, session.peerName);
    }
    const peer = this.peerOf(session);
    if (peer !== undefined) {
      peer.unlink(why);
      env.log.write('info', 'replication: link down', { peer: peer.name ?? peer.url, reason: why.reason });
    } else if (session.link === undefined && why.refusal !== undefined && why.refusal.code !== 'duplicate') {
      this.#noteRefusal(session, why);
      env.log.write('warn', 'replication: link refused', { url: session.url ?? null, ...why.refusal });
    }
    return peer;
  }

  /** A server that has a link to this one already was found at a URL that was taken for another one's: the other is elsewhere. */
  #learnPlace(url: string, name: string | undefined): void {
    const dialed = this.#at(url);
    const named = this.#peers.find((peer) => peer.name === name);
    if (name !== undefined && named !== undefined && named !== dialed) named.exchangeUrls(dialed);
  }

  /** Both operators should see why. Of an accepted connection it is not certain whose it was. */
  #noteRefusal(session: LinkSession, why: Ending): void {
    const candidates =
      session.url === undefined ? this.#peers.filter(({ name }) => name === undefined) : [this.#at(session.url)];
    for (const peer of candidates) if (peer.session === undefined && !peer.disagrees) peer.ending = why;
  }

  peerOf(session: LinkSession): Peer | undefined {
    return this.#peers.find((peer) => peer.session === session);
  }

  links(): LinkedSession[] {
    const links: LinkedSession[] = [];
    for (const { session } of this.#peers) if (session?.link !== undefined) links.push(session as LinkedSession);
    return links;
  }

  /** True if every member is linked and was heard of lately. */
  get isWhole(): boolean {
    const nowMs = this.#nowMs();
    const { members } = this;
    if (members === undefined) return false;
    return members.every(
      (peer) => peer.session?.link?.peerVector !== undefined && peer.state(nowMs, this.#options.timing) === 'alive',
    );
  }

  /** This server, and the peers that are linked and were heard of within `quietMs`, or are not suspect. */
  liveNames(quietMs = this.#options.timing.suspectAfterMs): string[] {
    const nowMs = this.#nowMs();
    const names = [this.#options.name];
    for (const peer of this.#peers) {
      if (peer.name === undefined || peer.session === undefined) continue;
      if (nowMs - (peer.heardMs ?? Number.NEGATIVE_INFINITY) < quietMs) names.push(peer.name);
    }
    return names;
  }

  /** This server and all that it has met, by name. */
  metNames(): string[] {
    const others = this.#peers.flatMap(({ name }) => (name === undefined ? [] : [name]));
    return [this.#options.name, ...others].sort(compareText);
  }

  /** The link to a peer, while it is up. */
  sessionTo(name: string): LinkSession | undefined {
    return this.#peers.find((peer) => peer.name === name)?.session;
  }

  describe(self: Member, have: VersionVector, tail: CommitTail): readonly Member[] {
    const nowMs = this.#nowMs();
    const others = this.#peers.map((peer) => peer.describe(nowMs, this.#options.timing, have, tail));
    return [self, ...others].sort((a, b) => compareText(a.name, b.name));
  }
}

/** Of two links between the same two servers, the one that the smaller replica id dialed stays; of one dialer, the newer. */
function isPreferred(session: LinkSession, held: LinkSession, own: Hello, peer: Hello): boolean {
  if (session.role === held.role) return true;
  return session.role === (own.replica < peer.replica ? 'dialer' : 'acceptor');
}
