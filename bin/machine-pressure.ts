/** Watches heap, memory and disk, a look a second. What was exceeded must fall well below the limit before it counts as over. */
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Pressure } from '../api/pressure.ts';
import type { Env, Timer } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';

const LOOK_MS = 1_000;
/** What must be free again, as a multiple of what must be free. */
const RELIEF = 1.25;

interface Memory {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** What is measured; tests say it themselves. */
export interface Machine {
  heap(): Memory;
  /** What the process holds in all, of what the machine or its container gives it. */
  resident(): Memory;
  disk(): Promise<{ readonly freeBytes: number; readonly sizeBytes: number }>;
}

export function machineOf(dataFolder: string): Machine {
  return {
    heap() {
      const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
      return { usedBytes, limitBytes };
    },
    resident() {
      // Beyond what the machine has, the container has no limit.
      const constrainedBytes = process.constrainedMemory();
      const limitBytes = constrainedBytes > 0 ? Math.min(constrainedBytes, totalmem()) : totalmem();
      return { usedBytes: process.memoryUsage.rss(), limitBytes };
    },
    async disk() {
      const { bavail, blocks, bsize } = await statfs(dataFolder);
      return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
    },
  };
}

export class MachinePressure implements Pressure {
  readonly #env: Env;
  readonly #machine: Machine;
  #timer: Timer | undefined;
  #isClosed = false;
  #shedding: string | undefined;
  #readOnly: string | undefined;

  constructor(env: Env, machine: Machine) {
    this.#env = env;
    this.#machine = machine;
  }

  shedding(): string | undefined {
    return this.#shedding;
  }

  readOnly(): string | undefined {
    return this.#readOnly;
  }

  /** Looks from now on. */
  begin(): void {
    if (this.#isClosed) return;
    this.#timer = this.#env.scheduler.after(LOOK_MS, () => void this.look().then(() => this.begin()));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async look(): Promise<void> {
    const heap = shortOf(this.#machine.heap());
    const resident = shortOf(this.#machine.resident());
    const what = heap.isShort ? 'heap' : 'memory';
    this.#shedding = this.#changed('memory', this.#shedding, {
      isShort: heap.isShort || resident.isShort,
      isRelieved: heap.isRelieved && resident.isRelieved,
      reason: `the ${what} of the server is nearly full: less than ${LIMITS.heapReservePart * 100} % of it is free`,
    });
    const { freeBytes, sizeBytes } = await this.#machine.disk();
    const reserveBytes = Math.min(LIMITS.diskReserveBytes, sizeBytes * LIMITS.diskReservePart);
    this.#readOnly = this.#changed('disk', this.#readOnly, {
      isShort: freeBytes < reserveBytes,
      isRelieved: freeBytes > reserveBytes * RELIEF,
      reason: `the disk of the server is nearly full: ${Math.ceil(reserveBytes / 2 ** 20)} MB must be free for writes`,
    });
  }

  #changed(
    what: string,
    before: string | undefined,
    now: { readonly isShort: boolean; readonly isRelieved: boolean; readonly reason: string },
  ): string | undefined {
    if (before === undefined && now.isShort) {
      this.#env.log.write('warn', 'short of what it needs', { what, reason: now.reason });
      return now.reason;
    }
    if (before === undefined || !now.isRelieved) return before;
    this.#env.log.write('info', 'no longer short', { what });
    return undefined;
  }
}

function shortOf({ usedBytes, limitBytes }: Memory): { readonly isShort: boolean; readonly isRelieved: boolean } {
  const freeBytes = limitBytes - usedBytes;
  const reserveBytes = limitBytes * LIMITS.heapReservePart;
  return { isShort: freeBytes < reserveBytes, isRelieved: freeBytes > reserveBytes * RELIEF };
}
