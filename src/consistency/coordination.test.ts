/** The coordinator of one graph with itself as the only voter: what it decides, and which reads it confirms. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { encodeSchemaChange, isSchemaChange } from '../constraints/schema-change.ts';
import { turns, watched } from '../engine-on-disk.model.ts';
import { OTHER, PATIENCE_MS, pass, setup, vector } from './coordination.model.ts';
import { refusalOf } from './failures.ts';

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

  test('the write came in while it waited for its disk -> it may not have seen it, and runs again', async () => {
    const server = setup();
    await server.write();
    const position = await server.position();
    await server.write();
    server.receive(3);
    expect(await server.holds(position, vector(2, 3), vector(1, 0))).toBe(false);
  });

  /** Another coordinator, which led as often as the one that tells its position. */
  async function askedElsewhere(bugs?: ReadonlySet<PlantedBug>) {
    const [one, other] = [setup(bugs), setup(bugs, OTHER)];
    await one.write();
    await other.write();
    const position = await one.position();
    return { other, position };
  }

  test('two coordinators that led equally often -> a place of one holds at the other for nothing', async () => {
    const holds = async (bugs?: ReadonlySet<PlantedBug>) => {
      const { other, position } = await askedElsewhere(bugs);
      return other.holds(position, vector(1, 0));
    };
    expect(await holds()).toBe(false);
    expect(await holds(new Set(['place-of-another']))).toBe(true);
  });

  test('the same, of a write that rests on what was read -> it is out of date', async () => {
    const decided = async (bugs?: ReadonlySet<PlantedBug>) => {
      const { other, position } = await askedElsewhere(bugs);
      return (await other.submit(PATIENCE_MS, { place: position.place, seen: vector(1, 0) })).kind;
    };
    expect(await decided()).toBe('stale');
    expect(await decided(new Set(['place-of-another']))).toBe('written');
  });

  test('another era began -> it runs again', async () => {
    const server = setup();
    const { place, ...position } = await server.position();
    expect(await server.holds({ ...position, place: { ...place, era: place.era - 1 } }, vector(0, 0))).toBe(false);
  });
});

test('a strong write: a voter promises with a clock that is ahead -> it is stamped beyond it', async () => {
  expect((await setup().write()).results).toBe('78');
  // Planted, so that this test is seen to see it.
  expect((await setup(new Set(['clock-not-from-promises'])).write()).results).toBe('1');
});

