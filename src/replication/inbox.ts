/** Commits on their way in: from a link through the causal gate to the engine, one batch at a time. */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import type { Span } from '../../base/tracer.ts';
import type { Commit } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { CausalGate } from './causal-gate.ts';
import type { CommitTrace } from './frame.ts';
import type { Replica } from './replica.ts';

/** Bytes of commits that are handed to the engine at a time. */
const RECEIVE_BYTES = 2 * 1024 * 1024;
/** Bytes of commits that are decoded while those before them are on their way to the disk. */
const AHEAD_BYTES = 256 * 1024;

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
  /** Links may decode more: nothing is on its way, or not enough is decoded for what comes after it. */
  readonly decodeMore: () => void;
}

export class Inbox {
  readonly gate: CausalGate;
  readonly #options: InboxOptions;
  /** Of commits that were announced and have not arrived yet, by origin and number. */
  readonly #traces = new Map<string, string>();
  #isReceiving = false;
  /** Bytes of commits that came since the batch that is on its way was handed over. */
  #aheadBytes = 0;
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

  /** Commits that are on their way belong to these traces. */
  expect(traces: readonly CommitTrace[]): void {
    if (this.#options.env.tracer === undefined) return;
    for (const { origin, seq, trace } of traces) this.#traces.set(`${origin}/${seq}`, trace);
    for (const [oldest] of this.#traces) {
      if (this.#traces.size <= LIMITS.tracesExpectedMax) break;
      this.#traces.delete(oldest);
    }
  }

  /** Never while nothing is on its way: then what is held waits for what may not be decoded yet. */
  get hasAhead(): boolean {
    return this.#isReceiving && this.#aheadBytes >= AHEAD_BYTES;
  }

  /** @param bytes of the frame that carried them */
  take(sessionId: number, commits: readonly Commit[], bytes: number): void {
    this.#aheadBytes += bytes;
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
    this.#aheadBytes = 0;
    const commits = batch.map(({ commit }) => commit);
    const sources = new Set(batch.map(({ from }) => from));
    this.#options.guard(this.#receive(commits, sources));
  }

  async #receive(commits: readonly Commit[], sources: ReadonlySet<number>): Promise<void> {
    const spans = this.#beginSpans(commits);
    try {
      await this.#options.replica.receive(commits);
      this.received += commits.length;
      for (const span of spans) span.end();
    } catch (error) {
      for (const span of spans) span.end(error);
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
    this.#options.decodeMore();
  }

  #beginSpans(commits: readonly Commit[]): readonly Span[] {
    const { tracer } = this.#options.env;
    if (tracer === undefined || this.#traces.size === 0) return [];
    const spans: Span[] = [];
    for (const { origin, seq } of commits) {
      const parent = this.#traces.get(`${origin}/${seq}`);
      if (parent === undefined) continue;
      this.#traces.delete(`${origin}/${seq}`);
      const attributes = { 'weft.origin': origin, 'weft.seq': seq };
      const span = tracer.begin('replication.apply', { parent, attributes });
      if (span !== undefined) spans.push(span);
    }
    return spans;
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
