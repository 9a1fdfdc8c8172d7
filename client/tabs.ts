/**
 * What tabs of one browser need of each other to share a replica. Interfaces only: `ambient.ts` has Web Locks and a
 * BroadcastChannel, `tabs-of-one.ts` is for where nobody shares, and tests have tabs in memory that they can kill.
 */
export interface Tabs {
  /**
   * Runs `held` once the lock of this name is this tab's, in the order in which tabs asked. The lock is let go of when the promise
   * of `held` resolves, or when the tab is gone, however it went. Returns how to give up as long as it waits.
   */
  lock(name: string, held: () => Promise<void>): () => void;
  /** Messages of one tab arrive at all others in their order, as structured clones. */
  channel(name: string, onMessage: (message: unknown) => void): TabChannel;
}

export interface TabChannel {
  post(message: unknown): void;
  close(): void;
}
