/**
 * Runs a plan: step by step, giving the loop back where a step pauses and waiting where it needs what is not in memory.
 *
 * A statement that writes is run to its end before it answers: its rows are kept, what it wrote is committed as one, and
 * only then does anybody see either. A statement that only reads answers batch by batch.
 */
import { NotResident } from '../../graph/not-resident.ts';
import type { PlanOperator } from '../operators/plan-operator.ts';
import type { Plan } from '../plan/operator.ts';
import { runtimeError } from '../query-error.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { Batch } from './batch.ts';
import { type CompiledPlan, compilePlan } from './compile-plan.ts';
import { HeldValues } from './held-values.ts';
import { type ResultValue, resultNode, resultRelationship, toResult } from './result-value.ts';
import { Pause, Run, type RunOptions } from './run.ts';

/** Idle compiled plans that are kept for the next run of the same statement. */
const IDLE_MAX = 8;

/** A plan that is ready to run, any number of times, also at once. */
export class PreparedPlan {
  readonly plan: Plan;
  readonly fields: readonly string[];
  readonly #idle: { readonly run: Run; readonly compiled: CompiledPlan }[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
    this.fields = plan.columns.map(({ name }) => name);
  }

  take(): { readonly run: Run; readonly compiled: CompiledPlan } {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const run = new Run();
    return { run, compiled: compilePlan(this.plan, run, { profiled: false }) };
  }

  giveBack(used: { readonly run: Run; readonly compiled: CompiledPlan }): void {
    const { root, innerRoots } = used.compiled;
    root.clear();
    for (const inner of innerRoots) inner.clear();
    used.run.end();
    if (this.#idle.length < IDLE_MAX) this.#idle.push(used);
  }
}

export interface ExecuteOptions extends RunOptions {
  readonly profiled: boolean;
}

/** One run of a prepared plan. `next` gives rows in batches; `close` must be called in any case. */
export class Execution {
  readonly #prepared: PreparedPlan;
  readonly #options: ExecuteOptions;
  readonly #used: { readonly run: Run; readonly compiled: CompiledPlan };
  readonly #root: PlanOperator;
  #isClosed = false;
  #rows = 0;
  readonly #held: HeldValues;

  constructor(prepared: PreparedPlan, options: ExecuteOptions) {
    this.#prepared = prepared;
    this.#options = options;
    if (options.profiled) {
      const run = new Run();
      this.#used = { run, compiled: compilePlan(prepared.plan, run, { profiled: true }) };
    } else this.#used = prepared.take();
    this.#held = new HeldValues(this.#used.run);
    this.#root = this.#used.compiled.root;
    this.#used.run.begin(options);
  }

  get profile(): CompiledPlan['profile'] {
    return this.#used.compiled.profile;
  }

  #isOpen = false;

  /** The next rows if that takes no waiting; else a promise of them. Undefined at the end. */
  nextBatch(): Batch | undefined | Promise<Batch | undefined> {
    try {
      return this.#step();
    } catch (error) {
      return this.#goOn(error);
    }
  }

  #step(): Batch | undefined {
    if (!this.#isOpen) {
      this.#root.open();
      this.#isOpen = true;
    }
    return this.#root.next();
  }

  async #goOn(thrown: unknown): Promise<Batch | undefined> {
    let error = thrown;
    for (;;) {
      await this.#provide(error);
      try {
        return this.#step();
      } catch (next) {
        error = next;
      }
    }
  }

  /** Waits for what a step asked for. @throws what is no such request */
  async #provide(error: unknown): Promise<void> {
    const { graph, host } = this.#options;
    const { run } = this.#used;
    if (error instanceof Pause) {
      graph.keepResident();
      await host.scheduler.yield();
    } else if (error instanceof NotResident) {
      run.check();
      await graph.makeResident(error);
    } else throw error;
    run.check();
    run.beginSlice();
  }

  /** Appends the rows of a batch as values that leave the engine, all of which are held. May throw like a step. */
  appendResults(batch: Batch, into: ResultValue[][]): void {
    const { columns } = this.#prepared.plan;
    const { run } = this.#used;
    this.#rows += batch.size;
    const { rowsMax } = this.#options.statement;
    if (rowsMax !== undefined && this.#rows > rowsMax) {
      throw runtimeError('ResourceError', 'RowLimit', `the query returns more than ${rowsMax} rows`);
    }
    if (into.length === 0) this.#held.begin();
    this.#held.set((into.length + batch.size) * columns.length);
    const { graph } = run;
    for (let row = 0; row < batch.size; row++) {
      const values: ResultValue[] = [];
      for (let i = 0; i < columns.length; i++) {
        const { slot } = columns[i] as { readonly slot: number };
        const held = (batch.columns[slot] as RuntimeValue[])[row] as RuntimeValue;
        const kind = batch.kinds[slot];
        this.#held.add(held);
        if (kind === 'value') values.push(typeof held === 'object' ? toResult(graph, held) : held);
        else if ((held as number) < 0) values.push(null);
        else
          values.push(kind === 'node' ? resultNode(graph, held as number) : resultRelationship(graph, held as number));
      }
      into.push(values);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#options.profiled) this.#used.run.end();
    else this.#prepared.giveBack(this.#used);
  }
}
