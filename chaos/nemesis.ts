/** Puts faults in while clients work, undoes them after a while, and heals everything in the end. */
import type { Cluster } from './cluster.ts';
import { FAULTS, type FaultName } from './faults/all.ts';
import type { SimRandom } from './sim/random.ts';

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #undos = new Set<() => void>();
  #isOver = false;
  /** How often each fault was put in. */
  readonly injected = new Map<FaultName, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start(names: readonly FaultName[], rate: number, random: SimRandom): void {
    for (const name of names) this.#repeat(name, rate, random.fork(`fault ${name}`));
  }

  #repeat(name: FaultName, rate: number, random: SimRandom): void {
    const { timeline } = this.#cluster;
    const fault = FAULTS[name];
    timeline.after(random.gap(fault.everyMs / rate), () => {
      if (this.#isOver) return;
      const undo = fault.inject(this.#cluster, random);
      this.injected.set(name, (this.injected.get(name) ?? 0) + 1);
      if (undo !== undefined) {
        this.#undos.add(undo);
        timeline.after(random.gap(fault.lastsMs), () => this.#undo(undo));
      }
      this.#repeat(name, rate, random);
    });
  }

  #undo(undo: () => void): void {
    if (this.#undos.delete(undo)) undo();
  }

  /** No more faults: all that lasts is undone, clocks are right, every server runs. */
  heal(): void {
    this.#isOver = true;
    this.#cluster.say('the nemesis is over: everything is healed');
    for (const undo of this.#undos) this.#undo(undo);
    this.#cluster.network.heal();
    for (const server of this.#cluster.servers) {
      server.clock.correct();
      this.#cluster.restoreDisk(server);
      this.#cluster.resume(server);
      // A store that failed serves again only after a restart.
      if (server.engine?.health().reasons.some((reason) => reason.startsWith('the store failed')) === true) {
        this.#cluster.kill(server);
      }
      this.#cluster.start(server);
    }
  }
}
