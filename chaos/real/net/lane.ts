/**
 * One direction between two ends: what leaves the one for the other, over however many connections, and what is wrong
 * with the way. Several things may be wrong at a time; each is mended on its own.
 */

export interface LaneFault {
  /** Nothing passes, and new connections do not come about. A proxy keeps bytes until it heals; a kernel loses packets, and TCP keeps bytes. */
  readonly isHeld?: boolean;
  /** New connections are refused, and those that are there are gone. */
  readonly isClosed?: boolean;
  readonly delayMs?: number;
  /** Up to this much more, anew for each piece; order is kept. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Part that passes twice: of a proxy's pieces, which no TCP does, so that frames are damaged; of a kernel's packets. */
  readonly duplicateRate?: number;
  /** Parts of a kernel's packets that are lost, arrive after later ones, have a bit flipped. TCP has to make up for it. */
  readonly lossRate?: number;
  readonly reorderRate?: number;
  readonly corruptRate?: number;
  /** The device is down, as if its cable were pulled: routes are gone, and whoever sends is told so. */
  readonly isUnplugged?: boolean;
}

/**
 * Sees each frame of a link when it leaves. False loses it, but for whoever then calls `pass`: it comes after all that has passed by
 * then, if its connection is still there.
 */
export type Tap = (frame: Uint8Array, pass: () => void) => boolean;

export class Lane {
  readonly from: string;
  readonly to: string;
  /** Whether what passes is cut into frames, so that there can be taps. */
  readonly isRead: boolean;
  /** How often a fault has made a difference: pieces that waited, came twice, connections that were refused. */
  touched = 0;
  #fault: LaneFault = {};
  readonly #faults = new Set<LaneFault>();
  readonly #listeners = new Set<() => void>();
  readonly #taps = new Set<Tap>();

  constructor(from: string, to: string, isRead = false) {
    this.from = from;
    this.to = to;
    this.isRead = isRead;
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

  /** Of several, each sees every frame, and one is enough to lose it. @returns what takes it away */
  tap(tap: Tap): () => void {
    if (!this.isRead) throw new Error(`what ${this.from} sends to ${this.to} is not read`);
    this.#taps.add(tap);
    return () => this.#taps.delete(tap);
  }

  /** Whether a frame passes now. */
  lets(frame: Uint8Array, pass: () => void): boolean {
    return [...this.#taps].map((tap) => tap(frame, pass)).every((passes) => passes);
  }

  #changed(): void {
    this.#fault = [...this.#faults].reduce(both, {});
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What comes of two faults on one way. */
export function both(a: LaneFault, b: LaneFault): LaneFault {
  const rates = [a.bytesPerSecond, b.bytesPerSecond].filter((rate) => rate !== undefined);
  const either = (name: 'isHeld' | 'isClosed' | 'isUnplugged') => (a[name] ?? false) || (b[name] ?? false);
  const larger = (name: 'duplicateRate' | 'lossRate' | 'reorderRate' | 'corruptRate') =>
    Math.max(a[name] ?? 0, b[name] ?? 0);
  return {
    isHeld: either('isHeld'),
    isClosed: either('isClosed'),
    isUnplugged: either('isUnplugged'),
    delayMs: (a.delayMs ?? 0) + (b.delayMs ?? 0),
    jitterMs: (a.jitterMs ?? 0) + (b.jitterMs ?? 0),
    duplicateRate: larger('duplicateRate'),
    lossRate: larger('lossRate'),
    reorderRate: larger('reorderRate'),
    corruptRate: larger('corruptRate'),
    ...(rates.length > 0 && { bytesPerSecond: Math.min(...rates) }),
  };
}
