/** A client of the cluster: one session that does one thing at a time, on whichever server it likes. */
import { WeftError } from '../base/errors.ts';
import { graphName, type NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import type { Properties } from '../graph/value.ts';
import type { StatementRows } from '../query/execution/statement-answer.ts';
import type { Engine, Graph } from '../src/engine-port.ts';
import { type Cluster, Died, type Server, Unreachable } from './cluster.ts';
import type { CommitName, OperationRecord, Outcome } from './history.ts';
import type { SimRandom } from './sim/random.ts';

export const DEFAULT = graphName('default');
/** A client gives up after this; far beyond every budget of the server. */
const PATIENCE_MS = 30_000;
/** Refusals of its token after which a client begins a new session. */
const REFUSALS_MAX = 5;

/** Where clients act, and where it is written down. */
export interface ClientWorld {
  readonly cluster: Cluster;
  readonly random: SimRandom;
  /** Mean time between two calls of a client. */
  readonly thinkMs: number;
  readonly operations: OperationRecord[];
  nextOperation(): number;
}

export interface Done<T> {
  readonly outcome: Outcome;
  /** Present if the outcome is `ok`. */
  readonly value?: T;
  readonly code?: string;
  readonly server: string;
  readonly operation: number;
}

export class Client {
  readonly name: string;
  readonly random: SimRandom;
  readonly #world: ClientWorld;
  readonly #cluster: Cluster;
  readonly #usesToken: boolean;
  readonly #stays: number;
  #server: Server;
  #token: string | undefined;
  #refusals = 0;
  #epoch = 1;
  #made = 0;

  /** `stays`: how likely it stays with its server for the next call. */
  constructor(world: ClientWorld, name: string, options: { readonly usesToken: boolean; readonly stays: number }) {
    this.name = name;
    this.random = world.random.fork(`client ${name}`);
    this.#world = world;
    this.#cluster = world.cluster;
    this.#usesToken = options.usesToken;
    this.#stays = options.stays;
    this.#server = this.random.pick(world.cluster.servers);
  }

  /** A new one begins where the client gave its token up. */
  get session(): string {
    return `${this.name}.${this.#epoch}`;
  }

  /** A text that no other call of any client gives. */
  unique(): string {
    return `${this.name}#${++this.#made}`;
  }

  /** Waits as long as people do between two requests. */
  think(): Promise<void> {
    return this.#cluster.timeline.sleep(this.random.gap(this.#world.thinkMs));
  }

  write(what: string, operations: readonly Operation[], graph = DEFAULT): Promise<Done<unknown>> {
    return this.call('write', what, (engine) => engine.graph(graph).write(operations));
  }

  read<T>(what: string, read: (graph: Graph, engine: Engine) => Promise<T>): Promise<Done<T>> {
    return this.call('read', what, (engine) => read(engine.graph(DEFAULT), engine));
  }

  /**
   * A call at level `strong`. Which commit holds a strong write is not known here: its coordinator writes it, on any server.
   */
  strong<T>(what: string, work: (graph: Graph) => Promise<T>): Promise<Done<T>> {
    return this.call('read', what, (engine) => work(engine.graph(DEFAULT, 'strong')));
  }

  async call<T>(kind: 'read' | 'write', what: string, work: (engine: Engine) => Promise<T>): Promise<Done<T>> {
    if (!this.random.chance(this.#stays)) this.#server = this.random.pick(this.#cluster.servers);
    const server = this.#server;
    const { timeline } = this.#cluster;
    const operation = this.#world.nextOperation();
    const invokedMs = timeline.nowMs;
    const stalledBefore = this.#cluster.stalled(server);
    let commit: CommitName | undefined;
    const answered = this.#cluster.ask(server, async (engine) => {
      const presented = this.#usesToken && this.#token !== undefined ? [this.#token] : [];
      if (presented.length > 0) await engine.reachSession(presented);
      const before = lastOwnSeq(engine);
      const value = await work(engine);
      const seq = lastOwnSeq(engine);
      // A write that changes nothing needs no commit.
      commit = seq === before ? undefined : { origin: engine.replicaId, seq };
      return { value, token: engine.sessionToken(presented) };
    });
    const outcome = await Promise.race([
      answered.then((answer) => ({ kind: 'ok' as const, ...answer }), failure),
      timeline.sleep(PATIENCE_MS).then(() => ({ kind: 'unknown' as const, reason: 'timeout' })),
    ]);
    if (outcome.kind === 'ok') this.#token = outcome.token;
    if (outcome.kind !== 'ok' && outcome.reason === 'session-not-reached') this.#refused();
    else this.#refusals = 0;
    const reason = outcome.kind === 'ok' ? undefined : outcome.reason;
    const record: OperationRecord = {
      id: operation,
      workload: this.name,
      kind,
      what,
      server: server.name,
      invokedMs,
      endedMs: timeline.nowMs,
      outcome: outcome.kind,
      ...(reason !== undefined && { reason }),
      ...(outcome.kind === 'ok' && kind === 'write' && commit !== undefined && { commit }),
      stalledMs: this.#cluster.stalled(server) - stalledBefore,
    };
    this.#world.operations.push(record);
    this.#cluster.say(
      `${this.session} ${what} on ${server.name}: ${outcome.kind}${reason === undefined ? '' : ` (${reason})`}`,
    );
    return {
      outcome: outcome.kind,
      ...(outcome.kind === 'ok' && { value: outcome.value }),
      ...(reason !== undefined && { code: reason }),
      server: server.name,
      operation,
    };
  }

  #refused(): void {
    if (++this.#refusals < REFUSALS_MAX) return;
    this.#refusals = 0;
    this.#token = undefined;
    this.#epoch++;
  }
}

