/**
 * One run of a statement: what it reads, its parameters, and its budgets of time and memory.
 *
 * A step of the run (`next` of the root operator) is synchronous. It gives way by throwing: `NotResident` where something
 * must be read into memory, `Pause` where its time slice has ended. Either way it is called again and goes on where it was,
 * so an operator moves its cursors only after everything that can throw.
 */

import { BugError } from '../../base/assert.ts';
import type { Clock, Scheduler } from '../../base/env.ts';
import type { NodeColumn, QueryGraph, SchemaEntry, StatementGraph } from '../../graph/query-graph.ts';
import type { FunctionContext } from '../functions/function.ts';
import { runtimeError } from '../query-error.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { GraphOverlay } from './graph-overlay.ts';

/** Thrown where a step must let other requests run. */
export class Pause extends Error {}
/** One for all: it carries nothing, and making one costs a stack trace. */
const PAUSE = new Pause('a step of a query gives way');
/** How long a step may hold the loop, in milliseconds. */
export const SLICE_MS = 8;
/** Rows of work between two looks at the clock. */
const TICKS_PER_LOOK = 1024;

/** A procedure that `CALL` finds by its name. */
export interface Procedure {
  /** Its rows. If the iterator throws `NotResident`, it is asked for the same row again. */
  call(args: readonly RuntimeValue[], run: Run): Iterable<readonly RuntimeValue[]>;
}

/** The large values that all operators of a run hold: what several hold is there once. */
export interface LargeHeld {
  /** How many hold it. */
  readonly counts: Map<RuntimeValue, number>;
  readonly of: Map<object, Set<RuntimeValue>>;
}

/** What runs of all statements share. */
export interface RunHost {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random32: () => number;
  readonly procedure: (name: string) => Procedure | undefined;
}

/** What a statement is run with. */
export interface StatementOptions {
  readonly parameters: Readonly<Record<string, RuntimeValue>>;
  /** `read` refuses statements that write. */
  readonly accessMode: 'read' | 'write';
  /** Milliseconds that the statement may take, undefined for no limit. */
  readonly timeoutMs: number | undefined;
  readonly rowsMax: number | undefined;
  /** Values that operators may hold at a time. */
  readonly heldMax: number;
  readonly isCancelled: () => boolean;
  /** Asked before a statement changes elements (`write`) or indexes and constraints (`schema`); throws to refuse it. */
  readonly permit?: ((right: 'write' | 'schema') => void) | undefined;
}

export interface RunOptions {
  readonly graph: StatementGraph;
  /** What the statement writes to and reads through; undefined if it only reads. */
  readonly overlay: GraphOverlay | undefined;
  readonly host: RunHost;
  readonly statement: StatementOptions;
  /** When the transaction began, if the statement is part of one. */
  readonly transactionMs: number | undefined;
}

/**
 * The state that compiled expressions and operators share. They are compiled once and used for one run after the other,
 * so this begins again for each.
 */
export class Run implements FunctionContext {
  #options: RunOptions | undefined;
  #graph: QueryGraph | undefined;
  parameters: Readonly<Record<string, RuntimeValue>> = {};
  /** Read from the clock when it is first asked for: most statements never do. */
  #statementMs: number | undefined;
  /** Properties of nodes that expressions read, and their columns in this run. */
  readonly #columnNames: string[] = [];
  readonly #columns: (NodeColumn | undefined)[] = [];
  #deadlineMs = 0;
  #sliceEndMs = 0;
  #ticks = 0;
  #spent = 0;
  #held = 0;
  /** What the overlay held when this was last looked at. */
  #written = 0;
  /** Another number for each run: what was looked up for another one no longer holds. */
  sequence = 0;
  /** Large values that are held (`held-values.ts`). */
  large: LargeHeld | undefined;
  /** Above 0 within an expression that runs a plan of its own and could not go on after a pause. */
  unpausable = 0;

  begin(options: RunOptions): void {
    this.sequence++;
    this.#options = options;
    this.#graph = options.overlay ?? options.graph;
    this.parameters = options.statement.parameters;
    this.#statementMs = undefined;
    const now = options.host.clock.monotonicMs();
    this.#deadlineMs = now + (options.statement.timeoutMs ?? Number.POSITIVE_INFINITY);
    this.#sliceEndMs = now + SLICE_MS;
    this.#ticks = 0;
    this.#held = 0;
    this.#written = options.overlay?.held ?? 0;
    this.unpausable = 0;
  }

