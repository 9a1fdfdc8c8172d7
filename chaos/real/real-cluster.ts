/** The servers of a run and the ways between them. */
import { join } from 'node:path';
import type { ClusterDescription } from '../../src/engine-port.ts';
import type { HttpClient, Reply } from './http-client.ts';
import { Lane } from './lane.ts';
import { LinkProxy } from './link-proxy.ts';
import { ServerProcess } from './server-process.ts';
import type { World } from './world.ts';

export const SERVER_NAMES: readonly string[] = ['one', 'two', 'three', 'four', 'five'];
/** All clients of a run, as one end of a way. */
const CLIENTS = 'clients';
const MEET_MS_MAX = 60_000;

export interface ClusterSetup {
  readonly world: World;
  readonly http: HttpClient;
  readonly program: string;
  readonly folder: string;
  readonly servers: number;
  readonly flags: readonly string[];
  /** A bug that is switched on in all servers. */
  readonly plant: string | undefined;
}

export class RealCluster {
  readonly servers: readonly ServerProcess[];
  readonly names: readonly string[];
  readonly world: World;
  readonly http: HttpClient;
  /** Of the whole run; it holds `data/`, `logs/` and what faults put aside. */
  readonly folder: string;
  /** A bug that is switched on in all servers and devices. */
  readonly plant: string | undefined;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #proxies: ReadonlyMap<string, LinkProxy>;

  private constructor(
    { world, http, folder, plant }: ClusterSetup,
    servers: readonly ServerProcess[],
    { lanes, proxies }: { readonly lanes: ReadonlyMap<string, Lane>; readonly proxies: ReadonlyMap<string, LinkProxy> },
  ) {
    this.world = world;
    this.http = http;
    this.folder = folder;
    this.plant = plant;
    this.servers = servers;
    this.names = servers.map(({ name }) => name);
    this.#lanes = lanes;
    this.#proxies = proxies;
  }

  /** Nothing runs yet but the proxies. */
  static async prepare(setup: ClusterSetup): Promise<RealCluster> {
    const { world, folder, program, plant } = setup;
    const names = SERVER_NAMES.slice(0, setup.servers);
    const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
    // Clients dial; no server dials them.
    const dials = [...pairs, ...names.map((name) => [CLIENTS, name] as const)];
    const ways = [...dials, ...names.map((name) => [name, CLIENTS] as const)];
    const lanes = new Map(ways.map(([from, to]) => [way(from, to), new Lane(from, to)]));
    const servers: ServerProcess[] = [];
    const proxies = new Map<string, LinkProxy>();
    for (const [from, to] of dials) {
      const there = lanes.get(way(from, to)) as Lane;
      const back = lanes.get(way(to, from)) as Lane;
      const target = () => servers.find(({ name }) => name === to)?.port;
      proxies.set(way(from, to), await LinkProxy.start({ world, lanes: { there, back }, target }));
    }
    for (const name of names) {
      const peers = names.filter((other) => other !== name);
      const urls = peers.map((peer) => `http://127.0.0.1:${proxies.get(way(name, peer))?.port}`);
      const environment = {
        WEFT_CLUSTER_SECRET: 'the-secret-of-a-run-that-breaks-things',
        ...(plant !== undefined && { WEFT_CHAOS_PLANT: plant }),
      };
      const ofCluster = peers.length === 0 ? [] : ['--peers', urls.join(',')];
      const flags = ['--port', '0', '--chaos', ...ofCluster, ...setup.flags];
      servers.push(new ServerProcess({ world, name, program, folder, flags, environment }));
    }
    return new RealCluster(setup, servers, { lanes, proxies });
  }

  server(name: string): ServerProcess {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`there is no server ${name}`);
    return found;
  }

  others(name: string): readonly string[] {
    return this.names.filter((other) => other !== name);
  }

  /** Where clients reach a server: by a way that can be broken. Undefined while it does not run. */
  clientUrl(name: string): string | undefined {
    if (!this.server(name).isRunning || this.server(name).port === undefined) return undefined;
    return this.entranceOf(name);
  }

  /** The same, whether it runs or not. */
  entranceOf(name: string): string {
    return `http://127.0.0.1:${this.#proxies.get(way(CLIENTS, name))?.port}`;
  }

  /** The ways between all clients and a server, and what resets their connections, of which it says how many there were. */
  clientWays(name: string): { readonly there: Lane; readonly back: Lane; readonly reset: () => number } {
    const reset = () => this.#proxies.get(way(CLIENTS, name))?.reset() ?? 0;
    return { there: this.lane(CLIENTS, name), back: this.lane(name, CLIENTS), reset };
  }

  lane(from: string, to: string): Lane {
    return this.#lanes.get(way(from, to)) as Lane;
  }

  /** Resets all connections between two servers. @returns how many there were */
  reset(a: string, b: string): number {
    return (this.#proxies.get(way(a, b))?.reset() ?? 0) + (this.#proxies.get(way(b, a))?.reset() ?? 0);
  }

  ask(name: string, method: string, path: string, body?: unknown, timeoutMs?: number): Promise<Reply> {
    const { url } = this.server(name);
    return this.http.send({ url, method, path, body, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  async describe(name: string): Promise<ClusterDescription | undefined> {
    const { status, body } = await this.ask(name, 'GET', '/v1/cluster', undefined, 5_000);
    return status === 200 ? (body as ClusterDescription) : undefined;
  }

  /** True once all servers see each other and serve strong requests. */
  async meet(limitMs = MEET_MS_MAX): Promise<boolean> {
    return this.world.until(limitMs, async () => {
      for (const name of this.names) if (!(await this.serves(name))) return false;
      return true;
    });
  }

  /** Whether it sees all others that run, and takes part in strong operations. */
  async serves(name: string): Promise<boolean> {
    const described = await this.describe(name);
    const up = described?.members.filter(({ self, link }) => !self && link.state === 'up').length ?? 0;
    const running = this.servers.filter(({ isRunning }) => isRunning).length;
    if (described === undefined || up < running - 1) return false;
    const path = '/v1/graphs/default/nodes?limit=1&consistency=strong';
    return (await this.ask(name, 'GET', path, undefined, 6_000)).status === 200;
  }

  async stopAll(): Promise<void> {
    for (const server of this.servers) server.signal('SIGCONT');
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** At once, whatever state the run is in. */
  killAll(): void {
    for (const server of this.servers) if (server.isRunning) void server.kill();
  }

  async dispose(): Promise<void> {
    await Promise.all(this.servers.map((server) => (server.isRunning ? server.kill() : undefined)));
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}

export const dataFolder = (folder: string, name: string) => join(folder, 'data', name);

const way = (from: string, to: string) => `${from}>${to}`;
