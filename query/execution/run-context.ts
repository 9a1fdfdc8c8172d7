/**
 * One run of a statement: what it reads, its parameters, and its budgets of time, rows and memory.
 *
 * A step of the run (`next` of the root operator) is synchronous. It gives way by throwing: `NotResident` where something
 * must be read into memory, `Pause` where its time slice has ended. Either way it is called again and goes on where it was,
 * so an operator moves its cursors only after everything that can throw.
 */
import type { Clock, Scheduler } from '../../base/env.ts';
import type { StatementGraph } from '../../graph/query-graph.ts';
import type { FunctionContext } from '../functions/function.ts';
import { runtimeError } from '../query-error.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { GraphOverlay } from './graph-overlay.ts';

/** Thrown where a step must let other requests run. One value: it carries nothing. */
export class Pause extends Error {}
const PAUSE = new Pause('a step of a query gives way');
/** How long a step may hold the loop, in milliseconds. */
export const SLICE_MS = 10;
/** Rows between two looks at the clock. */
const TICKS_PER_LOOK = 256;

export interface Procedure {
  /** Names of arguments and of results are in the signature that the planner knows. */
  call(args: readonly RuntimeValue[]): Iterable<readonly RuntimeValue[]>;
}

export interface RunOptions {
  readonly graph: StatementGraph;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random32: () => number;
  readonly parameters: Readonly<Record<string, RuntimeValue>>;
  readonly transactionMs: number;
  /** Milliseconds that the run may take, undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** Values that operators may hold at a time. */
  readonly heldMax: number;
  readonly isCancelled: () => boolean;
  readonly overlay: GraphOverlay | undefined;
}

export class RunContext implements FunctionContext {
  /** What expressions and operators read: the overlay if the statement writes. */
  readonly graph: StatementGraph | GraphOverlay;
  readonly parameters: Readonly<Record<string, RuntimeValue>>;
  readonly transactionMs: number;
  readonly statementMs: number;
  readonly random32: () => number;
  readonly #overlay: GraphOverlay | undefined;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #timeoutMs: number;
  readonly #heldMax: number;
  readonly #isCancelled: () => boolean;
  #sliceEndMs: number;
  #ticks = 0;
  #held = 0;
  /** Above 0 within an expression that runs a plan of its own and could not go on after a pause. */
  unpausable = 0;

  constructor(options: RunOptions) {
    this.graph = options.overlay ?? options.graph;
    this.#overlay = options.overlay;
    this.parameters = options.parameters;
    this.transactionMs = options.transactionMs;
    this.random32 = options.random32;
    this.#clock = options.clock;
    this.statementMs = options.clock.wallMs();
    const now = options.clock.monotonicMs();
    this.#timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
    this.#deadlineMs = now + this.#timeoutMs;
    this.#sliceEndMs = now + SLICE_MS;
    this.#heldMax = options.heldMax;
    this.#isCancelled = options.isCancelled;
  }

  realtimeMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  /** What the statement writes to. Only plans that write ask for it. */
  get writes(): GraphOverlay {
    if (this.#overlay === undefined) throw new Error('a statement that only reads has no overlay');
    return this.#overlay;
  }

  /** The slice begins again: after the loop was given back. */
  beginSlice(): void {
    this.#sliceEndMs = this.#clock.monotonicMs() + SLICE_MS;
    this.#ticks = 0;
  }

  /** Called for `rows` rows of work, where the operator could be called again. @throws Pause, QueryError */
  tick(rows: number): void {
    this.#ticks += rows;
    if (this.#ticks >= TICKS_PER_LOOK) this.#look();
  }

  #look(): void {
    this.#ticks = 0;
    const now = this.#clock.monotonicMs();
    if (now < this.#sliceEndMs) return;
    this.check(now);
    if (this.unpausable === 0) throw PAUSE;
  }

  /** @throws QueryError if the run was cancelled or took too long */
  check(now = this.#clock.monotonicMs()): void {
    if (this.#isCancelled()) throw runtimeError('ResourceError', 'Cancelled', 'the query was cancelled');
    if (now >= this.#deadlineMs) {
      throw runtimeError('ResourceError', 'Timeout', `the query took longer than ${this.#timeoutMs} ms`);
    }
  }

  /** Accounts for values that an operator holds, or lets go of (negative). @throws QueryError beyond the budget */
  hold(values: number): void {
    this.#held += values;
    if (this.#held > this.#heldMax) {
      const message = `the query holds more than ${this.#heldMax} values in memory; return less, or sort and group less`;
      throw runtimeError('ResourceError', 'MemoryLimit', message);
    }
  }
}
