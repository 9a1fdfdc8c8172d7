/**
 * Parts of a program that are seldom needed. A page loads one when something turns out to need it: what does throws, and what asked for it begins
 * again once the part is there. A server has all of them from its start.
 */
import { WeftError } from './errors.ts';

export class Part<T> {
  readonly #name: string;
  readonly #load: () => Promise<T>;
  #provided: T | undefined;

  /** @param load imports its module */
  constructor(name: string, load: () => Promise<T>) {
    this.#name = name;
    this.#load = load;
  }

  /** Where nobody shall wait for it. */
  provide(provided: T): void {
    this.#provided = provided;
  }

  get isThere(): boolean {
    return this.#provided !== undefined;
  }

  /** For who can do without. */
  get ifThere(): T | undefined {
    return this.#provided;
  }

  /** @throws PartMissing if it has to be loaded before */
  get(): T {
    if (this.#provided === undefined) throw new PartMissing(this);
    return this.#provided;
  }

  /** @throws WeftError `unreachable` if the module cannot be had */
  async load(): Promise<void> {
    try {
      this.#provided = await this.#load();
    } catch (error) {
      const message = `${this.#name} could not be loaded (${String(error)}); load the page again; offline, keep all scripts of its build`;
      throw new WeftError('unreachable', message);
    }
  }
}

/** Not an error of the statement: it says what to load before it begins again. */
export class PartMissing extends Error {
  readonly part: Part<unknown>;
  constructor(part: Part<unknown>) {
    super('a part of the engine is not loaded');
    this.part = part;
  }
}

/** Does something, again after each part that it turns out to need. Until its end it must have changed nothing. */
export async function withParts<T>(run: () => Promise<T> | T): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof PartMissing)) throw error;
      await error.part.load();
    }
  }
}

/** Loads those that are not there, one after the other. What cannot be had now is loaded when it is needed. */
export async function loadAhead(parts: readonly Part<unknown>[]): Promise<void> {
  for (const part of parts) if (!part.isThere) await part.load().catch(() => undefined);
}
