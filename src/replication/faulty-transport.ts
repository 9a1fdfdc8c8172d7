/**
 * A transport over another one that makes links bad on purpose: cut, slow or lossy, one way or both. It stands between
 * replication and the network on a server that was started for experiments, and sees no more than frames, so whatever
 * survives it survives a network that does the same.
 *
 * A cut is a black hole: the connection stays open and nothing passes, and a new one does not come about. Replication has
 * to notice by itself, as with a real network. Faults are put on a peer, and hold for its connections now and later.
 * A connection that a peer opened is its only once replication has identified it, so the first frames pass.
 */
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { LinkFault, LinkFaults } from '../engine-port.ts';
import { DelayLine } from './delay-line.ts';
import type { Accept, Connection, ConnectionEvents, Transport } from './transport.ts';

const HEALTHY: LinkFault = { cut: false, direction: 'both', delayMs: 0, dropRate: 0 };

/** A server at the other end, known by the URL that we dial, by the name that it gave, or by both. */
interface Peer {
  url: string | undefined;
  name: string | undefined;
  fault: LinkFault;
}

type DialOutcome = Parameters<Transport['dial']>[1];

export class FaultyTransport implements Transport, LinkFaults {
  readonly #inner: Transport;
  readonly #env: Env;
  readonly #peers: Peer[];
  readonly #connections = new Set<FaultyConnection>();
  readonly #hanging = new Set<{
    readonly peer: Peer;
    readonly timer: Timer;
    readonly fail: (reason: string) => void;
  }>();
  #isClosed = false;

  /** @param peers URLs of all peers, as they are dialed */
  constructor(inner: Transport, { env, peers }: { readonly env: Env; readonly peers: readonly string[] }) {
    this.#inner = inner;
    this.#env = env;
    this.#peers = peers.map((url) => ({ url, name: undefined, fault: HEALTHY }));
  }

  set(peer: string, fault: LinkFault): void {
    this.#change(this.#find(peer), fault);
  }

  heal(peer: string): void {
    this.#change(this.#find(peer), HEALTHY);
  }

  list(): readonly { readonly peer: string; readonly fault: LinkFault }[] {
    return this.#peers
      .filter(({ fault }) => fault !== HEALTHY)
      .map((peer) => ({ peer: labelOf(peer), fault: peer.fault }))
      .sort((a, b) => (a.peer < b.peer ? -1 : 1));
  }

  dial(url: string, outcome: DialOutcome): void {
    const peer = this.#peerAt(url);
    // Opening a connection needs both directions.
    if (peer.fault.cut && !this.#isClosed) this.#hang(peer, outcome);
    else this.#inner.dial(url, { ...outcome, opened: (connection) => this.#wrap(connection, peer, outcome.opened) });
  }

  listen(accept: Accept): void {
    this.#inner.listen((connection) => this.#wrap(connection, undefined, accept));
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer, fail } of this.#hanging) {
      timer.cancel();
      this.#env.scheduler.after(0, () => fail('this server is stopping'));
    }
    this.#hanging.clear();
    for (const connection of this.#connections) connection.letGo();
    this.#inner.close();
  }

  #hang(peer: Peer, { failed }: DialOutcome): void {
    const fail = (reason: string): void => {
      this.#hanging.delete(hanging);
      failed(reason);
    };
    const timer = this.#env.scheduler.after(LIMITS.dialMsMax, () => fail('it does not answer'));
    const hanging = { peer, timer, fail };
    this.#hanging.add(hanging);
  }

  #wrap(connection: Connection, peer: Peer | undefined, accept: Accept): ConnectionEvents {
    const faulty = new FaultyConnection(connection, this.#env, {
      peer,
      identified: (name) => this.#identified(faulty, name),
      gone: () => this.#connections.delete(faulty),
    });
    this.#connections.add(faulty);
    return faulty.begin(accept);
  }

  #identified(connection: FaultyConnection, name: string): void {
    const named = this.#peers.find((peer) => peer.name === name);
    const dialed = connection.peer;
    if (dialed === undefined) connection.peer = named ?? this.#add({ url: undefined, name, fault: HEALTHY });
    else if (named !== dialed) this.#merge(dialed, named, name);
  }

  /** What was known by name and what was known by URL turns out to be one server. */
  #merge(dialed: Peer, named: Peer | undefined, name: string): void {
    dialed.name = name;
    if (named === undefined) return;
    if (named.url !== undefined) {
      // The name has moved to another URL; who is at the old one must say so again.
      named.name = undefined;
      return;
    }
    this.#peers.splice(this.#peers.indexOf(named), 1);
    for (const connection of this.#connections) if (connection.peer === named) connection.peer = dialed;
    if (dialed.fault === HEALTHY) dialed.fault = named.fault;
  }

  #change(peer: Peer, fault: LinkFault): void {
    peer.fault = fault;
    for (const connection of this.#connections) if (connection.peer === peer) connection.faultChanged();
    if (fault.cut) return;
    for (const hanging of this.#hanging) {
      if (hanging.peer !== peer) continue;
      hanging.timer.cancel();
      this.#env.scheduler.after(0, () => hanging.fail('the link was cut until now'));
    }
  }

  #find(text: string): Peer {
    const peer = this.#peers.find(({ name, url }) => name === text || url === text);
    if (peer !== undefined) return peer;
    const known = this.#peers.map(labelOf).sort();
    throw new WeftError(
      'peer-not-found',
      `there is no peer ${text}; ${known.length === 0 ? 'this server has none' : `known are ${known.join(', ')}`}`,
      { peers: this.#peers.map(({ name, url }) => ({ name: name ?? null, url: url ?? null })) },
    );
  }

  #peerAt(url: string): Peer {
    return this.#peers.find((peer) => peer.url === url) ?? this.#add({ url, name: undefined, fault: HEALTHY });
  }

  #add(peer: Peer): Peer {
    this.#peers.push(peer);
    return peer;
  }
}

