/**
 * Drives the coordinator of one graph: collects what clients ask, decides it in batches, one proposal at a time, and
 * answers once a majority holds what the answer rests on. Every request has a deadline; what was never proposed when it
 * passes did not happen, what was proposed may have.
 */
import { assert, present } from '../../base/assert.ts';
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { inSpan, type Span } from '../../base/tracer.ts';
import { RoundGathering } from '../commits/round-gathering.ts';
import { joined, type VersionVector } from '../commits/version-vector.ts';
import { isSchemaChange } from '../constraints/schema-change.ts';
import type { IdempotencyKey } from '../engine-port.ts';
import { type Ballot, compareBallots, sameBallot } from './ballot.ts';
import {
  ballotOf,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorSettings,
  IDLE,
  stepCoordinator,
} from './coordinator.ts';
import { EraChanges } from './era-changes.ts';
import { indeterminate, refusalOf, unavailable } from './failures.ts';
import type {
  Accept,
  Accepted,
  Prepare,
  Promised,
  ProvisionalPatch,
  Refused,
  Reply,
  Request,
  Settled,
} from './message.ts';

export interface WriteRequest {
  readonly operations: string;
  readonly key: IdempotencyKey | undefined;
  /** Is kept under the key in place of the results. */
  readonly outcome?: string | undefined;
}

/** What became of one write when it was decided. */
export type Decision =
  | { readonly kind: 'written'; readonly results: string; readonly replayed: boolean }
  | { readonly kind: 'failed'; readonly error: string };

/** What coordinating needs of the engine. */
export interface CoordinationHost {
  /** Everything durable and visible here. A new object whenever it moves. */
  readonly vector: VersionVector;
  /** Resolves with true once this server holds it, with false if it does not in time. */
  whenCovered(wanted: VersionVector, patienceMs: number): Promise<boolean>;
  /** Later stamps of this server are beyond this reading. */
  seeClock(reading: number): void;
  /** Resolves when all that was written here so far, by anybody, is durable and in `vector`. */
  durable(): Promise<void>;
  /**
   * Runs writes on the graph as it is here, one after the other, each seeing those before it; they change nothing.
   * Never rejects but for a failed store.
   */
  decide(
    graph: string,
    writes: readonly WriteRequest[],
  ): Promise<{ readonly decisions: readonly Decision[]; readonly patches: readonly ProvisionalPatch[] }>;
  /** Makes patches a commit of this server. Resolves when it is durable, with a position of the own stream that has it. */
  commit(patches: readonly ProvisionalPatch[]): Promise<readonly [origin: number, seq: number]>;
}

export interface CoordinationOptions {
  readonly env: Env;
  readonly host: CoordinationHost;
  readonly settings: Pick<CoordinatorSettings, 'graph' | 'replica' | 'bugs'>;
  /** Who decides from the next ballot on. */
  readonly voters: () => Pick<CoordinatorSettings, 'configuration' | 'voters'>;
  /** Hands a message to every voter, this server's own included, but for those named. `trace`: its `traceparent`. */
  readonly broadcast: (
    message: Prepare | Accept | Settled,
    except: ReadonlySet<string>,
    trace: string | undefined,
  ) => void;
  readonly guard: (work: Promise<unknown>) => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

interface Waiting {
  readonly request: Request;
  readonly deadlineMs: number;
  /** `traceparent` of what asks; may be empty. */
  readonly trace: string;
  readonly end: (reply: Reply) => void;
  isEnded: boolean;
  /** The last ballot that proposed it, and what it decided. */
  proposed: { readonly ballot: Ballot; readonly decision: Decision } | undefined;
}

/** Something of which the driver must know before it goes on. */
type Turn =
  | Extract<CoordinatorEffect, { kind: 'catch-up' | 'leads' | 'chosen' | 'probed' | 'lost' }>
  | { readonly kind: 'silent' };

export class Coordination {
  readonly #options: CoordinationOptions;
  #state = IDLE;
  #settings: CoordinatorSettings;
  #queue: Waiting[] = [];
  /** Proposed by an earlier ballot that was lost: what became of it will show. */
  #unresolved: Waiting[] = [];
  /** What the round that is under way decides. */
  #batch: readonly Waiting[] = [];
  /** How many are not in the queue yet, since what they saw is not here. */
  #uncovered = 0;
  #running = false;
  #closed = false;
  #attempts = 0;
  /** How long the last round took if it came to nothing because the time of some of its writes was over. */
  #wastedMs = 0;
  readonly #gathering: RoundGathering;
  #turn: ((turn: Turn) => void) | undefined;
  /** The turn of the coordinator that is traced, and the question to the voters that is open. */
  #roundSpan: Span | undefined;
  #askingSpan: Span | undefined;
  /** Rounds of proposals that were chosen, for the metrics. */
  rounds = 0;
  readonly #changes: EraChanges;
  elections = 0;

