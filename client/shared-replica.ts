/**
 * A replica that all tabs of a browser share. The tab that holds the lock has the store and the connection, and answers the others;
 * when it closes, however it does, the next in the queue opens the store and goes on. To the application all tabs are alike.
 *
 * - TAB-1 Only who holds the lock has the store open.
 * - TAB-2 A call is answered after it was done as `WeftReplica` does it: a write that was acknowledged to any tab is durable.
 * - TAB-3 A call that was sent to a tab that is gone is repeated if that changes nothing, else it ends in `answer-lost`. One that
 *   was not sent waits for the next tab.
 * - TAB-4 What is watched is watched on with the next tab, and told again only if it is other than before.
 * - TAB-5 What a tab that is gone watched is forgotten.
 */
import { WeftError } from '../base/errors.ts';
import type { Edge, Node, Operation, OperationResult } from '../graph/model.ts';
import type { Value } from '../graph/value.ts';
import type { StatementRows } from '../query/execution/statement-answer.ts';
import { QueryError } from '../query/query-error.ts';
import { callListener } from './call-listener.ts';
import { fromCloned, toCloned } from './cloned-values.ts';
import type { LocalStore } from './local-store.ts';
import { ON_DEMAND } from './sync-link.ts';
import { TabFollowers } from './tab-followers.ts';
import {
  type CallName,
  errorOf,
  errorOutcome,
  type Given,
  type Outcome,
  performed,
  TABS_VERSION,
  type TabMessage,
  type WatchName,
  watched,
} from './tab-message.ts';
import type { TabChannel, Tabs } from './tabs.ts';
import { type ReplicaRow, type ReplicaStatus, textOf, WeftReplica, type WeftReplicaOptions } from './weft-replica.ts';

export interface SharedReplicaOptions extends Omit<WeftReplicaOptions, 'store'> {
  readonly tabs: Tabs;
  /** Of the store; tabs that give the same share it. */
  readonly name: string;
  readonly openStore: () => Promise<LocalStore>;
}

/** What became of a call that another tab was asked for. `unsent`: no tab took it. */
type Reply = Outcome | { readonly kind: 'lost' } | { readonly kind: 'unsent' };

interface PendingCall {
  readonly name: CallName;
  readonly given: unknown;
  readonly reply: (reply: Reply) => void;
  isSent: boolean;
}

interface Watch {
  readonly name: WatchName;
  readonly given: Given;
  readonly deliver: (value: unknown) => void;
  readonly fail: (error: WeftError | QueryError) => void;
  /** What was told last, to compare it with the first that another tab tells. */
  last: { readonly value: unknown } | undefined;
  isFresh: boolean;
  /** At the leader, under this number. */
  number: number;
  stop: () => void;
}

const NOBODY_YET: ReplicaStatus = {
  state: 'connecting',
  pending: 0,
  lastReceipt: undefined,
  reason: 'another tab opens the store',
  refusals: [],
};