/**
 * The last commit of its own stream that a server shows: at least the one of the write that was just acknowledged. Not what
 * its store was told to keep, where the commit of another write may be that is not acknowledged yet.
 */
function lastOwnSeq(engine: Engine): number {
  return engine.cluster().vector[engine.replicaId] ?? 0;
}

function failure(error: unknown): { readonly kind: 'failed' | 'unknown'; readonly reason: string } {
  if (error instanceof Unreachable) return { kind: 'failed', reason: 'unreachable' };
  if (error instanceof Died) return { kind: 'unknown', reason: 'the server died' };
  if (error instanceof WeftError) return { kind: error.kind.definite ? 'failed' : 'unknown', reason: error.code };
  return { kind: 'unknown', reason: String(error) };
}

/** Runs a statement to its end. */
export async function runStatement(graph: Graph, text: string, parameters: Properties = {}): Promise<StatementRows> {
  return graph.queryRows({ text, parameters }, { accessMode: 'write', isCancelled: () => false });
}

/** The operation that sets one property of a node. */
export function setProperty(id: string, name: string, value: string | number): Operation {
  return { op: 'patchNode', id: id as NodeId, properties: { [name]: { kind: 'set', value } } };
}

export function putNode(id: string, labels: readonly string[] = []): Operation {
  return { op: 'putNode', id: id as NodeId, labels, properties: {} };
}

/** What a node holds; nothing if it is not there. */
export async function propertiesAt(graph: Graph, id: string): Promise<Properties> {
  return (await propertiesIfThere(graph, id)) ?? {};
}

export function propertiesIfThere(graph: Graph, id: string): Promise<Properties | undefined> {
  return graph.node(id as NodeId).then(
    ({ element }) => element.properties,
    (error: unknown) => {
      if (error instanceof WeftError && error.code === 'node-not-found') return undefined;
      throw error;
    },
  );
}

/** Runs `read` and says whether anything became visible on the server meanwhile. */
export async function whileStill<T>(
  engine: Engine,
  read: () => Promise<T>,
): Promise<{ readonly still: boolean; readonly value: T }> {
  const before = JSON.stringify(engine.cluster().vector);
  const value = await read();
  return { still: JSON.stringify(engine.cluster().vector) === before, value };
}
