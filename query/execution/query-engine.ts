/**
 * From the text of a statement to its answer: plans it (plans are kept by text), runs it, and commits what it wrote.
 * One for each graph, since plans depend on what is declared and how much there is of everything.
 */
import type { Env } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Span } from '../../base/tracer.ts';
import { NotResident } from '../../graph/not-resident.ts';
import type { SchemaEntry, StatementGraph } from '../../graph/query-graph.ts';
import { CATALOG, PLAN_DESCRIPTION } from '../parts.ts';
import type {
  PlanDescription,
  PlannedStatement,
  PlanStatement,
  ProcedureSignature,
} from '../plan/planned-statement.ts';
import { runtimeError } from '../query-error.ts';
import type { Batch } from './batch.ts';
import { Counters } from './counters.ts';
import { type ExecuteOptions, Execution, PreparedPlan } from './execute.ts';
import { GraphOverlay } from './graph-overlay.ts';
import type { ResultValue } from './result-value.ts';
import type { Procedure, RunHost, StatementOptions } from './run.ts';
import { collectRows, type StatementAnswer, type StatementRows } from './statement-answer.ts';

/** Uses of a kept plan between two looks at whether the graph has grown out of it. */
const USES_PER_LOOK = 256;
/** A graph that has so many times more, or fewer, nodes than when the plan was made is planned for again. */
const GROWTH_MAX = 8;

export interface RegisteredProcedure extends Procedure {
  readonly signature: ProcedureSignature;
}

export interface QueryEngineOptions {
  readonly env: Env;
  readonly planStatement: PlanStatement;
  readonly procedures: Pick<ReadonlyMap<string, RegisteredProcedure>, 'get'>;
  /** False plans as the text has it. */
  readonly optimise: boolean;
}

/** Shared, since nobody writes to it: of statements that only read. */
const NO_CHANGES = new Counters();

interface KeptPlan {
  readonly planned: PlannedStatement;
  readonly prepared: PreparedPlan | undefined;
  readonly nodes: number;
  uses: number;
}

export class QueryEngine {
  readonly #options: QueryEngineOptions;
  readonly #plans = new Map<string, KeptPlan>();
  #schema: readonly SchemaEntry[] = [];

  readonly #host: RunHost;

