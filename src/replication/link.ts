/**
 * One link between two servers after the handshake, as a state machine: an event in, effects out, no clock, no socket,
 * no disk. It sends what the other side lacks in causal order within a window, and tells it what is durable here.
 * Everything it knows of the other side comes from acknowledgements of durable commits, so any frame may be lost,
 * repeated or late: the worst is that something is sent again. SPEC.md has states, invariants and reasons.
 */
import { assertNever } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { Commit } from '../../storage/store.ts';
import { joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import { inFrames, type SendCommits } from './commit-frames.ts';
import type { TailCommit } from './commit-tail.ts';
import type {
  Acknowledge,
  DigestFrame,
  Frame,
  Hello,
  PlainFrame,
  QuorumFrame,
  StateFrame,
  Status,
  TracesFrame,
} from './frame.ts';
import type { Refusal } from './handshake.ts';
import type { SendLine } from './send-line.ts';

/** Resends double their patience up to this, so that a slow peer is not buried in repetitions. */
const PATIENCE_MAX = 8;

export interface LinkSettings {
  /** Unacknowledged bytes of commits at most, and bytes that wait for the network beyond which no commits are added. */
  readonly windowBytes: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly resendAfterMs: number;
  readonly relayAfterMs: number;
  /** For tests of the checkers: never passes commits of others on. */
  readonly noRelay: boolean;
}

/** What the network has not taken yet of what the link sends, always as it is now. */
export type LinkLine = Pick<SendLine, 'waitingBytes' | 'holdsCommits' | 'end' | 'hasLeft'>;

/** What a link sees of its server, always as it is now. */
export interface LinkSurroundings {
  readonly replica: ReplicaId;
  /** Durable and visible here, retired streams included. */
  have(): VersionVector;
  find(origin: ReplicaId, seq: number): TailCommit | undefined;
  /** The status to send, without its `resend`. */
  status(): Omit<Status, 'kind' | 'resend'>;
  /** Whether others could take over the state of this server now. */
  givesState(): boolean;
}

export type LinkEvent =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** The own vector moved. */
  | { readonly kind: 'advanced' }
  /** Answer to the effect `read`, in the order of lsn. `behind`: the log starts after what was wanted. */
  | { readonly kind: 'read'; readonly commits: readonly TailCommit[]; readonly behind: boolean }
  /** Commits are missing here that the peer may have. */
  | { readonly kind: 'starved' }
  /** Time passes. */
  | { readonly kind: 'tick' };

export type LinkEffect =
  | { readonly kind: 'send'; readonly frame: PlainFrame }
  | SendCommits
  /** Read commits of these streams after these positions from the log, as many as there is room for. */
  | { readonly kind: 'read'; readonly after: VersionVector; readonly roomBytes: number }
  | { readonly kind: 'receive'; readonly commits: readonly Commit[] }
  /** The logs of the peer do not reach back to what is missing here. */
  | { readonly kind: 'behind' }
  | { readonly kind: 'state'; readonly frame: StateFrame }
  | { readonly kind: 'digest'; readonly frame: DigestFrame }
  | QuorumFrame
  | TracesFrame
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'close'; readonly refusal: Refusal; readonly byPeer: boolean };

export class Link {
  readonly peer: Hello;
  readonly #settings: LinkSettings;
  readonly #here: LinkSurroundings;
  readonly #line: LinkLine;
  /** What is durable there, as far as it was acknowledged. */
  #peerVector: VersionVector = new Map();
  /** False until the first status: before it nothing is known to be lacking. */
  #met = false;
  #peerDirect: ReadonlySet<ReplicaId> = new Set();
  /** Streams that ended there, as of its last status. */
  peerRetired: VersionVector = new Map();
  /** Everything up to here was sent, or need not be. */
  #sent = new Map<ReplicaId, number>();
  /** Sent and not acknowledged, by stream in order of seq. */
  readonly #inFlight = new Map<ReplicaId, { readonly seq: number; readonly bytes: number }[]>();
  unacknowledgedBytes = 0;
  /** Of commits that the step which goes on sends; the line does not have them yet. */
  #leavingBytes = 0;
  /** The peer asked for what it lacks while something waited: once all up to here has left, that is sent again. */
  #resendAfter: number | undefined;
  #reading = false;
  /** The log did not reach back to what the peer lacks; until it says what it has now, there is nothing to send. */
  #isBehind = false;
  /** When something that was in flight was last acknowledged, or something was sent on an idle link. */
  #progressMs: number;
  #patience = 1;
  /** Since when the peer lacks commits of a stream that its origin should deliver. */
  readonly #lacksSince = new Map<ReplicaId, number>();
  /** What the peer was told of our vector. */
  #told: VersionVector = new Map();
  /** True if an acknowledgement is owed for what came by this link. */
  #owes = false;
  /** When something came last, perhaps of what is handed in later. */
  heardMs: number;
  #statusMs: number;
  resends = 0;

