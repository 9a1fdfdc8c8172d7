/** Removes outcomes of Idempotency-Keys (`consistency/outcome.ts`) once nobody may ask for them any more. */
import type { Env, Timer } from '../../base/env.ts';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Operation } from '../../graph/model.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { EngineGraph } from '../graphs/graph.ts';

/** Outcomes that are looked at in one go. */
const PAGE = 500;

export interface OutcomeExpiryOptions {
  readonly env: Env;
  readonly outcomes: () => EngineGraph;
  /** Whether the work falls to this server. */
  readonly isElected: (key: PartitionKey) => boolean;
}

export class OutcomeExpiry {
  readonly #options: OutcomeExpiryOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: OutcomeExpiryOptions) {
    this.#options = options;
  }

  /** Looks now and then. */
  start(): void {
    if (this.#stopped) return;
    const { env } = this.#options;
    this.#timer = env.scheduler.after(LIMITS.outcomeExpiryMs, () => {
      this.expire()
        .catch((error: unknown) => env.log.write('warn', 'outcomes were not removed', { error: String(error) }))
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Removes what is too old. Resolves with how many outcomes that were. */
  async expire(): Promise<number> {
    const { env, isElected } = this.#options;
    const outcomes = this.#options.outcomes();
    if (!isElected({ graphKey: outcomes.resident.key, partition: '0' as PartitionId })) return 0;
    const oldestMs = env.clock.wallMs() - LIMITS.idempotencyTtlMs;
    let removed = 0;
    let cursor: string | undefined;
    do {
      const page = await outcomes.nodes({}, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
      const old = page.items.filter(({ properties: { atMs } }) => typeof atMs === 'number' && atMs < oldestMs);
      const operations = old.map(({ id }): Operation => ({ op: 'deleteNode', id, detach: false }));
      if (operations.length > 0) await outcomes.write(operations);
      removed += operations.length;
      cursor = page.cursor;
    } while (cursor !== undefined && !this.#stopped);
    return removed;
  }
}