  constructor(options: QueryEngineOptions) {
    this.#options = options;
    const { env, procedures } = options;
    this.#host = {
      clock: env.clock,
      scheduler: env.scheduler,
      random32: () => env.random.uint32(),
      procedure: (name) => procedures.get(name),
    };
  }

  /** @throws QueryError at compile time */
  #plan(text: string, graph: StatementGraph): KeptPlan {
    const schema = graph.schema();
    if (schema !== this.#schema) {
      this.#plans.clear();
      this.#schema = schema;
    }
    const kept = this.#plans.get(text);
    if (kept !== undefined && (++kept.uses % USES_PER_LOOK !== 0 || !hasOutgrown(kept, graph))) return kept;
    const { env, planStatement, procedures, optimise } = this.#options;
    const context = {
      statistics: graph.statistics,
      schema,
      procedure: (name: string) => procedures.get(name)?.signature,
      optimise,
    };
    const planned = inStep(env.tracer?.begin('query.plan'), () => planStatement(text, context));
    const prepared = planned.kind === 'query' ? new PreparedPlan(planned.plan) : undefined;
    const made = { planned, prepared, nodes: graph.statistics.nodeCount(), uses: 0 };
    if (this.#plans.size >= LIMITS.plansKeptMax) {
      const [oldest] = this.#plans.keys();
      if (oldest !== undefined) this.#plans.delete(oldest);
    }
    this.#plans.set(text, made);
    return made;
  }

  /**
   * Begins a statement. One that writes runs to its end and commits before this resolves.
   * @param graph is released by `close`
   * @throws QueryError; WeftError of the commit. Definite unless the error itself says otherwise
   */
  async run(text: string, graph: StatementGraph, options: StatementOptions): Promise<StatementAnswer> {
    try {
      const { planned, prepared } = this.#plan(text, graph);
      if (planned.kind !== 'query' || prepared === undefined)
        return await this.#schemaStatement(planned, graph, options);
      const { plan, mode } = planned;
      if (mode === 'explain') return explained(planned, graph);
      if (!plan.writes) return this.#read(prepared, graph, { ...options, profiled: mode === 'profile' });
      checkChange('write', options);
      const waiting = graph.beginWriting();
      if (waiting !== undefined) await waiting;
      for (;;) {
        const transaction = this.begin(graph);
        const answer = await transaction.run(text, options);
        if (graph.readAgain()) continue;
        await transaction.commit();
        return answer;
      }
    } catch (error) {
      graph.release();
      throw error;
    }
  }

  /** Several statements as one: nobody else sees anything of it before `commit`. */
  begin(graph: StatementGraph): Transaction {
    return new Transaction(this, graph, this.#options.env.clock.wallMs());
  }

  #beginExecute(): Span<'query.execute'> | undefined {
    return this.#options.env.tracer?.begin('query.execute');
  }

  #execution(prepared: PreparedPlan, options: Omit<ExecuteOptions, 'host'>): Execution {
    return new Execution(prepared, { ...options, host: this.#host });
  }

  /**
   * Runs a statement to its end. No promise unless something had to be waited for: then most of the time of a small
   * statement is its own.
   */
  runRows(text: string, graph: StatementGraph, options: StatementOptions): StatementRows | Promise<StatementRows> {
    let kept: KeptPlan;
    try {
      kept = this.#plan(text, graph);
    } catch (error) {
      graph.release();
      throw error;
    }
    const { planned, prepared } = kept;
    if (planned.kind !== 'query' || prepared === undefined || planned.mode !== 'run' || planned.plan.writes) {
      return this.#collect(text, graph, options);
    }
    const run = {
      graph,
      overlay: undefined,
      host: this.#host,
      statement: options,
      transactionMs: undefined,
      profiled: false,
    };
    const execution = new Execution(prepared, run);
    const rows: ResultValue[][] = [];
    const span = this.#beginExecute();
    let isWaiting = false;
    try {
      for (;;) {
        const found = execution.nextBatch();
        if (found instanceof Promise) {
          isWaiting = true;
          return this.#collectRest(prepared, run, { execution, rows, waiting: found }).finally(() =>
            endExecute(span, rows.length),
          );
        }
        if (found === undefined) break;
        if (prepared.fields.length > 0) execution.appendResults(found, rows);
      }
      const settled = graph.settle();
      const answer = { fields: prepared.fields, rows, counters: NO_CHANGES, plan: undefined };
      return settled === undefined ? answer : settled.then(() => answer);
    } finally {
      if (!isWaiting) {
        execution.close();
        graph.release();
        endExecute(span, rows.length);
      }
    }
  }

  async #collectRest(
    prepared: PreparedPlan,
    options: ExecuteOptions,
    begun: {
      readonly execution: Execution;
      readonly rows: ResultValue[][];
      readonly waiting: Promise<Batch | undefined>;
    },
  ): Promise<StatementRows> {
    const { graph } = options;
    const { rows } = begun;
    let { execution } = begun;
    try {
      let batch = await begun.waiting;
      for (;;) {
        for (; batch !== undefined; batch = await execution.nextBatch()) {
          if (prepared.fields.length > 0) execution.appendResults(batch, rows);
        }
        if (!graph.readAgain()) break;
        execution.close();
        rows.length = 0;
        execution = new Execution(prepared, options);
        batch = await execution.nextBatch();
      }
      await graph.settle();
      return { fields: prepared.fields, rows, counters: NO_CHANGES, plan: undefined };
    } finally {
      execution.close();
      graph.release();
    }
  }

  async #collect(text: string, graph: StatementGraph, options: StatementOptions): Promise<StatementRows> {
    return collectRows(await this.run(text, graph, options));
  }

  #read(
    prepared: PreparedPlan,
    graph: StatementGraph,
    options: StatementOptions & { readonly profiled: boolean },
  ): StatementAnswer {
    const { profiled } = options;
    const begin = () =>
      this.#execution(prepared, { graph, overlay: undefined, statement: options, transactionMs: undefined, profiled });
    let execution = begin();
    const { plan, fields } = prepared;
    const span = this.#beginExecute();
    let rowCount = 0;
    let isClosed = false;
    let isSeen = false;
    return {
      fields,
      writes: false,
      counters: new Counters(),
      async next() {
        for (;;) {
          const found = execution.nextBatch();
          const batch = found instanceof Promise ? await found : found;
          if (!isSeen && !isClosed && graph.readAgain()) {
            execution.close();
            execution = begin();
            continue;
          }
          isSeen = true;
          if (batch === undefined) return undefined;
          const rows: ResultValue[][] = [];
          execution.appendResults(batch, rows);
          const settled = graph.settle();
          if (settled !== undefined) await settled;
          // Rows without columns are nothing to answer.
          rowCount += rows.length;
          if (plan.columns.length > 0) return rows;
        }
      },
      plan: () => (options.profiled ? PLAN_DESCRIPTION.get().describePlan(plan, execution.profile) : undefined),
      close() {
        if (isClosed) return;
        isClosed = true;
        execution.close();
        graph.release();
        endExecute(span, rowCount);
      },
    };
  }

  /** Runs a statement of a transaction to its end. */
  async runWithin(
    text: string,
    graph: StatementGraph,
    overlay: GraphOverlay,
    options: StatementOptions,
    transactionMs: number,
  ): Promise<StatementAnswer> {
    const { planned, prepared } = this.#plan(text, graph);
    if (planned.kind !== 'query' || prepared === undefined) {
      throw runtimeError('SemanticError', 'InvalidClauseComposition', 'a schema statement stands alone');
    }
    if (planned.mode === 'explain') return explained(planned, graph);
    if (planned.plan.writes) checkChange('write', options);
    const profiled = planned.mode === 'profile';
    const before = { ...overlay.counters };
    const execution = this.#execution(prepared, { graph, overlay, statement: options, transactionMs, profiled });
    const rows: ResultValue[][] = [];
    const span = this.#beginExecute();
    try {
      for (;;) {
        const found = execution.nextBatch();
        const batch = found instanceof Promise ? await found : found;
        if (batch === undefined) break;
        if (planned.plan.columns.length > 0) execution.appendResults(batch, rows);
      }
      const description = profiled ? PLAN_DESCRIPTION.get().describePlan(planned.plan, execution.profile) : undefined;
      return kept(planned.plan.columns, rows, {
        counters: difference(overlay.counters, before),
        plan: description,
        writes: planned.plan.writes,
      });
    } finally {
      execution.close();
      endExecute(span, rows.length);
    }
  }

  async #schemaStatement(
    planned: PlannedStatement,
    graph: StatementGraph,
    options: StatementOptions,
  ): Promise<StatementAnswer> {
    const counters = new Counters();
    try {
      checkChange('schema', options);
      if (planned.kind === 'declare') await CATALOG.get().declareSchema(planned, graph, counters);
      if (planned.kind === 'drop') await CATALOG.get().dropSchema(planned, graph, counters);
      return kept([], [], { counters, plan: undefined, writes: true });
    } finally {
      graph.release();
    }
  }
}

