/** Commits on their way in: from a link through the causal gate to the engine, one batch at a time. */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import type { Commit } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { CausalGate } from './causal-gate.ts';
import type { Replica } from './replica.ts';

/** Bytes of commits that are handed to the engine at a time. */
const RECEIVE_BYTES = 2 * 1024 * 1024;

export interface InboxOptions {
  readonly env: Env;
  readonly replica: Replica;
  readonly have: () => VersionVector;
  /** How long held commits may wait for others before those are asked for again. */
  readonly patienceMs: number;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  readonly guard: (work: Promise<unknown>) => void;
  /** True while the streams are about to jump. */
  readonly isPaused: () => boolean;
  /** A link brought a commit that is no commit of ours. */
  readonly distrust: (sessionId: number, detail: string) => void;
  /** Commits are missing that somebody may have. */
  readonly ask: () => void;
}

export class Inbox {
  readonly gate: CausalGate;
  readonly #options: InboxOptions;
  #isReceiving = false;
  #starvedSinceMs: number | undefined;
  received = 0;
  duplicates = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
    const { have, bugs } = options;
    this.gate = new CausalGate(
      have,
      { heldBytesMax: LIMITS.heldBytesMax, heldCommitsMax: LIMITS.heldCommitsMax },
      bugs,
    );
  }

  /** @param bytes of the frame that carried them */
  take(sessionId: number, commits: readonly Commit[], bytes: number): void {
    const share = Math.ceil(bytes / Math.max(1, commits.length));
    for (const commit of commits) {
      if (this.gate.offer({ commit, bytes: share, from: sessionId }) === 'duplicate') this.duplicates++;
    }
    this.pump();
  }

  /** Hands the engine what can be applied, unless a batch is on its way. */
  pump(): void {
    if (this.#isReceiving || this.#options.isPaused()) return;
    const batch = this.gate.take(RECEIVE_BYTES);
    if (batch.length === 0) return;
    this.#isReceiving = true;
    const commits = batch.map(({ commit }) => commit);
    const sources = new Set(batch.map(({ from }) => from));
    this.#options.guard(this.#receive(commits, sources));
  }

  async #receive(commits: readonly Commit[], sources: ReadonlySet<number>): Promise<void> {
    try {
      await this.#options.replica.receive(commits);
      this.received += commits.length;
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'malformed-request') throw error;
      for (const id of sources) {
        this.gate.forget(id);
        this.#options.distrust(id, error.message);
      }
    } finally {
      this.#isReceiving = false;
      this.#starvedSinceMs = undefined;
      this.gate.settle();
    }
    this.pump();
  }

  /** A frame was lost if commits wait and nothing moves: then everybody is asked to begin again. */
  tick(nowMs: number): void {
    if (!this.gate.isWaiting || this.#isReceiving || this.#options.isPaused()) {
      this.#starvedSinceMs = undefined;
      return;
    }
    this.#starvedSinceMs ??= nowMs;
    if (nowMs - this.#starvedSinceMs < this.#options.patienceMs) return;
    this.#starvedSinceMs = nowMs;
    this.#options.ask();
  }

  /** The streams jumped: what is here by now need not be held. */
  afterJump(): void {
    this.gate.settle();
    this.pump();
  }
}
