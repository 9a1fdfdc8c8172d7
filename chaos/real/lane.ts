/**
 * One direction between two ends: what leaves the one for the other, over however many connections, and what is wrong
 * with the way. Bytes are never lost silently, since TCP does not lose them either: a black hole keeps them until it heals.
 * Several things may be wrong at a time; each is mended on its own.
 */

export interface LaneFault {
  /** Nothing passes; bytes wait, and new connections do not come about. */
  readonly isHeld?: boolean;
  /** New connections are refused, and those that are there are gone. */
  readonly isClosed?: boolean;
  readonly delayMs?: number;
  /** Up to this much more, anew for each piece; order is kept. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Part of the pieces that pass twice, which no TCP does: the receiver must refuse what comes of it. */
  readonly duplicateRate?: number;
}

export class Lane {
  readonly from: string;
  readonly to: string;
  /** How often a fault has made a difference: pieces that waited, came twice, connections that were refused. */
  touched = 0;
  #fault: LaneFault = {};
  readonly #faults = new Set<LaneFault>();
  readonly #listeners = new Set<() => void>();

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  /** All that is wrong at present, in one. */
  get fault(): LaneFault {
    return this.#fault;
  }

  /** Something more is wrong. @returns what mends it, and nothing else */
  spoil(fault: LaneFault): () => void {
    // The same object may come again; each time is one of its own.
    const own = { ...fault };
    this.#faults.add(own);
    this.#changed();
    return () => {
      if (this.#faults.delete(own)) this.#changed();
    };
  }

  /** @returns what stops listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.#fault = [...this.#faults].reduce(both, {});
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What comes of two faults on one way. */
function both(a: LaneFault, b: LaneFault): LaneFault {
  const rates = [a.bytesPerSecond, b.bytesPerSecond].filter((rate) => rate !== undefined);
  return {
    isHeld: (a.isHeld ?? false) || (b.isHeld ?? false),
    isClosed: (a.isClosed ?? false) || (b.isClosed ?? false),
    delayMs: (a.delayMs ?? 0) + (b.delayMs ?? 0),
    jitterMs: (a.jitterMs ?? 0) + (b.jitterMs ?? 0),
    duplicateRate: Math.max(a.duplicateRate ?? 0, b.duplicateRate ?? 0),
    ...(rates.length > 0 && { bytesPerSecond: Math.min(...rates) }),
  };
}