  constructor(options: CoordinationOptions) {
    this.#options = options;
    this.#settings = { ...options.settings, ...options.voters() };
    this.#changes = new EraChanges(options.settings.replica, options.bugs);
    this.#gathering = new RoundGathering(options.env, () => this.#queue.length);
  }

  /** Never rejects: a refusal is a reply. @param trace `traceparent` of what asks */
  submit(request: Request, patienceMs: number, trace = ''): Promise<Reply> {
    const { env, guard } = this.#options;
    if (this.#closed) return Promise.resolve(this.#failed(unavailable('the server is stopping')));
    if (this.#queue.length + this.#uncovered >= LIMITS.strongQueueMax) {
      const full = new WeftError('too-many-requests', 'too many strong requests wait', { retryAfterSeconds: 1 });
      return Promise.resolve(this.#failed(full));
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        request,
        trace,
        deadlineMs: env.clock.monotonicMs() + patienceMs,
        isEnded: false,
        proposed: undefined,
        end: (reply) => {
          if (waiting.isEnded) return;
          waiting.isEnded = true;
          timer.cancel();
          resolve(reply);
        },
      };
      const timer = env.scheduler.after(patienceMs, () => waiting.end(this.#expired(waiting)));
      const seen =
        request.kind === 'confirm' ? request.seen : request.kind === 'write' ? request.basis?.seen : undefined;
      if (seen !== undefined) guard(this.#queueOnceCovered(waiting, seen, patienceMs));
      else this.#push(waiting);
    });
  }

  /** What a reader saw must be here before later decisions are made: they come after it. */
  async #queueOnceCovered(waiting: Waiting, seen: VersionVector, patienceMs: number): Promise<void> {
    this.#uncovered++;
    const isCovered = await this.#options.host.whenCovered(seen, patienceMs).finally(() => {
      this.#uncovered--;
    });
    if (isCovered) this.#push(waiting);
    else waiting.end(this.#expired(waiting));
  }

  #push(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#gathering.noticed();
    if (this.#running) return;
    this.#running = true;
    this.#options.guard(this.#run());
  }

  #failed(error: WeftError): Reply {
    return { kind: 'failed', error: refusalOf(error), vector: this.#options.host.vector };
  }

  /** Definite if no ballot ever proposed it. */
  #expired({ request, proposed }: Waiting): Reply {
    if (request.kind !== 'write' || proposed === undefined) {
      return this.#failed(unavailable('no majority of the servers answered in time'));
    }
    return this.#failed(indeterminate('the write was proposed, and no majority answered in time'));
  }

  hear(from: string, vote: Promised | Accepted | Refused): void {
    this.#step({ kind: 'vote', from, vote });
  }

