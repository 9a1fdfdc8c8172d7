/** Updates, which read here and have decided elsewhere what they write; and which servers are asked at all. */
import { describe, expect, test } from 'vitest';
import { BugError } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { withoutVoter } from '../replication/configuration.ts';
import {
  type AskingServer,
  confirmed,
  failures,
  GRAPH,
  outcome,
  PLACE,
  position,
  refusal,
  serverA,
  TERMS,
  UNDERSTOOD,
  vector,
  written,
} from './asking-server.model.ts';
import { refusalOf } from './failures.ts';
import type { Ask, Reply } from './message.ts';
import { type DecideUpdate, type Kept, Stale } from './strong-update.ts';

const KEPT: Kept<string> = { key: { key: 'k', fingerprint: 'f' }, recall: (kept) => `recalled ${kept}` };

/** Reads, and has something decided; counts how often. */
function updating(server: AskingServer, { kept, throws }: { kept?: Kept<string>; throws?: Error } = {}) {
  const counts = { attempts: 0 };
  const attempt = async (decide: DecideUpdate) => {
    const attempts = ++counts.attempts;
    await decide('operations', `outcome ${attempts}`);
    if (throws !== undefined) throw throws;
    return `done ${attempts}`;
  };
  const terms = { ...TERMS, ...(kept !== undefined && { kept }) };
  return { counts, result: outcome(server.strong.update(GRAPH, attempt, terms)) };
}

