/**
 * The one place where the simulator touches the real world: to measure its own speed, to date what it records, and to
 * learn of rejections that nobody handled, which Node reports between two turns of its loop. Nothing here reaches a run.
 */

export function realMs(): number {
  return performance.now();
}

/** As ISO 8601. */
export function realTime(): string {
  return new Date().toISOString();
}

/** Rejections that nobody handled, from its making on. */
export class StrayRejections {
  #seen: string[] = [];

  readonly #listen = (reason: unknown): void => {
    this.#seen.push(reason instanceof Error ? (reason.stack ?? String(reason)) : String(reason));
  };

  constructor() {
    process.on('unhandledRejection', this.#listen);
  }

  stop(): void {
    process.off('unhandledRejection', this.#listen);
  }

  readonly take = async (): Promise<string[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  };
}
