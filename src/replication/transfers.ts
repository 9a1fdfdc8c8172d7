/** State transfers of one server: the one that it takes, and the answers that it gives to others. */

import { assertNever } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { ahead, type VersionVector } from '../commits/version-vector.ts';
import { STATE_PENDING_VERSION, type StateFrame } from './frame.ts';
import type { LinkSession } from './link-session.ts';
import type { Replica } from './replica.ts';
import type { Patience } from './state-pull.ts';
import { StateSource } from './state-source.ts';
import { StateTransfer, type TransferEffect, type TransferEvent } from './state-transfer.ts';

type Adopt = Extract<TransferEffect, { kind: 'adopt' }>;

/** Unanswered requests after which a transfer is given up; it begins again with whoever is linked then. */
const ATTEMPTS_MAX = 10;
const STORE_IS_GONE: readonly string[] = ['storage-failed', 'shutting-down'];
/** Patience with a peer that gets nothing of what is only here: it is behind our log, or takes over a state itself, perhaps ours. */
const STANDSTILL = 2;

export interface TransfersOptions {
  readonly env: Env;
  readonly replica: Replica;
  /** What is durable and visible here, retired streams included. */
  readonly have: () => VersionVector;
  readonly patienceMs: number;
  readonly guard: (work: Promise<unknown>) => void;
  /** A transfer ended, well or not. */
  readonly onEnd: () => void;
  /** What was decided cannot be taken in: only the next start can tell what is to be done. */
  readonly onStuck: (error: WeftError) => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class Transfers {
  readonly #options: TransfersOptions;
  readonly #sources = new Map<LinkSession, StateSource>();
  #taking: { readonly session: LinkSession; readonly transfer: StateTransfer; readonly begunMs: number } | undefined;
  /** All states are there and are taken in: there is no way back. */
  #isAdopting = false;
  /** An adoption that waits until the peer has what is only here. */
  #pending: { readonly effect: Adopt; readonly sinceMs: number; movedMs: number; lacking: number } | undefined;
  /** The last one failed, and may fail again: others come first until then. */
  #failed: { readonly session: LinkSession; readonly untilMs: number } | undefined;
  /** Transfers that were given up since one was complete. */
  #failures = 0;
  completed = 0;

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /** While true no commits may be applied: the streams are about to jump. */
  get isTaking(): boolean {
    return this.#taking !== undefined;
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }

  /** Takes the state of a peer whose log no longer reaches what is lacking here, unless one is being taken. */
  begin(session: LinkSession): void {
    if (this.#taking !== undefined) return;
    if (this.#failed?.session === session && this.#nowMs() < this.#failed.untilMs) return;
    const { env, bugs } = this.#options;
    const transfer = new StateTransfer(env.random.uint32(), this.#patience(), bugs);
    this.#taking = { session, transfer, begunMs: this.#nowMs() };
    env.log.write('info', 'replication: taking over state', { peer: session.link?.peer.name });
    this.#perform(transfer, transfer.start());
  }

  /**
   * A peer that is at it may be at it for ever, and nobody is answered here meanwhile: at first another one, if there is
   * one, is asked as soon as if it were silent. It is waited for twice as long each time, as all may be slow.
   */
  #patience(): Patience {
    const { patienceMs } = this.#options;
    const pendingMsMax = Math.min(patienceMs * ATTEMPTS_MAX * (2 ** this.#failures - 1), LIMITS.statePendingMsMax);
    return { patienceMs, attemptsMax: ATTEMPTS_MAX, pendingMsMax };
  }

  hear(session: LinkSession, frame: StateFrame): void {
    switch (frame.kind) {
      case 'list-state':
      case 'get-state': {
        const pending = session.version < STATE_PENDING_VERSION ? undefined : this.#source(session).pending(frame);
        if (pending !== undefined) session.send(pending);
        this.#options.guard(
          this.#source(session)
            .answer(frame)
            .then((answer) => (answer === undefined ? undefined : session.answer(answer))),
        );
        return;
      }
      case 'state-list':
      case 'state':
      case 'state-pending':
        if (this.#taking?.session === session) this.#step({ kind: 'answer', frame });
        return;
      default:
        assertNever(frame);
    }
  }

  #source(session: LinkSession): StateSource {
    let source = this.#sources.get(session);
    if (source === undefined) {
      const { env, replica, have } = this.#options;
      source = new StateSource({ replica, have, nowMs: () => env.clock.monotonicMs() });
      this.#sources.set(session, source);
    }
    return source;
  }

  tick(): void {
    for (const source of this.#sources.values()) source.tick();
    if (this.#pending !== undefined) this.#adopt();
    else if (this.#taking !== undefined) this.#step({ kind: 'tick', heardMs: this.#taking.session.stateHeardMs });
  }

  /** A link ended. */
  lose(session: LinkSession): void {
    this.#sources.get(session)?.release();
    this.#sources.delete(session);
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
      case 'stage':
        this.#work(transfer, replica.stageState(effect.key, effect.diff), () => ({ kind: 'staged' }));
        return;
      case 'adopt':
        this.#pending = { effect, sinceMs: this.#nowMs(), movedMs: this.#nowMs(), lacking: Infinity };
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
   * over our state for it; but nobody is answered meanwhile, so it is waited for only while the peer gets some of it.
   */
  #adopt(): void {
    const { taking, pending } = { taking: this.#taking, pending: this.#pending };
    if (taking === undefined || pending === undefined) return;
    const { replica, have, patienceMs } = this.#options;
    const nowMs = this.#nowMs();
    const lacking = ahead(have(), taking.session.link?.peerVector ?? new Map());
    if (lacking < pending.lacking) pending.movedMs = nowMs;
    pending.lacking = lacking;
    const isStuck = nowMs - pending.movedMs >= patienceMs * STANDSTILL;
    const isLate = nowMs - pending.sinceMs >= patienceMs * ATTEMPTS_MAX;
    if (lacking > 0 && !isStuck && !isLate) return;
    this.#pending = undefined;
    this.#isAdopting = true;
    this.#work(taking.transfer, replica.adoptState(pending.effect), () => undefined);
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
        if (this.#taking?.transfer === transfer) {
          // A store that was closed by a stop says nothing of what is in it.
          const isDamage = error instanceof WeftError && !STORE_IS_GONE.includes(error.code);
          if (this.#isAdopting && isDamage) this.#options.onStuck(error);
          this.#giveUp(String(error));
        }
        throw error;
      }),
    );
  }

  #complete(): void {
    const tookMs = Math.round(this.#nowMs() - (this.#taking?.begunMs ?? 0));
    this.#options.env.log.write('info', 'replication: took over state', { tookMs });
    this.#taking = undefined;
    this.#pending = undefined;
    this.#isAdopting = false;
    this.#failures = 0;
    this.completed++;
    this.#options.onEnd();
  }

  #giveUp(reason: string): void {
    if (this.#taking === undefined || this.#isAdopting) return;
    this.#options.replica.cancelAdoption();
    this.#options.env.log.write('warn', 'replication: taking over state was cut off', { reason });
    this.#failures++;
    this.#failed = { session: this.#taking.session, untilMs: this.#nowMs() + this.#options.patienceMs };
    this.#taking = undefined;
    this.#pending = undefined;
    this.#options.onEnd();
  }
}
