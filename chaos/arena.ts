/** Where workloads meet the cluster: their clients, and what these did and saw. */

import type { Operation } from '../graph/model.ts';
import type { Graph } from '../src/engine-port.ts';
import type { RegisterCall } from './checkers/order-search.ts';
import type { Transaction } from './checkers/transaction.ts';
import { Client, type ClientWorld } from './client.ts';
import type { Cluster } from './cluster.ts';
import type {
  AtomicObservation,
  BankObservation,
  CausalObservation,
  CounterEvent,
  EdgeObservation,
  MemberEvent,
  OperationRecord,
  RepetitionObservation,
  SessionEvent,
  ShownLease,
} from './history.ts';
import { Device } from './offline/device.ts';
import { LOCKED_SCOPE, OfflineRun, OPEN_SCOPE } from './offline/run.ts';
import type { SimRandom } from './sim/random.ts';

export interface Workload {
  readonly name: string;
  /** Applied to the default graph by one server before anything else. */
  readonly setup: readonly Operation[];
  /** Declared after that, before the clients start. */
  readonly declarations?: readonly string[];
  /** Starts the clients; each goes on until the arena is over. */
  start(arena: Arena): readonly Promise<void>[];
  /** What has to pass after the clients are done and all is healed, before the end is looked at. */
  pass?(arena: Arena): Promise<void>;
  /** Sums and sets to compare, as a server shows them in the end. */
  finish?(graph: Graph): Promise<FinalFigures>;
}

export interface FinalFigures {
  readonly counters?: ReadonlyMap<string, number>;
  readonly sets?: ReadonlyMap<string, readonly string[]>;
}

export class Arena implements ClientWorld {
  readonly cluster: Cluster;
  readonly random: SimRandom;
  readonly thinkMs: number;
  readonly operations: OperationRecord[] = [];
  readonly sessions: SessionEvent[] = [];
  readonly causal: CausalObservation[] = [];
  readonly atomic: AtomicObservation[] = [];
  readonly edges: EdgeObservation[] = [];
  readonly leases: ShownLease[] = [];
  readonly counters: CounterEvent[] = [];
  readonly members: MemberEvent[] = [];
  readonly registers: RegisterCall[] = [];
  readonly lists: Transaction[] = [];
  readonly bank: BankObservation[] = [];
  readonly repetitions: RepetitionObservation[] = [];
  readonly offline: OfflineRun;
  /** Machines with offline replicas. */
  readonly devices: readonly Device[];
  readonly #operationsMax: number;
  #operation = 0;
  #letter = 0;

  constructor(options: {
    readonly cluster: Cluster;
    readonly random: SimRandom;
    readonly operations: number;
    readonly thinkMs: number;
    readonly devices: number;
  }) {
    this.cluster = options.cluster;
    this.random = options.random;
    this.thinkMs = options.thinkMs;
    this.#operationsMax = options.operations;
    const { cluster, random } = options;
    this.offline = new OfflineRun(cluster);
    this.devices = Array.from({ length: options.devices }, (_, i) => {
      const name = `device${i}`;
      const scopes = [OPEN_SCOPE, LOCKED_SCOPE];
      return new Device({ cluster, name, scopes, clock: cluster.machineClock(0), random: random.fork(name) });
    });
  }

  get nowMs(): number {
    return this.cluster.timeline.nowMs;
  }

  /** True once clients shall begin nothing new. */
  get isOver(): boolean {
    return this.#operation >= this.#operationsMax;
  }

  /** How many operations were begun so far. */
  get begun(): number {
    return this.#operation;
  }

  nextOperation(): number {
    return ++this.#operation;
  }

  /** Numbers for what must be unique over all clients and short. */
  nextLetter(): number {
    return this.#letter++;
  }

  client(name: string, options: { readonly usesToken: boolean; readonly stays: number }): Client {
    return new Client(this, name, options);
  }

  /** One client that repeats `step` until the arena is over. */
  async repeat(client: Client, step: () => Promise<void>): Promise<void> {
    for (;;) {
      await client.think();
      if (this.isOver) return;
      await step();
    }
  }
}