  /** The ballot, or all that are under way, belong to a configuration that is over. */
  outdated(ballot?: Ballot): void {
    if (ballot !== undefined && !sameBallot(ballot, ballotOf(this.#state))) return;
    if (this.#settings.configuration < this.#options.voters().configuration) this.#step({ kind: 'outdated' });
  }

  close(): void {
    this.#closed = true;
    this.#gathering.stop();
    const unproposed = this.#batch.filter(({ proposed }) => proposed === undefined);
    for (const waiting of [...this.#queue, ...this.#unresolved, ...unproposed]) waiting.end(this.#expired(waiting));
    // What is proposed is answered once its round has ended: it may have been chosen already.
    this.#turn?.({ kind: 'silent' });
  }

  // The machine's turns.

  #step(event: CoordinatorEvent): void {
    const { broadcast } = this.#options;
    const { state, effects } = stepCoordinator(this.#state, event, this.#settings);
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === 'send')
        broadcast(effect.message, effect.except, (this.#askingSpan ?? this.#roundSpan)?.traceparent);
      else this.#turn?.(effect);
    }
  }

  /** Lets the machine step, and resolves with what comes of it. */
  #drive(event: CoordinatorEvent): Promise<Turn> {
    const { env } = this.#options;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      let resends = 0;
      this.#beginAsking(event);
      const end = (turn: Turn) => {
        this.#turn = undefined;
        this.#askingSpan?.end();
        this.#askingSpan = undefined;
        timer?.cancel();
        resolve(turn);
      };
      const wait = () => {
        timer = env.scheduler.after(LIMITS.strongResendMs, () => {
          if (this.#closed || ++resends > RESENDS_MAX) {
            end({ kind: 'silent' });
            return;
          }
          wait();
          this.#step({ kind: 'resend' });
        });
      };
      this.#turn = end;
      wait();
      this.#step(event);
    });
  }

  // Deciding.

  async #run(): Promise<void> {
    try {
      // A turn for requests that are ready now, so that they share the first round.
      await this.#options.env.scheduler.yield();
      while (!this.#closed && this.#hasWork()) {
        await this.#gathering.whenGathered();
        this.#roundSpan = this.#beginRound();
        const leads = await inSpan(this.#roundSpan, () => this.#turnOver());
        this.#roundSpan = undefined;
        if (!leads) await this.#backOff();
      }
    } finally {
      this.#running = false;
      // What a round left behind is told as well.
      if (this.#closed) this.close();
    }
  }

  /** False if it came to nothing: it could not lead, or its server cannot do its part now. What waits is tried again. */
  async #turnOver(): Promise<boolean> {
    try {
      const leads = await this.#lead();
      if (leads) await this.#round();
      return leads;
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.#options.guard(Promise.reject(error));
      return false;
    }
  }

  #beginRound(): Span | undefined {
    const { tracer } = this.#options.env;
    if (tracer === undefined) return undefined;
    const waiting = [...this.#unresolved, ...this.#queue];
    const [first, ...others] = waiting.filter(({ trace }) => trace !== '');
    if (first === undefined) return undefined;
    return tracer.begin('quorum.round', {
      parent: first.trace,
      links: others.slice(0, LIMITS.spanLinksMax).map(({ trace }) => trace),
      attributes: { 'weft.requests': waiting.length },
    });
  }

  #beginAsking({ kind }: CoordinatorEvent): void {
    const name = kind === 'begin' || kind === 'probe' || kind === 'propose' ? ASKING[kind] : undefined;
    if (name === undefined || this.#roundSpan === undefined) return;
    this.#askingSpan = this.#options.env.tracer?.begin(name, { parent: this.#roundSpan.traceparent });
  }

  #hasWork(): boolean {
    const isOpen = ({ isEnded }: Waiting) => !isEnded;
    this.#queue = this.#queue.filter(isOpen);
    this.#unresolved = this.#unresolved.filter(isOpen);
    return this.#queue.length > 0 || this.#unresolved.length > 0;
  }

  /** Two coordinators that began together must not go on doing so. */
  async #backOff(): Promise<void> {
    const { env } = this.#options;
    const longest = Math.min(LIMITS.strongBackoffMsMax, 10 * 2 ** Math.min(this.#attempts++, 10));
    const delayMs = (longest * env.random.uint32()) / 2 ** 32;
    await new Promise<void>((resolve) => env.scheduler.after(delayMs, resolve));
  }

  /** True once this server leads and all that was accepted before is in its documents. */
  async #lead(): Promise<boolean> {
    const { host, settings, voters, bugs } = this.#options;
    const isCurrent = this.#settings.configuration === voters().configuration;
    if (this.#state.phase.kind === 'leading' && isCurrent && this.#unresolved.length === 0) return true;
    this.#settings = { ...settings, ...voters() };
    this.elections++;
    let turn = await this.#drive({ kind: 'begin' });
    this.#changes.begin(this.#state.era);
    for (;;) {
      switch (turn.kind) {
        case 'catch-up': {
          if (!(await host.whenCovered(turn.wanted, LIMITS.strongWaitMs))) return false;
          if (!isPlanted(bugs, 'clock-not-from-promises')) host.seeClock(turn.clock);
          turn = await this.#drive({ kind: 'caught-up' });
          break;
        }
        case 'chosen':
          // Patches of somebody who could not finish, perhaps of this server.
          turn = await this.#finish(turn);
          break;
        case 'leads':
          this.#judge(turn.accepted);
          return true;
        case 'probed':
        case 'lost':
        case 'silent':
          return false;
      }
    }
  }

  async #finish({ of, patches }: Extract<Turn, { kind: 'chosen' }>): Promise<Turn> {
    const { host } = this.#options;
    this.#count(patches);
    const commit = patches.length === 0 ? undefined : await host.commit(patches);
    for (const waiting of this.#unresolved) {
      const { proposed } = waiting;
      if (proposed !== undefined && sameBallot(proposed.ballot, of))
        waiting.end({ ...proposed.decision, vector: host.vector });
    }
    return this.#drive(commit === undefined ? { kind: 'committed' } : { kind: 'committed', commit });
  }

  /**
   * What became of proposals that were lost. One after the last that was accepted is dead as soon as this ballot has a
   * proposal of its own, so it may be proposed anew; one before it may have been finished by somebody else.
   */
  #judge(accepted: Ballot): void {
    const again: Waiting[] = [];
    for (const waiting of this.#unresolved) {
      const { proposed } = waiting;
      assert(proposed !== undefined, 'what is unresolved was proposed');
      if (compareBallots(accepted, proposed.ballot) < 0) again.push(waiting);
      else waiting.end(this.#failed(indeterminate('another server took over while the write was being decided')));
    }
    this.#unresolved = [];
    this.#queue.unshift(...again.filter(({ isEnded }) => !isEnded));
  }

  #count(patches: readonly ProvisionalPatch[]): void {
    this.rounds++;
    if (patches.length > 0) this.#changes.counted();
  }

  /** Decides what waits now, in one proposal. */
  async #round(): Promise<void> {
    const startedMs = this.#options.env.clock.monotonicMs();
    const batch = this.#take(startedMs);
    const ballot = ballotOf(this.#state);
    this.#batch = batch;
    try {
      await this.#decide(batch, startedMs);
    } catch (error) {
      this.#putBack(batch, ballot);
      throw error;
    } finally {
      this.#batch = [];
    }
  }

  /** What was proposed with the ballot may have been chosen; the rest waits as before. */
  #putBack(batch: readonly Waiting[], ballot: Ballot): void {
    const open = batch.filter(({ isEnded }) => !isEnded);
    const isUnresolved = ({ proposed }: Waiting) => proposed !== undefined && sameBallot(proposed.ballot, ballot);
    this.#unresolved = open.filter(isUnresolved);
    this.#queue.unshift(...open.filter((waiting) => !isUnresolved(waiting)));
  }

