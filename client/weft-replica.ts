/**
 * An offline replica: part of a graph that is read, queried and written here, whether there is a network or not, and that is in
 * step with the servers whenever there is one.
 */
import type { Scheduler } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { EdgeId, NodeId, PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { withParts } from '../base/part.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import { edgeAt, findEdge, findNode, nodeAt } from '../crdt/view-reads.ts';
import { ViewStatementGraph } from '../crdt/view-statement-graph.ts';
import type { Edge, GraphSettings, Node, Operation, OperationResult } from '../graph/model.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import type { Value } from '../graph/value.ts';
import { QueryEngine } from '../query/execution/query-engine.ts';
import type { ResultValue } from '../query/execution/result-value.ts';
import type { StatementRows } from '../query/execution/statement-answer.ts';
import { CATALOG } from '../query/parts.ts';
import { planStatement } from '../query/plan/plan-statement.ts';
import { QueryError } from '../query/query-error.ts';
import { inRange, isEqual } from '../query/values/range.ts';
import { fromStored, type RuntimeMap } from '../query/values/runtime-value.ts';
import { callListener } from './call-listener.ts';
import type { LocalStore } from './local-store.ts';
import { DIGEST, UNIQUE_KEYS } from './parts.ts';
import type { Platform } from './platform.ts';
import type { ReplicaConstraints, UniqueKeys } from './replica-constraints.ts';
import { ReplicaGraph } from './replica-graph.ts';
import { type Refusal, type ReplicaMeta, readReplica } from './replica-rows.ts';
import { type Receipt, SyncLink, type SyncState } from './sync-link.ts';

const NO_SCHEMA: readonly SchemaEntry[] = [];

export interface WeftReplicaOptions {
  readonly urls: readonly string[];
  readonly token?: string;
  /** `default` if absent. */
  readonly graph?: string;
  /** Scopes to open, `team!` for the nodes whose ids begin so; without any, all nodes that are in no scope. */
  readonly scopes?: readonly string[];
  /**
   * Unique constraints of the graph, in the order in which they were declared. What is written here keeps them as a server does
   * below `strong`: the id of a node follows from its key.
   */
  readonly uniqueKeys?: UniqueKeys;
  readonly store: LocalStore;
  readonly platform: Platform;
  /** Switched on by the simulator only. */
  readonly bugs?: ReadonlySet<PlantedBug>;
}

export interface ReplicaStatus {
  readonly state: SyncState;
  /** Batches that no server has yet. */
  readonly pending: number;
  readonly lastReceipt: Receipt | undefined;
  /** Why it is not live, or does not keep what servers say, as far as it is known. */
  readonly reason: string;
  /** Batches that were refused and not dismissed. */
  readonly refusals: readonly Refusal[];
}

export type ReplicaRow = { readonly [field: string]: ResultValue };

export class WeftReplica {
  readonly #scheduler: Scheduler;
  readonly #store: LocalStore;
  readonly #graph: ReplicaGraph;
  readonly #constraints: ReplicaConstraints | undefined;
  readonly #link: SyncLink;
  readonly #queries: QueryEngine;
  readonly #statusListeners = new Set<(status: ReplicaStatus) => void>();
  readonly #observers = new Set<() => void>();
  #lastReceipt: Receipt | undefined;
  #isNotifying = false;
  /** Statements that read the view. */
  #reading = 0;
  #whenIdle: (() => void)[] = [];
  #changing: Promise<void> | undefined;
  #writing: Promise<void> | undefined;

  /** Opens what the store has; nothing is sent before `connect`. @throws WeftError `data-format`, `data-corrupt` */
  static async open(options: WeftReplicaOptions): Promise<WeftReplica> {
    const { uniqueKeys = [] } = options;
    const constraints =
      uniqueKeys.length === 0
        ? undefined
        : await withParts(() => new (UNIQUE_KEYS.get().ReplicaConstraints)(uniqueKeys));
    const stored = await readReplica(options.store);
    const meta = stored.meta ?? freshMeta(options.platform);
    const replica = new WeftReplica(options, stored, meta, constraints);
    if (stored.meta === undefined) replica.#graph.note(meta);
    return replica;
  }

  private constructor(
    options: WeftReplicaOptions,
    stored: Awaited<ReturnType<typeof readReplica>>,
    meta: ReplicaMeta,
    constraints: ReplicaConstraints | undefined,
  ) {
    const { urls, token, graph: graphName = 'default', scopes = [], store, platform, bugs } = options;
    if (urls.length === 0) throw new WeftError('invalid-request', 'a replica needs the URL of a server');
    for (const scope of scopes) {
      if (!/^[^!]+!$/.test(scope))
        throw new WeftError('invalid-name', `a scope ends with its only \`!\`, \`${scope}\` does not`);
    }
    this.#scheduler = platform.env.scheduler;
    this.#store = store;
    this.#constraints = constraints;
    this.#graph = new ReplicaGraph({
      clock: platform.env.clock,
      store,
      stored,
      meta,
      constraints,
      bugs,
      open: (settings) => partitionsOf(settings, scopes),
      onChange: () => this.#changed(),
      alone: (change) => this.#alone(change),
      onDurable: () => {
        this.#link.pump();
        this.#tell();
      },
      onFailure: (error) => {
        this.#link.stop();
        this.#link.reason = error.message;
        this.#tell();
      },
    });
    this.#link = new SyncLink({
      platform,
      urls,
      graphName,
      token,
      graph: this.#graph,
      bugs,
      alone: (change) => this.#alone(change),
      onState: () => this.#tell(),
      onReceipt: (receipt) => {
        this.#lastReceipt = receipt;
        this.#tell();
      },
      onRefused: () => this.#tell(),
    });
    this.#queries = new QueryEngine({
      env: platform.env,
      planStatement,
      procedures: { get: (name) => CATALOG.get().procedures.get(name) },
      optimise: true,
    });
  }

  // --- sync

  /** Connects, and comes back after every loss, until `disconnect`. */
  connect(): void {
    this.#link.start();
  }

  disconnect(): void {
    this.#link.stop();
  }

  get status(): ReplicaStatus {
    return {
      state: this.#link.state,
      pending: this.#graph.outbox.size,
      lastReceipt: this.#lastReceipt,
      reason: this.#graph.writes.shortage?.message ?? this.#link.reason,
      refusals: Array.from(this.#graph.refusals.values()),
    };
  }

  /** Calls `listener` now and whenever the status changes. Returns how to stop. */
  onStatus(listener: (status: ReplicaStatus) => void): () => void {
    this.#statusListeners.add(listener);
    this.#call(() => listener(this.status));
    return () => this.#statusListeners.delete(listener);
  }

  /** The application has dealt with a refused batch. */
  dismiss(number: number): Promise<void> {
    const done = this.#graph.dismiss(number);
    this.#tell();
    return done;
  }

  /** Equal to a server's digest once both hold the same, if it opens all that the server has. */
  async digest(): Promise<string> {
    return withParts(() => DIGEST.get().digestOf(this.#graph.view, this.#graph.open));
  }

  #tell(): void {
    const { status } = this;
    for (const listener of Array.from(this.#statusListeners)) this.#call(() => listener(status));
  }

  #call(call: () => void): void {
    callListener(this.#scheduler, call);
  }

  // --- reads and writes

  node(id: string): Node | undefined {
    return this.#read(() => {
      const { view } = this.#graph;
      const node = findNode(view, id as NodeId);
      return node === undefined ? undefined : nodeAt(view, node);
    });
  }

  edge(id: string): Edge | undefined {
    return this.#read(() => {
      const { view } = this.#graph;
      const edge = findEdge(view, id as EdgeId);
      return edge === undefined ? undefined : edgeAt(view, edge);
    });
  }

  #read<T>(read: () => T): T {
    this.#graph.expire();
    for (;;) {
      try {
        return read();
      } catch (missed) {
        this.#graph.provide(missed);
      }
    }
  }

  /**
   * Applies all operations or none. Shown at once; resolves when it is durable here, and is sent when there is a server.
   * @throws WeftError definite, as a server would for what this replica holds; `outside-scope`; `disk-full`: it may be tried again;
   * `storage-failed`: this replica only reads from here on
   */
  async write(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    if (this.#changing !== undefined) await this.#changing;
    const written = this.#graph.write(operations);
    this.#tell();
    return written;
  }

  /**
   * Runs openCypher on what is here; what it writes is a batch of the outbox. @throws QueryError; WeftError as `write`
   */
  async query<R extends ReplicaRow = ReplicaRow>(
    statement: string,
    parameters: { readonly [name: string]: Value } = {},
  ): Promise<readonly R[]> {
    const { fields, rows } = await this.run(statement, parameters);
    return rows.map((row) => Object.fromEntries(fields.map((field, i) => [field, row[i]])) as R);
  }

  /** As `query`, with everything that the engine says. */
  async run(
    statement: string,
    parameters: { readonly [name: string]: Value } = {},
    accessMode: 'read' | 'write' = 'write',
  ): Promise<StatementRows> {
    return withParts(() => this.#run(statement, parameters, accessMode));
  }

  async #run(
    statement: string,
    parameters: { readonly [name: string]: Value },
    accessMode: 'read' | 'write',
  ): Promise<StatementRows> {
    while (this.#changing !== undefined) await this.#changing;
    this.#reading++;
    try {
      return await this.#queries.runRows(statement, this.#statementGraph(), {
        parameters: fromStored(parameters) as RuntimeMap,
        accessMode,
        timeoutMs: undefined,
        rowsMax: undefined,
        heldMax: LIMITS.queryHeldValuesMax,
        isCancelled: () => false,
      });
    } finally {
      this.#reading--;
      if (this.#reading === 0) for (const wake of this.#whenIdle.splice(0)) wake();
    }
  }

  #statementGraph(): ViewStatementGraph {
    const graph = this.#graph;
    const open = new Set(graph.open);
    const { view } = graph;
    const self = this;
    const constraints = this.#constraints;
    const opened = { view, whole: true, partitionIds: () => Array.from(open).sort() };
    return new ViewStatementGraph({
      graph: {
        view,
        get changes() {
          return graph.changes;
        },
        whole: true,
        deleted: false,
        get writingStatements() {
          return self.#writing;
        },
        set writingStatements(writing: Promise<void> | undefined) {
          self.#writing = writing;
        },
        partitionIds: opened.partitionIds,
        mayHold: (node) => open.has(view.partitionOf(node)),
        notFound: () => new WeftError('graph-not-found', 'the graph is gone'),
      },
      expire: () => graph.expire(),
      hold: () => ({
        provide: async (missed) => graph.provide(missed),
        keepOpen: () => undefined,
        release: () => undefined,
      }),
      writer: {
        durable: () => undefined,
        write: async (operations, onDecided) => {
          const written = graph.write(operations);
          onDecided?.();
          await written;
        },
      },
      schema: {
        entries: () => constraints?.entries ?? NO_SCHEMA,
        constraints: () => constraints?.set,
        violations: (entry) => constraints?.violations(opened, entry) ?? 0,
        declare: () => Promise.reject(onServersOnly()),
        drop: () => Promise.reject(onServersOnly()),
      },
      inRange,
      isEqual,
      clock: graph.clock,
      replica: graph.replica,
      decide: undefined,
    });
  }

  /** Runs `change` while no statement reads: it may replace the view. */
  async #alone<T>(change: () => T): Promise<T> {
    let done = (): void => undefined;
    this.#changing = new Promise((resolve) => {
      done = () => {
        this.#changing = undefined;
        resolve();
      };
    });
    try {
      if (this.#reading > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
      return change();
    } finally {
      done();
    }
  }

  // --- observation

  /** Calls `listener` with the rows now, and again whenever a change, here or elsewhere, makes them others. Returns how to stop. */
  observe<R extends ReplicaRow = ReplicaRow>(
    statement: string,
    parameters: { readonly [name: string]: Value },
    listener: (rows: readonly R[]) => void,
    onError: (error: WeftError | QueryError) => void,
  ): () => void {
    let last: string | undefined;
    return this.#observe(async (isStopped) => {
      try {
        const rows = await this.query<R>(statement, parameters);
        const text = textOf(rows);
        if (isStopped() || text === last) return;
        last = text;
        this.#call(() => listener(rows));
      } catch (error) {
        if (!(error instanceof WeftError || error instanceof QueryError)) throw error;
        if (!isStopped()) this.#call(() => onError(error));
      }
    });
  }

  /** As `observe`, of one node; undefined while there is none. */
  observeNode(id: string, listener: (node: Node | undefined) => void): () => void {
    let last: Node | undefined | null = null;
    return this.#observe(async () => {
      const node = this.node(id);
      if (last !== null && node?.properties === last?.properties && node?.labels === last?.labels) return;
      last = node;
      this.#call(() => listener(node));
    });
  }

  #observe(look: (isStopped: () => boolean) => Promise<void>): () => void {
    let isStopped = false;
    let isLooking = false;
    let isStale = false;
    const observer = async () => {
      isStale = true;
      if (isLooking) return;
      isLooking = true;
      while (isStale && !isStopped) {
        isStale = false;
        await look(() => isStopped);
      }
      isLooking = false;
    };
    const notice = () => void observer();
    this.#observers.add(notice);
    notice();
    return () => {
      isStopped = true;
      this.#observers.delete(notice);
    };
  }

  /** Changes that come together are told together. */
  #changed(): void {
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    void Promise.resolve().then(() => {
      this.#isNotifying = false;
      for (const notice of Array.from(this.#observers)) notice();
    });
  }

  /** Goes offline and closes the store. What waits in the outbox is there when it is opened again. */
  async close(): Promise<void> {
    this.#link.stop();
    this.#observers.clear();
    await this.#graph.writes.settled();
    await this.#store.close();
  }
}

/** Of what is observed: equal for equal values, and other for others, which JSON by itself has not: NaN, -0, bytes. */
export function textOf(observed: unknown): string {
  return JSON.stringify(observed, (_key, value) => {
    if (typeof value === 'object' && value !== null) return value instanceof Uint8Array ? `bytes ${value}` : value;
    return `${typeof value} ${Object.is(value, -0) ? '-0' : value}`;
  });
}

function onServersOnly(): WeftError {
  return new WeftError('invalid-request', 'indexes and constraints are declared on servers');
}

function freshMeta({ env }: Platform): ReplicaMeta {
  return {
    format: 1,
    replica: env.random.uint32(),
    generation: '',
    // What graphs have that do not say; if this one does, the replica learns of it when it first connects.
    partitions: LIMITS.partitionsDefault,
    restoringTypes: [],
    syncedMs: 0,
    offsetMs: 0,
    replays: false,
    successor: 0,
    known: [],
  };
}

function partitionsOf({ partitions }: GraphSettings, scopes: readonly string[]): PartitionId[] {
  if (scopes.length > 0) return scopes.map((scope) => scope as PartitionId);
  return Array.from({ length: partitions }, (_, i) => String(i) as PartitionId);
}
