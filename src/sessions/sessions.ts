/**
 * The session guarantees: what a client has seen or written, its token says, and whoever answers it has at least that.
 * Requests that are ahead of this replica wait for it, bounded in number and time. Strong operations wait beside them.
 */
import type { Scheduler } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { Progress } from '../commits/progress.ts';
import { joined, seqOf, type VersionVector, vectorObject } from '../commits/version-vector.ts';
import type { SessionTokens } from './session-token.ts';

const REACHED = Promise.resolve();

interface Waiter {
  readonly wanted: VersionVector;
  readonly end: (error: WeftError | undefined) => void;
}

export interface SessionsOptions {
  readonly progress: Progress;
  readonly tokens: SessionTokens;
  readonly scheduler: Scheduler;
  readonly replica: ReplicaId;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #waiters = new Set<Waiter>();
  /** How many of them are requests of clients that wait for their token. */
  #clients = 0;
  #own: { readonly vector: VersionVector; readonly text: string } | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** @param shown what the token covers beside them, if that is not what is visible now. @throws WeftError `invalid-session-token`, definite */
  token(presented: readonly string[], shown?: VersionVector): string {
    const { progress, tokens } = this.#options;
    if (shown !== undefined) return tokens.encode(presented.map((token) => tokens.decode(token)).reduce(joined, shown));
    const { vector } = progress;
    if (this.#own?.vector !== vector) this.#own = { vector, text: tokens.encode(this.#shown(vector)) };
    let wanted: VersionVector | undefined;
    for (const token of presented) {
      if (token === this.#own.text) continue;
      const decoded = tokens.decode(token);
      if (!progress.covers(decoded)) wanted = joined(wanted ?? vector, decoded);
    }
    if (wanted === undefined) return this.#own.text;
    const missing = Array.from(wanted).filter(([origin, seq]) => progress.seq(origin) < seq);
    return tokens.encode(joined(vector, missing));
  }

  #shown(vector: VersionVector): VersionVector {
    const { replica, bugs } = this.#options;
    if (!isPlanted(bugs, 'token-without-write')) return vector;
    return new Map(vector).set(replica, Math.max(0, seqOf(vector, replica) - 1));
  }

  reach(presented: readonly string[]): Promise<void> {
    const { progress, tokens, bugs } = this.#options;
    let wanted: VersionVector | undefined;
    try {
      for (const token of presented) {
        if (token === this.#own?.text) continue;
        const decoded = tokens.decode(token);
        if (!progress.covers(decoded)) wanted = wanted === undefined ? decoded : joined(wanted, decoded);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (wanted === undefined || isPlanted(bugs, 'no-session-wait')) return REACHED;
    if (this.#clients >= LIMITS.sessionWaitersMax) {
      return Promise.reject(new WeftError('too-many-requests', 'too many requests wait for this replica', AGAIN));
    }
    this.#clients++;
    return this.#wait(wanted, LIMITS.sessionWaitMs).finally(() => {
      this.#clients--;
    });
  }

  #wait(wanted: VersionVector, patienceMs: number): Promise<void> {
    const { scheduler } = this.#options;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        wanted,
        end: (error) => {
          timer.cancel();
          this.#waiters.delete(waiter);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const timer = scheduler.after(patienceMs, () => waiter.end(this.#notReached(wanted)));
      this.#waiters.add(waiter);
    });
  }

  #notReached(wanted: VersionVector): WeftError {
    const { progress } = this.#options;
    const missing = Array.from(wanted).filter(([origin, seq]) => progress.seq(origin) < seq);
    const held = missing.map(([origin]) => [origin, progress.seq(origin)] as const);
    return new WeftError('session-not-reached', 'this server has not yet what the session token covers', {
      wanted: vectorObject(new Map(missing)),
      held: vectorObject(new Map(held)),
      ...AGAIN,
    });
  }

  /**
   * Resolves with true once this replica has what `wanted` says, with false after `patienceMs` or a stop. For strong
   * operations, whose number others bound: however many clients wait, a coordinator must be able to wait for what it has to have, or nothing is decided.
   */
  async whenCovered(wanted: VersionVector, patienceMs: number): Promise<boolean> {
    if (this.#options.progress.covers(wanted)) return true;
    try {
      await this.#wait(wanted, patienceMs);
      return true;
    } catch (error) {
      if (error instanceof WeftError) return false;
      throw error;
    }
  }

  /** The vector moved: those who waited for it go on. */
  moved(): void {
    for (const waiter of this.#waiters) if (this.#options.progress.covers(waiter.wanted)) waiter.end(undefined);
  }

  /** Nobody waits any longer. */
  stop(): void {
    const stopping = new WeftError('shutting-down', 'the server is stopping', AGAIN);
    for (const waiter of this.#waiters) waiter.end(stopping);
  }
}

const AGAIN = { retryAfterSeconds: 1 };