  async #decide(batch: readonly Waiting[], startedMs: number): Promise<void> {
    const { env, host, settings } = this.#options;
    const { place } = this.#changes;
    const writes: Waiting[] = [];
    const confirms: Waiting[] = [];
    let cover: VersionVector = new Map();
    for (const waiting of batch) {
      const { request } = waiting;
      if (request.kind === 'position') {
        waiting.end({ kind: 'position', place, vector: host.vector });
      } else if (request.kind === 'write') {
        const { basis } = request;
        // What others write in the same round comes before it as well.
        const isFresh = basis === undefined || (this.#changes.isFresh(basis) && writes.length === 0);
        if (!isFresh) waiting.end({ kind: 'stale' });
        else writes.push(waiting);
        cover = joined(cover, basis?.seen ?? []);
      } else if (!this.#changes.holds(request)) waiting.end({ kind: 'confirmed', holds: false });
      else {
        confirms.push(waiting);
        cover = joined(cover, request.seen);
      }
    }
    if (writes.length + confirms.length === 0) return;
    const requests = writes.map(({ request }) => asWrite(request));
    // What is decided rests on this at least; more may come in meanwhile.
    const base = host.vector;
    const { decisions, patches } =
      writes.length === 0 ? { decisions: [], patches: [] } : await host.decide(settings.graph, requests);
    if (writes.length > 0) await host.durable();
    if (writes.some(({ isEnded }) => isEnded) && !isPlanted(this.#options.bugs, 'refused-yet-proposed')) {
      // Its time was over meanwhile, and it was told that it did not happen (STR-10). Those behind it were decided as if it had.
      this.#queue.unshift(...batch.filter(({ isEnded }) => !isEnded));
      this.#wastedMs = env.clock.monotonicMs() - startedMs;
      return;
    }
    cover = joined(cover, writes.length > 0 ? host.vector : []);
    if (patches.length === 0) {
      const turn = await this.#drive({ kind: 'probe', seen: cover });
      if (turn.kind === 'probed' && turn.holds) {
        this.#answer(writes, decisions, confirms);
        return;
      }
      if (turn.kind !== 'probed') {
        this.#queue.unshift(...batch.filter(({ isEnded }) => !isEnded));
        return;
      }
    }
    const ballot = ballotOf(this.#state);
    if (patches.length > 0) {
      writes.forEach((waiting, i) => {
        waiting.proposed = { ballot, decision: decisionAt(decisions, i) };
      });
      // Planted: what a round that fails leaves behind is seen all the same.
      if (isPlanted(this.#options.bugs, 'merge-on-accept')) await host.commit(patches);
    }
    const turn = await this.#drive({ kind: 'propose', cover, patches });
    if (turn.kind !== 'chosen') {
      this.#putBack(batch, ballot);
      return;
    }
    this.#count(patches);
    this.#attempts = 0;
    const commit = patches.length === 0 ? undefined : await host.commit(patches);
    if (commit !== undefined) this.#changes.remember({ base, commit });
    this.#answer(writes, decisions, confirms);
    this.#gathering.answered(batch.length);
    await this.#drive(commit === undefined ? { kind: 'committed' } : { kind: 'committed', commit });
  }

  /**
   * After a round that came to nothing, writes that have less time left than it took let one round go by: under load there would
   * always be some whose time is over meanwhile, and nothing would ever be written.
   */
  #take(nowMs: number): Waiting[] {
    const leastMs = this.#wastedMs * LONGER;
    this.#wastedMs = 0;
    const batch: Waiting[] = [];
    const passed: Waiting[] = [];
    let chars = 0;
    while (batch.length < LIMITS.strongBatchMax && chars < LIMITS.groupCharsMax) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      if (next.isEnded) continue;
      if (next.deadlineMs < nowMs) {
        // After a pause of the whole process its timer may come later than this.
        next.end(this.#expired(next));
        continue;
      }
      const { request } = next;
      if (request.kind === 'write' && next.deadlineMs - nowMs < leastMs) {
        passed.push(next);
        continue;
      }
      const isAlone = request.kind === 'write' && isSchemaChange(request.operations);
      if (isAlone && batch.length > 0) {
        this.#queue.unshift(next);
        break;
      }
      if (request.kind === 'write') chars += request.operations.length;
      batch.push(next);
      if (isAlone) break;
    }
    this.#queue.unshift(...passed);
    return batch;
  }

  #answer(writes: readonly Waiting[], decisions: readonly Decision[], confirms: readonly Waiting[]): void {
    const { vector } = this.#options.host;
    writes.forEach((waiting, i) => {
      waiting.end({ ...decisionAt(decisions, i), vector });
    });
    for (const waiting of confirms) waiting.end({ kind: 'confirmed', holds: true });
  }
}

function decisionAt(decisions: readonly Decision[], index: number): Decision {
  return present(decisions[index], 'every write is decided');
}

function asWrite(request: Request): WriteRequest {
  assert(request.kind === 'write', 'only writes are decided');
  return { operations: request.operations, key: request.key, outcome: request.outcome };
}

/** What the voters are asked upon an event. */
const ASKING = { begin: 'quorum.prepare', probe: 'quorum.probe', propose: 'quorum.accept' } as const;

/** After so many questions without an answer of a majority the round is given up. */
const RESENDS_MAX = 10;

/** By how much the round after one that came to nothing may take longer. */
const LONGER = 1.25;