function labelOf({ name, url }: Peer): string {
  return name ?? url ?? '';
}

class FaultyConnection implements Connection {
  peer: Peer | undefined;
  readonly #inner: Connection;
  readonly #env: Env;
  readonly #identified: (name: string) => void;
  readonly #gone: () => void;
  readonly #in: DelayLine;
  readonly #out: DelayLine;
  #isClosing = false;

  constructor(
    inner: Connection,
    env: Env,
    options: {
      readonly peer: Peer | undefined;
      readonly identified: (name: string) => void;
      readonly gone: () => void;
    },
  ) {
    this.#inner = inner;
    this.#env = env;
    this.peer = options.peer;
    this.#identified = options.identified;
    this.#gone = options.gone;
    this.#in = new DelayLine(env);
    this.#out = new DelayLine(env);
  }

  begin(accept: Accept): ConnectionEvents {
    const events = accept(this);
    return {
      frame: (bytes) => {
        const fault = this.#faultOf('in');
        if (this.#isClosing || this.#isLost(fault)) return;
        const deliver = (): void => {
          if (!this.#isClosing) events.frame(bytes);
        };
        this.#in.put(deliver, { delayMs: fault.delayMs, bytes: bytes.byteLength });
      },
      closed: (reason) => {
        this.#out.clear();
        // Frames that came before are still on their way, unless nobody waits for them.
        if (this.#isClosing) this.#in.clear();
        const tell = (): void => {
          this.#gone();
          events.closed(reason);
        };
        this.#in.put(tell, { delayMs: this.#isClosing ? 0 : this.#faultOf('in').delayMs });
      },
    };
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes + this.#out.bytes;
  }

  send(frame: Uint8Array): void {
    const fault = this.#faultOf('out');
    if (this.#isClosing || this.#isLost(fault)) return;
    this.#out.put(() => this.#inner.send(frame), { delayMs: fault.delayMs, bytes: frame.byteLength });
  }

  identify(peer: { readonly name: string }): void {
    this.#inner.identify(peer);
    this.#identified(peer.name);
  }

  close(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#out.put(() => this.#inner.close(reason), { delayMs: this.#faultOf('out').delayMs });
  }

  /** What was held back by a delay that is gone, passes now. */
  faultChanged(): void {
    for (const [line, direction] of [
      [this.#in, 'in'],
      [this.#out, 'out'],
    ] as const) {
      if (this.#faultOf(direction).delayMs === 0) line.release();
    }
  }

  /** The transport closes: nothing is held back any longer. */
  letGo(): void {
    this.#isClosing = true;
    this.#out.clear();
    this.#in.release();
  }

  #faultOf(direction: 'in' | 'out'): LinkFault {
    const fault = this.peer?.fault ?? HEALTHY;
    return fault.direction === 'both' || fault.direction === direction ? fault : HEALTHY;
  }

  #isLost({ cut, dropRate }: LinkFault): boolean {
    return cut || (dropRate > 0 && this.#env.random.uint32() < dropRate * 2 ** 32);
  }
}
