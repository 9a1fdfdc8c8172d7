/** Tabs where there is only one: in Node, where the store itself is locked, and for a store that the application brings. */
import type { Tabs } from './tabs.ts';

export const TABS_OF_ONE: Tabs = {
  lock: (_name, held) => {
    void held();
    return () => undefined;
  },
  channel: () => ({ post: () => undefined, close: () => undefined }),
};
