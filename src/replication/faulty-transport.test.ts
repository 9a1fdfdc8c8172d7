import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { LinkFault } from '../engine-port.ts';
import { FaultyTransport } from './faulty-transport.ts';
import { memoryNetwork } from './memory-network.model.ts';
import { transportConformance } from './transport.conformance.ts';
import type { Connection, ConnectionEvents, Transport } from './transport.ts';

const HEALTHY: LinkFault = { cut: false, direction: 'both', delayMs: 0, dropRate: 0 };
const A = 'http://a';
const B = 'http://b';

transportConformance('with faults, none set', async () => conformant(() => undefined));
transportConformance('with faults, slow', async () =>
  conformant((a) => a.set(B, { ...HEALTHY, delayMs: 30, direction: 'both' })),
);

async function conformant(prepare: (a: FaultyTransport) => void) {
  const network = memoryNetwork();
  const a = new FaultyTransport(network.transport(A), { env: network.env, peers: [B] });
  const b = new FaultyTransport(network.transport(B), { env: network.env, peers: [A] });
  prepare(a);
  return {
    a,
    b,
    urlOfB: B,
    nowhere: 'http://nowhere',
    async until(condition: () => boolean) {
      for (let i = 0; i < 100 && !condition(); i++) network.advance(10);
      expect(condition()).toBe(true);
    },
    settle: async () => network.advance(1000),
    async close() {
      a.close();
      b.close();
      network.advance(1000);
    },
  };
}

class End implements ConnectionEvents {
  readonly connection: Connection;
  readonly got: number[] = [];
  readonly closings: string[] = [];
  constructor(connection: Connection) {
    this.connection = connection;
  }
  frame(bytes: Uint8Array): void {
    this.got.push(bytes[0] ?? -1);
  }
  closed(reason: string): void {
    this.closings.push(reason);
  }
  send(...numbers: readonly number[]): void {
    for (const number of numbers) this.connection.send(Uint8Array.of(number));
  }
}

/** Server `a` with faults, and `b` without; `a` dials, or is dialed. */
function pair(seed = 1) {
  const network = memoryNetwork(seed);
  const faults = new FaultyTransport(network.transport(A), { env: network.env, peers: [B] });
  const plain = network.transport(B);
  const accepted: { a: End[]; b: End[] } = { a: [], b: [] };
  const failures: string[] = [];
  for (const [transport, ends] of [
    [faults, accepted.a],
    [plain, accepted.b],
  ] as const) {
    transport.listen((connection) => {
      const end = new End(connection);
      ends.push(end);
      return end;
    });
  }
  function dial(transport: Transport, url: string): End | undefined {
    let dialed: End | undefined;
    transport.dial(url, {
      opened: (connection) => {
        dialed = new End(connection);
        return dialed;
      },
      failed: (reason) => failures.push(reason),
    });
    network.advance(1);
    return dialed;
  }
  return {
    ...network,
    faults,
    plain,
    failures,
    accepted,
    dial,
    /** A connection that `a` dialed: the end at `a`, then the one at `b`. */
    dialed(): readonly [End, End] {
      const end = dial(faults, B) as End;
      return [end, accepted.b.at(-1) as End];
    },
    /** A connection that `b` dialed: the end at `a`, then the one at `b`. */
    accept(): readonly [End, End] {
      const end = dial(plain, A) as End;
      return [accepted.a.at(-1) as End, end];
    },
  };
}

describe('link faults: cut', () => {
  test.each<[LinkFault['direction'], number[], number[]]>([
    ['both', [], []],
    ['out', [2], []],
    ['in', [], [1]],
  ])('cut %s -> a gets %j, b gets %j, nobody is told; healed -> both get what comes then', (direction, atA, atB) => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, cut: true, direction });
    a.send(1);
    b.send(2);
    advance(60_000);
    expect([a.got, b.got, a.closings, b.closings]).toEqual([atA, atB, [], []]);
    faults.heal(B);
    a.send(3);
    b.send(4);
    advance(1);
    expect([a.got, b.got]).toEqual([
      [...atA, 4],
      [...atB, 3],
    ]);
  });

  test.each<LinkFault['direction']>(['both', 'in', 'out'])(
    'dial over a link that is cut [%s] -> hangs, fails',
    (direction) => {
      const { faults, dial, failures, advance, accepted } = pair();
      faults.set(B, { ...HEALTHY, cut: true, direction });
      expect(dial(faults, B)).toBeUndefined();
      advance(LIMITS.dialMsMax - 10);
      expect(failures).toEqual([]);
      advance(10);
      expect(failures).toEqual(['it does not answer']);
      expect(accepted.b).toEqual([]);
    },
  );

  test('heal while a dial hangs -> it fails soon, once, and the next one opens', () => {
    const { faults, dial, failures, advance } = pair();
    faults.set(B, { ...HEALTHY, cut: true });
    dial(faults, B);
    faults.heal(B);
    expect(failures).toEqual([]);
    advance(1);
    expect(failures).toHaveLength(1);
    expect(dial(faults, B)).toBeDefined();
    advance(LIMITS.dialMsMax);
    expect(failures).toHaveLength(1);
  });

  test('close over a link that is cut -> the own end is told', () => {
    const { faults, dialed, advance } = pair();
    const [a] = dialed();
    faults.set(B, { ...HEALTHY, cut: true });
    a.connection.close('silence');
    advance(1);
    expect(a.closings).toEqual(['silence']);
  });
});

