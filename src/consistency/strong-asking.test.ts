/** A server whose coordinator is elsewhere: what it asks for a write or a read, what it makes of each answer, and of none. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { joined } from '../commits/version-vector.ts';
import type { IdempotencyKey } from '../engine-port.ts';
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
import { PASSED_OVER_MS } from './coordinator-choice.ts';
import type { Reply } from './message.ts';

const KEY: IdempotencyKey = { key: 'k', fingerprint: 'f' };

describe('a write', () => {
  test('written -> its results, once this server shows what the coordinator had', async () => {
    const server = await serverA();
    const result = server.strong.write(GRAPH, 'operations', KEY, TERMS);
    await server.pass(30);
    expect(server.asked).toMatchObject([
      {
        to: 'b',
        ask: {
          graph: GRAPH,
          trace: TERMS.trace,
          patienceMs: 900,
          request: { kind: 'write', operations: 'operations', key: KEY },
        },
      },
    ]);
    await server.answer(written({ replayed: true }));
    expect(await result).toMatchObject({ results: 'results', replayed: true });
    expect(server.host.waits).toEqual([
      [new Map(), 970],
      [vector(5, 9), 970],
    ]);
  });

  test.each<readonly [string, Reply, string]>([
    ['a refusal', refusal('node-exists', 'there is one'), 'node-exists: there is one'],
    ['what is no answer to a write', position, UNDERSTOOD],
  ])('answered with %s -> refused with it', async (_, reply, text) => {
    const server = await serverA();
    const result = outcome(server.strong.write(GRAPH, '[]', undefined, TERMS));
    await server.answer(reply);
    expect(await result).toBe(text);
  });

  test('without a key, and the coordinator is lost -> it is not known whether it happened', async () => {
    const server = await serverA();
    const result = outcome(server.strong.write(GRAPH, '[]', undefined, TERMS));
    await server.lose();
    expect(await result).toContain('quorum-indeterminate: the coordinator was lost while the write was being decided');
    expect([server.asked.length, failures(server)]).toEqual([1, [0, 1]]);
  });

  test('with a key, and the coordinator is lost -> it is asked again, until the time is over', async () => {
    const server = await serverA();
    const result = outcome(server.strong.write(GRAPH, '[]', KEY, TERMS));
    for (let lost = 0; lost < TERMS.patienceMs / LIMITS.strongResendMs; lost++) await server.lose();
    expect(await result).toContain('quorum-indeterminate: the coordinator was lost');
    expect(server.asked).toHaveLength(TERMS.patienceMs / LIMITS.strongResendMs);
    expect(new Set(server.asked.map(({ ask }) => ask.id)).size).toBe(server.asked.length);
  });

  test.each<readonly [string, Reply, string]>([
    ['written', written(), 'results'],
    ['not decided', refusal('quorum-unavailable', 'none'), 'quorum-indeterminate: an attempt was lost, and then none'],
    ['refused for what it asks', refusal('node-exists', 'there is one'), 'node-exists: there is one'],
  ])(
    'with a key, lost, then %s -> only what was decided says what became of the first attempt',
    async (_, reply, text) => {
      const server = await serverA();
      const result = outcome(server.strong.write(GRAPH, '[]', KEY, TERMS).then(({ results }) => results));
      await server.lose();
      await server.answer(reply);
      expect(await result).toContain(text);
    },
  );

  test('with a key, lost, and no majority can be reached any more -> it is not known whether it happened', async () => {
    const server = await serverA();
    const result = outcome(server.strong.write(GRAPH, '[]', KEY, TERMS));
    await server.turns();
    server.reach('a');
    await server.pass(LIMITS.strongResendMs);
    expect(await result).toContain('quorum-indeterminate: an attempt was lost, and then 1 of 3 voters can be reached');
  });
});

describe('a coordinator that can be reached and decides nothing', () => {
  const SILENT = { ...TERMS, patienceMs: LIMITS.strongWaitMs };
  const askedOf = async (server: AskingServer): Promise<string | undefined> => {
    void outcome(server.strong.write(GRAPH, '[]', undefined, SILENT));
    await server.turns();
    return server.asked.at(-1)?.to;
  };

  test.each<readonly [string, (server: AskingServer) => Promise<void>]>([
    ['does not answer', async (server) => server.pass(LIMITS.strongWaitMs)],
    [
      'finds no majority',
      async (server) => {
        await server.pass(LIMITS.strongWaitMs - 1);
        await server.answer(refusal('quorum-unavailable'));
      },
    ],
  ])('it %s -> the next in order is asked for a while, then it again', async (_, fail) => {
    const server = await serverA();
    expect(await askedOf(server)).toBe('b');
    await fail(server);
    const next = await askedOf(server);
    expect(next).not.toBe('b');
    await server.pass(PASSED_OVER_MS - 2);
    expect(await askedOf(server)).toBe(next);
    await server.pass(2);
    expect(await askedOf(server)).toBe('b');
  });

  test('it answered another question meanwhile, or was asked too late to answer -> it is asked again', async () => {
    const server = await serverA();
    expect(await askedOf(server)).toBe('b');
    await server.pass(1);
    await askedOf(server);
    await server.answer(written());
    await server.pass(LIMITS.strongWaitMs);
    expect(await askedOf(server)).toBe('b');
    await server.answer(written());
    void outcome(server.strong.write(GRAPH, '[]', undefined, { ...TERMS, patienceMs: 100 }));
    await server.pass(100);
    expect(await askedOf(server)).toBe('b');
  });
});

describe('a read', () => {
  test('the place holds -> what was read, of what the coordinator had, and what was here before and after is told', async () => {
    const server = await serverA();
    const { host } = server;
    const result = server.strong.read(
      GRAPH,
      async () => {
        // What comes in while it reads may have been seen, or not; what others write is shown once it is durable.
        host.vector = joined(host.vector, vector(8, 8));
        return 'what was read';
      },
      TERMS,
    );
    await server.pass(30);
    await server.answer(position);
    expect(host.waits).toEqual([
      [new Map(), 970],
      [vector(4, 4), 970],
    ]);
    expect(server.asked.at(-1)?.ask.request).toEqual({
      kind: 'confirm',
      place: PLACE,
      held: vector(5, 5),
      seen: vector(8, 8),
    });
    await server.answer(confirmed());
    expect(await result).toBe('what was read');
    expect(host.syncs).toBe(1);
  });

  test('commits of others come in while it waits for its own disk -> only its own of these may have been seen', async () => {
    const server = await serverA();
    const { host } = server;
    host.durable = async () => {
      host.vector = vector(9, 9);
    };
    const result = server.strong.read(GRAPH, async () => 'read', TERMS);
    await server.answer(position);
    expect(server.asked.at(-1)?.ask.request).toMatchObject({ held: vector(5, 5), seen: vector(9, 5) });
    await server.answer(confirmed());
    await result;
  });

  test('lost, or it has no place -> it reads again; what reading throws is thrown only where it has one', async () => {
    const server = await serverA();
    let reads = 0;
    const result = outcome(
      server.strong.read(
        GRAPH,
        async () => {
          throw new WeftError('node-not-found', `read ${++reads}`);
        },
        TERMS,
      ),
    );
    await server.lose();
    expect(reads).toBe(0);
    await server.answer(position);
    await server.lose();
    await server.answer(position);
    await server.answer(confirmed(false));
    await server.answer(position);
    await server.answer(confirmed());
    expect(await result).toBe('node-not-found: read 3');
  });

  test.each<readonly [string, readonly Reply[], string]>([
    ['its question is refused', [refusal('too-many-requests')], 'too-many-requests: why'],
    ['its question is not understood', [confirmed()], UNDERSTOOD],
    ['its place is refused', [position, refusal('shutting-down')], 'shutting-down: why'],
    ['its place is not understood', [position, position], UNDERSTOOD],
  ])('%s -> refused with it', async (_, replies, text) => {
    const server = await serverA();
    const result = outcome(server.strong.read(GRAPH, async () => 'read', TERMS));
    for (const reply of replies) await server.answer(reply);
    expect(await result).toBe(text);
  });

  test('what it must see does not come in time -> refused, and it reads nothing', async () => {
    const server = await serverA();
    const result = outcome(server.strong.read(GRAPH, async () => expect.unreachable(), TERMS));
    server.host.whenCovered = async (wanted) => wanted.size === 0;
    await server.answer(position);
    expect(await result).toBe('quorum-unavailable: this server did not reach what the strong read must see');
    expect(failures(server)).toEqual([1, 0]);
  });

  test.each<readonly [string, (server: AskingServer) => Promise<void>]>([
    ['the coordinator is lost', async (server) => server.lose()],
    [
      'its place is lost',
      async (server) => {
        await server.answer(position);
        await server.lose();
      },
    ],
    [
      'it has no place',
      async (server) => {
        await server.answer(position);
        await server.pass(LIMITS.strongResendMs);
        await server.answer(confirmed(false));
      },
    ],
  ])('again and again %s -> refused when the time is over, not before', async (_, once) => {
    const server = await serverA();
    let isOver = false;
    const result = outcome(server.strong.read(GRAPH, async () => 'read', TERMS)).finally(() => {
      isOver = true;
    });
    const times = TERMS.patienceMs / LIMITS.strongResendMs;
    for (let i = 0; i < times; i++) {
      expect(isOver).toBe(false);
      await once(server);
    }
    expect(await result).toBe('quorum-unavailable: no majority of the servers answered in time');
  });
});
