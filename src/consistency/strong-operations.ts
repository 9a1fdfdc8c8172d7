/**
 * Strong operations of this server: asks the coordinator of a graph for its clients, coordinates for others, and votes. Any
 * server may coordinate; that all ask the first live one of the graph's rendezvous order only saves them from duels. One that
 * decides nothing is passed over.
 */

import { BugError } from '../../base/assert.ts';
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { inSpan, type Span } from '../../base/tracer.ts';
import { encodeOperations } from '../../crdt/operation-codec.ts';
import { SYSTEM_KEY } from '../catalog/catalog.ts';
import { joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { IdempotencyKey, QuorumDescription, StrongMetrics, VoterChange } from '../engine-port.ts';
import { rendezvousOrder } from '../replication/rendezvous.ts';
import type { VoterChannel } from '../replication/voter-channel.ts';
import { Coordination, type CoordinationHost, type Decision } from './coordination.ts';
import { CoordinatorChoice } from './coordinator-choice.ts';
import { indeterminate, refusalFrom, tooLate, unavailable, withUnknown } from './failures.ts';
import type { Ask, Message, Reply, Request } from './message.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { Questions } from './questions.ts';
import { type DecideUpdate, type Kept, Stale } from './strong-update.ts';
import { Voter, type VoterHost } from './voter.ts';
import { VoterChanges } from './voter-changes.ts';
import { majorityOf } from './votes.ts';

export interface StrongHost extends CoordinationHost, VoterHost {
  /** What a write with this key was decided to be, if this server has it. */
  remembered(graph: string, key: IdempotencyKey): Promise<Decision | undefined>;
  readonly replica: ReplicaId;
  /** The configuration of this number, as text, once its decision is here. */
  decidedConfiguration(number: number): string | undefined;
  /** Hears whenever `vector` moved. */
  onMoved(listener: () => void): void;
}

export interface StrongOptions {
  readonly env: Env;
  readonly host: StrongHost;
  readonly channel: VoterChannel;
  /** Hears of a failed assertion; it should stop the process. */
  readonly onBug: (error: Error) => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

/** On what terms a client asks. */
export interface Terms {
  readonly patienceMs: number;
  /** `traceparent` of its request (W3C Trace Context), which whoever coordinates goes on with; may be empty. */
  readonly trace: string;
}

/** `Terms` once the clock runs. */
interface Due {
  readonly deadlineMs: number;
  readonly trace: string;
}

export class StrongOperations {
  readonly #options: StrongOptions;
  readonly #voter: Voter;
  readonly #changes: VoterChanges;
  readonly #coordinations = new Map<string, Coordination>();
  readonly #questions: Questions;
  readonly #counts = { strongWritesTotal: 0, strongReadsTotal: 0, refusedTotal: 0, indeterminateTotal: 0 };
  readonly #choice = new CoordinatorChoice();
  #timer: Timer | undefined;
  #closed = false;

  private constructor(options: StrongOptions, voter: Voter) {
    this.#options = options;
    this.#voter = voter;
    const { env, host, channel } = options;
    this.#changes = new VoterChanges({
      env,
      channel,
      voter,
      decided: (number) => host.decidedConfiguration(number),
      decide: async (operation) =>
        void (await this.#write(SYSTEM_KEY, encodeOperations([operation]), undefined, TERMS)),
      isClosed: () => this.#closed,
    });
    this.#questions = new Questions({
      env,
      channel,
      whenCovered: (wanted, patienceMs) => host.whenCovered(wanted, patienceMs),
      send: (to, message) => this.send(to, message),
    });
  }

  static async start(options: StrongOptions): Promise<StrongOperations> {
    const { env, host, channel, bugs } = options;
    let started: StrongOperations | undefined;
    const voter = await Voter.open({
      env,
      host,
      self: channel.self,
      voterSet: channel.voterSet,
      channel,
      send: (to, message) => started?.send(to, message),
      guard: (work) => started?.guard(work),
      bugs,
    });
    started = new StrongOperations(options, voter);
    started.#begin();
    return started;
  }

  #begin(): void {
    const { host, channel } = this.#options;
    channel.listen((from, body, trace) => this.#hear(from, decodeMessage(body), trace));
    host.onMoved(() => this.#voter.moved());
    channel.voterSet.onChange(() => this.#onConfiguration());
    this.#tick();
  }

  #onConfiguration(): void {
    const { env, channel } = this.#options;
    const { number, voters } = channel.voterSet.configuration;
    env.log.write('info', 'quorum: who votes', { configuration: number, voters });
    for (const coordination of this.#coordinations.values()) coordination.outdated();
  }

  #tick(): void {
    if (this.#closed) return;
    const { env, channel } = this.#options;
    this.#timer = env.scheduler.after(LIMITS.strongResendMs, () => this.#tick());
    const reachable = new Set(channel.reachable());
    this.#changes.learnDecided();
    this.#voter.tick();
    for (const name of reachable) if (name !== channel.self) this.#voter.introduce(name);
    this.#questions.loseAllBut(reachable);
  }

  /** Runs work that nobody waits for. */
  guard(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.#closed) return;
      if (error instanceof WeftError)
        this.#options.env.log.write('warn', 'quorum: work failed', { error: String(error) });
      else this.#options.onBug(error instanceof Error ? error : new Error(String(error)));
    });
  }

  // Messages.

  /** @param trace `traceparent` of what it belongs to */
  send(to: string, message: Message, trace?: string): void {
    if (this.#closed) return;
    const { channel } = this.#options;
    if (to !== channel.self) channel.send(to, encodeMessage(message, channel.version(to)), trace);
    // A turn of its own, so that nobody hears before his question has gone to all.
    else void Promise.resolve().then(() => this.#hear(channel.self, message, trace));
  }

  #hear(from: string, message: Message, trace?: string): void {
    if (this.#closed) return;
    switch (message.kind) {
      case 'prepare':
      case 'accept':
        this.#voter.hear(from, message, this.#beginVote(from, message.kind, trace));
        return;
      case 'settled':
      case 'join':
      case 'joined':
        this.#voter.hear(from, message);
        return;
      case 'promised':
      case 'accepted':
      case 'refused':
        this.#coordinations.get(message.graph)?.hear(from, message);
        return;
      case 'outdated':
        this.#options.channel.voterSet.adopt(message.configuration);
        this.#coordinations.get(message.graph)?.outdated(message.ballot);
        return;
      case 'ask':
        if (this.#questions.isFirst(from, message)) this.guard(this.#answer(from, message));
        return;
      case 'answer':
        this.#questions.answered(message.id, message.reply);
    }
  }

  #beginVote(from: string, asked: 'prepare' | 'accept', parent = ''): Span | undefined {
    const { tracer } = this.#options.env;
    return tracer?.begin('quorum.vote', { parent, attributes: { 'weft.peer': from, 'weft.asked': asked } });
  }

  async #answer(from: string, { id, graph, patienceMs, trace, request }: Ask): Promise<void> {
    const { env } = this.#options;
    const attributes = { 'weft.peer': from, 'weft.asked': request.kind };
    const span = env.tracer?.begin('quorum.answer', { parent: trace, attributes });
    const waitMs = Math.min(patienceMs, LIMITS.strongWaitMs);
    const submit = () => this.#coordination(graph).submit(request, waitMs, span?.traceparent);
    const reply = await inSpan(span, submit);
    const said = { from, graph, request: request.kind, reply: reply.kind, traceparent: trace };
    env.log.write('debug', 'quorum: decided for another server', said);
    this.send(from, { kind: 'answer', id, reply });
  }

  #coordination(graph: string): Coordination {
    let coordination = this.#coordinations.get(graph);
    if (coordination === undefined) {
      const { env, host, channel, bugs } = this.#options;
      const { replica } = host;
      coordination = new Coordination({
        env,
        host,
        settings: { graph, replica, bugs },
        voters: () => {
          const { number, voters } = channel.voterSet.configuration;
          return { configuration: number, voters: new Set(voters) };
        },
        broadcast: (message, except, trace) => {
          for (const name of this.#reachableVoters()) if (!except.has(name)) this.send(name, message, trace);
        },
        guard: (work) => this.guard(work),
        bugs,
      });
      this.#coordinations.set(graph, coordination);
    }
    return coordination;
  }

  // What clients ask.

  /**
   * Decides a write. Resolves with its results as text once a majority has it and this server shows it.
   * @throws WeftError what the operations throw; `quorum-unavailable`, definite; `quorum-indeterminate`
   */
  write(
    graph: string,
    operations: string,
    key: IdempotencyKey | undefined,
    terms: Terms,
  ): Promise<{ readonly results: string; readonly replayed: boolean }> {
    this.#counts.strongWritesTotal++;
    return this.#counting(this.#write(graph, operations, key, terms));
  }

  async #write(
    graph: string,
    operations: string,
    key: IdempotencyKey | undefined,
    terms: Terms,
  ): Promise<{ readonly results: string; readonly replayed: boolean }> {
    const due = this.#due(terms);
    const { deadlineMs } = due;
    const request: Request = { kind: 'write', operations, ...(key !== undefined && { key }) };
    let isUnknown = false;
    for (;;) {
      const reply = await this.#ask(graph, request, due).catch((error: unknown) => {
        throw isUnknown ? withUnknown(error) : error;
      });
      if (reply === 'lost') {
        isUnknown = true;
        // With a key it can be asked again: it will not happen twice.
        if (key !== undefined && this.#nowMs() < deadlineMs) continue;
        throw indeterminate('the coordinator was lost while the write was being decided');
      }
      if (reply.kind === 'written') {
        // What the answer shows, this server must show too. If it cannot in time, the session token still asks for it.
        await this.#options.host.whenCovered(reply.vector, deadlineMs - this.#nowMs());
        return reply;
      }
      if (reply.kind !== 'failed') throw unavailable('the coordinator did not understand the request');
      const refusal = refusalFrom(reply.error);
      throw isUnknown ? withUnknown(refusal) : refusal;
    }
  }

  /**
   * Runs `read` so that it sees every strong write that was acknowledged before, and nothing that a later strong read might
   * not see. `read` may run more than once; it must read one state of the graph.
   * @throws WeftError what `read` throws; `quorum-unavailable`, definite
   */
  read<T>(graph: string, read: () => Promise<T>, terms: Terms): Promise<T> {
    this.#counts.strongReadsTotal++;
    return this.#counting(this.#read(graph, read, terms));
  }

  async #read<T>(graph: string, read: () => Promise<T>, terms: Terms): Promise<T> {
    const { host, bugs } = this.#options;
    if (isPlanted(bugs, 'read-without-quorum')) return read();
    const due = this.#due(terms);
    const { deadlineMs } = due;
    for (;;) {
      const position = await this.#ask(graph, { kind: 'position' }, due);
      if (position === 'lost') {
        this.#checkTime(deadlineMs);
        continue;
      }
      if (position.kind !== 'position') throw failureOf(position);
      if (!(await host.whenCovered(position.vector, deadlineMs - this.#nowMs()))) throw tooLate();
      const { place } = position;
      const covered = host.vector;
      const outcome = await settled(read());
      const seen = await this.#seen();
      const held = isPlanted(bugs, 'read-dated-late') ? seen : covered;
      const answer = await this.#ask(graph, { kind: 'confirm', place, held, seen }, due);
      if (answer !== 'lost' && answer.kind !== 'confirmed') throw failureOf(answer);
      if (answer === 'lost' || !answer.holds) {
        this.#checkTime(deadlineMs);
        continue;
      }
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    }
  }

  /**
   * Runs `attempt`, which reads and then decides operations on what it read: nothing that a strong write changes comes in
   * between, or it runs again. What it read without deciding anything is confirmed like a read. With a key, what was decided
   * under it before is recalled instead of deciding anything.
   * @throws WeftError what `attempt` throws; `quorum-unavailable`, definite; `quorum-indeterminate`
   */
  update<T>(
    graph: string,
    attempt: (decide: DecideUpdate) => Promise<T>,
    terms: Terms & { readonly kept?: Kept<T> },
  ): Promise<T> {
    this.#counts.strongWritesTotal++;
    return this.#counting(this.#update(graph, attempt, terms));
  }

  async #update<T>(
    graph: string,
    attempt: (decide: DecideUpdate) => Promise<T>,
    terms: Terms & { readonly kept?: Kept<T> },
  ): Promise<T> {
    const attempts = { isLost: false };
    try {
      return await this.#attempts(graph, attempt, terms, attempts);
    } catch (error) {
      // What a later attempt met says nothing of the one that was lost.
      throw attempts.isLost && !(error instanceof BugError)
        ? indeterminate(`an attempt was lost, and then ${String(error)}`)
        : error;
    }
  }

  /** @param attempts told when it is not known what became of one */
  async #attempts<T>(
    graph: string,
    attempt: (decide: DecideUpdate) => Promise<T>,
    { kept, ...terms }: Terms & { readonly kept?: Kept<T> },
    attempts: { isLost: boolean },
  ): Promise<T> {
    const { host } = this.#options;
    const due = this.#due(terms);
    const { deadlineMs } = due;
    for (; ; this.#checkTime(deadlineMs)) {
      const position = await this.#ask(graph, { kind: 'position' }, due);
      if (position === 'lost') continue;
      if (position.kind !== 'position') throw failureOf(position);
      if (!(await host.whenCovered(position.vector, deadlineMs - this.#nowMs()))) throw tooLate();
      const before = kept === undefined ? undefined : await host.remembered(graph, kept.key);
      if (before !== undefined && kept !== undefined) {
        await host.durable();
        attempts.isLost = false;
        if (before.kind === 'failed') throw refusalFrom(before.error);
        return kept.recall(before.results);
      }
      const { place } = position;
      const held = host.vector;
      let isDecided = false;
      const decide = async (operations: string, outcome: string): Promise<void> => {
        await host.durable();
        const basis = { place, seen: host.vector };
        const keeps = kept === undefined ? {} : { key: kept.key, outcome };
        const reply = await this.#ask(graph, { kind: 'write', operations, basis, ...keeps }, due);
        // What was decided under the key before is recalled in the next turn.
        if (reply !== 'lost' && (reply.kind === 'stale' || (reply.kind === 'written' && reply.replayed)))
          throw new Stale();
        // With a key it can be asked again: it will not happen twice.
        if (reply === 'lost' && kept !== undefined) {
          attempts.isLost = true;
          throw new Stale();
        }
        isDecided = true;
        if (reply === 'lost') throw indeterminate('the coordinator was lost while the write was being decided');
        if (reply.kind !== 'written') throw failureOf(reply);
        await host.whenCovered(reply.vector, deadlineMs - this.#nowMs());
      };
      const outcome = await settled(attempt(decide));
      if ('error' in outcome && outcome.error instanceof Stale) continue;
      if (!isDecided) {
        const seen = await this.#seen();
        const answer = await this.#ask(graph, { kind: 'confirm', place, held, seen }, due);
        if (answer !== 'lost' && answer.kind !== 'confirmed') throw failureOf(answer);
        if (answer === 'lost' || !answer.holds) continue;
      }
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    }
  }

  /**
   * Waits until all is durable that a read which ended now may have met, and says what that is at most: commits of others are shown
   * once they are durable, what is written here is shown before.
   */
  async #seen(): Promise<VersionVector> {
    const { host, bugs } = this.#options;
    const others = host.vector;
    await host.durable();
    if (isPlanted(bugs, 'read-dated-late')) return host.vector;
    return joined(others, [[host.replica, seqOf(host.vector, host.replica)]]);
  }

  #checkTime(deadlineMs: number): void {
    if (this.#nowMs() >= deadlineMs) throw unavailable('no majority of the servers answered in time');
  }

  #due({ patienceMs, trace }: Terms): Due {
    return { deadlineMs: this.#nowMs() + patienceMs, trace };
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }

  /** @throws WeftError `quorum-unavailable`, definite, if no majority can be reached */
  async #ask(graph: string, request: Request, { deadlineMs, trace }: Due): Promise<Reply | 'lost'> {
    const { channel } = this.#options;
    const reachable = await this.#reachableMajority(deadlineMs);
    const order = rendezvousOrder({ graphKey: graph, partition: '' as PartitionId }, reachable);
    const atMs = this.#nowMs();
    const patienceMs = Math.max(0, Math.ceil(deadlineMs - atMs));
    const to = this.#choice.of(order, atMs) ?? channel.self;
    const reply = await (to === channel.self
      ? this.#coordination(graph).submit(request, patienceMs, trace)
      : this.#questions.ask(to, { graph, request, trace, deadlineMs }));
    if (isDecision(reply)) this.#choice.decided(to, this.#nowMs());
    else this.#choice.decidedNothing(to, { atMs, patienceMs }, this.#nowMs());
    return reply;
  }

  // Who votes.

  /** @throws as `VoterChanges.change` */
  changeVoters(change: VoterChange): Promise<void> {
    return this.#changes.change(change);
  }

  /** This server first, if it is a voter. */
  #reachableVoters(): readonly string[] {
    const { channel } = this.#options;
    return channel.reachable().filter((name) => channel.voterSet.isVoter(name));
  }

  /** Waits a little for a majority: links come and go. */
  async #reachableMajority(deadlineMs: number): Promise<readonly string[]> {
    const { env, channel } = this.#options;
    for (;;) {
      const reachable = this.#reachableVoters();
      const { voters } = channel.voterSet.configuration;
      if (voters.length > 0 && reachable.length >= majorityOf(voters.length)) return reachable;
      if (this.#closed) throw unavailable('the server is stopping');
      if (this.#nowMs() >= deadlineMs - PATIENCE_LEFT_MS) {
        throw unavailable(
          voters.length === 0
            ? 'the servers that were told of each other have not all met yet'
            : `${reachable.length} of ${voters.length} voters can be reached; a majority is needed`,
        );
      }
      await new Promise<void>((resolve) => env.scheduler.after(LIMITS.strongResendMs, resolve));
    }
  }

  metrics(): StrongMetrics {
    let roundsTotal = 0;
    let electionsTotal = 0;
    for (const { rounds, elections } of this.#coordinations.values()) {
      roundsTotal += rounds;
      electionsTotal += elections;
    }
    const votersReachable = this.#reachableVoters().length;
    return { ...this.#counts, roundsTotal, electionsTotal, votersReachable };
  }

  /** Counts how strong operations fail. */
  async #counting<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof WeftError && error.code === 'quorum-unavailable') this.#counts.refusedTotal++;
      if (error instanceof WeftError && error.code === 'quorum-indeterminate') this.#counts.indeterminateTotal++;
      throw error;
    }
  }

  /** Whether a strong operation would be taken now. */
  status(): Omit<QuorumDescription, 'isReachable'> {
    const { channel } = this.#options;
    const { number: configuration, voters } = channel.voterSet.configuration;
    const reachable = voters.length === 0 ? channel.reachable().length : this.#reachableVoters().length;
    const majority = majorityOf(voters.length || channel.size);
    return { votes: this.#voter.votes, reachable, majority, configuration, voters };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const coordination of this.#coordinations.values()) coordination.close();
    this.#questions.loseAllBut(new Set());
  }
}

/** Of what this server asks for itself. */
const TERMS: Terms = { patienceMs: LIMITS.strongWaitMs, trace: '' };

function isDecision(reply: Reply | 'lost'): boolean {
  return reply !== 'lost' && (reply.kind !== 'failed' || refusalFrom(reply.error).code !== 'quorum-unavailable');
}

/** Without a majority a request is refused this long before its deadline. */
const PATIENCE_LEFT_MS = LIMITS.strongWaitMs - 1_500;

function failureOf(reply: Reply): WeftError {
  return reply.kind === 'failed'
    ? refusalFrom(reply.error)
    : unavailable('the coordinator did not understand the request');
}

async function settled<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}