describe('rounds', () => {
  test('many writes wait at once -> one proposal has them all', async () => {
    const server = setup();
    await server.write();
    const before = server.sent('accept');
    await Promise.all(Array.from({ length: 50 }, () => server.write()));
    expect(server.sent('accept') - before).toBe(1);
    expect(server.patches()).toBe(51);
  });

  test('more wait than fit into a batch -> in order, as many at once as fit', async () => {
    const server = setup();
    await server.write();
    const replies = Array.from({ length: LIMITS.strongBatchMax + 5 }, () => server.write());
    await Promise.all(replies);
    expect(server.batches).toEqual([1, LIMITS.strongBatchMax, 5]);
    const long = { kind: 'write', operations: 'x'.repeat(LIMITS.groupCharsMax / 2) } as const;
    await Promise.all([long, long, long].map((request) => server.asks(request)));
    expect(server.batches.slice(3)).toEqual([2, 1]);
  });

  test('a change of the schema among writes -> it is decided by itself, in its turn', async () => {
    const server = setup();
    await server.write();
    const change = encodeSchemaChange({ op: 'drop', name: 'x' });
    expect(isSchemaChange(change)).toBe(true);
    const other = { kind: 'write', operations: '[]' } as const;
    const all = [other, other, { ...other, operations: change }, { ...other, operations: change }, other];
    await Promise.all(all.map((request) => server.asks(request)));
    expect(server.batches.slice(1)).toEqual([2, 1, 1, 1]);
  });

  test('as many wait as may -> the next one is told to come again; each that waits gets an answer', async () => {
    const server = setup();
    server.voter('is silent');
    const replies = Array.from({ length: LIMITS.strongQueueMax }, () => server.submit(PATIENCE_MS));
    server.receive(4);
    expect(await server.submit(PATIENCE_MS)).toEqual({
      kind: 'failed',
      error: refusalOf(new WeftError('too-many-requests', 'too many strong requests wait', { retryAfterSeconds: 1 })),
      vector: vector(0, 4),
    });
    server.close();
    for (const reply of await Promise.all(replies)) expect(reply).toMatchObject({ kind: 'failed' });
  });

  test('a full crowd that waits for what it saw -> too-many-requests for one more, until they wait no longer', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    const say = server.await();
    const basis = { place, seen: vector(1, 1) };
    const replies = Array.from({ length: LIMITS.strongQueueMax }, () => server.submit(PATIENCE_MS, basis));
    expect(await server.submit(PATIENCE_MS)).toMatchObject({ error: expect.stringContaining('too-many-requests') });
    say(false);
    await pass(server, PATIENCE_MS);
    await Promise.all(replies);
    await server.write();
  });

  test('a leader is asked for a place or a write that it refuses -> no proposal, and no voter is asked for the place', async () => {
    const server = setup();
    await server.write();
    const [proposals, questions] = [server.sent('accept'), server.sent('prepare')];
    await server.position();
    expect([server.sent('accept'), server.sent('prepare')]).toEqual([proposals, questions]);
    server.refuse();
    expect(await server.submit(PATIENCE_MS)).toMatchObject({ kind: 'failed', error: 'a refusal' });
    // Whether it still leads: what it refused must not be older than what another one decided.
    expect([server.sent('accept'), server.sent('prepare')]).toEqual([proposals, questions + 1]);
    expect(server.counts()).toEqual([1, 1]);
    await server.position();
    expect(server.counts()).toEqual([1, 1]);
  });

  test('what a write rests on is not here yet -> it waits for it; it does not come -> refused as not done', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    for (const comes of [true, false]) {
      const say = server.await();
      const reply = server.submit(PATIENCE_MS, { place, seen: vector(1, 0) });
      await pass(server, 50);
      const before = server.decided();
      say(comes);
      await pass(server, PATIENCE_MS);
      expect(server.decided() - before).toBe(comes ? 1 : 0);
      expect(await reply).toMatchObject(
        comes ? { kind: 'written' } : { kind: 'failed', error: expect.stringContaining('quorum-unavailable') },
      );
    }
  });

  test('closed -> what waits is told whether it may have happened', async () => {
    const server = setup();
    await server.write();
    server.voter('is silent');
    const proposed = server.submit(PATIENCE_MS);
    await pass(server, 20);
    const waiting = server.submit(PATIENCE_MS);
    const expired = server.submit(30);
    await pass(server, 30);
    server.close();
    expect(await waiting).toMatchObject({ error: expect.stringContaining('quorum-unavailable') });
    expect(await expired).toMatchObject({ error: expect.stringContaining('quorum-unavailable') });
    await pass(server, PATIENCE_MS);
    expect(await proposed).toMatchObject({ error: expect.stringContaining('quorum-indeterminate') });
  });

  test.each([
    ['its disk works', 'quorum-unavailable'],
    ['voters are asked', 'quorum-indeterminate'],
  ])('closed while %s for a write that is being decided -> told at once that it is %s', async (doing, code) => {
    const server = setup();
    await server.write();
    const release = doing === 'its disk works' ? server.stall() : server.voter('is silent');
    const replies = [server.submit(PATIENCE_MS), server.submit(PATIENCE_MS)];
    await pass(server, 10);
    const proposals = server.sent('accept');
    server.close();
    const state = watched(Promise.all(replies));
    await turns(1);
    expect(state.settled).toBe(true);
    for (const reply of replies) expect(await reply).toMatchObject({ error: expect.stringContaining(code) });
    release?.();
    await pass(server, PATIENCE_MS);
    expect(server.sent('accept')).toBe(proposals);
  });

  test('closed while a write waits for what it saw, which nobody waits for any more -> told at once that it did not happen', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    const say = server.await();
    const reply = server.submit(PATIENCE_MS, { place, seen: vector(1, 1) });
    server.close();
    say(false);
    const state = watched(reply);
    await turns(1);
    expect(state.settled).toBe(true);
    expect(await reply).toMatchObject({ error: expect.stringContaining('quorum-unavailable') });
  });

  test('nobody votes -> asked again and again until the time of the write is over, refused as not done, and then nothing is sent', async () => {
    const server = setup();
    server.voter('is silent');
    const reply = server.submit(PATIENCE_MS);
    await pass(server, PATIENCE_MS);
    expect(await reply).toMatchObject({ kind: 'failed', error: expect.stringContaining('quorum-unavailable') });
    expect(server.sent('prepare')).toBeGreaterThan(2);
    await pass(server, 60 * PATIENCE_MS);
    const before = server.sent('prepare');
    await pass(server, 10 * PATIENCE_MS);
    expect(server.sent('prepare')).toBe(before);
  });

  test('closed while it asks -> the write gets an answer, and nothing is sent any more', async () => {
    const server = setup();
    server.voter('is silent');
    const reply = server.submit(PATIENCE_MS);
    await pass(server, 10);
    server.close();
    expect(await reply).toMatchObject({ kind: 'failed' });
    const before = server.sent('prepare');
    await pass(server, PATIENCE_MS);
    expect(server.sent('prepare')).toBe(before);
    expect(await server.submit(PATIENCE_MS)).toMatchObject({ error: expect.stringContaining('is stopping') });
  });

  test('a write comes while another is being decided -> it waits for the next round', async () => {
    const server = setup();
    await server.write();
    const release = server.stall();
    const first = server.write();
    await pass(server, 10);
    const second = server.write();
    await pass(server, 10);
    expect(server.decided()).toBe(2);
    release();
    await Promise.all([first, second]);
    expect([server.decided(), server.patches()]).toEqual([3, 3]);
  });

  test('a write and a read share a round -> both get an answer', async () => {
    const server = setup();
    await server.write();
    const position = await server.position();
    const [, holds] = await Promise.all([server.write(), server.holds(position, vector(1, 0))]);
    expect(holds).toBe(true);
  });

  test('who votes has changed since it began to lead -> it asks those who vote now before it decides anything', async () => {
    const server = setup();
    await server.write();
    await server.write();
    expect([server.sent('prepare'), server.asked()]).toEqual([1, 1]);
    server.reconfigure();
    await server.write();
    expect([server.sent('prepare'), server.asked()]).toEqual([2, 2]);
  });

  test('another coordinator is always ahead -> it tries a few times a second, no more, and leads when the other is gone', async () => {
    const server = setup();
    server.voter('refuses');
    const reply = server.submit(30 * PATIENCE_MS);
    await pass(server, 10 * PATIENCE_MS);
    expect(server.sent('prepare')).toBeGreaterThan(10);
    expect(server.sent('prepare')).toBeLessThan(200);
    server.voter('votes');
    await pass(server, PATIENCE_MS);
    expect((await reply).kind).toBe('written');
  });
});

