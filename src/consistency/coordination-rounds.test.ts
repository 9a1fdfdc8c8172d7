/** The coordinator of one graph, question by question: what it asks its voter, when, and what it tells those who wait. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Span, Tracer } from '../../base/tracer.ts';
import { OTHER, OWN, PATIENCE_MS, pass, setup, vector } from './coordination.model.ts';
import { refusalFrom } from './failures.ts';
import type { Accept, Prepare, Reply, Settled } from './message.ts';

type Server = ReturnType<typeof setup>;

/** Code, text and context of a refusal. */
function refusalOf(reply: Reply): unknown {
  if (reply.kind !== 'failed') return reply.kind;
  const { code, message, context } = refusalFrom(reply.error);
  return [code, message, context];
}

const UNAVAILABLE = (why: string) => ['quorum-unavailable', why, { outcome: 'none', retryAfterSeconds: 1 }];
const NO_ANSWER = UNAVAILABLE('no majority of the servers answered in time');
const indeterminate = (why: string) => [
  'quorum-indeterminate',
  `${why}; read again, or repeat it with the same Idempotency-Key`,
  { outcome: 'indeterminate', retryAfterSeconds: 1 },
];
const WRITE = { kind: 'write', operations: '[]' } as const;
const of = <Kind extends 'prepare' | 'accept' | 'settled'>({ messages }: Server, kind: Kind) =>
  messages.filter((message): message is Extract<Prepare | Accept | Settled, { kind: Kind }> => message.kind === kind);
const counters = (server: Server, kind: 'prepare' | 'accept') => of(server, kind).map(({ ballot }) => ballot.counter);

/** Time goes by in steps that no pause falls between. */
async function finely(server: Server, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 5) {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    server.advance(5);
  }
}

describe('refusals', () => {
  test('the time is over, or it stops -> in plain words; of a write that was proposed, that it is not known', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    server.voter('is silent');
    const seen = vector(1, 0);
    const replies = [server.submit(100), server.asks({ kind: 'confirm', place, held: seen, seen }, 100)];
    await pass(server, 10);
    replies.push(server.asks({ kind: 'position' }, 100), server.submit(100));
    await pass(server, 100);
    expect((await Promise.all(replies)).map(refusalOf)).toEqual([
      indeterminate('the write was proposed, and no majority answered in time'),
      NO_ANSWER,
      NO_ANSWER,
      NO_ANSWER,
    ]);
    server.close();
    expect(refusalOf(await server.submit(100))).toEqual(UNAVAILABLE('the server is stopping'));
  });

  test('it stops while a write is in doubt -> it is told so at once', async () => {
    const server = setup();
    await server.write();
    server.voter('is silent');
    const reply = server.submit(60 * PATIENCE_MS);
    // By now its round was given up, and the voter is asked for a promise again.
    await pass(server, 3 * PATIENCE_MS);
    expect(server.messages.at(-1)?.kind).toBe('prepare');
    server.close();
    expect(refusalOf(await reply)).toEqual(indeterminate('the write was proposed, and no majority answered in time'));
  });
});

test('the process stands still beyond the time of what waits -> that is told before its timer says so, and the rest goes on', async () => {
  let pauseMs = 0;
  let readings = 0;
  const { clock } = setup().env;
  const monotonicMs = () => {
    if (++readings > 10_000) throw new Error('rounds that decide nothing follow each other without end');
    return clock.monotonicMs() + pauseMs;
  };
  const server = setup(undefined, OWN, { clock: { ...clock, monotonicMs } });
  await server.write();
  const release = server.stall();
  const first = server.submit(60 * PATIENCE_MS);
  await pass(server, 10);
  const [late, last] = [server.submit(100), server.submit(60 * PATIENCE_MS)];
  pauseMs = 10 * PATIENCE_MS;
  release();
  expect(refusalOf(await late)).toEqual(NO_ANSWER);
  expect([(await first).kind, (await last).kind]).toEqual(['written', 'written']);
  server.close();
});

