/** For tests: strong operations of the server a, whose coordinator is the server b, which the test plays. */
import { expect } from 'vitest';
import { type ErrorCode, WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { covers, type VersionVector } from '../commits/version-vector.ts';
import { firstConfiguration } from '../replication/configuration.ts';
import { rendezvousOrder } from '../replication/rendezvous.ts';
import { VoterSet } from '../replication/voter-set.ts';
import { testEnv } from '../test-env.model.ts';
import type { Decision } from './coordination.ts';
import { refusalOf } from './failures.ts';
import type { Ask, Message, Place, Reply } from './message.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { StrongOperations } from './strong-operations.ts';

const OWN = 1 as ReplicaId;
const OTHER = 2 as ReplicaId;
export const PLACE: Place = { era: 7, changes: 3 };
export const TERMS = { patienceMs: 1_000, trace: 'trace of the request' };
export const vector = (own: number, other: number): VersionVector =>
  new Map([
    [OWN, own],
    [OTHER, other],
  ]);
/** Whose coordinator is b, as long as b can be reached. */
export const GRAPH = ['g', 'h', 'i', 'j', 'k', 'l'].find(
  (graphKey) => rendezvousOrder({ graphKey, partition: '' as never }, ['a', 'b', 'c'])[0] === 'b',
) as string;

/** The server a of the voters a, b and c, which have met or not. */
export async function serverA({ isFounded = true } = {}) {
  const env = testEnv();
  const logged: unknown[][] = [];
  const notes = new Map<string, Uint8Array>();
  const host = {
    replica: OWN,
    vector: vector(5, 5),
    clockReading: 0,
    isWhole: true,
    /** Whether what is waited for comes. */
    reaches: true,
    waits: [] as (readonly [wanted: VersionVector, patienceMs: number])[],
    syncs: 0,
    remembers: undefined as Decision | undefined,
    readNote: async (name: string) => notes.get(name),
    writeNote: async (name: string, value: Uint8Array) => void notes.set(name, value),
    covers: (wanted: VersionVector): boolean => covers(host.vector, wanted),
    whenCovered: async (wanted: VersionVector, patienceMs: number) => {
      host.waits.push([wanted, patienceMs]);
      return host.reaches;
    },
    durable: async () => void host.syncs++,
    remembered: async () => host.remembers,
    decidedConfiguration: () => undefined,
    seeClock: () => undefined,
    onMoved: () => undefined,
    decide: async () => ({ decisions: [], patches: [] }),
    commit: async () => [OWN, 6] as const,
  };
  const voterSet = await VoterSet.read(host);
  const memories = new Map(['a', 'b', 'c'].map((name) => [name, `memory of ${name}`]));
  if (isFounded) voterSet.adopt(firstConfiguration(memories));
  let hear: (from: string, body: Uint8Array) => void = () => undefined;
  let reachable: readonly string[] = ['a', 'b', 'c'];
  const asked: { readonly to: string; readonly ask: Ask }[] = [];
  const sent: { readonly to: string; readonly message: Message }[] = [];
  const bugs: Error[] = [];
  const strong = await StrongOperations.start({
    env: { ...env, log: { write: (...line) => void logged.push(line) } },
    host,
    channel: {
      self: 'a',
      size: 3,
      voterSet,
      reachable: () => reachable,
      met: () => ['a', 'b', 'c'],
      ended: () => new Map(),
      version: () => 3,
      send: (to, body) => {
        const message = decodeMessage(body);
        sent.push({ to, message });
        if (message.kind === 'ask') asked.push({ to, ask: message });
      },
      listen: (listener) => {
        hear = (from, body) => listener(from, body, undefined);
      },
    },
    onBug: (error) => void bugs.push(error),
    bugs: undefined,
  });
  const turns = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    strong,
    voterSet,
    host,
    asked,
    sent,
    logged,
    /** Of what failed an assertion. */
    bugs,
    turns,
    hear: (from: string, message: Message) => hear(from, encodeMessage(message)),
    /** Time passes. */
    pass: async (ms: number): Promise<void> => {
      await turns();
      env.advance(ms);
      await turns();
    },
    /** From now on only these can be reached. */
    reach: (...names: readonly string[]): void => {
      reachable = names;
    },
    /** The coordinator answers the last question. */
    answer: async (reply: Reply): Promise<void> => {
      await turns();
      const { to, ask } = asked.at(-1) ?? expect.fail('nothing was asked');
      hear(to, encodeMessage({ kind: 'answer', id: ask.id, reply }));
      await turns();
    },
    /** Nobody hears of the coordinator any more; soon it is back. */
    lose: async (): Promise<void> => {
      await turns();
      reachable = ['a', 'c'];
      env.advance(LIMITS.strongResendMs);
      reachable = ['a', 'b', 'c'];
      await turns();
    },
  };
}

export type AskingServer = Awaited<ReturnType<typeof serverA>>;

export const refusal = (code: ErrorCode, text = 'why'): Reply => ({
  kind: 'failed',
  error: refusalOf(new WeftError(code, text)),
  vector: new Map(),
});
export const position: Reply = { kind: 'position', place: PLACE, vector: vector(4, 4) };
export const written = (over: Partial<Extract<Reply, { kind: 'written' }>> = {}): Reply => ({
  kind: 'written',
  results: 'results',
  replayed: false,
  vector: vector(5, 9),
  ...over,
});
export const confirmed = (holds = true): Reply => ({ kind: 'confirmed', holds });
export const UNDERSTOOD = 'quorum-unavailable: the coordinator did not understand the request';

/** Its value, or code and text of what it was refused with. */
export async function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => value,
    (error: unknown) => (error instanceof WeftError ? `${error.code}: ${error.message}` : error),
  );
}

/** How many strong operations were refused, and of how many it is not known. */
export function failures({ strong }: AskingServer): readonly [refused: number, indeterminate: number] {
  const { refusedTotal, indeterminateTotal } = strong.metrics();
  return [refusedTotal, indeterminateTotal];
}