describe('another coordinator comes between a round and its proposal', () => {
  async function overtaken(server: ReturnType<typeof setup>, by: 'promise' | 'proposal') {
    await server.write();
    const position = await server.position();
    server.overtake(by);
    const replies = Promise.all([server.submit(PATIENCE_MS), server.holds(position, vector(1, 0))]);
    await pass(server, PATIENCE_MS / 2);
    const [write] = await replies;
    return { write, patches: server.patches() - 1 };
  }

  test('it proposed nothing -> the round is proposed anew, and the write is done once', async () => {
    expect(await overtaken(setup(), 'promise')).toMatchObject({ write: { kind: 'written' }, patches: 1 });
  });

  test('it proposed something -> nobody knows what became of the write', async () => {
    const { write, patches } = await overtaken(setup(), 'proposal');
    expect(write).toMatchObject({ kind: 'failed', error: expect.stringContaining('indeterminate') });
    expect(patches).toBe(0);
  });

  test('the same of a write that was refused -> it is refused again: it changes nothing, so that no doubt is left', async () => {
    const server = setup();
    server.refuse();
    server.overtake('proposal');
    const reply = server.submit(PATIENCE_MS);
    await pass(server, PATIENCE_MS / 2);
    expect(await reply).toMatchObject({ kind: 'failed', error: 'a refusal' });
  });
});

describe('a write whose time is over while it is being decided (STR-10)', () => {
  /** How many of two writes of one round are there in the end, when the first was refused as not done. */
  async function writtenAfterRefusal(bugs?: ReadonlySet<PlantedBug>): Promise<number> {
    const server = setup(bugs);
    await server.write();
    const release = server.stall();
    const [refused, other] = [server.submit(PATIENCE_MS / 2), server.submit(PATIENCE_MS)];
    await new Promise((resolve) => setImmediate(resolve));
    server.advance(PATIENCE_MS / 2);
    expect(await refused).toMatchObject({ kind: 'failed', error: expect.stringContaining('quorum-unavailable') });
    release();
    expect((await other).kind).toBe('written');
    return server.patches() - 1;
  }

  test('it is refused as not done -> it is never proposed; the other one of its round is, and is answered', async () => {
    expect(await writtenAfterRefusal()).toBe(1);
  });

  test('planted: it is proposed all the same -> this is seen', async () => {
    expect(await writtenAfterRefusal(new Set(['refused-yet-proposed']))).toBe(2);
  });
});
