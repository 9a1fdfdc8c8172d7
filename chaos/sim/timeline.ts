/**
 * Virtual time. Everything that happens is an event in one queue; between two events all promises that can go on do so,
 * in an order that depends on nothing but the code. So a run is a function of its seed.
 *
 * Node runs the callbacks of `process.nextTick` only when no microtask is left, which is exactly "all promises had their
 * turn". Production code must wait for nothing but promises and the simulated scheduler; then nothing else can come in.
 */
import type { Timer } from '../../base/env.ts';
import type { Trace } from './trace.ts';

/** Whose events can be put off or dropped. */
export interface EventOwner {
  /** Whether an event that is due may run now. */
  admits(event: SimEvent): boolean;
}

export interface SimEvent extends Timer {
  readonly atMs: number;
  readonly order: number;
  /** Whose event it is: dropped if the process is dead, put off while it is paused. */
  readonly owner: EventOwner | undefined;
  readonly task: () => void;
  isCancelled: boolean;
}

export class Timeline {
  readonly #trace: Trace;
  /** A task threw, which no task may. */
  readonly #onThrow: (error: unknown) => void;
  readonly #heap: SimEvent[] = [];
  #order = 0;
  #nowMs = 0;
  events = 0;

  constructor(trace: Trace, onThrow: (error: unknown) => void) {
    this.#trace = trace;
    this.#onThrow = onThrow;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void, owner?: EventOwner): SimEvent {
    const event: SimEvent = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      owner,
      task,
      isCancelled: false,
      cancel: () => {
        event.isCancelled = true;
      },
    };
    this.#push(event);
    return event;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs events until `isDone` says so or `untilMs` is reached. */
  async run({ untilMs, isDone }: { readonly untilMs: number; readonly isDone: () => boolean }): Promise<void> {
    await drained();
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return;
      }
      this.#pop();
      if (next.isCancelled) continue;
      if (next.owner !== undefined && !next.owner.admits(next)) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.events++;
      this.#trace.number(this.#nowMs);
      this.#trace.number(next.order);
      try {
        next.task();
      } catch (error) {
        this.#onThrow(error);
      }
      await drained();
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as SimEvent)) break;
      heap[at] = heap[parent] as SimEvent;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as SimEvent;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as SimEvent, heap[child] as SimEvent)) child++;
      if (!isBefore(heap[child] as SimEvent, last)) break;
      heap[at] = heap[child] as SimEvent;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves when no promise can go on. */
function drained(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
