/** The suite that every implementation of the transport port passes: sockets, simulated networks, decorators. */
import { afterEach, describe, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import type { Accept, Connection, ConnectionEvents, Transport } from './transport.ts';

export interface TransportHarness {
  /** Two transports that reach each other at these URLs; the suite calls `listen` on both. */
  readonly a: Transport;
  readonly b: Transport;
  readonly urlOfB: string;
  /** Where nobody listens. */
  readonly nowhere: string;
  /** Lets the network work until the condition holds, and fails if it does not within a bounded time. */
  until(condition: () => boolean): Promise<void>;
  /** Lets the network do whatever is ready. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** One end of a connection, and what it was told. */
class End implements ConnectionEvents {
  readonly connection: Connection;
  readonly frames: Uint8Array[] = [];
  readonly closings: string[] = [];
  onFrame: (bytes: Uint8Array) => void = () => undefined;
  readonly #calls: Calls;

  constructor(connection: Connection, calls: Calls) {
    this.connection = connection;
    this.#calls = calls;
  }

  frame(bytes: Uint8Array): void {
    this.#calls.during(() => {
      expect(this.closings, 'no frame comes after the end').toEqual([]);
      this.frames.push(bytes);
      this.onFrame(bytes);
    });
  }

  closed(reason: string): void {
    this.#calls.during(() => this.closings.push(reason));
  }
}

/** Sees whether a call comes while another one, or a call of ours to the transport, is running. */
class Calls {
  overlaps = 0;
  #running = false;

