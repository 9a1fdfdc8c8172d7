/**
 * A store that tells of a larger log than it has, so that the log is cut, and states are taken over in its place, as on a server
 * that has run for long. Only for the simulator, and for a server started with `--chaos`.
 */
import type { Store } from '../storage/store.ts';

/** @param scale its log counts for so many times its bytes */
export function scaledLog(store: Store, scale: number): Store {
  const status = (): ReturnType<Store['status']> => {
    const now = store.status();
    return { ...now, logBytes: now.logBytes * scale };
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'status') return status;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