describe('its server cannot do its part for a moment', () => {
  test.each([
    ['durable', 'replica-recovering'],
    ['commit', 'partition-recovering'],
  ] as const)('%s fails with %s -> what waits is decided once it can, each write once', async (what, code) => {
    const server = setup();
    await server.write();
    const error = new WeftError(code, 'not now');
    server.failNext(what, error);
    const replies = [server.submit(PATIENCE_MS)];
    await pass(server, 20);
    replies.push(server.submit(PATIENCE_MS));
    await pass(server, PATIENCE_MS);
    expect((await Promise.all(replies)).map(({ kind }) => kind)).toEqual(['written', 'written']);
    expect([server.patches(), server.failures]).toEqual([3, [error]]);
  });
});

describe('more comes than it can do', () => {
  test('in each round the time of some writes is over -> others are written all the same', async () => {
    const server = setup();
    await server.write();
    server.slow(100);
    const replies: Promise<Reply>[] = [];
    for (let i = 0; i < 200; i++) {
      replies.push(server.submit(180));
      await pass(server, 10);
    }
    await pass(server, 200);
    const written = (await Promise.all(replies)).filter(({ kind }) => kind === 'written');
    expect(written.length).toBeGreaterThan(40);
    expect(server.patches()).toBe(1 + written.length);
  });
});

describe('what rests on something that is not here yet', () => {
  test('a place that is to be confirmed -> only once what was seen is here; a write without a basis, a position -> at once', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    const say = server.await();
    const [held, seen] = [vector(1, 0), vector(1, 2)];
    const confirmed = server.asks({ kind: 'confirm', place, held, seen });
    await pass(server, 50);
    expect(server.sent('prepare')).toBe(1);
    await Promise.all([server.write(), server.position()]);
    server.receive(2);
    say(true);
    await pass(server, 50);
    // The write came first, and was decided without what the reader saw.
    expect(await confirmed).toEqual({ kind: 'confirmed', holds: false });
  });

  test('decided -> only who holds what the write was decided with, and what it and the readers saw, may accept it', async () => {
    const server = setup();
    await server.write();
    const { place } = await server.position();
    server.receive(3);
    const seen = vector(1, 3);
    const round = [
      server.asks({ kind: 'confirm', place, held: seen, seen }),
      server.submit(PATIENCE_MS, { place, seen: vector(1, 2) }),
    ];
    expect((await Promise.all(round)).map(({ kind }) => kind)).toEqual(['confirmed', 'written']);
    expect(of(server, 'accept').map(({ cover }) => cover)).toEqual([new Map(), vector(1, 3)]);
    await server.position().then((position) => server.holds(position, vector(2, 3)));
    // Nobody is asked to promise a vector but where a reader saw it.
    expect(of(server, 'prepare').map(({ cover }) => cover)).toEqual([new Map(), vector(2, 3)]);
  });

  test('a write rests on a place, another one comes before it in its round -> it is out of date', async () => {
    const server = setup();
    await server.write();
    for (const isFirst of [true, false]) {
      const { place } = await server.position();
      const basis = { place, seen: vector(1, 0) };
      const before = server.patches();
      const round = [
        ...(isFirst ? [] : [server.submit(PATIENCE_MS)]),
        server.submit(PATIENCE_MS, basis),
        server.submit(PATIENCE_MS, basis),
      ];
      expect((await Promise.all(round)).map(({ kind }) => kind)).toEqual(
        isFirst ? ['written', 'stale'] : ['written', 'stale', 'stale'],
      );
      expect(server.patches() - before).toBe(1);
    }
  });
});

