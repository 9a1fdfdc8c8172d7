/**
 * The network between servers. A connection is two directed flows; each flow has the faults of the directed link from
 * one server to the other. Frames of a healthy flow arrive in order, as over TCP. `Transport` allows more than TCP does
 * (loss, repetition, reordering within a connection), and a seed may turn that on.
 */
import * as LIMITS from '../../base/limits.ts';
import type { Accept, Connection, ConnectionEvents, Transport } from '../../src/replication/transport.ts';
import type { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';
import type { SimEvent, Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** One direction between two servers. */
export interface Link {
  latencyMs: number;
  jitterMs: number;
  lossRate: number;
  duplicateRate: number;
  reorderRate: number;
  /** Number of cuts that are on; nothing passes while there is any. */
  cuts: number;
  /** Bytes per millisecond that the sender's side takes; `Network.setWidth` changes it for what waits, too. */
  bytesPerMs: number;
  /** Sees each frame when it leaves; false loses it. */
  tap: Tap | undefined;
}

export type Tap = (frame: Uint8Array) => boolean;

const SOUND = { lossRate: 0, duplicateRate: 0, reorderRate: 0, cuts: 0, bytesPerMs: 1e6, tap: undefined };

const DIAL_TIMEOUT_MS = 5_000;
/** Delay of a frame that is overtaken. */
const REORDER_MS = 30;

interface Host {
  readonly process: SimProcess;
  accept: Accept | undefined;
  readonly ends: Set<End>;
  isClosed: boolean;
}

export class Network {
  readonly #timeline: Timeline;
  readonly #random: SimRandom;
  readonly #trace: Trace;
  readonly #base: Pick<Link, 'latencyMs' | 'jitterMs'>;
  readonly #links = new Map<string, Link>();
  /** The process that is at a URL now; of those who only dial, a name. */
  readonly #hosts = new Map<string, Host>();
  frames = 0;
  bytes = 0;
  /** The most bytes that one end had sent and the other had not received, and those that waited to be sent. */
  inFlightBytesMax = 0;

  constructor(options: {
    readonly timeline: Timeline;
    readonly random: SimRandom;
    readonly trace: Trace;
    readonly base: Pick<Link, 'latencyMs' | 'jitterMs'>;
  }) {
    this.#timeline = options.timeline;
    this.#random = options.random;
    this.#trace = options.trace;
    this.#base = options.base;
  }

  link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = { ...this.#base, ...SOUND };
      this.#links.set(name, link);
    }
    return link;
  }

  /** Removes every fault. Connections that exist stay as they are. */
  heal(): void {
    for (const link of this.#links.values()) Object.assign(link, this.#base, SOUND);
    for (const { ends } of this.#hosts.values()) for (const end of ends) this.#sendAnew(end);
  }

  /** What waits to be sent goes on at the new width. */
  setWidth(from: string, to: string, bytesPerMs: number): void {
    this.link(from, to).bytesPerMs = bytesPerMs;
    for (const end of this.#hosts.get(from)?.ends ?? []) if (end.to === to) this.#sendAnew(end);
  }

  /** Resets the connections of one to another, as a rebooting router does: only the one at `a` hears of it. */
  reset(a: string, b: string): void {
    for (const end of [...(this.#hosts.get(a)?.ends ?? [])]) if (end.to === b) end.reset('connection reset');
  }

  /** The network of one process; gone when it dies. */
  transport(url: string, process: SimProcess): Transport {
    const host: Host = { process, accept: undefined, ends: new Set(), isClosed: false };
    this.#hosts.set(url, host);
    process.onDeath(() => {
      if (this.#hosts.get(url) === host) this.#hosts.delete(url);
      for (const end of [...host.ends]) end.die();
    });
    return {
      dial: (to, outcome) => this.#dial(url, host, to, outcome),
      listen: (accept) => {
        host.accept = accept;
      },
      close: () => {
        host.isClosed = true;
        if (this.#hosts.get(url) === host) this.#hosts.delete(url);
        for (const end of [...host.ends]) end.close('the server is stopping');
      },
    };
  }

  #dial(from: string, host: Host, to: string, outcome: Parameters<Transport['dial']>[1]): void {
    const there = this.link(from, to);
    const back = this.link(to, from);
    const fail = (reason: string, afterMs: number) => {
      host.process.after(afterMs, () => outcome.failed(reason));
    };
    const isBlocked = () => there.cuts > 0 || back.cuts > 0;
    if (host.isClosed) {
      fail('the transport is closed', 0);
      return;
    }
    if (isBlocked() || this.#random.chance(Math.max(there.lossRate, back.lossRate))) {
      fail('connection timed out', DIAL_TIMEOUT_MS);
      return;
    }
    this.#timeline.after(this.#delay(there), () => {
      const peer = this.#hosts.get(to);
      if (peer?.accept === undefined) return fail('connection refused', this.#delay(back));
      if (isBlocked()) return fail('connection timed out', DIAL_TIMEOUT_MS);
      peer.process.after(0, () => {
        if (peer.accept === undefined || peer.isClosed) return fail('connection refused', this.#delay(back));
        const near = new End({ network: this, from, to, host, link: there });
        const far = new End({ network: this, from: to, to: from, host: peer, link: back });
        near.peer = far;
        far.peer = near;
        far.open(peer.accept);
        // What the far side says at once must not overtake the news that the connection is there.
        const openMs = this.#delay(back);
        near.openAtMs = this.#timeline.nowMs + openMs;
        this.#timeline.after(openMs, () => {
          host.process.after(0, () => {
            if (!host.isClosed && near.isOpen) {
              near.open(outcome.opened);
              return;
            }
            outcome.failed(host.isClosed ? 'the transport is closed' : 'connection reset');
            near.close('the transport is closed');
          });
        });
      });
    });
  }

  #delay(link: Link): number {
    return link.latencyMs + this.#random.between(0, link.jitterMs);
  }

  /** Puts a frame on its way. Called by an end. */
  carry(end: End, frame: Uint8Array): void {
    this.frames++;
    this.bytes += frame.length;
    this.#trace.text(end.name);
    this.#trace.bytes(frame);
    end.buffered += frame.length;
    this.inFlightBytesMax = Math.max(this.inFlightBytesMax, end.buffered);
    this.#put(end, frame);
  }

  /** On the line, behind what waits there. */
  #put(end: End, frame: Uint8Array): void {
    const { link } = end;
    const startMs = Math.max(this.#timeline.nowMs, end.lineFreeAtMs);
    end.lineFreeAtMs = startMs + frame.length / link.bytesPerMs;
    const sent = this.#timeline.after(end.lineFreeAtMs - this.#timeline.nowMs, () => {
      end.line.shift();
      end.buffered -= frame.length;
      if (link.cuts > 0 || this.#random.chance(link.lossRate) || link.tap?.(frame) === false) return;
      this.#deliver(end, frame);
      if (this.#random.chance(link.duplicateRate)) this.#deliver(end, frame);
    });
    end.line.push({ frame, sent });
  }

  #sendAnew(end: End): void {
    end.lineFreeAtMs = this.#timeline.nowMs;
    for (const { frame, sent } of end.line.splice(0)) {
      sent.cancel();
      this.#put(end, frame);
    }
  }

  #deliver(end: End, frame: Uint8Array): void {
    const { link, peer } = end;
    if (peer === undefined) return;
    const isLate = this.#random.chance(link.reorderRate);
    const lateMs = isLate ? this.#random.between(0, REORDER_MS) : 0;
    const dueMs = Math.max(this.#timeline.nowMs + this.#delay(link) + lateMs, peer.openAtMs);
    // Frames that nothing overtakes keep their order.
    const atMs = isLate ? dueMs : Math.max(dueMs, end.lastArrivalMs);
    if (!isLate) end.lastArrivalMs = atMs;
    this.#timeline.after(atMs - this.#timeline.nowMs, () => {
      if (link.cuts === 0) peer.arrive(frame);
    });
  }

  /** Tells the other end, unless the link is cut: then it must find out by itself. */
  hangUp(end: End, reason: string): void {
    const { link, peer } = end;
    if (peer === undefined) return;
    const atMs = Math.max(this.#timeline.nowMs + this.#delay(link), end.lastArrivalMs);
    this.#timeline.after(atMs - this.#timeline.nowMs, () => {
      if (link.cuts === 0) peer.reset(reason);
    });
  }
}

/** One side of a connection. */
class End implements Connection {
  readonly name: string;
  readonly to: string;
  readonly link: Link;
  peer: End | undefined;
  buffered = 0;
  /** Frames that are not sent yet, in order. */
  readonly line: { readonly frame: Uint8Array; readonly sent: SimEvent }[] = [];
  lineFreeAtMs = 0;
  lastArrivalMs = 0;
  openAtMs = 0;
  readonly #network: Network;
  readonly #host: Host;
  #events: ConnectionEvents | undefined;
  isOpen = true;

  constructor(options: {
    readonly network: Network;
    readonly from: string;
    readonly to: string;
    readonly host: Host;
    readonly link: Link;
  }) {
    this.name = `${options.from}>${options.to}`;
    this.to = options.to;
    this.link = options.link;
    this.#network = options.network;
    this.#host = options.host;
    this.#host.ends.add(this);
  }

  open(accept: Accept): void {
    this.#events = accept(this);
  }

  get bufferedBytes(): number {
    return this.buffered;
  }

  send(frame: Uint8Array): void {
    if (!this.isOpen) return;
    if (frame.length > LIMITS.frameBytesMax) this.close('a frame is too large');
    // Sender and receiver share no memory.
    else this.#network.carry(this, frame.slice());
  }

  identify(): void {}

  close(reason: string): void {
    if (!this.isOpen) return;
    this.#network.hangUp(this, `closed by peer: ${reason}`);
    this.reset(reason);
  }

  /** A frame came in from the network. */
  arrive(frame: Uint8Array): void {
    this.#host.process.after(0, () => {
      if (this.isOpen) this.#events?.frame(frame);
    });
  }

  /** The connection breaks; only this side knows. */
  reset(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#host.ends.delete(this);
    this.#host.process.after(0, () => this.#events?.closed(reason));
  }

  /** The process is gone; its kernel resets the connection. */
  die(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#host.ends.delete(this);
    this.#network.hangUp(this, 'connection reset by peer');
  }
}
