/**
 * The plainest network there is, for tests: transports in one process, frames that arrive in order one turn later (or as late
 * as a slow line makes them), and time that moves only when a test says so.
 */
import type { Env } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';
import { testEnv } from '../test-env.model.ts';
import type { Accept, Connection, ConnectionEvents, Transport } from './transport.ts';

export interface MemoryNetwork {
  readonly env: Env;
  /** A transport that others reach at `url`. */
  transport(url: string): Transport;
  /** Moves time forward; whatever falls due happens, in the order in which it does. */
  advance(ms: number): void;
  /** What each direction of a connection takes; a frame arrives when its last byte has left. */
  bytesPerSecond: number;
}

export function memoryNetwork(seed = 1): MemoryNetwork {
  const base = testEnv(seed);
  const due: { readonly atMs: number; readonly task: () => void }[] = [];
  const env: Env = {
    ...base,
    scheduler: {
      ...base.scheduler,
      after(delayMs, task) {
        const timer = { atMs: base.clock.monotonicMs() + delayMs, task };
        due.push(timer);
        return { cancel: () => void (due.includes(timer) && due.splice(due.indexOf(timer), 1)) };
      },
    },
  };
  const listeners = new Map<string, Accept>();

  function advance(ms: number): void {
    const untilMs = base.clock.monotonicMs() + ms;
    for (;;) {
      const [first, ...rest] = due.filter(({ atMs }) => atMs <= untilMs);
      if (first === undefined) break;
      const next = rest.reduce((earliest, timer) => (timer.atMs < earliest.atMs ? timer : earliest), first);
      due.splice(due.indexOf(next), 1);
      base.advance(Math.max(0, next.atMs - base.clock.monotonicMs()));
      next.task();
    }
    base.advance(untilMs - base.clock.monotonicMs());
  }

  const later: Later = (task, delayMs = 0): void => void env.scheduler.after(delayMs, task);
  const line: Line = {
    nowMs: () => base.clock.monotonicMs(),
    msOf: (bytes: number) => (bytes * 1000) / network.bytesPerSecond,
  };

  function transport(url: string): Transport {
    const open = new Set<Wire>();
    let isClosed = false;
    return {
      dial(to, { opened, failed }) {
        later(() => {
          const accept = listeners.get(to);
          if (isClosed || accept === undefined) {
            failed(isClosed ? 'this transport is closed' : `nobody listens at ${to}`);
            return;
          }
          const wire = new Wire(later, line);
          open.add(wire);
          wire.connect(opened, accept);
        });
      },
      listen(accept) {
        listeners.set(url, (connection) => {
          open.add((connection as End).wire);
          return accept(connection);
        });
      },
      close() {
        isClosed = true;
        listeners.delete(url);
        for (const wire of open) wire.end('the transport closed');
        open.clear();
      },
    };
  }
  const network: MemoryNetwork = { env, transport, advance, bytesPerSecond: Infinity };
  return network;
}

type Later = (task: () => void, delayMs?: number) => void;

interface Line {
  nowMs(): number;
  /** How long it takes for so many bytes to leave. */
  msOf(bytes: number): number;
}

/** Both directions of one connection. */
class Wire {
  isEnded = false;
  readonly later: Later;
  readonly line: Line;
  #ends: readonly End[] = [];

  constructor(later: Later, line: Line) {
    this.later = later;
    this.line = line;
  }

  connect(dialer: Accept, listener: Accept): void {
    const [here, there] = [new End(this), new End(this)];
    here.peer = there;
    there.peer = here;
    this.#ends = [here, there];
    there.events = listener(there);
    here.events = dialer(here);
  }

  end(reason: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const end of this.#ends) this.later(() => end.events?.closed(reason));
  }
}

class End implements Connection {
  readonly wire: Wire;
  bufferedBytes = 0;
  #freeMs = 0;
  peer: End | undefined;
  #isClosed = false;
  events: ConnectionEvents | undefined;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  send(frame: Uint8Array): void {
    if (this.wire.isEnded) return;
    const { line, later } = this.wire;
    const { byteLength } = frame;
    const nowMs = line.nowMs();
    const takesMs = line.msOf(byteLength);
    this.#freeMs = Math.max(nowMs, this.#freeMs) + takesMs;
    if (takesMs > 0) this.bufferedBytes += byteLength;
    // What was sent before the connection was closed still arrives, as over a socket that is closed in peace.
    later(() => {
      if (takesMs > 0) this.bufferedBytes -= byteLength;
      if (frame.byteLength > LIMITS.frameBytesMax) this.wire.end('a frame is too large');
      else this.peer?.hear(frame);
    }, this.#freeMs - nowMs);
  }

  hear(frame: Uint8Array): void {
    if (!this.#isClosed) this.events?.frame(frame);
  }

  identify(): void {}

  close(reason: string): void {
    this.#isClosed = true;
    this.wire.end(reason);
  }
}
