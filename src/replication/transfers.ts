/** State transfers of one server: the one that it takes, and the answers that it gives to others. */

import { assertNever } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import { covers, equalVectors, joined, type VersionVector } from '../version-vector.ts';
import type { StateFrame } from './frame.ts';
import type { LinkSession } from './link-session.ts';
import type { Replica } from './replica.ts';
import { StateSource } from './state-source.ts';
import { StateTransfer, type TransferEffect, type TransferEvent } from './state-transfer.ts';

type Adopt = Extract<TransferEffect, { kind: 'adopt' }>;
type Merge = Extract<TransferEffect, { kind: 'merge' }>;

/** Unanswered requests after which a transfer is given up; it begins again with whoever is linked then. */
const ATTEMPTS_MAX = 10;

const NOTE = 'merged';

/** What a replica that is recovering holds nothing beyond: its partitions hold more than its vector says. */
export async function readMerged(replica: Replica): Promise<VersionVector> {
  const note = replica.recovering ? await replica.readNote(NOTE) : undefined;
  return new Map(note === undefined ? [] : (JSON.parse(fromUtf8(note)) as [ReplicaId, number][]));
}

export interface TransfersOptions {
  readonly env: Env;
  readonly replica: Replica;
  /** What is durable and visible here, retired streams included. */
  readonly have: () => VersionVector;
  /** Of transfers that were cut off before a restart. */
  readonly merged: VersionVector;
  readonly patienceMs: number;
  readonly guard: (work: Promise<unknown>) => void;
  /** A transfer ended, well or not. */
  readonly onEnd: () => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class Transfers {
  readonly #options: TransfersOptions;
  readonly #sources = new WeakMap<LinkSession, StateSource>();
  #taking: { readonly session: LinkSession; readonly transfer: StateTransfer; readonly begunMs: number } | undefined;
  /** True if what is here must not be served before a transfer: the last one was cut off. */
  #isOwed: boolean;
  /** An adoption that waits until the peer has what is only here. */
  #pending: { readonly effect: Adopt; readonly sinceMs: number } | undefined;
  /** Partitions hold nothing beyond this and the own vector, while the replica is recovering. */
  #merged: VersionVector;
  #nextLink = 0;
  /** A transfer that failed may fail again: others are not kept busy with it. */
  #notBeforeMs = 0;
  completed = 0;

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#isOwed = options.replica.recovering;
    this.#merged = options.merged;
  }

  /** While true no commits may be applied: the streams are about to jump. */
  get isTaking(): boolean {
    return this.#taking !== undefined;
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }

  /** Takes the state of the peer, unless one is being taken. */
  begin(session: LinkSession): void {
    if (this.#taking !== undefined) return;
    const { env, replica, patienceMs, bugs } = this.#options;
    this.#isOwed = true;
    if (!replica.recovering) this.#merged = new Map();
    const transfer = new StateTransfer(env.random.uint32(), { patienceMs, attemptsMax: ATTEMPTS_MAX }, bugs);
    this.#taking = { session, transfer, begunMs: this.#nowMs() };
    env.log.write('info', 'replication: taking over state', { peer: session.link?.peer.name });
    this.#perform(transfer, transfer.start());
  }

  hear(session: LinkSession, frame: StateFrame): void {
    switch (frame.kind) {
      case 'list-state':
      case 'get-state':
        this.#options.guard(
          this.#source(session)
            .answer(frame)
            .then((answer) => session.send(answer)),
        );
        return;
      case 'state-list':
      case 'state':
        if (this.#taking?.session === session) this.#step({ kind: 'answer', frame });
        return;
      default:
        assertNever(frame);
    }
  }

  #source(session: LinkSession): StateSource {
    let source = this.#sources.get(session);
    if (source === undefined) {
      source = new StateSource(this.#options.replica, () => this.#bound());
      this.#sources.set(session, source);
    }
    return source;
  }

  /** Of one that takes over state itself, partitions hold more than its vector says. */
  #bound(): VersionVector {
    const { replica, have } = this.#options;
    return replica.recovering ? joined(have(), this.#merged) : have();
  }

  /** Merges a state; that it did so outlives a restart, and a transfer from another server that knows less. */
  async #merge({ key, diff, vector }: Merge): Promise<void> {
    const { replica } = this.#options;
    const merged = joined(this.#merged, vector);
    if (!equalVectors(merged, this.#merged)) await replica.writeNote(NOTE, toUtf8(JSON.stringify(Array.from(merged))));
    this.#merged = merged;
    await replica.mergeState(key, diff);
  }

  tick(links: readonly LinkSession[]): void {
    // Another one each time: the last one may not answer.
    const link = links[this.#nextLink % links.length];
    if (this.#pending !== undefined) this.#adopt();
    else if (this.#taking !== undefined) this.#step({ kind: 'tick' });
    else if (this.#isOwed && link !== undefined && this.#nowMs() >= this.#notBeforeMs) {
      this.#nextLink++;
      this.begin(link);
    }
  }

  /** A link ended; what was merged stays, and the rest comes from another one. */
  lose(session: LinkSession): void {
    if (this.#taking?.session === session) this.#giveUp('the link ended');
  }

  #step(event: TransferEvent): void {
    const transfer = this.#taking?.transfer;
    if (transfer !== undefined) this.#perform(transfer, transfer.step(event, this.#nowMs()));
  }

  #perform(transfer: StateTransfer, effects: readonly TransferEffect[]): void {
    for (const effect of effects) this.#performOne(transfer, effect);
  }

  #performOne(transfer: StateTransfer, effect: TransferEffect): void {
    const { replica } = this.#options;
    switch (effect.kind) {
      case 'ask':
        this.#taking?.session.send(effect.frame);
        return;
      case 'begin':
        this.#work(transfer, replica.beginAdoption(), () => ({ kind: 'begun' }));
        return;
      case 'read-state-vector':
        this.#work(transfer, replica.stateVector(effect.key), (stateVector) => ({ kind: 'state-vector', stateVector }));
        return;
      case 'merge':
        this.#work(transfer, this.#merge(effect), () => ({ kind: 'merged' }));
        return;
      case 'adopt':
        this.#pending = { effect, sinceMs: this.#nowMs() };
        this.#adopt();
        return;
      case 'give-up':
        this.#giveUp(effect.reason);
        return;
      default:
        assertNever(effect);
    }
  }

  /**
   * An adoption lets go of the log. What nobody else has of it must be gone out before, or the others would have to take
   * over our state for it; but if the peer cannot have it (it is behind our log, too), waiting for long is no use.
   */
  #adopt(): void {
    const { taking, pending } = { taking: this.#taking, pending: this.#pending };
    if (taking === undefined || pending === undefined) return;
    const { replica, have, patienceMs } = this.#options;
    const isOut = covers(taking.session.link?.peerVector ?? new Map(), have());
    if (!isOut && this.#nowMs() - pending.sinceMs < patienceMs * ATTEMPTS_MAX) return;
    this.#pending = undefined;
    const { effect } = pending;
    // Of a transfer that was cut off, parts of commits may be here that this peer never had.
    const until = joined(effect.until, this.#merged);
    this.#work(taking.transfer, replica.adoptState({ ...effect, until }), () => undefined);
  }

  /** Feeds the outcome back, if the transfer still goes on by then. Without an event, it is complete. */
  #work<T>(transfer: StateTransfer, work: Promise<T>, event: (result: T) => TransferEvent | undefined): void {
    const going = work.then((result) => {
      if (this.#taking?.transfer !== transfer) return;
      const next = event(result);
      if (next !== undefined) this.#step(next);
      else this.#complete();
    });
    this.#options.guard(
      going.catch((error: unknown) => {
        if (this.#taking?.transfer === transfer) this.#giveUp(String(error));
        throw error;
      }),
    );
  }

  #complete(): void {
    const tookMs = Math.round(this.#nowMs() - (this.#taking?.begunMs ?? 0));
    this.#options.env.log.write('info', 'replication: took over state', { tookMs });
    this.#taking = undefined;
    this.#pending = undefined;
    this.#isOwed = false;
    this.completed++;
    this.#options.onEnd();
  }

  #giveUp(reason: string): void {
    if (this.#taking === undefined) return;
    this.#options.env.log.write('warn', 'replication: taking over state was cut off', { reason });
    this.#notBeforeMs = this.#nowMs() + this.#options.patienceMs;
    this.#taking = undefined;
    this.#pending = undefined;
    this.#options.onEnd();
  }
}