  /** Lets go of what the run was about. */
  end(): void {
    this.#columns.fill(undefined);
    this.large = undefined;
    this.#options = undefined;
    this.#graph = undefined;
    this.parameters = {};
  }

  get #running(): RunOptions {
    if (this.#options === undefined) throw new BugError('nothing is evaluated outside of a run');
    return this.#options;
  }

  /** The number by which `nodeColumn` knows a property, the same in all runs. */
  numberOfColumn(name: string): number {
    const known = this.#columnNames.indexOf(name);
    return known >= 0 ? known : this.#columnNames.push(name) - 1;
  }

  nodeColumn(number: number): NodeColumn {
    return this.#columns[number] ?? this.#openColumn(number);
  }

  #openColumn(number: number): NodeColumn {
    const column = this.graph.nodeColumn(this.#columnNames[number] as string);
    this.#columns[number] = column;
    return column;
  }

  /** What expressions and operators read: through what the statement wrote. */
  get graph(): QueryGraph {
    return this.#graph as QueryGraph;
  }

  /** Asked before each write; what was written so far counts as held. @throws QueryError beyond the budget */
  get writes(): GraphOverlay {
    const { overlay } = this.#running;
    if (overlay === undefined) throw new BugError('a statement that only reads has no overlay');
    const { held } = overlay;
    if (held > this.#written) this.hold(held - this.#written);
    this.#written = held;
    return overlay;
  }

  get statementMs(): number {
    this.#statementMs ??= this.#running.host.clock.wallMs();
    return this.#statementMs;
  }

  get transactionMs(): number {
    return this.#running.transactionMs ?? this.statementMs;
  }

  realtimeMs(): number {
    return this.#running.host.clock.wallMs();
  }

  monotonicMs(): number {
    return this.#running.host.clock.monotonicMs();
  }

  readonly random32 = (): number => this.#running.host.random32();

  schema(): readonly SchemaEntry[] {
    return this.#running.graph.schema();
  }

  /** Elements that break a constraint, without what this statement wrote. @throws NotResident */
  violations(entry: SchemaEntry): number {
    return this.#running.graph.violations(entry);
  }

  procedure(name: string): Procedure | undefined {
    return this.#running.host.procedure(name);
  }

  /** The slice begins again: after the loop was given back. */
  beginSlice(): void {
    this.#sliceEndMs = this.#running.host.clock.monotonicMs() + SLICE_MS;
    this.#ticks = 0;
  }

  /** Called for `rows` rows of work, where the operator could be called again. @throws Pause, QueryError */
  tick(rows: number): void {
    this.#ticks += rows;
    if (this.#ticks >= TICKS_PER_LOOK) this.#look();
  }

  /** The same within an expression, which would begin again after a pause. @throws QueryError */
  spend(rows: number): void {
    this.#spent += rows;
    if (this.#spent < TICKS_PER_LOOK) return;
    this.#spent = 0;
    const now = this.monotonicMs();
    if (now >= this.#sliceEndMs) this.check(now);
  }

  #look(): void {
    this.#ticks = 0;
    const now = this.#running.host.clock.monotonicMs();
    if (now < this.#sliceEndMs) return;
    this.check(now);
    if (this.unpausable === 0) throw PAUSE;
  }

  /** @throws QueryError if the run was cancelled or took too long */
  check(now = this.#running.host.clock.monotonicMs()): void {
    const { isCancelled, timeoutMs } = this.#running.statement;
    if (isCancelled()) throw runtimeError('ResourceError', 'Cancelled', 'the query was cancelled');
    if (now >= this.#deadlineMs) {
      throw runtimeError('ResourceError', 'Timeout', `the query took longer than ${timeoutMs} ms`);
    }
  }

  /** Accounts for values that an operator holds, or lets go of (negative). @throws QueryError beyond the budget */
  hold(values: number): void {
    this.#held += values;
    const { heldMax } = this.#running.statement;
    if (this.#held > heldMax && values > 0) {
      const message = `the query holds more than ${heldMax} values in memory; return, sort or group less`;
      throw runtimeError('ResourceError', 'MemoryLimit', message);
    }
  }
}
