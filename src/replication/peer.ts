/** A peer as this server knows it, linked or not, and how it is shown. */
import type { ReplicaId } from '../../base/ids.ts';
import type { ReplicationTiming } from '../cluster-options.ts';
import { ahead, type VersionVector, vectorObject } from '../commits/version-vector.ts';
import type { LinkDescription, Member, MemberState } from '../engine-port.ts';
import type { CommitTail } from './commit-tail.ts';
import type { RefusalCode } from './frame.ts';
import type { Ending, LinkSession } from './link-session.ts';

/** Refusals that somebody must do something about; the others come and go. */
const DISAGREEMENTS: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'version',
  'cluster',
  'secret',
  'settings',
  'clock',
  'name',
  'self',
  'bad-frame',
]);

export class Peer {
  /** As the operator wrote it. Of one that was not dialed yet it is a guess. */
  url: string;
  name: string | undefined;
  replica: ReplicaId | undefined;
  /** The link, while it is up. */
  session: LinkSession | undefined;
  /** What is durable there, as far as is known; kept while the link is down. */
  #vector: VersionVector | undefined;
  #heardMs: number | undefined;
  /** Since when something is missing there. */
  #behindSinceMs: number | undefined;
  /** Why there is no link. */
  ending: Ending | undefined;
  isDialing = false;
  nextDialMs = 0;
  dialDelayMs: number;
  /** What it was last logged as. */
  lastState: MemberState = 'dead';
  /** The cluster that it says it belongs to. */
  clusterId = '';
  /** Of links that ended. */
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(url: string, dialDelayMs: number) {
    this.url = url;
    this.dialDelayMs = dialDelayMs;
  }

  get vector(): VersionVector | undefined {
    return this.session?.link?.peerVector ?? this.#vector;
  }

  get heardMs(): number | undefined {
    return this.session?.link?.heardMs ?? this.#heardMs;
  }

  /** True if the two do not agree on something: dialing again at once makes no sense. */
  get disagrees(): boolean {
    const code = this.ending?.refusal?.code;
    return code !== undefined && DISAGREEMENTS.has(code);
  }

  /** Keeps what is worth keeping of a link that ended. */
  unlink(why: Ending): void {
    const { session } = this;
    if (session === undefined) return;
    this.#vector = session.link?.peerVector ?? this.#vector;
    this.#heardMs = session.link?.heardMs ?? this.#heardMs;
    this.#bytesSent += session.bytesSent;
    this.#bytesReceived += session.bytesReceived;
    this.session = undefined;
    this.ending = why;
  }

  /** It turned out that each of the two is where the other was thought to be. */
  exchangeUrls(other: Peer): void {
    [this.url, other.url] = [other.url, this.url];
    [this.isDialing, other.isDialing] = [other.isDialing, this.isDialing];
    [this.nextDialMs, other.nextDialMs] = [other.nextDialMs, this.nextDialMs];
    [this.dialDelayMs, other.dialDelayMs] = [other.dialDelayMs, this.dialDelayMs];
    [this.ending, other.ending] = [other.ending, this.ending];
  }

  /** A new incarnation: what the last one had may be gone with its disk. */
  meetIncarnation(name: string, replica: ReplicaId): void {
    if (this.replica !== replica) this.#vector = undefined;
    this.name = name;
    this.replica = replica;
  }

  state(nowMs: number, { suspectAfterMs, deadAfterMs }: ReplicationTiming): MemberState {
    const { heardMs } = this;
    if (heardMs === undefined || nowMs - heardMs >= deadAfterMs) return 'dead';
    return nowMs - heardMs >= suspectAfterMs ? 'suspect' : 'alive';
  }

  /** Notes whether the peer has everything, so that lag in time can be told. */
  observe(have: VersionVector, nowMs: number): void {
    const lag = ahead(have, this.vector ?? new Map());
    if (lag === 0) this.#behindSinceMs = undefined;
    else this.#behindSinceMs ??= nowMs;
  }

  describe(nowMs: number, timing: ReplicationTiming, have: VersionVector, tail: CommitTail): Member {
    const { name, url, replica, vector, heardMs } = this;
    const lagCommits = ahead(have, vector ?? new Map());
    return {
      name: name ?? url,
      url,
      state: this.state(nowMs, timing),
      self: false,
      ...(replica !== undefined && { replicaId: replica }),
      ...(vector !== undefined && { vector: vectorObject(vector) }),
      ...(heardMs !== undefined && { heardMsAgo: Math.round(nowMs - heardMs) }),
      lagCommits,
      lagMs: lagCommits === 0 ? 0 : Math.round(nowMs - this.#oldestMissingMs(have, tail, nowMs)),
      link: this.#describeLink(),
    };
  }

  /** When the oldest commit that the peer lacks became durable here. */
  #oldestMissingMs(have: VersionVector, tail: CommitTail, nowMs: number): number {
    let oldestMs = nowMs;
    for (const [origin, seq] of have) {
      const there = this.vector?.get(origin) ?? 0;
      if (there >= seq) continue;
      oldestMs = Math.min(oldestMs, tail.find(origin, there + 1)?.atMs ?? this.#behindSinceMs ?? nowMs);
    }
    return oldestMs;
  }

  #describeLink(): LinkDescription {
    const { session, ending } = this;
    const bytesSent = this.#bytesSent + (session?.bytesSent ?? 0);
    const bytesReceived = this.#bytesReceived + (session?.bytesReceived ?? 0);
    const unacknowledgedBytes = session?.link?.unacknowledgedBytes ?? 0;
    const counts = { bytesSent, bytesReceived, unacknowledgedBytes };
    if (session !== undefined) return { state: 'up', ...counts };
    if (ending?.refusal !== undefined && DISAGREEMENTS.has(ending.refusal.code)) {
      return { state: 'refused', reason: `${ending.refusal.code}: ${ending.refusal.detail}`, ...counts };
    }
    return { state: this.isDialing ? 'connecting' : 'down', ...(ending && { reason: ending.reason }), ...counts };
  }
}
