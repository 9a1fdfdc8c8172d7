/** The coordinator of one graph with itself as the only voter: what it decides, and which reads it confirms. */
import { describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { covers, joined, type VersionVector } from '../commits/version-vector.ts';
import { memoryNetwork } from '../replication/memory-network.model.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from './acceptor.ts';
import { Coordination } from './coordination.ts';
import type { Prepare, Reply, Request } from './message.ts';

const OWN = 1 as ReplicaId;
const OTHER = 2 as ReplicaId;
const vector = (own: number, other: number): VersionVector =>
  new Map([
    [OWN, own],
    [OTHER, other],
  ]);

/** A server whose every write is one commit more of its own. */
function setup(bugs?: ReadonlySet<PlantedBug>) {
  const { env } = memoryNetwork();
  let here = vector(0, 0);
  let state = NOTHING_ACCEPTED;
  let clock = 0;
  const coordination: Coordination = new Coordination({
    env,
    settings: { graph: 'g', replica: OWN },
    voters: () => ({ configuration: 1, voters: new Set(['a']) }),
    bugs,
    guard: (work) => void work.catch((error: unknown) => expect.fail(String(error))),
    broadcast: (message) => {
      const step = stepAcceptor(state, message, (wanted) => covers(here, wanted));
      state = step?.state ?? state;
      const { reply } = step ?? {};
      if (reply === undefined) return;
      const { graph, ballot } = message;
      const vote = { memory: 'm', known: new Map(), vector: here, clock: 77, graph, ballot };
      const { round } = message as Prepare;
      void Promise.resolve().then(() => {
        if (reply.kind === 'refused') coordination.hear('a', reply);
        else coordination.hear('a', reply.kind === 'promised' ? { ...reply, ...vote, round } : { ...reply, ...vote });
      });
    },
    host: {
      get vector() {
        return here;
      },
      whenCovered: async (wanted) => covers(here, wanted),
      seeClock: (reading) => {
        clock = Math.max(clock, reading);
      },
      durable: async () => undefined,
      decide: async (_graph, writes) => ({
        // What is decided is stamped beyond the clock.
        decisions: writes.map(() => ({ kind: 'written' as const, results: `${clock + 1}`, replayed: false })),
        patches: writes.map(() => ({ graphKey: 'g', partition: '0' as never, text: 'a patch' })),
      }),
      commit: async () => {
        here = vector((here.get(OWN) ?? 0) + 1, here.get(OTHER) ?? 0);
        return [OWN, here.get(OWN) ?? 0];
      },
    },
  });
  const ask = async <K extends Reply['kind']>(request: Request, kind: K): Promise<Extract<Reply, { kind: K }>> => {
    const reply = await coordination.submit(request, 1_000);
    expect(reply.kind).toBe(kind);
    return reply as Extract<Reply, { kind: K }>;
  };
  return {
    write: () => ask({ kind: 'write', operations: '[]' }, 'written'),
    position: () => ask({ kind: 'position' }, 'position'),
    /** Whether a read that began at the position and saw this holds. */
    holds: async ({ era, changes }: Extract<Reply, { kind: 'position' }>, seen: VersionVector) =>
      (await ask({ kind: 'confirm', era, changes, seen }, 'confirmed')).holds,
    /** Commits of another server arrive, of any level. */
    receive: (other: number) => {
      here = joined(here, [[OTHER, other]]);
    },
  };
}

describe('a strong read beside a strong write (STR-8)', () => {
  test('nothing was written since it began -> it holds, whatever else it saw', async () => {
    const server = setup();
    await server.write();
    const position = await server.position();
    server.receive(3);
    expect(await server.holds(position, vector(1, 3))).toBe(true);
  });

  test('it did not see the write, which was decided with all that it saw -> it comes before the write', async () => {
    const server = setup();
    await server.write();
    server.receive(3);
    const position = await server.position();
    await server.write();
    expect(await server.holds(position, vector(1, 3))).toBe(true);
  });

  test('it did not see the write, which was decided without something that it saw -> it has no place, and runs again', async () => {
    const server = setup();
    await server.write();
    const position = await server.position();
    await server.write();
    server.receive(3);
    expect(await server.holds(position, vector(1, 3))).toBe(false);
    expect(await server.holds(position, vector(2, 3))).toBe(true);
  });

  test('another era began -> it runs again', async () => {
    const server = setup();
    const { era, ...position } = await server.position();
    expect(await server.holds({ ...position, era: era - 1 }, vector(0, 0))).toBe(false);
  });
});

test('a strong write: a voter promises with a clock that is ahead -> it is stamped beyond it', async () => {
  expect((await setup().write()).results).toBe('78');
  // Planted, so that this test is seen to see it.
  expect((await setup(new Set(['clock-not-from-promises'])).write()).results).toBe('1');
});
