/**
 * Each server in a network namespace of its own, as on a machine of its own, and a cable (veth) between every two ends. Clients
 * are in the namespace of the run, with a cable to each server, and the run has another one that nothing breaks.
 *
 * The run itself must be in namespaces of its own (`enter-namespaces.ts`): so nothing here can clash with another run or with
 * the machine's network, and the kernel takes all of it away when the last process has ended, however it ended.
 */
import { type End, execute, NamespaceWay, namespaceFile } from './namespace-way.ts';
import { CLIENTS, type Net, type Place, type Way } from './net.ts';
import type { NetnsAbilities } from './netns-abilities.ts';

/** The run, where it looks at servers and tells them what no client may. */
const CONTROL = 'control';
const PORT = 7400;

interface Cable {
  readonly ends: readonly [End, End];
  readonly between: readonly [string, string];
}

export class NamespaceNet implements Net {
  readonly abilities: NetnsAbilities;
  readonly #cables: ReadonlyMap<string, Cable>;
  readonly #ways = new Map<string, NamespaceWay>();

  private constructor(abilities: NetnsAbilities, cables: readonly Cable[]) {
    this.abilities = abilities;
    this.#cables = new Map(
      cables.flatMap((cable) => {
        const [a, b] = cable.between;
        const { ends } = cable;
        const turned: Cable = { between: [b, a], ends: [ends[1], ends[0]] };
        return [[key(a, b), cable] as const, [key(b, a), turned] as const];
      }),
    );
  }

  static async start(abilities: NetnsAbilities, names: readonly string[]): Promise<NamespaceNet> {
    const cables = cablesOf(names);
    const links = cables.map(
      ({ ends: [a, b] }) => `link add name ${inNamespace(a)} type veth peer name ${inNamespace(b)}`,
    );
    await execute(['ip', '-batch', '-'], [...names.map((name) => `netns add ${name}`), ...links, ''].join('\n'));
    for (const namespace of [undefined, ...names]) {
      const ends = cables.flatMap((cable) => cable.ends).filter((end) => end.namespace === namespace);
      const lines = ends.flatMap(({ device, address }) => [
        `addr add ${address}/30 dev ${device}`,
        `link set ${device} up`,
      ]);
      const where = namespace === undefined ? [] : ['-n', namespace];
      await execute(['ip', ...where, '-batch', '-'], ['link set lo up', ...lines, ''].join('\n'));
    }
    return new NamespaceNet(abilities, cables);
  }

  place(server: string): Place {
    return {
      wrapper: ['nsenter', `--net=${namespaceFile(server)}`],
      flags: ['--host', '0.0.0.0', '--port', String(PORT)],
      host: this.#cable(CONTROL, server).ends[1].address,
    };
  }

  url(from: string, to: string): string {
    return `http://${this.#cable(from, to).ends[1].address}:${PORT}`;
  }

  way(from: string, to: string): Way {
    return this.#way(from, to);
  }

  async reset(a: string, b: string): Promise<number> {
    const killed = await Promise.all([this.#way(a, b).reset(), this.#way(b, a).reset()]);
    // A connection may be gone at the other end before it is looked for there.
    return Math.max(...killed);
  }

  /** Nothing to do: what the run has made ends with it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #cable(a: string, b: string): Cable {
    return this.#cables.get(key(a, b)) as Cable;
  }

  #way(from: string, to: string): NamespaceWay {
    const known = this.#ways.get(key(from, to));
    if (known !== undefined) return known;
    const [a, b] = this.#cable(from, to).ends;
    const way = new NamespaceWay(a, b, this.abilities.tools);
    this.#ways.set(key(from, to), way);
    return way;
  }
}

/** Between all servers, and from clients and the run to each. */
function cablesOf(names: readonly string[]): readonly Cable[] {
  const pairs = [
    ...names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const)),
    ...[CLIENTS, CONTROL].flatMap((outside) => names.map((name) => [outside, name] as const)),
  ];
  return pairs.map(([a, b], i) => {
    // Of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544); four for each cable.
    const end = (own: string, other: string, which: number): End => {
      const isServer = names.includes(own);
      return {
        namespace: isServer ? own : undefined,
        device: isServer ? `to-${other}` : `${own === CONTROL ? 'run' : 'to'}-${other}`,
        address: `198.18.0.${4 * i + which}`,
      };
    };
    return { between: [a, b], ends: [end(a, b, 1), end(b, a, 2)] };
  });
}

const inNamespace = ({ device, namespace }: End) => (namespace === undefined ? device : `${device} netns ${namespace}`);

const key = (from: string, to: string) => `${from}>${to}`;
