/**
 * Faults that are aimed: they know who leads, wait for a message between two servers, and strike then. Races that last for
 * the few milliseconds of one message are met by chance hardly ever.
 */
import type { Message } from '../../src/consistency/message.ts';
import type { Cluster, Server } from '../cluster.ts';
import type { Tap } from '../sim/network.ts';
import type { SimRandom } from '../sim/random.ts';
import { cut } from './cuts.ts';
import type { Fault } from './fault.ts';
import { leadingOrder, messageIn } from './messages.ts';

type Way = readonly [from: Server, to: Server];

/** What one strike does; all of it is undone in the end. */
export class Aim {
  readonly cluster: Cluster;
  readonly random: SimRandom;
  readonly #undos = new Set<() => void>();
  readonly #onEnd: () => void;
  #isOver = false;

  constructor(cluster: Cluster, random: SimRandom, onEnd: () => void) {
    this.cluster = cluster;
    this.random = random;
    this.#onEnd = onEnd;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Returns how to mend it before the end. */
  cut(ways: readonly Way[]): () => void {
    const undo = cut(this.cluster, ways);
    this.#undos.add(undo);
    return () => {
      if (this.#undos.delete(undo)) undo();
    };
  }

  /** Cuts all links between two sides, in both directions. */
  part(some: readonly Server[], others: readonly Server[]): () => void {
    return this.cut(
      some.flatMap((one) =>
        others.flatMap((other): Way[] => [
          [one, other],
          [other, one],
        ]),
      ),
    );
  }

  /** Takes the place of an earlier one. */
  tap([from, to]: Way, tap: Tap): void {
    const link = this.cluster.network.link(from.url, to.url);
    link.tap = tap;
    this.#undos.add(() => {
      link.tap = undefined;
    });
  }

  /** `strike` runs once, when a message that is looked for leaves; it goes its way. */
  upon(way: Way, isIt: (message: Message) => boolean, strike: () => void): void {
    let isStruck = false;
    this.tap(way, (frame) => {
      const message = isStruck ? undefined : messageIn(frame);
      if (message !== undefined && isIt(message)) {
        isStruck = true;
        this.after(0, strike);
      }
      return true;
    });
  }

  slowDisk(server: Server, diskMs: number): void {
    this.cluster.slowDisk(server, diskMs);
    this.#undos.add(() => this.cluster.restoreDisk(server));
  }

  /** It comes back at once, with what was synced, and its disk is fast. */
  losePower(server: Server): void {
    this.cluster.restoreDisk(server);
    this.cluster.cutPower(server, 0);
    this.cluster.start(server);
  }

  restart(server: Server): void {
    this.cluster.kill(server);
    this.cluster.start(server);
  }

  /** It comes back in the end. */
  kill(server: Server): void {
    this.cluster.kill(server);
    this.#undos.add(() => this.cluster.start(server));
  }

  /** Nothing, if all is undone by then. */
  after(delayMs: number, task: () => void): void {
    this.cluster.timeline.after(delayMs, () => {
      if (!this.#isOver) task();
    });
  }

  /** `task` runs when all that was done before is undone. */
  finally(task: () => void): void {
    this.#undos.add(task);
  }

  /** There is no more to it. */
  endAfter(delayMs: number): void {
    this.after(delayMs, () => this.end());
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const undo of this.#undos) undo();
    this.#onEnd();
  }
}

/** Where a fault is aimed now: a second one would spoil it. */
const aimedAt = new WeakSet<Cluster>();

/**
 * @param rhythm `servers`: how many it needs at least
 * @param strike gets the servers in the order in which they lead the graph that clients use
 */
export function aimed(
  { servers, ...rhythm }: Pick<Fault, 'name' | 'everyMs' | 'lastsMs'> & { readonly servers: number },
  strike: (aim: Aim, order: readonly Server[]) => void,
): Fault {
  return {
    ...rhythm,
    inject(cluster, random) {
      const order = inOrder(cluster);
      const isSound = order.length >= servers && order.every(({ engine }) => engine?.quorum().votes === true);
      if (aimedAt.has(cluster) || !isSound) return undefined;
      aimedAt.add(cluster);
      cluster.say(`${rhythm.name}: aimed at ${order.map(({ name }) => name)}`);
      const aim = new Aim(cluster, random, () => {
        cluster.say(`${rhythm.name}: over`);
        aimedAt.delete(cluster);
      });
      strike(aim, order);
      return () => aim.end();
    },
  };
}

function inOrder({ servers }: Cluster): readonly Server[] {
  const order = leadingOrder(servers.map(({ name }) => name));
  return order.flatMap((wanted) => servers.filter(({ name }) => name === wanted));
}