describe('an update', () => {
  test('written -> what the attempt came to; it was decided on the place and all that is durable here, and is shown here', async () => {
    const server = await serverA();
    const { host } = server;
    const { result } = updating(server, { kept: KEPT });
    host.durable = async () => {
      host.vector = vector(6, 6);
    };
    await server.pass(30);
    await server.answer(position);
    expect(server.asked.at(-1)?.ask.request).toEqual({
      kind: 'write',
      operations: 'operations',
      key: KEPT.key,
      outcome: 'outcome 1',
      basis: { place: PLACE, seen: vector(6, 6) },
    });
    await server.answer(written());
    expect(await result).toBe('done 1');
    expect(host.waits.filter(([wanted]) => wanted.size > 0)).toEqual([
      [vector(4, 4), 970],
      [vector(5, 9), 970],
    ]);
    expect(server.strong.metrics()).toMatchObject({ strongWritesTotal: 1, strongReadsTotal: 0 });
  });

  test('without a key -> it is kept under none', async () => {
    const server = await serverA();
    const { result } = updating(server);
    await server.answer(position);
    expect(server.asked.at(-1)?.ask.request).toEqual({
      kind: 'write',
      operations: 'operations',
      basis: { place: PLACE, seen: vector(5, 5) },
    });
    await server.answer(written());
    await result;
  });

  test('out of date, or decided before under its key -> it reads again', async () => {
    for (const again of [{ kind: 'stale' } as const, written({ replayed: true })]) {
      const server = await serverA();
      const { counts, result } = updating(server, { kept: KEPT });
      await server.answer(position);
      await server.answer(again);
      expect(counts.attempts).toBe(1);
      await server.answer(position);
      await server.answer(written());
      expect(await result).toBe('done 2');
    }
  });

  test('what was decided under its key before is here -> recalled, once all that it rests on is durable; nothing is decided', async () => {
    for (const [decision, said] of [
      [{ kind: 'written', results: 'kept', replayed: true }, 'recalled kept'],
      [{ kind: 'failed', error: refusalOf(new WeftError('node-exists', 'there is one')) }, 'node-exists: there is one'],
    ] as const) {
      const server = await serverA();
      server.host.remembers = decision;
      const { counts, result } = updating(server, { kept: KEPT });
      await server.answer(position);
      expect(await result).toBe(said);
      expect([server.host.syncs, counts.attempts, server.asked.length]).toEqual([1, 0, 1]);
    }
  });

  test('something is kept under a key of others -> an update without a key decides all the same', async () => {
    const server = await serverA();
    server.host.remembers = { kind: 'written', results: 'kept', replayed: true };
    const { result } = updating(server);
    await server.answer(position);
    await server.answer(written());
    expect(await result).toBe('done 1');
  });

  test.each<readonly [string, readonly Reply[], string]>([
    ['its question is refused', [refusal('too-many-requests')], 'too-many-requests: why'],
    ['its question is not understood', [confirmed()], UNDERSTOOD],
    ['its write is refused', [position, refusal('node-exists')], 'node-exists: why'],
    ['its write is not understood', [position, position], UNDERSTOOD],
  ])('%s -> refused with it', async (_, replies, text) => {
    const server = await serverA();
    const { result } = updating(server, { kept: KEPT });
    for (const reply of replies) await server.answer(reply);
    expect(await result).toBe(text);
  });

  test('it fails after something was decided -> that is thrown, and nothing is confirmed', async () => {
    const server = await serverA();
    const { result } = updating(server, { throws: new WeftError('out-of-bounds', 'too much') });
    await server.answer(position);
    await server.answer(written());
    expect(await result).toBe('out-of-bounds: too much');
    expect(server.asked).toHaveLength(2);
  });

  test('what it must see does not come in time -> refused, and it reads nothing', async () => {
    const server = await serverA();
    const { counts, result } = updating(server);
    server.host.whenCovered = async (wanted) => wanted.size === 0;
    await server.answer(position);
    expect(await result).toBe('quorum-unavailable: this server did not reach what the strong read must see');
    expect(counts.attempts).toBe(0);
  });

  test('its write is lost, without a key -> it is not known whether it happened; with one -> it is tried again', async () => {
    for (const kept of [undefined, KEPT]) {
      const server = await serverA();
      const { counts, result } = updating(server, kept === undefined ? {} : { kept });
      await server.answer(position);
      await server.lose();
      if (kept !== undefined) {
        await server.answer(position);
        await server.answer(written());
      }
      expect(await result).toContain(
        kept === undefined ? 'quorum-indeterminate: the coordinator was lost while the write was being' : 'done 2',
      );
      expect(counts.attempts).toBe(kept === undefined ? 1 : 2);
    }
  });

  test('lost, and refused the next time -> it is not known whether it happened; what was kept tells', async () => {
    for (const [isKept, said] of [
      [false, 'quorum-indeterminate: an attempt was lost, and then WeftError: there is one'],
      [true, 'node-exists: there is one'],
    ] as const) {
      const server = await serverA();
      const { result } = updating(server, { kept: KEPT });
      await server.answer(position);
      await server.lose();
      const error = refusalOf(new WeftError('node-exists', 'there is one'));
      if (isKept) server.host.remembers = { kind: 'failed', error };
      await server.answer(position);
      if (!isKept) await server.answer({ kind: 'failed', error, vector: new Map() });
      expect(await result).toContain(said);
      expect(failures(server)).toEqual([0, isKept ? 0 : 1]);
    }
  });

  test('lost, and then a bug -> the bug', async () => {
    const server = await serverA();
    const bug = new BugError('an invariant');
    let isFirst = true;
    const result = outcome(
      server.strong.update(
        GRAPH,
        async (decide) => {
          if (!isFirst) throw bug;
          isFirst = false;
          await decide('operations', 'outcome');
        },
        { ...TERMS, kept: { key: KEPT.key, recall: () => undefined } },
      ),
    );
    await server.answer(position);
    await server.lose();
    await server.answer(position);
    await server.answer(confirmed());
    expect(await result).toBe(bug);
  });

  test('it decided nothing -> confirmed like a read: again while it has no place, and what it throws is thrown where it has one', async () => {
    for (const throws of [false, true]) {
      const server = await serverA();
      let attempts = 0;
      const work = async () => {
        if (++attempts > 4) throw new Stale();
        if (throws) throw new WeftError('node-not-found', `attempt ${attempts}`);
        return `attempt ${attempts}`;
      };
      const result = outcome(server.strong.update(GRAPH, work, TERMS));
      await server.lose();
      await server.answer(position);
      expect(server.asked.at(-1)?.ask.request).toEqual({
        kind: 'confirm',
        place: PLACE,
        held: vector(5, 5),
        seen: vector(5, 5),
      });
      await server.answer(confirmed(false));
      await server.answer(position);
      await server.lose();
      await server.answer(position);
      await server.answer(confirmed());
      expect(await result).toBe(throws ? 'node-not-found: attempt 3' : 'attempt 3');
    }
  });

  test.each<readonly [string, Reply, string]>([
    ['refused', refusal('shutting-down'), 'shutting-down: why'],
    ['not understood', position, UNDERSTOOD],
  ])('it decided nothing, and its place is %s -> refused with it', async (_, reply, text) => {
    const server = await serverA();
    const result = outcome(server.strong.update(GRAPH, async () => 'read', TERMS));
    await server.answer(position);
    await server.answer(reply);
    expect(await result).toBe(text);
  });

  test('out of date -> it begins anew while there is time, and is refused when it is over', async () => {
    const server = await serverA();
    const { counts, result } = updating(server);
    await server.answer(position);
    await server.pass(TERMS.patienceMs - 1);
    await server.answer({ kind: 'stale' });
    expect(server.asked).toHaveLength(3);
    await server.pass(1);
    expect(await result).toBe('quorum-unavailable: no majority of the servers answered in time');
    expect(counts.attempts).toBe(1);
  });
});