export class SharedReplica {
  readonly #options: SharedReplicaOptions;
  readonly #tab: string;
  readonly #channel: TabChannel;
  /** Give up what is waited for. */
  readonly #leaves: (() => void)[] = [];
  /** Of this tab, if it leads. */
  #replica: WeftReplica | undefined;
  #followers: TabFollowers | undefined;
  /** The tab that leads, if it is another. */
  #leader: string | undefined;
  #status = NOBODY_YET;
  #failure: WeftError | undefined;
  #isClosed = false;
  #letGo: () => void = () => undefined;
  /** Until this tab is closed. */
  readonly #open = new Promise<void>((resolve) => {
    this.#letGo = resolve;
  });
  /** Of the lock of this tab, once it has led. */
  #led: Promise<void> = Promise.resolve();
  #onReady: () => void = () => undefined;
  #lastNumber = 0;
  readonly #calls = new Map<number, PendingCall>();
  readonly #watches = new Set<Watch>();
  readonly #statusListeners = new Set<(status: ReplicaStatus) => void>();

  /**
   * Opens the store, or finds the tab that has it open.
   * @throws WeftError as `WeftReplica.open`, `storage-failed`; `invalid-request` if that tab opened another part of the graph
   */
  static async open(options: SharedReplicaOptions): Promise<SharedReplica> {
    const replica = new SharedReplica(options);
    await replica.#begin();
    return replica;
  }

  private constructor(options: SharedReplicaOptions) {
    const { random } = options.platform.env;
    this.#options = options;
    this.#tab = `${random.uint32().toString(36)}-${random.uint32().toString(36)}`;
    this.#channel = options.tabs.channel(`${this.#lockName}/${TABS_VERSION}`, (message) =>
      this.#hear(message as TabMessage),
    );
  }

  get #lockName(): string {
    return `weft/${this.#options.name}`;
  }

  /** Held by a tab for as long as it is there: so a leader learns that it is gone. */
  #lockOf(tab: string): string {
    return `${this.#lockName}/${tab}`;
  }

  get #holds(): string {
    const { graph = 'default', scopes = [], uniqueKeys = [] } = this.#options;
    return JSON.stringify([graph, Array.from(scopes).sort(), uniqueKeys]);
  }

  async #begin(): Promise<void> {
    const { tabs } = this.#options;
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    const open = this.#open;
    await new Promise<void>((resolve) => {
      this.#leaves.push(
        tabs.lock(this.#lockOf(this.#tab), () => {
          resolve();
          return open;
        }),
      );
    });
    this.#queue();
    this.#post({ kind: 'who' });
    await ready;
    if (this.#failure === undefined) return;
    this.#end();
    throw this.#failure;
  }

  // --- who leads

  /** Asks for the lock that makes this tab lead. */
  #queue(): void {
    this.#leaves.push(
      this.#options.tabs.lock(this.#lockName, () => {
        this.#led = this.#lead();
        return this.#led;
      }),
    );
  }

  /** Holds the lock until this tab is closed. */
  async #lead(): Promise<void> {
    if (this.#isClosed) return;
    const { state, reason } = this.#status;
    // Who is offline because a store failed has not asked for it.
    const isOffline = state === 'offline' && reason === ON_DEMAND;
    const { openStore, tabs: _tabs, name: _name, ...options } = this.#options;
    let store: LocalStore | undefined;
    try {
      store = await openStore();
      this.#replica = await WeftReplica.open({ ...options, store });
    } catch (error) {
      await store?.close();
      // Of the runtime, say, which cannot read what it keeps: whoever waits for this tab must hear of it.
      this.#fail(error instanceof WeftError ? error : new WeftError('storage-failed', String(error), {}, error));
      return;
    }
    if (this.#isClosed) {
      await this.#replica.close();
      return;
    }
    const followers = new TabFollowers({
      replica: this.#replica,
      tabs: this.#options.tabs,
      lockOf: (tab) => this.#lockOf(tab),
      post: (message) => this.#post(message),
    });
    this.#followers = followers;
    this.#leader = undefined;
    this.#failure = undefined;
    if (!isOffline) this.#replica.connect();
    const stopTelling = this.#replica.onStatus((status) => {
      this.#tell(status);
      this.#post({ kind: 'status', leader: this.#tab, status: toCloned(status) as ReplicaStatus });
    });
    this.#announce();
    this.#turnTo();
    await this.#open;
    // Nobody asked for being offline: the next tab connects.
    stopTelling();
    await followers.close();
    await this.#replica.close();
    this.#post({ kind: 'leaves', leader: this.#tab });
    this.#channel.close();
  }

  #announce(): void {
    const status = toCloned(this.#status) as ReplicaStatus;
    this.#post({ kind: 'leads', leader: this.#tab, holds: this.#holds, status });
  }

  #follow(leader: string, holds: string): void {
    if (holds !== this.#holds) {
      const detail = `another tab has \`${this.#options.name}\` open with another graph, other scopes or other unique keys: take another name`;
      this.#fail(new WeftError('invalid-request', detail));
      return;
    }
    if (leader === this.#leader) return;
    this.#leader = leader;
    // The lock went with the failure; whoever leads now has it.
    if (this.#failure !== undefined) this.#queue();
    this.#failure = undefined;
    this.#turnTo();
  }

  /** TAB-3 and TAB-4, with whoever leads now. */
  #turnTo(): void {
    for (const [number, call] of Array.from(this.#calls)) {
      if (call.isSent || this.#replica !== undefined) {
        this.#calls.delete(number);
        call.reply({ kind: call.isSent ? 'lost' : 'unsent' });
      } else {
        this.#send(number, call);
      }
    }
    for (const watch of this.#watches) this.#attach(watch);
    this.#onReady();
  }

  #fail(error: WeftError): void {
    this.#failure = error;
    this.#tell({ ...this.#status, state: 'offline', reason: error.message });
    for (const call of this.#calls.values()) call.reply(errorOutcome(error));
    this.#calls.clear();
    this.#onReady();
  }

  #post(message: TabMessage): void {
    this.#channel.post(message);
  }

  #hear(message: TabMessage): void {
    if (this.#isClosed) return;
    const isLeader = this.#replica !== undefined;
    switch (message.kind) {
      case 'who':
        if (isLeader) this.#announce();
        return;
      case 'leads':
        if (isLeader) return;
        this.#tell(fromCloned(message.status) as ReplicaStatus);
        this.#follow(message.leader, message.holds);
        return;
      case 'leaves':
        if (message.leader !== this.#leader) return;
        this.#leader = undefined;
        for (const call of this.#calls.values()) call.isSent = false;
        return;
      case 'status':
        if (message.leader === this.#leader) this.#tell(fromCloned(message.status) as ReplicaStatus);
        return;
      case 'call':
      case 'watch':
      case 'unwatch':
        if (message.leader === this.#tab) this.#followers?.serve(message);
        return;
      case 'outcome':
        if (message.tab === this.#tab) this.#learn(message.number, message.outcome);
    }
  }

  // --- what this tab asks

  async #call(name: CallName, given: Given): Promise<unknown> {
    for (;;) {
      if (this.#isClosed) throw closedError();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#replica !== undefined) return performed(this.#replica, name, given);
      const reply = await new Promise<Reply>((resolve) => {
        const number = ++this.#lastNumber;
        const call: PendingCall = { name, given: toCloned(given), reply: resolve, isSent: false };
        this.#calls.set(number, call);
        if (this.#leader !== undefined) this.#send(number, call);
      });
      switch (reply.kind) {
        case 'value':
          return fromCloned(reply.value);
        case 'unsent':
          continue;
        case 'lost':
          return this.#again(name, given);
        default:
          throw errorOf(reply);
      }
    }
  }

  /** TAB-3. */
  async #again(name: CallName, given: Given): Promise<unknown> {
    if (name === 'write') throw lost();
    if (name !== 'run') return this.#call(name, given);
    try {
      return await this.#call('run', [given[0], given[1], 'read']);
    } catch (error) {
      if (error instanceof QueryError && error.errorDetail === 'AccessMode') throw lost();
      throw error;
    }
  }

  #send(number: number, call: PendingCall): void {
    call.isSent = true;
    const { name, given } = call;
    this.#post({ kind: 'call', leader: this.#leader ?? '', tab: this.#tab, number, name, given });
  }

  #learn(number: number, outcome: Outcome): void {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    if (call !== undefined) {
      call.reply(outcome);
      return;
    }
    for (const watch of this.#watches) {
      if (watch.number !== number) continue;
      if (outcome.kind === 'value') this.#deliver(watch, fromCloned(outcome.value));
      else watch.fail(errorOf(outcome));
    }
  }

  #deliver(watch: Watch, value: unknown): void {
    const { last, isFresh } = watch;
    watch.isFresh = false;
    watch.last = { value };
    if (isFresh && last !== undefined && textOf(last.value) === textOf(value)) return;
    watch.deliver(value);
  }

  #watch(watch: Pick<Watch, 'name' | 'given' | 'deliver' | 'fail'>): () => void {
    const added: Watch = { ...watch, last: undefined, isFresh: true, number: 0, stop: () => undefined };
    this.#watches.add(added);
    if (this.#replica !== undefined || this.#leader !== undefined) this.#attach(added);
    return () => {
      this.#watches.delete(added);
      added.stop();
    };
  }

  #attach(watch: Watch): void {
    const { name, given } = watch;
    watch.isFresh = true;
    if (this.#replica !== undefined) {
      const deliver = (value: unknown) => this.#deliver(watch, value);
      watch.stop = watched(this.#replica, watch, deliver, (error) => watch.fail(error as WeftError));
      return;
    }
    const leader = this.#leader ?? '';
    const number = ++this.#lastNumber;
    watch.number = number;
    this.#post({ kind: 'watch', leader, tab: this.#tab, number, name, given: toCloned(given) });
    watch.stop = () => this.#post({ kind: 'unwatch', leader, tab: this.#tab, number });
  }

  // --- for the application

  get status(): ReplicaStatus {
    return this.#status;
  }

  /** Calls `listener` now and whenever the status changes. Returns how to stop. */
  onStatus(listener: (status: ReplicaStatus) => void): () => void {
    this.#statusListeners.add(listener);
    this.#callListener(() => listener(this.#status));
    return () => this.#statusListeners.delete(listener);
  }

  #tell(status: ReplicaStatus): void {
    this.#status = status;
    for (const listener of Array.from(this.#statusListeners)) this.#callListener(() => listener(status));
  }

  #callListener(call: () => void): void {
    callListener(this.#options.platform.env.scheduler, call);
  }

  /** Connects, and comes back after every loss, until `disconnect`: for all tabs. */
  async connect(): Promise<void> {
    await this.#call('connect', []);
  }

  async disconnect(): Promise<void> {
    await this.#call('disconnect', []);
  }

  async node(id: string): Promise<Node | undefined> {
    return (await this.#call('node', [id])) as Node | undefined;
  }

  async edge(id: string): Promise<Edge | undefined> {
    return (await this.#call('edge', [id])) as Edge | undefined;
  }

  /** Equal to a server's digest once both hold the same, if it opens all that the server has. */
  async digest(): Promise<string> {
    return (await this.#call('digest', [])) as string;
  }

  /**
   * Applies all operations or none. Shown at once in all tabs; resolves when it is durable here, and is sent when there is a server.
   * @throws WeftError as a server would for what this replica holds; `outside-scope`, `storage-failed`; `answer-lost` if the tab
   * that had the store was closed meanwhile: whether it was done is not known
   */
  async write(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    return (await this.#call('write', [operations])) as readonly OperationResult[];
  }

  /** Runs openCypher on what is here; what it writes is a batch of the outbox. @throws QueryError; WeftError as `write` */
  async query<R extends ReplicaRow = ReplicaRow>(
    statement: string,
    parameters: { readonly [name: string]: Value } = {},
  ): Promise<readonly R[]> {
    const { fields, rows } = await this.run(statement, parameters);
    return rows.map((row) => Object.fromEntries(fields.map((field, i) => [field, row[i]])) as R);
  }

  /** As `query`, with everything that the engine says. */
  async run(statement: string, parameters: { readonly [name: string]: Value } = {}): Promise<StatementRows> {
    return (await this.#call('run', [statement, parameters, 'write'])) as StatementRows;
  }

  /** Calls `listener` with the rows now, and again whenever a change, here or elsewhere, makes them others. Returns how to stop. */
  observe<R extends ReplicaRow = ReplicaRow>(
    statement: string,
    parameters: { readonly [name: string]: Value },
    listener: (rows: readonly R[]) => void,
    onError: (error: WeftError | QueryError) => void,
  ): () => void {
    const given = [statement, parameters];
    return this.#watch({ name: 'observe', given, deliver: (rows) => listener(rows as readonly R[]), fail: onError });
  }

  /** As `observe`, of one node; undefined while there is none. */
  observeNode(id: string, listener: (node: Node | undefined) => void): () => void {
    const deliver = (node: unknown) => listener(node as Node | undefined);
    return this.#watch({ name: 'observeNode', given: [id], deliver, fail: () => undefined });
  }

  /** The application has dealt with a refused batch. */
  async dismiss(number: number): Promise<void> {
    await this.#call('dismiss', [number]);
  }

  /** Leaves the replica to other tabs, if there are any. What waits in the outbox is there when it is opened again. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    this.#end();
    await this.#led;
  }

  #end(): void {
    this.#isClosed = true;
    for (const call of this.#calls.values()) call.reply({ kind: 'lost' });
    this.#calls.clear();
    for (const leave of this.#leaves.splice(0)) leave();
    this.#letGo();
    if (this.#replica === undefined) this.#channel.close();
  }
}

function closedError(): WeftError {
  return new WeftError('invalid-request', 'this replica was closed');
}

function lost(): WeftError {
  const detail = 'the tab that had the store was closed: look whether it was done before you repeat it';
  return new WeftError('answer-lost', detail);
}