  constructor(options: {
    readonly peer: Hello;
    readonly here: LinkSurroundings;
    readonly line: LinkLine;
    readonly settings: LinkSettings;
    readonly nowMs: number;
  }) {
    const { peer, here, line, settings, nowMs } = options;
    this.peer = peer;
    this.#here = here;
    this.#line = line;
    this.#settings = settings;
    this.#progressMs = nowMs;
    this.heardMs = nowMs;
    this.#statusMs = nowMs;
  }

  /** What the peer has durably, retired streams included; undefined until it said so. */
  get peerVector(): VersionVector | undefined {
    return this.#met ? this.#peerVector : undefined;
  }

  /** The first frame of an established link. */
  open(nowMs: number): LinkEffect[] {
    return [this.#status(nowMs, false)];
  }

  /** What the step before it sent was given to the connection by now. */
  step(event: LinkEvent, nowMs: number): LinkEffect[] {
    this.#leavingBytes = 0;
    switch (event.kind) {
      case 'frame':
        this.heardMs = nowMs;
        return this.#frame(event.frame, nowMs);
      case 'advanced':
        return [...(this.#owes ? this.#acknowledge() : []), ...this.#fill(nowMs)];
      case 'read':
        return this.#sendRead(event.commits, event.behind, nowMs);
      case 'starved':
        return [this.#status(nowMs, true)];
      case 'tick':
        return this.#tick(nowMs);
      default:
        return assertNever(event);
    }
  }

  #frame(frame: Frame, nowMs: number): LinkEffect[] {
    switch (frame.kind) {
      case 'status':
        return this.#hearStatus(frame, nowMs);
      case 'acknowledge':
        return this.#hearAcknowledge(frame, nowMs);
      case 'commits':
        return this.#hearCommits(frame.commits);
      case 'behind':
        return [{ kind: 'behind' }];
      case 'refuse':
        return [{ kind: 'close', refusal: frame, byPeer: true }];
      case 'list-state':
      case 'state-list':
      case 'get-state':
      case 'state':
      case 'state-pending':
        return [{ kind: 'state', frame }];
      case 'digest':
        return [{ kind: 'digest', frame }];
      case 'quorum':
      case 'traces':
        return [frame];
      case 'hello':
      case 'proof':
      case 'fragment':
        // A repetition from the handshake, or a part of something that says more once it is whole. If our proof was
        // lost, the peer gives up by itself and dials again.
        return [];
      default:
        return assertNever(frame);
    }
  }

  #hearStatus(status: Status, nowMs: number): LinkEffect[] {
    const { vector, retired, direct, resend } = status;
    this.#peerDirect = new Set(direct);
    this.peerRetired = retired;
    this.#isBehind = false;
    const known = joined(vector, retired);
    if (!this.#met) {
      this.#met = true;
      this.#peerVector = known;
      this.#sent = new Map(known);
    } else {
      this.#advancePeer(known, nowMs);
    }
    if (resend) this.#resendAfter ??= this.#line.end;
    this.#resendWhatLeft(nowMs);
    return [{ kind: 'status', status }, ...this.#fill(nowMs)];
  }

  #hearAcknowledge({ entries }: Acknowledge, nowMs: number): LinkEffect[] {
    if (!this.#met) return [];
    this.#advancePeer(entries, nowMs);
    return this.#fill(nowMs);
  }

  #hearCommits(commits: readonly Commit[]): LinkEffect[] {
    this.#owes = true;
    const have = this.#here.have();
    // Nothing new would come of it, so the acknowledgement must have been lost.
    if (commits.every(({ origin, seq }) => seq <= seqOf(have, origin))) {
      const entries = new Map(commits.map(({ origin }) => [origin, seqOf(have, origin)] as const));
      this.#owes = false;
      return [
        { kind: 'receive', commits },
        { kind: 'send', frame: { kind: 'acknowledge', entries } },
      ];
    }
    return [{ kind: 'receive', commits }];
  }

  /** Entries only grow: an old frame says nothing new. */
  #advancePeer(entries: VersionVector, nowMs: number): void {
    for (const [origin, seq] of entries) {
      if (seq <= seqOf(this.#peerVector, origin)) continue;
      (this.#peerVector as Map<ReplicaId, number>).set(origin, seq);
      this.#lacksSince.delete(origin);
      if (seq > (this.#sent.get(origin) ?? 0)) this.#sent.set(origin, seq);
      const flying = this.#inFlight.get(origin);
      if (flying === undefined) continue;
      let landed = 0;
      for (const { seq: sent, bytes } of flying) {
        if (sent > seq) break;
        this.unacknowledgedBytes -= bytes;
        landed++;
      }
      if (landed === 0) continue;
      // What the peer wrote itself, or got from others, says nothing of what is on its way to it.
      this.#progressMs = nowMs;
      this.#patience = 1;
      if (landed === flying.length) this.#inFlight.delete(origin);
      else flying.splice(0, landed);
    }
  }

  /** Forgets what was sent beyond what is acknowledged. */
  #rewind(nowMs: number): void {
    if (this.#inFlight.size > 0) this.resends++;
    this.#resendAfter = undefined;
    this.#inFlight.clear();
    this.unacknowledgedBytes = 0;
    this.#sent = new Map(this.#peerVector);
    this.#progressMs = nowMs;
  }

  /** What the peer asked for again may still be on its way out; then it needs no repetition yet, and would come behind it. */
  #resendWhatLeft(nowMs: number): void {
    if (this.#resendAfter !== undefined && this.#line.hasLeft(this.#resendAfter)) this.#rewind(nowMs);
  }

  /** Streams of which the peer lacks something that is ours to send, with what it was sent. */
  #lacking(nowMs: number): Map<ReplicaId, number> {
    const lacking = new Map<ReplicaId, number>();
    for (const [origin, seq] of this.#here.have()) {
      const sent = this.#sent.get(origin) ?? 0;
      if (sent < seq && !this.#isLeftToOthers(origin, seq, nowMs)) lacking.set(origin, sent);
    }
    return lacking;
  }

  /** A stream that the peer gets from its origin is relayed only once that has failed for a while. */
  #isLeftToOthers(origin: ReplicaId, seq: number, nowMs: number): boolean {
    if (origin === this.peer.replica) return true;
    if (origin === this.#here.replica) return false;
    if (this.#settings.noRelay) return true;
    if (!this.#peerDirect.has(origin) || seqOf(this.#peerVector, origin) >= seq) return false;
    const since = this.#lacksSince.get(origin);
    if (since === undefined) this.#lacksSince.set(origin, nowMs);
    return since === undefined || nowMs - since < this.#settings.relayAfterMs;
  }

  /** Sends as much as the window allows, from memory while it reaches back, else by way of the log. */
  #fill(nowMs: number): LinkEffect[] {
    if (!this.#met || this.#reading || this.#isBehind || this.#roomBytes <= 0) return [];
    const lacking = this.#lacking(nowMs);
    if (lacking.size === 0) return [];
    const sending: TailCommit[] = [];
    while (lacking.size > 0 && this.#roomBytes > 0) {
      const next = this.#earliest(lacking);
      if (next === undefined) {
        this.#reading = true;
        return [...inFrames(sending), { kind: 'read', after: lacking, roomBytes: this.#roomBytes }];
      }
      this.#fly(next, nowMs);
      sending.push(next);
      if (next.seq >= seqOf(this.#here.have(), next.origin)) lacking.delete(next.origin);
      else lacking.set(next.origin, next.seq);
    }
    return inFrames(sending);
  }

  /** What the peer got from others is acknowledged, and may wait here all the same. */
  get #roomBytes(): number {
    const waitingBytes = this.#line.waitingBytes + this.#leavingBytes;
    return this.#settings.windowBytes - Math.max(this.unacknowledgedBytes, waitingBytes);
  }

  /** Of the next commits of these streams, the one that was applied here first; undefined if one is not in memory. */
  #earliest(lacking: ReadonlyMap<ReplicaId, number>): TailCommit | undefined {
    let earliest: TailCommit | undefined;
    for (const [origin, sent] of lacking) {
      const next = this.#here.find(origin, sent + 1);
      if (next === undefined) return undefined;
      if (earliest === undefined || next.lsn < earliest.lsn) earliest = next;
    }
    return earliest;
  }

  #fly({ origin, seq, encoded }: TailCommit, nowMs: number): void {
    if (this.#inFlight.size === 0) this.#progressMs = nowMs;
    const entry = { seq, bytes: encoded.length };
    const flying = this.#inFlight.get(origin);
    if (flying === undefined) this.#inFlight.set(origin, [entry]);
    else flying.push(entry);
    this.unacknowledgedBytes += entry.bytes;
    this.#leavingBytes += entry.bytes;
    this.#sent.set(origin, seq);
  }

  #sendRead(commits: readonly TailCommit[], behind: boolean, nowMs: number): LinkEffect[] {
    this.#reading = false;
    const sending: TailCommit[] = [];
    for (const commit of commits) {
      // What was read beyond the window is read again once that opens.
      if (this.#roomBytes <= 0) break;
      // Acknowledged or rewound meanwhile.
      if (commit.seq !== (this.#sent.get(commit.origin) ?? 0) + 1) continue;
      this.#fly(commit, nowMs);
      sending.push(commit);
    }
    this.#isBehind = behind;
    // What could not be read will be asked for by the peer, as state. In vain it would wait for that, and answer nobody meanwhile.
    if (behind && this.#here.givesState()) return [...inFrames(sending), { kind: 'send', frame: { kind: 'behind' } }];
    if (behind) return inFrames(sending);
    return [...inFrames(sending), ...this.#fill(nowMs)];
  }

  #tick(nowMs: number): LinkEffect[] {
    const { heartbeatMs, deadAfterMs, resendAfterMs } = this.#settings;
    const silentMs = nowMs - this.heardMs;
    if (silentMs >= deadAfterMs) {
      const detail = `nothing was heard from ${this.peer.name} for ${Math.round(silentMs)} ms`;
      return [{ kind: 'close', refusal: { code: 'silent', detail }, byPeer: false }];
    }
    // What is still on its way out needs no repetition.
    if (this.#line.holdsCommits) this.#progressMs = nowMs;
    this.#resendWhatLeft(nowMs);
    if (this.#inFlight.size > 0 && nowMs - this.#progressMs >= resendAfterMs * this.#patience) {
      this.#rewind(nowMs);
      this.#patience = Math.min(this.#patience * 2, PATIENCE_MAX);
    }
    const due = nowMs - this.#statusMs >= heartbeatMs;
    return [...(due ? [this.#status(nowMs, false)] : this.#acknowledge()), ...this.#fill(nowMs)];
  }

  #status(nowMs: number, resend: boolean): LinkEffect {
    this.#statusMs = nowMs;
    this.#told = this.#here.have();
    return { kind: 'send', frame: { kind: 'status', resend, ...this.#here.status() } };
  }

  /** Tells what moved, if anything did; what we wrote ourselves the peer learns from the commits. */
  #acknowledge(): LinkEffect[] {
    const have = this.#here.have();
    if (have === this.#told) return [];
    const entries = new Map<ReplicaId, number>();
    for (const [origin, seq] of have) {
      if (origin !== this.#here.replica && seq > seqOf(this.#told, origin)) entries.set(origin, seq);
    }
    this.#told = have;
    if (entries.size === 0) return [];
    this.#owes = false;
    return [{ kind: 'send', frame: { kind: 'acknowledge', entries } }];
  }
}