describe('which servers are asked', () => {
  const LONG = { ...TERMS, patienceMs: LIMITS.strongWaitMs };

  test('no majority can be reached for a moment -> asked as soon as one can, with the time that is left', async () => {
    const server = await serverA();
    server.reach('b');
    const result = outcome(server.strong.write(GRAPH, '[]', undefined, LONG));
    await server.pass(LIMITS.strongResendMs);
    expect(server.asked).toEqual([]);
    server.reach('b', 'c');
    await server.pass(LIMITS.strongResendMs);
    expect(server.asked).toMatchObject([
      { to: 'b', ask: { patienceMs: LIMITS.strongWaitMs - 3 * LIMITS.strongResendMs } },
    ]);
    await server.answer(written());
    expect(await result).toMatchObject({ results: 'results' });
  });

  test('none can be reached for one and a half seconds -> refused, with how many can', async () => {
    const server = await serverA();
    server.reach('a', 'd');
    let isOver = false;
    const terms = { ...LONG, patienceMs: LONG.patienceMs + 100 };
    const result = outcome(server.strong.write(GRAPH, '[]', undefined, terms)).finally(() => {
      isOver = true;
    });
    for (let ms = 0; ms < 1_600; ms += 100) {
      expect(isOver).toBe(false);
      await server.pass(100);
    }
    expect(await result).toBe('quorum-unavailable: 1 of 3 voters can be reached; a majority is needed');
    expect(failures(server)).toEqual([1, 0]);
  });

  test('it stops meanwhile -> refused at once', async () => {
    const server = await serverA();
    server.reach('a');
    const result = outcome(server.strong.write(GRAPH, '[]', undefined, LONG));
    await server.turns();
    server.strong.close();
    await server.pass(LIMITS.strongResendMs);
    expect(await result).toBe('quorum-unavailable: the server is stopping');
  });

  test('a linked server that does not vote -> neither asked nor counted', async () => {
    const server = await serverA();
    const { voterSet } = server;
    expect(server.strong.status()).toEqual({
      votes: false,
      reachable: 3,
      majority: 2,
      configuration: 1,
      voters: ['a', 'b', 'c'],
    });
    voterSet.adopt(withoutVoter(voterSet.configuration, 'b'));
    expect(server.strong.status()).toMatchObject({ reachable: 2, majority: 2, configuration: 2, voters: ['a', 'c'] });
    expect(server.strong.metrics().votersReachable).toBe(2);
    expect(server.logged).toContainEqual(['info', 'quorum: who votes', { configuration: 2, voters: ['a', 'c'] }]);
    void outcome(server.strong.write(GRAPH, '[]', undefined, TERMS));
    await server.turns();
    expect(server.asked.map(({ to }) => to)).not.toContain('b');
  });

  test('the servers have not all met -> refused, and told of how many it reaches how many', async () => {
    const server = await serverA({ isFounded: false });
    expect(await outcome(server.strong.write(GRAPH, '[]', undefined, TERMS))).toBe(
      'quorum-unavailable: the servers that were told of each other have not all met yet',
    );
    expect(server.strong.status()).toEqual({ votes: false, reachable: 3, majority: 2, configuration: 0, voters: [] });
    expect(server.strong.metrics()).toMatchObject({ votersReachable: 0, refusedTotal: 1 });
  });
});

