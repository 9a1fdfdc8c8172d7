/**
 * One direction between two servers: what leaves the one for the other, over however many connections, and what is wrong
 * with the way. Bytes are never lost silently, since TCP does not lose them either: a black hole keeps them until it heals.
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
  /** How often the present fault made a difference: pieces that waited, came twice, connections that were refused. */
  touched = 0;
  #fault: LaneFault = {};
  readonly #listeners = new Set<() => void>();

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  get fault(): LaneFault {
    return this.#fault;
  }

  /** Replaces the fault; `{}` heals. */
  set(fault: LaneFault): void {
    this.#fault = fault;
    this.touched = 0;
    for (const listener of [...this.#listeners]) listener();
  }

  /** @returns what stops listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