function endExecute(span: Span<'query.execute'> | undefined, rows: number): void {
  span?.set({ 'weft.rows': rows });
  span?.end();
}

/** Runs one synchronous step inside of a span, if there is one. */
function inStep<T>(span: Span | undefined, step: () => T): T {
  try {
    return step();
  } finally {
    span?.end();
  }
}

/** Statements that read what those before them wrote, and commit together. */
export class Transaction {
  readonly #engine: QueryEngine;
  readonly #graph: StatementGraph;
  readonly overlay: GraphOverlay;
  readonly #startMs: number;

  constructor(engine: QueryEngine, graph: StatementGraph, startMs: number) {
    this.#engine = engine;
    this.#graph = graph;
    this.#startMs = startMs;
    this.overlay = new GraphOverlay(graph);
  }

  run(text: string, options: StatementOptions): Promise<StatementAnswer> {
    return this.#engine.runWithin(text, this.#graph, this.overlay, options, this.#startMs);
  }

  /** Commits and lets go of the graph. @throws QueryError, WeftError */
  async commit(): Promise<void> {
    try {
      const operations = await resident(this.#graph, () => this.overlay.operations());
      if (operations.length > 0) await this.#graph.commit(operations);
      else await this.#graph.settle();
    } finally {
      this.#graph.release();
    }
  }
}

/** Reads with all that it needs in memory. */
async function resident<T>(graph: StatementGraph, read: () => T): Promise<T> {
  for (;;) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof NotResident)) throw error;
      await graph.makeResident(error);
    }
  }
}

/** @throws QueryError if the access mode is `read`, or what `permit` throws */
function checkChange(right: 'write' | 'schema', { accessMode, permit }: StatementOptions): void {
  if (accessMode === 'read') throw readOnly();
  permit?.(right);
}

function readOnly(): Error {
  return runtimeError('SemanticError', 'AccessMode', 'the statement writes, but its access mode is `read`');
}

function hasOutgrown({ nodes }: KeptPlan, graph: StatementGraph): boolean {
  const now = graph.statistics.nodeCount() + 16;
  return now > (nodes + 16) * GROWTH_MAX || now * GROWTH_MAX < nodes + 16;
}

function explained(planned: Extract<PlannedStatement, { kind: 'query' }>, graph: StatementGraph): StatementAnswer {
  const plan = PLAN_DESCRIPTION.get().describePlan(planned.plan, undefined);
  graph.release();
  return kept([], [], { counters: new Counters(), plan, writes: false });
}

/** An answer that is complete. */
function kept(
  columns: readonly { readonly name: string }[],
  rows: readonly (readonly ResultValue[])[],
  more: { readonly counters: Counters; readonly plan: PlanDescription | undefined; readonly writes: boolean },
): StatementAnswer {
  let isGiven = rows.length === 0;
  return {
    fields: columns.map(({ name }) => name),
    writes: more.writes,
    counters: more.counters,
    async next() {
      if (isGiven) return undefined;
      isGiven = true;
      return rows;
    },
    plan: () => more.plan,
    close() {},
  };
}

function difference(after: Counters, before: Readonly<Record<keyof Counters, number>>): Counters {
  const counters = new Counters();
  for (const name of Object.keys(before) as (keyof Counters)[]) counters[name] = after[name] - before[name];
  return counters;
}
