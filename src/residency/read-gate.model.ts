/** Holds what reads of partitions have read from `close` to `open`. */
import type { Store } from '../../storage/store.ts';
import { Gate } from './gate.model.ts';

export class ReadGate extends Gate {
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
      await this.pass();
      return state;
    };
  }
}
