/**
 * One connection from its first frame to its end: the handshake, then the link. Turns bytes into frames and effects into
 * bytes; what concerns the whole server it hands to its host.
 */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Span } from '../../base/tracer.ts';
import { ByteQueue } from './byte-queue.ts';
import type { TailCommit } from './commit-tail.ts';
import { Assembler, FRAGMENT_BYTES, type Fragment, fragmentsOf } from './fragments.ts';
import {
  type CommitTrace,
  type Frame,
  type Hello,
  type PlainFrame,
  PROTOCOL_VERSION,
  TRACES_VERSION,
} from './frame.ts';
import { beginsState, commitsFrame, decodeFrame, encodeFrame, isCommitsFrame } from './frame-codec.ts';
import { Handshake, type LinkRole, type Refusal } from './handshake.ts';
import { Link, type LinkEffect, type LinkEvent, type LinkSettings, type LinkSurroundings } from './link.ts';
import { SendLine } from './send-line.ts';
import type { Connection, ConnectionEvents } from './transport.ts';

/** More than the head of any frame that carries a fragment or a slice of that size. */
const FRAME_HEAD_BYTES = 8 * 1024;

/** What leaves a session: everything but what it sends itself. */
export type OutsideEffect = Exclude<LinkEffect, { kind: 'send' | 'send-commits' | 'close' }>;

export interface SessionHost {
  readonly env: Env;
  readonly secret: string;
  readonly surroundings: LinkSurroundings;
  readonly settings: LinkSettings;
  /** Both sides are proved. A refusal ends the session instead. */
  admit(session: LinkSession, own: Hello, peer: Hello): Refusal | undefined;
  perform(session: LinkSession, effect: OutsideEffect, frameBytes: number): void;
  /** As many commits as the next batch should have are decoded while one is on its way; `decodeCommits` is called after it. */
  readonly hasCommitsAhead: boolean;
  /** A frame that could not be decoded. */
  countBadFrame(): void;
  ended(session: LinkSession, why: Ending): void;
}

export interface Ending {
  readonly reason: string;
  /** If one of the two did not want the other. */
  readonly refusal: Refusal | undefined;
}

export class LinkSession implements ConnectionEvents {
  readonly id: number;
  readonly role: LinkRole;
  /** What was dialed; undefined for a connection that the other side opened. */
  readonly url: string | undefined;
  readonly #connection: Connection;
  readonly #line: SendLine;
  readonly #host: SessionHost;
  readonly #own: Hello;
  readonly #handshake: Handshake;
  readonly #openedMs: number;
  #link: Link | undefined;
  readonly #assembler = new Assembler();
  /** Frames of commits, in the order in which they came. */
  readonly #undecoded = new ByteQueue();
  #isDecoding = false;
  /** Messages that were sent in fragments. */
  #fragmented = 0;
  /** Where the last answer ends, on the line. */
  #answerEnd = 0;
  #refusal: Refusal | undefined;
  #ended = false;
  /** When a part of a slice of a state came last, of which the rest is on its way. */
  stateHeardMs = Number.NEGATIVE_INFINITY;
  bytesSent = 0;
  bytesReceived = 0;
  framesSent = 0;
  framesReceived = 0;

  constructor(options: {
    readonly id: number;
    readonly role: LinkRole;
    readonly url: string | undefined;
    readonly own: Hello;
    readonly connection: Connection;
    readonly host: SessionHost;
  }) {
    const { id, role, url, own, connection, host } = options;
    this.id = id;
    this.role = role;
    this.url = url;
    this.#own = own;
    this.#connection = connection;
    this.#line = new SendLine(connection);
    this.#host = host;
    this.#handshake = new Handshake(role, own, host.secret);
    this.#openedMs = this.#nowMs();
  }

  /** Present once the handshake is done. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** What the other side calls itself, once it said so; proved only if there is a link. */
  get peerName(): string | undefined {
    return this.#handshake.peer?.name;
  }

