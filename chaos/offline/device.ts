/**
 * A machine that is rarely where the servers are: a phone, a browser, a sensor. One offline replica runs on it, the production
 * one, over a simulated disk, clock and network. It dies like a server's process, and what its disk had not kept is gone.
 */
import { WeftError } from '../../base/errors.ts';
import { LocalMemory, MemoryLocalStore } from '../../client/memory-local-store.ts';
import { type OutboxEntry, readReplica, rows } from '../../client/replica-rows.ts';
import '../../client/all-parts.ts';
import { WeftReplica } from '../../client/weft-replica.ts';
import { type Cluster, Died, Unreachable } from '../cluster.ts';
import { type MachineClock, SimProcess } from '../sim/process.ts';
import type { SimRandom } from '../sim/random.ts';
import { openDeviceSocket, syncUrl } from './sockets.ts';

const DISK_MS_MAX = 20;

export class Device {
  readonly name: string;
  readonly random: SimRandom;
  readonly clock: MachineClock;
  readonly #cluster: Cluster;
  readonly #scopes: readonly string[];
  readonly #memory = new LocalMemory();
  #process: SimProcess | undefined;
  #starts = 0;
  #isWanted = true;
  /** Present while it runs. */
  replica: WeftReplica | undefined;

  constructor(options: {
    readonly cluster: Cluster;
    readonly name: string;
    readonly scopes: readonly string[];
    readonly clock: MachineClock;
    readonly random: SimRandom;
  }) {
    this.#cluster = options.cluster;
    this.name = options.name;
    this.#scopes = options.scopes;
    this.clock = options.clock;
    this.random = options.random;
  }

  get url(): string {
    return `device:${this.name}`;
  }

  say(line: string): void {
    this.#cluster.say(`${this.name} ${line}`);
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const cluster = this.#cluster;
    const process = new SimProcess({
      timeline: cluster.timeline,
      name: this.name,
      clock: this.clock,
      random: this.random.fork(`process ${++this.#starts}`),
      onLog: (level, message, fields) => {
        if (level === 'error') cluster.noteBug(this.name, `${message} ${JSON.stringify(fields)}`);
      },
    });
    this.#process = process;
    this.#memory.beforeWrite = () => process.sleep(this.random.between(0.1, DISK_MS_MAX));
    const { env } = process;
    const replica = await WeftReplica.open({
      urls: this.random.shuffled(cluster.servers).map(({ url }) => url),
      scopes: this.#scopes,
      store: new MemoryLocalStore(this.#memory),
      platform: {
        env,
        fetch: () => Promise.reject(new Error('a replica needs no HTTP')),
        openSocket: openDeviceSocket(cluster.network.transport(this.url, process)),
        abortable: () => ({ signal: NEVER, abort: () => undefined }),
        neverSent: () => false,
      },
      bugs: cluster.setup.bugs,
    });
    if (!process.isAlive) return;
    this.replica = replica;
    const told = new Set(replica.status.refusals.map(({ number }) => number));
    replica.onStatus(({ refusals }) => {
      for (const { number, code, detail } of refusals) {
        if (told.has(number)) continue;
        told.add(number);
        this.say(`hears that batch ${number} is refused: ${code}, ${detail}`);
      }
    });
    this.say('is up');
    if (this.#isWanted) replica.connect();
  }

  /** Loses what is not durable. */
  crash(): void {
    if (this.#process === undefined) return;
    this.say('crashes');
    this.#process.kill();
    this.#process = undefined;
    this.replica = undefined;
  }

  /** Turns the network on or off, as its user does. */
  setOnline(isOnline: boolean): void {
    this.say(isOnline ? 'goes online' : 'goes offline');
    this.#isWanted = isOnline;
    if (isOnline) this.replica?.connect();
    else this.replica?.disconnect();
  }

  get isOnline(): boolean {
    return this.#isWanted;
  }

  /** Its network is gone, and comes back. */
  cut(): () => void {
    const { network, servers } = this.#cluster;
    this.say('has no network');
    const links = servers.flatMap(({ url }) => {
      const at = syncUrl(url);
      return [network.link(this.url, at), network.link(at, this.url)];
    });
    for (const link of links) link.cuts++;
    return () => {
      // A network that was gone may leave a connection that only the server knows to be broken: then silence tells.
      this.reset(this.random.chance(0.5));
      for (const link of links) link.cuts = Math.max(0, link.cuts - 1);
    };
  }

  /** Its connections break, with what is under way. */
  reset(isHeard = true): void {
    const { network, servers } = this.#cluster;
    for (const { url } of servers) {
      if (isHeard) network.reset(this.url, syncUrl(url));
      network.reset(syncUrl(url), this.url);
    }
  }

  /** Makes it, while it is down, one that was last in step `ageMs` ago. Returns what it has to send. */
  async age(ageMs: number): Promise<readonly OutboxEntry[]> {
    this.say('was away for long');
    this.#memory.beforeWrite = () => Promise.resolve();
    const store = new MemoryLocalStore(this.#memory);
    const { meta, outbox } = await readReplica(store);
    if (meta !== undefined && meta.syncedMs > 0) {
      await store.write([rows.meta({ ...meta, syncedMs: Math.max(1, meta.syncedMs - ageMs) })]);
    }
    return outbox;
  }

  /** Runs a call in its process. Rejects if it is not there, or dies before the answer. */
  ask<T>(call: (replica: WeftReplica) => Promise<T>): Promise<T> {
    const { replica } = this;
    const process = this.#process;
    if (process === undefined || replica === undefined) return Promise.reject(new Unreachable());
    return new Promise((resolve, reject) => {
      const forget = process.onDeath(() => reject(new Died()));
      process.after(0, () => {
        call(replica)
          .finally(forget)
          .then(resolve, (error: unknown) => {
            if (!(error instanceof WeftError)) this.#cluster.noteBug(`a call to ${this.name}`, error);
            reject(error);
          });
      });
    });
  }
}

const NEVER = {
  aborted: false,
  reason: undefined,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
};
