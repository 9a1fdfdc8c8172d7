/**
 * The one place where the simulator touches the real world: to measure its own speed, and to learn of rejections that
 * nobody handled, which Node reports between two turns of its loop. Nothing here reaches a run.
 */

export function realMs(): number {
  return performance.now();
}

/** Rejections without a handler since the last call. Watches from the first call on. */
export class StrayRejections {
  #seen: string[] = [];

  constructor() {
    process.on('unhandledRejection', (reason) => {
      this.#seen.push(reason instanceof Error ? (reason.stack ?? String(reason)) : String(reason));
    });
  }

  readonly take = async (): Promise<string[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  };
}
