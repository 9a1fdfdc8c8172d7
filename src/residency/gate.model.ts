/** Holds whatever passes, from `close` to `open`: for tests of what happens while something is on its way. */
export class Gate {
  #shut: Promise<void> | undefined;
  #release: () => void = () => undefined;
  readonly #arrived: (() => void)[] = [];
  #error: Error | undefined;

  /** Resolves at once while the gate is open, else when it opens; rejects if it fails. */
  async pass(): Promise<void> {
    if (this.#shut === undefined) return;
    for (const arrived of this.#arrived.splice(0)) arrived();
    await this.#shut;
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    this.#shut = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Resolves when the next one is held. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }

  open(): void {
    this.#shut = undefined;
    this.#release();
  }

  /** What is held, and all after it, fails. */
  fail(error: Error): void {
    this.#error = error;
    this.#release();
  }
}
