/** Holds what reads of partitions have read from `close` to `open`. */
import type { Store } from '../storage/store.ts';

export class ReadGate {
  #shut: Promise<void> | undefined;
  #release: () => void = () => undefined;
  readonly #arrived: (() => void)[] = [];

  /** The store as an engine shall see it. */
  readonly wrap = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === 'readPartition') return this.#reading(target);
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });

  #reading(store: Store): Store['readPartition'] {
    return async (...request) => {
      const state = await store.readPartition(...request);
      if (this.#shut !== undefined) {
        for (const arrived of this.#arrived.splice(0)) arrived();
        await this.#shut;
      }
      return state;
    };
  }

  close(): void {
    this.#shut = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Resolves when the next read is held. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }

  open(): void {
    this.#shut = undefined;
    this.#release();
  }
}
