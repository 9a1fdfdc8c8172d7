/** What a tab that leads does for the others (`shared-replica.ts`, TAB-2 and TAB-5): their calls, and what they watch. */
import { fromCloned } from './cloned-values.ts';
import {
  errorOutcome,
  type Given,
  type Outcome,
  performed,
  type TabMessage,
  valueOutcome,
  watched,
} from './tab-message.ts';
import type { Tabs } from './tabs.ts';
import type { WeftReplica } from './weft-replica.ts';

export interface TabFollowersOptions {
  readonly replica: WeftReplica;
  readonly tabs: Tabs;
  /** Of the lock that a tab holds for as long as it is there. */
  readonly lockOf: (tab: string) => string;
  readonly post: (message: TabMessage) => void;
}

export class TabFollowers {
  readonly #options: TabFollowersOptions;
  readonly #answering = new Set<Promise<void>>();
  /** How to stop what is watched, by tab and number. */
  readonly #watches = new Map<string, Map<number, () => void>>();
  /** Give up what is waited for. */
  readonly #leaves: (() => void)[] = [];

  constructor(options: TabFollowersOptions) {
    this.#options = options;
  }

  serve(message: Extract<TabMessage, { kind: 'call' | 'watch' | 'unwatch' }>): void {
    const { replica, post } = this.#options;
    const { tab, number } = message;
    if (message.kind === 'unwatch') {
      this.#watches.get(tab)?.get(number)?.();
      return;
    }
    const watches = this.#watches.get(tab) ?? this.#meet(tab);
    const given = fromCloned(message.given) as Given;
    const answer = (outcome: Outcome) => post({ kind: 'outcome', tab, number, outcome });
    const deliver = (value: unknown) => answer(valueOutcome(value));
    const fail = (error: unknown) => answer(errorOutcome(error));
    if (message.kind === 'call') {
      const done = performed(replica, message.name, given).then(deliver, fail);
      this.#answering.add(done);
      void done.then(() => this.#answering.delete(done));
      return;
    }
    const stop = watched(replica, { name: message.name, given }, deliver, fail);
    watches.set(number, () => {
      stop();
      watches.delete(number);
    });
  }

  /** TAB-5: its lock is free once the tab is gone. */
  #meet(tab: string): Map<number, () => void> {
    const watches = new Map<number, () => void>();
    this.#watches.set(tab, watches);
    const { tabs, lockOf } = this.#options;
    const giveUp = tabs.lock(lockOf(tab), async () => {
      this.#watches.delete(tab);
      for (const stop of Array.from(watches.values())) stop();
    });
    this.#leaves.push(giveUp);
    return watches;
  }

  /** Resolves when every call that came is answered. */
  async close(): Promise<void> {
    for (const leave of this.#leaves.splice(0)) leave();
    while (this.#answering.size > 0) await Promise.all(this.#answering);
  }
}
