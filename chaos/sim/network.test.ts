import { describe, expect, test } from 'vitest';
import { transportConformance } from '../../src/replication/transport.conformance.ts';
import type { Connection, ConnectionEvents } from '../../src/replication/transport.ts';
import { Network } from './network.ts';
import { MachineClock, SimProcess } from './process.ts';
import { SimRandom } from './random.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

const [A, B] = ['ws://a', 'ws://b'];

function world(seed = 1) {
  const random = new SimRandom(seed);
  const trace = new Trace();
  const timeline = new Timeline(trace, (error) => {
    throw error;
  });
  const network = new Network({ timeline, random, trace, base: { latencyMs: 5, jitterMs: 3 } });
  const processOf = (name: string) =>
    new SimProcess({ timeline, name, clock: new MachineClock(timeline, 0, 0), random, onLog: () => undefined });
  const [a, b] = [processOf('a'), processOf('b')];
  const [here, there] = [network.transport(A, a), network.transport(B, b)];
  const run = (ms: number) => timeline.run({ untilMs: timeline.nowMs + ms, isDone: () => false });
  return { timeline, network, trace, a, b, here, there, run };
}

transportConformance('simulated', async () => {
  const { here, there, timeline, run } = world();
  return {
    a: here,
    b: there,
    urlOfB: B,
    nowhere: 'ws://nowhere',
    async until(condition) {
      await timeline.run({ untilMs: timeline.nowMs + 60_000, isDone: condition });
      expect(condition()).toBe(true);
    },
    settle: () => run(10_000),
    close: async () => {
      here.close();
      there.close();
      await run(10_000);
    },
  };
});

interface Side extends ConnectionEvents {
  readonly connection: Connection;
  readonly frames: number[];
  readonly closings: string[];
}

function side(connection: Connection): Side {
  const frames: number[] = [];
  const closings: string[] = [];
  return {
    connection,
    frames,
    closings,
    frame: (bytes) => void frames.push(bytes[0] as number),
    closed: (reason) => void closings.push(reason),
  };
}

async function connected(seed?: number) {
  const net = world(seed);
  const [dialed, accepted]: [Side[], Side[]] = [[], []];
  const keep = (sides: Side[]) => (connection: Connection) => {
    const end = side(connection);
    sides.push(end);
    return end;
  };
  net.here.listen(side);
  net.there.listen(keep(accepted));
  net.here.dial(B, { opened: keep(dialed), failed: (reason) => expect.unreachable(reason) });
  await net.run(100);
  const [[near], [far]] = [dialed, accepted];
  if (near === undefined || far === undefined) throw new Error('no connection');
  return { ...net, near, far };
}

const send = ({ connection }: Side, count: number) => {
  for (let i = 0; i < count; i++) connection.send(Uint8Array.of(i));
};
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('simulated network', () => {
  test('frames: link is cut one way -> only the other way arrives, and nothing comes later', async () => {
    const { network, near, far, run } = await connected();
    network.link(A, B).cuts++;
    send(near, 3);
    send(far, 3);
    await run(1000);
    network.link(A, B).cuts--;
    await run(1000);
    expect(far.frames).toEqual([]);
    expect(near.frames).toEqual([0, 1, 2]);
  });

  test('frames: link loses, repeats and reorders -> each of it happens; healed -> none', async () => {
    const { network, near, far, run } = await connected();
    const link = network.link(A, B);
    Object.assign(link, { lossRate: 0.2, duplicateRate: 0.2, reorderRate: 0.2 });
    send(near, 200);
    await run(1000);
    const arrived = far.frames.splice(0);
    expect(new Set(arrived).size).toBeLessThan(200);
    expect(new Set(arrived).size).toBeLessThan(arrived.length);
    expect(arrived).not.toEqual(arrived.toSorted((x, y) => x - y));
    network.heal();
    send(near, 200);
    await run(1000);
    expect(far.frames).toEqual(upTo(200));
  });

  test('frames: link is tapped -> what the tap refuses is lost, the other way and after the heal nothing is', async () => {
    const { network, near, far, run } = await connected();
    network.link(A, B).tap = ([first = 0]) => first % 2 === 0;
    send(near, 4);
    send(far, 4);
    await run(1000);
    expect(far.frames.splice(0)).toEqual([0, 2]);
    expect(near.frames).toEqual(upTo(4));
    network.heal();
    send(near, 4);
    await run(1000);
    expect(far.frames).toEqual(upTo(4));
  });

  test('frames: receiver is paused -> arrive in order once it goes on', async () => {
    const { b, near, far, run } = await connected();
    b.pause();
    send(near, 5);
    await run(1000);
    expect(far.frames).toEqual([]);
    b.resume();
    await run(1);
    expect(far.frames).toEqual(upTo(5));
  });

  test('process dies: link works -> the peer is told; link is cut -> it is not', async () => {
    for (const cuts of [0, 1]) {
      const { network, b, near, far, run } = await connected();
      network.link(B, A).cuts = cuts;
      b.kill();
      await run(1000);
      expect(near.closings).toHaveLength(1 - cuts);
      expect(far.closings).toEqual([]);
    }
  });

  test('dial: connection is reset before it is open -> fails once, and the listener is told', async () => {
    const { network, here, there, run } = world();
    const outcomes: string[] = [];
    const accepted: Side[] = [];
    here.listen(side);
    there.listen((connection) => {
      accepted.push(side(connection));
      return accepted[0] as Side;
    });
    here.dial(B, { opened: () => expect.unreachable(), failed: (reason) => outcomes.push(reason) });
    // Long enough that the listener has it, too short for the news to come back.
    await run(9);
    expect(accepted).toHaveLength(1);
    network.reset(A, B);
    network.reset(B, A);
    await run(1000);
    expect(outcomes).toEqual(['connection reset']);
    expect(accepted[0]?.closings).toHaveLength(1);
  });

  test('dial: link is cut -> fails once, after the time-out', async () => {
    const { network, here, there, run } = world();
    const failures: string[] = [];
    here.listen(side);
    there.listen(side);
    network.link(B, A).cuts++;
    here.dial(B, { opened: () => expect.unreachable(), failed: (reason) => failures.push(reason) });
    await run(1000);
    expect(failures).toEqual([]);
    await run(10_000);
    expect(failures).toEqual(['connection timed out']);
  });

  test('narrow link -> what was not sent yet is counted, and goes down', async () => {
    const { network, near, run } = await connected();
    network.link(A, B).bytesPerMs = 1;
    send(near, 100);
    expect(near.connection.bufferedBytes).toBe(100);
    await run(50);
    expect(near.connection.bufferedBytes).toBeGreaterThan(40);
    expect(near.connection.bufferedBytes).toBeLessThan(60);
  });

  test('narrow link that is wide again -> what waits is sent at once, in order', async () => {
    const { network, near, far, run } = await connected();
    network.setWidth(A, B, 0.001);
    send(near, 100);
    await run(1_000);
    expect(far.frames.length).toBe(0);
    network.setWidth(A, B, 1e6);
    await run(1_000);
    expect(far.frames).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(near.connection.bufferedBytes).toBe(0);
  });

  test('trace: same seed -> same hash; another seed -> another one', async () => {
    const hashes: string[] = [];
    for (const seed of [1, 1, 2]) {
      const { network, near, run, trace } = await connected(seed);
      network.link(A, B).reorderRate = 0.5;
      send(near, 20);
      await run(1000);
      hashes.push(trace.digest());
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });
});
