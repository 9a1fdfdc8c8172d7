/** For tests: the coordinator of one graph with a server as its only voter, which does as the test says. */
import { expect } from 'vitest';
import type { Env } from '../../base/env.ts';
import type { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { covers, joined, type VersionVector } from '../commits/version-vector.ts';
import { memoryNetwork } from '../replication/memory-network.model.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from './acceptor.ts';
import { Coordination } from './coordination.ts';
import type { Basis, Message, Prepare, Reply, Request } from './message.ts';

export const OWN = 1 as ReplicaId;
export const OTHER = 2 as ReplicaId;
export const PATIENCE_MS = 1_000;
export const vector = (own: number, other: number): VersionVector =>
  new Map([
    [OWN, own],
    [OTHER, other],
  ]);

/** A server whose every write is one commit more of its own. @param over of its environment */
export function setup(bugs?: ReadonlySet<PlantedBug>, replica = OWN, over: Partial<Env> = {}) {
  const { env: network, advance } = memoryNetwork();
  const env = { ...network, ...over };
  let committed = 0;
  let durable: Promise<void> | undefined;
  let syncMs = 0;
  let here = vector(0, 0);
  let state = NOTHING_ACCEPTED;
  let clock = 0;
  let voter: 'votes' | 'is silent' | 'refuses' | 'is not heard' = 'votes';
  let whenHere: Promise<boolean> | undefined;
  const batches: number[] = [];
  let overtaking: 'nobody' | 'promise' | 'proposal' = 'nobody';
  let decides: 'written' | 'refused' = 'written';
  let decided = 0;
  let configuration = 1;
  const sent: Message[] = [];
  const planned = new Set<unknown>();
  const failures: unknown[] = [];
  const failing: { durable?: WeftError; commit?: WeftError } = {};
  const failOnce = (what: keyof typeof failing): void => {
    const error = failing[what];
    delete failing[what];
    if (error !== undefined) throw error;
  };
  const traces: (readonly [kind: Message['kind'], trace: string | undefined])[] = [];
  const coordination: Coordination = new Coordination({
    env,
    settings: { graph: 'g', replica },
    voters: () => ({ configuration, voters: new Set(['a']) }),
    bugs,
    guard: (work) =>
      void work.catch((error: unknown) => (planned.has(error) ? failures.push(error) : expect.fail(String(error)))),
    broadcast: (message, _except, trace) => {
      sent.push(message);
      traces.push([message.kind, trace]);
      if (voter === 'is silent') return;
      if (voter === 'refuses') {
        const promised = { counter: message.ballot.counter + 1, replica: OTHER };
        void Promise.resolve().then(() =>
          coordination.hear('a', { kind: 'refused', graph: 'g', ballot: message.ballot, promised }),
        );
        return;
      }
      if (message.kind === 'accept' && overtaking !== 'nobody') {
        const later = { counter: message.ballot.counter + 1, replica: OTHER };
        state = { ...state, promised: later, ...(overtaking === 'proposal' && { accepted: later, patches: [] }) };
        overtaking = 'nobody';
      }
      const step = stepAcceptor(state, message, (wanted) => covers(here, wanted));
      state = step?.state ?? state;
      const { reply } = step ?? {};
      if (reply === undefined || voter === 'is not heard') return;
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
      whenCovered: async (wanted) => whenHere ?? covers(here, wanted),
      seeClock: (reading) => {
        clock = Math.max(clock, reading);
      },
      durable: async () => {
        if (syncMs > 0) await new Promise<void>((resolve) => env.scheduler.after(syncMs, resolve));
        await durable;
        failOnce('durable');
      },
      decide: async (_graph, writes) => {
        decided++;
        batches.push(writes.length);
        if (decides === 'refused')
          return { decisions: writes.map(() => ({ kind: 'failed' as const, error: 'a refusal' })), patches: [] };
        return {
          // What is decided is stamped beyond the clock.
          decisions: writes.map(() => ({ kind: 'written' as const, results: `${clock + 1}`, replayed: false })),
          patches: writes.map(() => ({ graphKey: 'g', partition: '0' as never, text: 'a patch' })),
        };
      },
      commit: async (patches) => {
        failOnce('commit');
        committed += patches.length;
        here = vector((here.get(OWN) ?? 0) + 1, here.get(OTHER) ?? 0);
        return [OWN, here.get(OWN) ?? 0];
      },
    },
  });
  const ask = async <K extends Reply['kind']>(request: Request, kind: K): Promise<Extract<Reply, { kind: K }>> => {
    const reply = await coordination.submit(request, PATIENCE_MS);
    expect(reply.kind).toBe(kind);
    return reply as Extract<Reply, { kind: K }>;
  };
  return {
    write: () => ask({ kind: 'write', operations: '[]' }, 'written'),
    position: () => ask({ kind: 'position' }, 'position'),
    /** Whatever the reply. */
    submit: (patienceMs: number, basis?: Basis) =>
      coordination.submit({ kind: 'write', operations: '[]', ...(basis !== undefined && { basis }) }, patienceMs),
    advance,
    /** The disk of the coordinator stands still until the returned function is called. */
    stall: (): (() => void) => {
      let release = (): void => undefined;
      durable = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
    /** From now on its disk takes so long for each write. */
    slow: (ms: number): void => {
      syncMs = ms;
    },
    /** From now on the only voter does this. */
    voter: (does: typeof voter) => {
      voter = does;
    },
    /** Another coordinator comes between before the next proposal: a voter has promised it, or accepted its proposal. */
    overtake: (by: 'promise' | 'proposal') => {
      overtaking = by;
    },
    /** The next time that it is to be durable, or is made a commit, the coordinator's server cannot do it. */
    failNext: (what: 'durable' | 'commit', error: WeftError): void => {
      failing[what] = error;
      planned.add(error);
    },
    /** Of work that nobody waits for. */
    failures,
    /** From now on no write may do what it asks for. */
    refuse: () => {
      decides = 'refused';
    },
    /** How many rounds were decided. */
    decided: () => decided,
    /** How many writes each of them had. */
    batches,
    /** What is waited for comes, or its time is over, when the returned function says so. */
    await: (): ((isHere: boolean) => void) => {
      let say = (_: boolean): void => undefined;
      whenHere = new Promise((resolve) => {
        say = resolve;
      });
      return (isHere) => {
        whenHere = undefined;
        say(isHere);
      };
    },
    /** Rounds that were chosen, and how often it began to lead. */
    counts: () => [coordination.rounds, coordination.elections],
    asks: (request: Request, patienceMs = PATIENCE_MS, trace = '') => coordination.submit(request, patienceMs, trace),
    coordination,
    env,
    /** All that was sent to the voters, in order, and the traces of it. */
    messages: sent,
    traces,
    /** Who votes changes. */
    reconfigure: () => {
      configuration++;
    },
    /** How many messages of a kind were sent. */
    sent: (kind: Message['kind']) => sent.filter((message) => message.kind === kind).length,
    /** The configuration whose voters the last proposal was made to. */
    asked: () => sent.findLast((message) => message.kind === 'accept')?.configuration,
    close: () => coordination.close(),
    /** How many were committed. */
    patches: () => committed,
    /** Whether a read that began at the position and saw this holds. @param held what it saw for sure */
    holds: async ({ place }: Extract<Reply, { kind: 'position' }>, seen: VersionVector, held = seen) =>
      (await ask({ kind: 'confirm', place, held, seen }, 'confirmed')).holds,
    /** Commits of another server arrive, of any level. */
    receive: (other: number) => {
      here = joined(here, [[OTHER, other]]);
    },
  };
}

/** Time goes by in small steps, with turns for whatever each sets off. */
export async function pass(server: ReturnType<typeof setup>, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 10) {
    server.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
