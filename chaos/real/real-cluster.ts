/** The servers of a run and the ways between them. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterDescription } from '../../src/engine-port.ts';
import { OwnDisk } from './disks/own-disk.ts';
import type { HttpClient, Reply } from './http-client.ts';
import type { Tap } from './net/lane.ts';
import { NamespaceNet } from './net/namespace-net.ts';
import { CLIENTS, type Net, type NetAbilities, type Way } from './net/net.ts';
import type { NetnsAbilities } from './net/netns-abilities.ts';
import { ProxyNet } from './net/proxy-net.ts';
import { ServerProcess } from './server-process.ts';
import type { World } from './world.ts';

export const SERVER_NAMES: readonly string[] = ['one', 'two', 'three', 'four', 'five'];
/** Servers that listen on more than loopback want one of whoever calls. */
export const TOKEN = 'the-token-of-a-run-that-breaks-things';
const MEET_MS_MAX = 60_000;

export interface ClusterSetup {
  readonly world: World;
  readonly http: HttpClient;
  readonly program: string;
  readonly folder: string;
  readonly servers: number;
  readonly flags: readonly string[];
  readonly logScale: number;
  /** A bug that is switched on in all servers. */
  readonly plant: string | undefined;
  readonly abilities: NetAbilities | NetnsAbilities;
  /** Whether a fault of the run waits for frames between servers. */
  readonly readsFrames: boolean;
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
  readonly net: Net;
  /** By server; none if no fault of the run needs them. */
  readonly #disks = new Map<string, OwnDisk>();

  private constructor({ world, http, folder, plant }: ClusterSetup, servers: readonly ServerProcess[], net: Net) {
    this.world = world;
    this.http = http;
    this.folder = folder;
    this.plant = plant;
    this.servers = servers;
    this.names = servers.map(({ name }) => name);
    this.net = net;
  }

  /** No server runs yet. */
  static async prepare(setup: ClusterSetup): Promise<RealCluster> {
    const { world, folder, program, plant, abilities, readsFrames } = setup;
    const names = SERVER_NAMES.slice(0, setup.servers);
    const servers: ServerProcess[] = [];
    const portOf = (server: string) => servers.find(({ name }) => name === server)?.port;
    const net =
      'tools' in abilities
        ? await NamespaceNet.start(abilities, names)
        : await ProxyNet.start({ world, names, portOf, readsFrames });
    for (const name of names) {
      const peers = names.filter((other) => other !== name);
      const environment = {
        WEFT_CLUSTER_SECRET: 'the-secret-of-a-run-that-breaks-things',
        WEFT_TOKEN: TOKEN,
        ...(plant !== undefined && { WEFT_CHAOS_PLANT: plant }),
        WEFT_CHAOS_LOG_SCALE: String(setup.logScale),
      };
      const { wrapper, flags: ofPlace, host } = net.place(name);
      const ofCluster = peers.length === 0 ? [] : ['--peers', peers.map((peer) => net.url(name, peer)).join(',')];
      const flags = [...ofPlace, '--chaos', ...ofCluster, ...setup.flags];
      servers.push(new ServerProcess({ world, name, program, folder, flags, environment, wrapper, host }));
    }
    return new RealCluster(setup, servers, net);
  }

  server(name: string): ServerProcess {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`there is no server ${name}`);
    return found;
  }

  /** Gives each server one, before any runs. */
  async putDisksIn(): Promise<void> {
    for (const { name, data } of this.servers) {
      const disk = new OwnDisk(data, join(this.folder, 'disks', name));
      this.#disks.set(name, disk);
      await disk.mount();
    }
  }

  disk(name: string): OwnDisk {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new Error(`${name} has no disk of its own`);
    return disk;
  }

  standsStill(name: string): boolean {
    return this.#disks.get(name)?.isFrozen ?? false;
  }

  /** What stood still goes on. */
  async thawDisks(): Promise<void> {
    for (const disk of this.#disks.values()) await disk.thaw();
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
    return this.net.url(CLIENTS, name);
  }

  /** The ways between all clients and a server, and what resets their connections, of which it says how many there were. */
  clientWays(name: string): { readonly there: Way; readonly back: Way; readonly reset: () => Promise<number> } {
    return {
      there: this.way(CLIENTS, name),
      back: this.way(name, CLIENTS),
      reset: () => this.net.reset(CLIENTS, name),
    };
  }

  way(from: string, to: string): Way {
    return this.net.way(from, to);
  }

  /** Only if the run has a fault that `readsFrames`. @returns what takes it away */
  tap(from: string, to: string, tap: Tap): () => void {
    if (this.net.tap === undefined) throw new Error('frames are not read in this net');
    return this.net.tap(from, to, tap);
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
    await this.net.close();
    for (const disk of this.#disks.values()) await disk.takeOut();
    rmSync(join(this.folder, 'disks'), { recursive: true, force: true });
  }
}

export const dataFolder = (folder: string, name: string) => join(folder, 'data', name);