describe('questions', () => {
  test('no answer -> asked again every fifth of a second, ten times; then with the next ballot', async () => {
    const server = setup(undefined, OWN, { random: { uint32: () => 0 } as never });
    server.voter('is silent');
    void server.submit(60 * PATIENCE_MS);
    await pass(server, 11 * LIMITS.strongResendMs - 20);
    expect(counters(server, 'prepare')).toEqual(new Array(11).fill(1));
    await pass(server, 60);
    expect(counters(server, 'prepare')).toEqual([...new Array(11).fill(1), 2]);
    server.close();
  });

  test('another coordinator is always ahead -> the pauses are drawn, twice as long at most each time, and never longer than may be', async () => {
    const times: number[] = [];
    const server: Server = setup(undefined, OWN, { random: { uint32: () => 2 ** 31 } as never });
    const send = server.messages.push.bind(server.messages);
    server.messages.push = (...messages) => {
      times.push(server.env.clock.monotonicMs());
      return send(...messages);
    };
    server.voter('refuses');
    const reply = server.submit(60 * PATIENCE_MS);
    await finely(server, 1_200);
    const pauses = times.slice(1).map((ms, i) => ms - (times[i] ?? 0));
    // Half of what they may be.
    expect(pauses.slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 250, 250, 250]);
    server.voter('votes');
    await pass(server, PATIENCE_MS);
    await reply;
    // Once it has led, they are short again.
    times.length = 0;
    server.voter('refuses');
    server.reconfigure();
    const next = server.submit(100);
    await finely(server, 100);
    await next;
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(5);
    server.close();
  });

  test('what the promises rest on does not come -> it does not lead, and tries again', async () => {
    const server = setup();
    const say = server.await();
    const reply = server.write();
    await pass(server, 50);
    expect(server.counts()).toEqual([0, 1]);
    say(false);
    await pass(server, 50);
    await reply;
    expect([server.counts(), server.sent('accept')]).toEqual([[1, 2], 1]);
  });

  test('somebody says that the configuration is over -> it begins anew at once if it is, of the ballot that is under way', async () => {
    const server = setup();
    server.voter('is silent');
    void server.submit(60 * PATIENCE_MS);
    await pass(server, 10);
    const ballot = { counter: 1, replica: OWN };
    server.coordination.outdated(ballot);
    server.coordination.outdated();
    await pass(server, 50);
    expect(counters(server, 'prepare')).toEqual([1]);
    server.reconfigure();
    server.coordination.outdated({ counter: 1, replica: OTHER });
    await pass(server, 50);
    expect(counters(server, 'prepare')).toEqual([1]);
    server.coordination.outdated(ballot);
    await pass(server, 50);
    server.reconfigure();
    server.coordination.outdated();
    await pass(server, 50);
    expect(of(server, 'prepare').map(({ ballot: { counter }, configuration }) => [counter, configuration])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    server.close();
  });
});

test('a place, before anything was chosen in this era -> confirmed by a proposal of nothing, which is no commit; then by a question (STR-8)', async () => {
  const server = setup();
  const position = await server.position();
  for (const questions of [1, 2]) {
    expect(await server.holds(position, vector(0, 0))).toBe(true);
    expect([server.sent('accept'), server.sent('prepare'), server.sent('settled')]).toEqual([1, questions, 0]);
    expect((await server.position()).vector).toEqual(vector(0, 0));
  }
});

describe('a write that was accepted, and nobody heard of it', () => {
  /** The voter has accepted it when its round is given up. */
  async function inDoubt() {
    const server = setup();
    await server.write();
    server.voter('is not heard');
    const reply = server.submit(60 * PATIENCE_MS);
    const position = server.asks({ kind: 'position' }, 60 * PATIENCE_MS);
    await pass(server, 11 * LIMITS.strongResendMs + 20);
    expect(server.patches()).toBe(1);
    server.voter('votes');
    return { server, reply, position };
  }

  test('it is found at the next election -> it takes effect once, and is answered as it was decided', async () => {
    const { server, reply } = await inDoubt();
    await pass(server, PATIENCE_MS);
    expect(await reply).toEqual({ kind: 'written', results: '78', replayed: false, vector: vector(2, 0) });
    expect([server.patches(), server.decided()]).toEqual([2, 2]);
    expect(of(server, 'settled').map(({ commit }) => commit)).toEqual([
      [OWN, 1],
      [OWN, 2],
    ]);
  });

  test('a place from before it -> holds no more', async () => {
    const { server, position } = await inDoubt();
    await pass(server, PATIENCE_MS);
    expect((await server.position()).place.changes).toBe(2);
    const { place, vector: seen } = (await position) as Extract<Reply, { kind: 'position' }>;
    expect(await server.holds({ kind: 'position', place, vector: seen }, seen)).toBe(false);
  });

  test('its time is over before it is found -> it takes effect all the same, and is not decided again', async () => {
    const server = setup();
    await server.write();
    server.voter('is not heard');
    const replies = [server.submit(300), server.submit(60 * PATIENCE_MS)];
    await pass(server, 300);
    expect(refusalOf((await replies[0]) as Reply)).toEqual(
      indeterminate('the write was proposed, and no majority answered in time'),
    );
    await pass(server, 10 * LIMITS.strongResendMs);
    server.voter('votes');
    await pass(server, PATIENCE_MS);
    expect(await replies[1]).toMatchObject({ kind: 'written' });
    expect([server.patches(), server.decided()]).toEqual([3, 2]);
  });
});

