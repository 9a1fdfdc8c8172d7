/**
 * Runs scenarios of the openCypher TCK in process against any graph that statements can run on. The cases and the code
 * that compares answers are not in this repository; they lie beside it, in `../shared/opencypher-tck`.
 */
import '../../query/all-parts.ts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Env } from '../../base/env.ts';
import type { StatementGraph } from '../../graph/query-graph.ts';
import { QueryEngine, type RegisteredProcedure } from '../../query/execution/query-engine.ts';
import type { ResultValue } from '../../query/execution/result-value.ts';
import type { PlanStatement } from '../../query/plan/planned-statement.ts';
import { QueryError } from '../../query/query-error.ts';
import { fromStored } from '../../query/values/runtime-value.ts';
import { ROOT } from '../server-process.ts';
import { fromTagged, type Tagged, toTagged } from './tck-values.ts';
import { type TestProcedureSource, testProcedure } from './test-procedure.ts';

/** `WEFT_SHARED` names another folder than the one beside the project. */
export const TCK_FOLDER = join(process.env.WEFT_SHARED ?? join(ROOT, '../shared'), 'opencypher-tck');
export const hasTck = existsSync(join(TCK_FOLDER, 'given.jsonl'));

export interface Scenario {
  readonly id: string;
  readonly folder: string;
  readonly setup: readonly string[];
  readonly query: string;
  readonly controlQuery?: string;
  readonly controlExpect?: Expectation;
  readonly params: Readonly<Record<string, string>>;
  readonly expect: Expectation;
  readonly sideEffects: Readonly<Record<string, number>>;
  readonly tags: readonly string[];
  readonly procedures?: readonly TestProcedureSource[];
}

interface Expectation {
  readonly kind: 'result' | 'empty' | 'error';
  readonly errorType?: string;
  readonly errorPhase?: string;
  readonly errorDetail?: string;
}

/** What values.mjs exports, as far as it is used here. */
interface TckValues {
  parseCell(text: string): Tagged;
  parseParams(params: Readonly<Record<string, string>>): Record<string, Tagged>;
  compareResult(expected: Expectation, actual: Answer): string | null;
  sideEffects(before: Snapshot, after: Snapshot): object;
  compareSideEffects(expected: object, actual: object): string | null;
  readonly STATE_QUERIES: Readonly<Record<string, string>>;
}

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Tagged[])[];
}
type Snapshot = Record<string, readonly (readonly Tagged[])[]>;

export function readScenarios(): Scenario[] {
  const lines = readFileSync(join(TCK_FOLDER, 'given.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Scenario);
}

export function readTckValues(): Promise<TckValues> {
  return import(pathToFileURL(join(TCK_FOLDER, 'values.mjs')).href) as Promise<TckValues>;
}

/** A fresh graph for each scenario, and a new view of it for each statement. */
export interface ScenarioGraph {
  open(): StatementGraph | Promise<StatementGraph>;
}

/** One scenario after the other, each on a graph of its own. */
export class TckRunner {
  readonly #values: TckValues;
  readonly #env: Env;
  readonly #planStatement: PlanStatement;

  constructor(values: TckValues, env: Env, planStatement: PlanStatement) {
    this.#values = values;
    this.#env = env;
    this.#planStatement = planStatement;
  }

  /** Null if the scenario passes, else why it does not. */
  async run(scenario: Scenario, graph: ScenarioGraph): Promise<string | null> {
    const procedures = new Map<string, RegisteredProcedure>();
    for (const source of scenario.procedures ?? []) {
      const rows = source.rows.map((row) => row.map((cell) => fromStored(fromTagged(this.#values.parseCell(cell)))));
      procedures.set(source.name, testProcedure(source, rows));
    }
    const engine = new QueryEngine({
      env: this.#env,
      planStatement: this.#planStatement,
      procedures,
      optimise: true,
    });
    const parameters = this.#values.parseParams(scenario.params);
    const statement = (text: string) => this.#statement(engine, graph, text, parameters);
    try {
      for (const text of scenario.setup) await statement(text);
    } catch (error) {
      return `setup failed: ${messageOf(error)}`;
    }
    const before = await this.#snapshot(engine, graph);
    let answer: Answer | undefined;
    let failure: unknown;
    try {
      answer = await statement(scenario.query);
    } catch (error) {
      failure = error;
    }
    const values = this.#values;
    let why: string | null;
    if (scenario.expect.kind === 'error') why = compareError(scenario.expect, answer, failure);
    else if (answer === undefined) why = `unexpected error: ${messageOf(failure)}`;
    else why = values.compareResult(scenario.expect, answer);
    if (why !== null) return why;
    const after = await this.#snapshot(engine, graph);
    why = values.compareSideEffects(scenario.sideEffects, values.sideEffects(before, after));
    if (why !== null || scenario.controlQuery === undefined) return why;
    why = values.compareResult(scenario.controlExpect as Expectation, await statement(scenario.controlQuery));
    return why === null ? null : `control query: ${why}`;
  }

  async #statement(
    engine: QueryEngine,
    graph: ScenarioGraph,
    text: string,
    parameters: Readonly<Record<string, Tagged>>,
  ): Promise<Answer> {
    const answer = await engine.run(text, await graph.open(), {
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, fromStored(fromTagged(value))]),
      ),
      accessMode: 'write',
      timeoutMs: undefined,
      rowsMax: undefined,
      heldMax: 10_000_000,
      isCancelled: () => false,
    });
    const rows: (readonly ResultValue[])[] = [];
    try {
      for (;;) {
        const batch = await answer.next();
        if (batch === undefined) break;
        rows.push(...batch);
      }
    } finally {
      answer.close();
    }
    return { columns: answer.fields, rows: rows.map((row) => row.map(toTagged)) };
  }

  async #snapshot(engine: QueryEngine, graph: ScenarioGraph): Promise<Snapshot> {
    const snapshot: Snapshot = {};
    for (const [name, text] of Object.entries(this.#values.STATE_QUERIES)) {
      snapshot[name] = (await this.#statement(engine, graph, text, {})).rows;
    }
    return snapshot;
  }
}

function compareError(expected: Expectation, answer: Answer | undefined, failure: unknown): string | null {
  const { errorType, errorPhase, errorDetail } = expected;
  if (answer !== undefined) return `expected ${errorType} (${errorDetail}), got ${answer.rows.length} rows`;
  if (!(failure instanceof QueryError)) return `expected ${errorType}, got ${messageOf(failure)}`;
  if (failure.errorType !== errorType) return `expected ${errorType}, got ${messageOf(failure)}`;
  if (errorPhase !== 'any time' && failure.errorPhase !== errorPhase) {
    return `expected it at ${errorPhase}, got it at ${failure.errorPhase}: ${failure.message}`;
  }
  if (errorDetail !== '*' && failure.errorDetail !== errorDetail) {
    return `expected ${errorDetail}, got ${failure.errorDetail}: ${failure.message}`;
  }
  return null;
}

function messageOf(error: unknown): string {
  if (error instanceof QueryError) return `${error.errorType} (${error.errorDetail}): ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