describe('what others ask', () => {
  const ask: Ask = {
    kind: 'ask',
    id: 8,
    graph: GRAPH,
    patienceMs: 300,
    trace: 'theirs',
    request: { kind: 'position' },
  };
  const answers = ({ sent }: AskingServer) => sent.filter(({ message }) => message.kind === 'answer');

  test.each([
    [300, 300],
    [60_000, LIMITS.strongWaitMs],
  ])(
    'no voter answers, and they wait %d ms -> told so after %d ms, once, however often they ask',
    async (patienceMs, waitMs) => {
      const server = await serverA();
      for (let times = 0; times < 2; times++) server.hear('c', { ...ask, patienceMs });
      await server.pass(waitMs - 1);
      expect(answers(server)).toEqual([]);
      await server.pass(1);
      expect(answers(server)).toMatchObject([{ to: 'c', message: { id: 8, reply: { kind: 'failed' } } }]);
      expect(server.logged).toContainEqual([
        'debug',
        'quorum: decided for another server',
        { from: 'c', graph: GRAPH, request: 'position', reply: 'failed', traceparent: 'theirs' },
      ]);
      expect(server.strong.metrics()).toMatchObject({ roundsTotal: 0, strongReadsTotal: 0, refusedTotal: 0 });
      expect(server.strong.metrics().electionsTotal).toBeGreaterThan(0);
    },
  );

  test('it stops -> they are told no more, and nothing is sent any more', async () => {
    const server = await serverA();
    server.hear('c', ask);
    await server.pass(10);
    const before = server.sent.length;
    server.strong.close();
    await server.pass(60_000);
    server.hear('c', { ...ask, id: 9 });
    await server.pass(60_000);
    expect(server.sent.length).toBe(before);
  });

  test('who votes has changed, says a voter -> taken over', async () => {
    const server = await serverA();
    const configuration = withoutVoter(server.voterSet.configuration, 'c');
    server.hear('b', { kind: 'outdated', graph: GRAPH, ballot: { counter: 1, replica: 1 as never }, configuration });
    expect(server.voterSet.configuration).toEqual(configuration);
  });
});

test('work that nobody waits for fails -> logged, or a bug; once it stops, neither', async () => {
  const server = await serverA();
  server.strong.guard(Promise.reject(new WeftError('storage-failed', 'no disk')));
  await server.turns();
  expect(server.logged.at(-1)).toEqual(['warn', 'quorum: work failed', { error: 'WeftError: no disk' }]);
  const bug = new BugError('an invariant');
  server.strong.guard(Promise.reject(bug));
  server.strong.guard(Promise.reject('no error'));
  await server.turns();
  expect(server.bugs).toEqual([bug, new Error('no error')]);
  const lines = server.logged.length;
  server.strong.close();
  for (const error of [bug, new WeftError('storage-failed', 'no disk')]) server.strong.guard(Promise.reject(error));
  await server.turns();
  expect([server.bugs.length, server.logged.length]).toEqual([2, lines]);
});