test('overtaken before anything was accepted -> who still waits is decided anew, in order, before who came since', async () => {
  const server = setup();
  await server.write();
  const { place } = await server.position();
  server.overtake('promise');
  const basis = { place, seen: vector(1, 0) };
  const first = server.submit(PATIENCE_MS, basis);
  const confirm = server.asks({ kind: 'confirm', place, held: vector(1, 0), seen: vector(1, 0) });
  const release = server.stall();
  await pass(server, 10);
  const later = server.submit(PATIENCE_MS);
  release();
  await pass(server, PATIENCE_MS / 2);
  // The era in which it was read is over.
  expect(await first).toEqual({ kind: 'stale' });
  expect(await confirm).toEqual({ kind: 'confirmed', holds: false });
  expect(await later).toMatchObject({ kind: 'written' });
  expect([server.patches(), server.counts()]).toEqual([2, [2, 2]]);
});

describe('traces', () => {
  /** Spans by what they stand below, and what was sent in them. */
  async function traced(ask: (server: Server) => Promise<unknown>) {
    const begun: unknown[] = [];
    const open = new Set<string>();
    const tracer: Tracer = {
      begin: (name, options = {}) => {
        const traceparent = `${name} ${begun.length}`;
        begun.push([name, options]);
        open.add(traceparent);
        const end = (): void => void open.delete(traceparent);
        return {
          traceparent,
          set: () => undefined,
          within: <T>(task: () => T) => task(),
          end,
        } as unknown as Span<never>;
      },
    };
    const server = setup(undefined, OWN, { tracer });
    await ask(server);
    await pass(server, 50);
    return { begun, open: [...open], sent: server.traces };
  }

  test('an election and a round -> below the first request that has a trace, with links to the others, and every question below it', async () => {
    const { begun, open, sent } = await traced((server) =>
      Promise.all(['', 'one', 'two', 'three'].map((trace) => server.asks(WRITE, PATIENCE_MS, trace))),
    );
    const attributes = { 'weft.requests': 4 };
    expect(begun).toEqual([
      ['quorum.round', { parent: 'one', links: ['two', 'three'], attributes }],
      ['quorum.prepare', { parent: 'quorum.round 0' }],
      ['quorum.accept', { parent: 'quorum.round 0' }],
    ]);
    expect(open).toEqual([]);
    expect(sent).toEqual([
      ['prepare', 'quorum.prepare 1'],
      ['accept', 'quorum.accept 2'],
      ['settled', 'quorum.round 0'],
    ]);
  });

  test('a read -> a question whether it leads; nobody has a trace -> no span', async () => {
    const { begun, sent } = await traced(async (server) => {
      await server.write();
      const { place } = await server.position();
      const seen = vector(1, 0);
      await server.asks({ kind: 'confirm', place, held: seen, seen }, PATIENCE_MS, 'a read');
    });
    expect(begun).toEqual([
      ['quorum.round', { parent: 'a read', links: [], attributes: { 'weft.requests': 1 } }],
      ['quorum.probe', { parent: 'quorum.round 0' }],
    ]);
    expect(sent.slice(0, 3).map(([, trace]) => trace)).toEqual([undefined, undefined, undefined]);
    expect(sent.at(-1)).toEqual(['prepare', 'quorum.probe 1']);
  });

  test('a crowd -> no more links than a span may have', async () => {
    const { begun } = await traced((server) =>
      Promise.all(Array.from({ length: LIMITS.spanLinksMax + 5 }, (_, i) => server.asks(WRITE, PATIENCE_MS, `${i}`))),
    );
    const [[, { links }]] = begun as [[string, { links: string[] }]];
    expect(links).toEqual(Array.from({ length: LIMITS.spanLinksMax }, (_, i) => `${i + 1}`));
  });
});

test('writes fill a batch to the character, and no further', async () => {
  const server = setup();
  await server.write();
  const sized = (chars: number) => ({ ...WRITE, operations: 'x'.repeat(chars) });
  const max = LIMITS.groupCharsMax;
  await Promise.all([sized(max - 1), sized(1), sized(1)].map((request) => server.asks(request)));
  expect(server.batches.slice(1)).toEqual([2, 1]);
});