describe('link faults: delay', () => {
  test('slow out -> arrives later, in order, counted as buffered until then', () => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, delayMs: 100, direction: 'out' });
    a.send(1, 2);
    b.send(9);
    expect(a.connection.bufferedBytes).toBe(2);
    advance(99);
    expect([a.got, b.got]).toEqual([[9], []]);
    a.send(3);
    advance(2);
    expect(b.got).toEqual([1, 2]);
    advance(100);
    expect([b.got, a.connection.bufferedBytes]).toEqual([[1, 2, 3], 0]);
  });

  test('slow in, faster later -> nothing overtakes', () => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, delayMs: 100 });
    b.send(1, 2);
    advance(1);
    faults.set(B, { ...HEALTHY, delayMs: 10 });
    b.send(3);
    advance(50);
    expect(a.got).toEqual([]);
    advance(60);
    expect(a.got).toEqual([1, 2, 3]);
  });

  test('healed -> what waits passes at once, in order', () => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, delayMs: 60_000 });
    a.send(1, 2);
    advance(5);
    faults.heal(B);
    expect(b.got).toEqual([]);
    a.send(3);
    advance(1);
    expect(b.got).toEqual([1, 2, 3]);
  });

  test('closed by the peer behind slow frames -> the frames first, then the end', () => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, delayMs: 100 });
    b.send(1);
    advance(1);
    b.connection.close('done');
    advance(50);
    expect([a.got, a.closings]).toEqual([[], []]);
    advance(100);
    expect([a.got, a.closings]).toEqual([[1], ['done']]);
  });
});

describe('link faults: loss', () => {
  const survivors = (seed: number): readonly number[] => {
    const { faults, dialed, advance } = pair(seed);
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, dropRate: 0.5, direction: 'out' });
    a.send(...Array.from({ length: 200 }, (_, i) => i));
    advance(1);
    return b.got;
  };

  test('half of the frames dropped -> about half arrives, in order, the same ones for the same seed', () => {
    const got = survivors(1);
    expect(got.length).toBeGreaterThan(50);
    expect(got.length).toBeLessThan(150);
    expect(got.toSorted((x, y) => x - y)).toEqual(got);
    expect(survivors(1)).toEqual(got);
    expect(survivors(2)).not.toEqual(got);
  });

  test.each([
    [0, 100],
    [1, 0],
  ])('drop rate %i -> %i of 100 arrive', (dropRate, arrive) => {
    const { faults, dialed, advance } = pair();
    const [a, b] = dialed();
    faults.set(B, { ...HEALTHY, dropRate });
    a.send(...Array.from({ length: 100 }, (_, i) => i));
    advance(1);
    expect(b.got).toHaveLength(arrive);
  });
});

describe('link faults: whose link it is', () => {
  test('accepted connection -> the fault holds from when the peer is identified', () => {
    const { faults, accept, advance } = pair();
    const [earlier] = accept();
    earlier.connection.identify({ name: 'b' });
    faults.set('b', { ...HEALTHY, cut: true });
    const [a, b] = accept();
    b.send(1);
    advance(1);
    a.connection.identify({ name: 'b' });
    a.send(5);
    b.send(2);
    advance(1);
    expect([a.got, b.got]).toEqual([[1], []]);
  });

  test('known by name first, by URL later -> one peer, and its fault holds for both connections', () => {
    const { faults, accept, dialed, advance } = pair();
    const [a1, b1] = accept();
    a1.connection.identify({ name: 'b' });
    const lossy: LinkFault = { ...HEALTHY, dropRate: 1, direction: 'in' };
    faults.set('b', lossy);
    const [a2, b2] = dialed();
    a2.connection.identify({ name: 'b' });
    b1.send(1);
    b2.send(2);
    advance(1);
    expect([a1.got, a2.got]).toEqual([[], []]);
    expect(faults.list()).toEqual([{ peer: 'b', fault: lossy }]);
    faults.heal(B);
    b1.send(3);
    b2.send(4);
    advance(1);
    expect([a1.got, a2.got, faults.list()]).toEqual([[3], [4], []]);
  });

  test('name that moves to another URL -> only the new one is meant by it', () => {
    const network = memoryNetwork();
    const [OLD, NEW] = ['http://old', 'http://new'];
    const faults = new FaultyTransport(network.transport(A), { env: network.env, peers: [OLD, NEW] });
    for (const url of [OLD, NEW]) {
      network.transport(url).listen((connection) => new End(connection));
      faults.dial(url, {
        opened: (connection) => {
          network.env.scheduler.after(1, () => connection.identify({ name: 'b' }));
          return new End(connection);
        },
        failed: (reason) => expect.unreachable(reason),
      });
      network.advance(5);
    }
    faults.set('b', { ...HEALTHY, cut: true });
    faults.set(OLD, { ...HEALTHY, delayMs: 5 });
    expect(faults.list().map(({ peer, fault }) => [peer, fault.cut])).toEqual([
      ['b', true],
      [OLD, false],
    ]);
  });

  test('nobody of this name -> peer-not-found, with those that there are', () => {
    const { faults, dialed } = pair();
    dialed()[0].connection.identify({ name: 'b' });
    for (const change of [() => faults.set('c', HEALTHY), () => faults.heal('c')]) {
      try {
        change();
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(WeftError);
        expect(error).toMatchObject({ code: 'peer-not-found', context: { peers: [{ name: 'b', url: B }] } });
        expect((error as Error).message).toContain('known are b');
      }
    }
  });
});