  during(task: () => void): void {
    if (this.#running) this.overlaps++;
    const before = this.#running;
    this.#running = true;
    try {
      task();
    } finally {
      this.#running = before;
    }
  }
}

export function transportConformance(name: string, open: () => Promise<TransportHarness>): void {
  describe(`transport conformance: ${name}`, () => {
    let harness: TransportHarness;
    let calls: Calls;
    let accepted: End[];

    afterEach(async () => {
      await harness.close();
      expect(calls.overlaps, 'calls that came from within another one').toBe(0);
    });

    async function begin(): Promise<void> {
      harness = await open();
      calls = new Calls();
      accepted = [];
      harness.a.listen((connection) => new End(connection, calls));
      harness.b.listen((connection) => {
        const end = new End(connection, calls);
        accepted.push(end);
        return end;
      });
    }

    /** Both ends of a new connection, the dialing one first. */
    async function connected(): Promise<readonly [End, End]> {
      await begin();
      return connect();
    }

    async function connect(): Promise<readonly [End, End]> {
      const before = accepted.length;
      const dialed: End[] = [];
      const opened: Accept = (connection) => {
        const end = new End(connection, calls);
        dialed.push(end);
        return end;
      };
      harness.a.dial(harness.urlOfB, { opened, failed: (reason) => expect.unreachable(reason) });
      expect(dialed, 'the outcome of a dial comes later').toEqual([]);
      await harness.until(() => dialed.length === 1 && accepted.length === before + 1);
      return [dialed[0] as End, accepted[before] as End];
    }

    const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);

    test('frames of many sizes, both ways at once -> each arrives whole, in order', async () => {
      const [a, b] = await connected();
      const sizes = [1, 2, 125, 126, 127, 65_535, 65_536, 300_000, 7];
      calls.during(() => {
        for (const [i, size] of sizes.entries()) {
          a.connection.send(bytes(size, i));
          b.connection.send(bytes(size, i + 100));
        }
      });
      await harness.until(() => a.frames.length === sizes.length && b.frames.length === sizes.length);
      for (const [i, size] of sizes.entries()) {
        expect(Buffer.compare(b.frames[i] as Uint8Array, bytes(size, i)), `frame ${i}`).toBe(0);
        expect(Buffer.compare(a.frames[i] as Uint8Array, bytes(size, i + 100)), `frame ${i}`).toBe(0);
      }
    });

    test('one frame sent over two connections -> both get it as it was', async () => {
      const [a1, b1] = await connected();
      const [a2, b2] = await connect();
      const frame = bytes(1000, 3);
      a1.connection.send(frame);
      a2.connection.send(frame);
      await harness.until(() => b1.frames.length === 1 && b2.frames.length === 1);
      expect(frame).toEqual(bytes(1000, 3));
      expect(Buffer.compare(b2.frames[0] as Uint8Array, frame)).toBe(0);
    });

    test('frame of the greatest size -> arrives; one byte more -> both ends are told once that it is over', async () => {
      const [a, b] = await connected();
      a.connection.send(new Uint8Array(LIMITS.frameBytesMax));
      await harness.until(() => b.frames.length === 1);
      a.connection.send(new Uint8Array(LIMITS.frameBytesMax + 1));
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      await harness.settle();
      expect([a.closings.length, b.closings.length, b.frames.length]).toEqual([1, 1, 1]);
    });

    test('close -> both ends are told once, with the reason; what was sent before arrives', async () => {
      const [a, b] = await connected();
      calls.during(() => {
        a.connection.send(bytes(10, 1));
        a.connection.close('enough for today');
        a.connection.close('again');
        a.connection.send(bytes(10, 2));
      });
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      await harness.settle();
      expect(a.closings).toEqual(['enough for today']);
      expect(b.closings).toHaveLength(1);
      expect(b.closings[0]).toContain('enough for today');
      expect(b.frames.length).toBeLessThanOrEqual(1);
    });

    test('both ends close at once -> each is told once', async () => {
      const [a, b] = await connected();
      a.connection.close('from a');
      b.connection.close('from b');
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      await harness.settle();
      expect([a.closings.length, b.closings.length]).toEqual([1, 1]);
    });

    test('close in the middle of a frame -> told later, and no frame after', async () => {
      const [a, b] = await connected();
      b.onFrame = () => b.connection.close('no more');
      for (let i = 0; i < 5; i++) a.connection.send(bytes(10, i));
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      await harness.settle();
      expect(b.frames).toHaveLength(1);
    });

    test('reason longer than a network carries -> still closes', async () => {
      const [a, b] = await connected();
      a.connection.close('ü'.repeat(500));
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      expect(b.closings[0]).toContain('üüü');
    });

    test('dial where nobody listens -> fails once', async () => {
      await begin();
      const failures: string[] = [];
      const opened: Accept = () => expect.unreachable('nobody listens there');
      harness.a.dial(harness.nowhere, { opened, failed: (reason) => failures.push(reason) });
      expect(failures, 'the outcome of a dial comes later').toEqual([]);
      await harness.until(() => failures.length > 0);
      await harness.settle();
      expect(failures).toEqual([expect.stringMatching(/\w/)]);
    });

    test('transport closes -> its connections are told, dials on their way and later ones fail once', async () => {
      const [a, b] = await connected();
      const outcomes: string[] = [];
      const outcome = {
        opened: (connection: Connection) => {
          outcomes.push('opened');
          return new End(connection, calls);
        },
        failed: () => void outcomes.push('failed'),
      };
      harness.a.dial(harness.nowhere, outcome);
      calls.during(() => {
        harness.a.close();
        harness.a.close();
        harness.a.dial(harness.urlOfB, outcome);
      });
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0 && outcomes.length === 2);
      await harness.settle();
      expect([a.closings.length, b.closings.length]).toEqual([1, 1]);
      expect(outcomes).toEqual(['failed', 'failed']);
    });

    test('listener closes -> its connections are told, and dials to it fail', async () => {
      const [a, b] = await connected();
      harness.b.close();
      const failures: string[] = [];
      await harness.until(() => a.closings.length > 0 && b.closings.length > 0);
      harness.a.dial(harness.urlOfB, {
        opened: () => expect.unreachable('it is closed'),
        failed: (reason) => failures.push(reason),
      });
      await harness.until(() => failures.length > 0);
    });
  });
}