  /** True once it is closed, or about to be. */
  get isOver(): boolean {
    return this.#ended || this.#refusal !== undefined;
  }

  #nowMs(): number {
    return this.#host.env.clock.monotonicMs();
  }

  begin(): void {
    for (const frame of this.#handshake.opening()) this.send(frame);
  }

  frame(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.framesReceived++;
    this.bytesReceived += bytes.length;
    this.#take(bytes);
  }

  #take(bytes: Uint8Array): void {
    if (this.#link !== undefined && isCommitsFrame(bytes)) {
      this.#link.heardMs = this.#nowMs();
      this.#undecoded.push(bytes);
      this.decodeCommits();
    } else this.#decode(bytes);
  }

  /**
   * Decodes commits that came, until there are enough for now. The others stay bytes, which cost nothing while they wait:
   * what is decoded long before it is applied outlives collections of garbage, and each of them copies it.
   */
  decodeCommits(): void {
    if (this.#isDecoding) return;
    this.#isDecoding = true;
    try {
      while (!this.isOver && (!this.#host.hasCommitsAhead || this.#undecoded.bytes > LIMITS.undecodedBytesMax)) {
        const bytes = this.#undecoded.shift();
        if (bytes === undefined) break;
        this.#decode(bytes);
      }
    } finally {
      this.#isDecoding = false;
    }
  }

  #decode(bytes: Uint8Array): void {
    this.#decoding(() => this.#hear(decodeFrame(bytes), bytes.length));
  }

  /** What is no frame of ours ends the connection. */
  #decoding(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'malformed-request') throw error;
      this.#host.countBadFrame();
      this.refuse({ code: 'bad-frame', detail: error.message });
    }
  }

  #hear(frame: Frame, length: number): void {
    if (frame.kind === 'fragment') this.#assemble(frame);
    else if (this.#link === undefined) this.#shakeHands(frame);
    else this.#perform(this.#link.step({ kind: 'frame', frame }, this.#nowMs()), length);
  }

  /** Nobody who has proved nothing may make us keep anything. */
  #assemble(fragment: Fragment): void {
    if (this.#link === undefined) return;
    const message = this.#assembler.push(fragment);
    const { begun } = this.#assembler;
    if (begun !== undefined && beginsState(begun)) this.stateHeardMs = this.#nowMs();
    // A sign of life: a large message may take longer than a peer may be silent, and what it says itself waits behind.
    this.#perform(this.#link.step({ kind: 'frame', frame: fragment }, this.#nowMs()), 0);
    if (message !== undefined) this.#take(message);
  }

  #shakeHands(frame: Frame): void {
    const step = this.#handshake.step(frame);
    switch (step.kind) {
      case 'refused':
        if (step.byPeer) this.#end(step.refusal);
        else this.refuse(step.refusal);
        return;
      case 'waiting':
        for (const answer of step.send) this.send(answer);
        return;
      case 'done': {
        const refusal = this.#host.admit(this, this.#own, step.peer);
        if (refusal !== undefined) {
          this.refuse(refusal);
          return;
        }
        for (const answer of step.send) this.send(answer);
        this.#connection.identify({ name: step.peer.name });
        const { surroundings, settings } = this.#host;
        this.#link = new Link({
          peer: step.peer,
          here: surroundings,
          line: this.#line,
          settings,
          nowMs: this.#nowMs(),
        });
        this.#perform(this.#link.open(this.#nowMs()), 0);
      }
    }
  }

  /** Feeds the link; nothing happens before it is up. */
  step(event: LinkEvent): void {
    if (this.#link !== undefined && !this.isOver) this.#perform(this.#link.step(event, this.#nowMs()), 0);
  }

  /** @param handshakeMs how long a handshake may take */
  tick(handshakeMs: number): void {
    if (this.isOver) return;
    if (this.#link !== undefined) this.step({ kind: 'tick' });
    else if (this.#nowMs() - this.#openedMs >= handshakeMs) {
      this.refuse({ code: 'silent', detail: 'the handshake did not come to an end' });
    }
  }

  #perform(effects: readonly LinkEffect[], frameBytes: number): void {
    for (const effect of effects) {
      if (this.isOver) return;
      if (effect.kind === 'send') this.send(effect.frame);
      else if (effect.kind === 'send-commits') this.#sendCommits(effect.commits);
      else if (effect.kind !== 'close') this.#host.perform(this, effect, frameBytes);
      else if (effect.byPeer) this.#end(effect.refusal);
      else this.refuse(effect.refusal);
    }
  }

  #sendCommits(commits: readonly TailCommit[]): void {
    const spans = this.#beginSpans(commits);
    this.#put(commitsFrame(commits.map(({ encoded }) => encoded)));
    this.#line.markCommits();
    for (const span of spans) span.end();
  }

  /** Tells the other side which requests wrote the commits that it gets next, as far as that is known. */
  #beginSpans(commits: readonly TailCommit[]): readonly Span[] {
    const { tracer } = this.#host.env;
    if (tracer === undefined || !this.#knowsTraces) return [];
    const spans: Span[] = [];
    const traces: CommitTrace[] = [];
    for (const { origin, seq, trace: parent } of commits) {
      if (parent === undefined) continue;
      const attributes = { 'weft.peer': this.peerName ?? '' };
      const span = tracer.begin('replication.send', { parent, attributes });
      if (span === undefined) continue;
      spans.push(span);
      traces.push({ origin, seq, trace: span.traceparent });
    }
    if (traces.length > 0) this.send({ kind: 'traces', traces });
    return spans;
  }

  /** The protocol version that both sides speak; before they are linked, what this one speaks. */
  get version(): number {
    return Math.min(PROTOCOL_VERSION, this.#link?.peer.version ?? PROTOCOL_VERSION);
  }

  get #knowsTraces(): boolean {
    return this.#link !== undefined && this.version >= TRACES_VERSION;
  }

  /** A message of those who decide strong operations, with the trace that it belongs to if the other side knows of traces. */
  sendQuorum(body: Uint8Array, trace: string | undefined): void {
    const isTold = trace !== undefined && trace !== '' && this.#knowsTraces;
    this.send(isTold ? { kind: 'quorum', body, trace } : { kind: 'quorum', body });
  }

  /** What a full line has no room for is dropped: any frame may be lost, and whoever needs an answer asks again. */
  send(frame: PlainFrame): void {
    const bytes = encodeFrame(frame);
    const isFull = this.#line.waitingBytes > 0 && this.#line.waitingBytes + bytes.length > LIMITS.linkWaitingBytesMax;
    if (!isFull || frame.kind === 'refuse') this.#put(bytes);
  }

  /** Answers a request that is repeated while no answer comes: not again while the last answer is still on its way out. */
  answer(frame: PlainFrame): void {
    if (!this.#line.hasLeft(this.#answerEnd)) return;
    this.send(frame);
    this.#answerEnd = this.#line.end;
  }

  #put(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (bytes.length > FRAGMENT_BYTES + FRAME_HEAD_BYTES) {
      for (const fragment of fragmentsOf(++this.#fragmented, bytes)) this.#put(encodeFrame(fragment));
      return;
    }
    this.framesSent++;
    this.bytesSent += bytes.length;
    this.#line.put(bytes);
  }

  /** Tells the other side why, and closes. */
  refuse(refusal: Refusal): void {
    this.send({ kind: 'refuse', ...refusal });
    this.#end(refusal);
  }

  #end(refusal: Refusal): void {
    this.#refusal ??= refusal;
    this.#connection.close(refusal.code);
  }

  closed(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.ended(this, { reason: this.#refusal?.detail ?? reason, refusal: this.#refusal });
  }
}
