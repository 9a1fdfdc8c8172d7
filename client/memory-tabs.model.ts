/** Tabs of a browser in memory, which a test can kill: its locks are free at once, and what it posted before arrives. */
import type { Tabs } from './tabs.ts';

interface Wish {
  readonly tab: MemoryTab;
  readonly held: () => Promise<void>;
}

export class MemoryBrowser {
  readonly #locks = new Map<string, Wish[]>();
  readonly tabs = new Set<MemoryTab>();

  tab(): MemoryTab {
    const tab = new MemoryTab(this);
    this.tabs.add(tab);
    return tab;
  }

  lock(name: string, wish: Wish): () => void {
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    queue.push(wish);
    if (queue.length === 1) this.#grant(name, queue);
    return () => {
      if (queue[0] !== wish) this.#leave(name, queue, wish);
    };
  }

  #grant(name: string, queue: Wish[]): void {
    const [first] = queue;
    if (first === undefined) return;
    setImmediate(async () => {
      if (queue[0] !== first) return;
      await first.held();
      this.#leave(name, queue, first);
    });
  }

  #leave(name: string, queue: Wish[], wish: Wish): void {
    const at = queue.indexOf(wish);
    if (at < 0) return;
    queue.splice(at, 1);
    if (at === 0) this.#grant(name, queue);
  }

  gone(tab: MemoryTab): void {
    this.tabs.delete(tab);
    for (const [name, queue] of this.#locks) {
      for (const wish of queue.filter((each) => each.tab === tab)) this.#leave(name, queue, wish);
    }
  }
}

export class MemoryTab implements Tabs {
  readonly #browser: MemoryBrowser;
  readonly listeners = new Map<string, (message: unknown) => void>();
  isGone = false;

  constructor(browser: MemoryBrowser) {
    this.#browser = browser;
  }

  lock(name: string, held: () => Promise<void>): () => void {
    if (this.isGone) return () => undefined;
    return this.#browser.lock(name, { tab: this, held });
  }

  channel(name: string, onMessage: (message: unknown) => void) {
    this.listeners.set(name, onMessage);
    return {
      post: (message: unknown) => {
        if (this.isGone) return;
        const cloned = structuredClone(message);
        for (const other of this.#browser.tabs) {
          if (other === this) continue;
          setImmediate(() => {
            if (!other.isGone) other.listeners.get(name)?.(structuredClone(cloned));
          });
        }
      },
      close: () => void this.listeners.delete(name),
    };
  }

  kill(): void {
    this.isGone = true;
    this.#browser.gone(this);
  }
}
