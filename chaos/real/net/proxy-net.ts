/** Servers on loopback, and a TCP proxy for each that dials another one. */
import type { World } from '../world.ts';
import { Lane, type LaneFault, type Tap } from './lane.ts';
import { LinkProxy } from './link-proxy.ts';
import { CLIENTS, type Net, type NetAbilities, type Place, type Way } from './net.ts';

export const PROXY_ABILITIES: NetAbilities = {
  kind: 'proxies',
  has: ['TCP proxies on loopback'],
  lacks({ lossRate, reorderRate, corruptRate, isUnplugged }: LaneFault): string | undefined {
    const isOfPackets = [lossRate, reorderRate, corruptRate, isUnplugged].some((one) => one !== undefined);
    return isOfPackets ? 'proxies pass bytes, not packets; --net netns has packets' : undefined;
  },
};

export interface ProxyNetSetup {
  readonly world: World;
  readonly names: readonly string[];
  /** Where a server listens at present; undefined while it does not run. */
  portOf(server: string): number | undefined;
  /** Whether frames between servers are read, for faults that wait for one. */
  readonly readsFrames: boolean;
}

export class ProxyNet implements Net {
  readonly abilities = PROXY_ABILITIES;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #proxies: ReadonlyMap<string, LinkProxy>;

  private constructor(lanes: ReadonlyMap<string, Lane>, proxies: ReadonlyMap<string, LinkProxy>) {
    this.#lanes = lanes;
    this.#proxies = proxies;
  }

  static async start({ world, names, portOf, readsFrames }: ProxyNetSetup): Promise<ProxyNet> {
    const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
    // Clients dial; no server dials them.
    const dials = [...pairs, ...names.map((name) => [CLIENTS, name] as const)];
    const ways = [...dials, ...names.map((name) => [name, CLIENTS] as const)];
    const isOfServers = (from: string, to: string) => from !== CLIENTS && to !== CLIENTS;
    const lanes = new Map(
      ways.map(([from, to]) => [key(from, to), new Lane(from, to, readsFrames && isOfServers(from, to))]),
    );
    const proxies = new Map<string, LinkProxy>();
    for (const [from, to] of dials) {
      const there = lanes.get(key(from, to)) as Lane;
      const back = lanes.get(key(to, from)) as Lane;
      proxies.set(key(from, to), await LinkProxy.start({ world, lanes: { there, back }, target: () => portOf(to) }));
    }
    return new ProxyNet(lanes, proxies);
  }

  place(): Place {
    return { wrapper: [], flags: ['--port', '0'], host: '127.0.0.1' };
  }

  url(from: string, to: string): string {
    return `http://127.0.0.1:${this.#proxies.get(key(from, to))?.port}`;
  }

  way(from: string, to: string): Way {
    const lane = this.#lanes.get(key(from, to)) as Lane;
    return {
      spoil: async (fault) => {
        const before = lane.touched;
        const mend = lane.spoil(fault);
        return async () => {
          const touched = lane.touched - before;
          mend();
          return touched;
        };
      },
    };
  }

  tap(from: string, to: string, tap: Tap): () => void {
    return (this.#lanes.get(key(from, to)) as Lane).tap(tap);
  }

  async reset(a: string, b: string): Promise<number> {
    return (this.#proxies.get(key(a, b))?.reset() ?? 0) + (this.#proxies.get(key(b, a))?.reset() ?? 0);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}

const key = (from: string, to: string) => `${from}>${to}`;
