/** No fault, but as hard on strong operations as one: who votes is changed while they go on. */
import { WeftError } from '../../base/errors.ts';
import type { Cluster } from '../cluster.ts';
import { Died, Unreachable } from '../cluster.ts';
import { type Fault, someRunning } from './fault.ts';

/** Takes a voter out, or in one that was taken out before, through any server. Both stay as they are in the end. */
export const changeVoters: Fault = {
  name: 'voters',
  everyMs: 2_000,
  lastsMs: 0,
  inject(cluster, random) {
    const asked = someRunning(cluster, random);
    const quorum = asked?.engine?.quorum();
    if (asked === undefined || quorum === undefined || quorum.configuration === 0) return undefined;
    const others = cluster.servers.filter(({ name }) => !quorum.voters.includes(name));
    const kind = others.length > 0 && random.chance(0.6) ? 'add' : 'remove';
    const name = kind === 'add' ? random.pick(others).name : random.pick(quorum.voters.map(String));
    cluster.say(`${asked.name} is to ${kind} the voter ${name}`);
    void change(cluster, `${asked.name}: ${kind} ${name}`, () =>
      cluster.ask(asked, (engine) => engine.changeVoters({ kind, name })),
    );
    return undefined;
  },
};

export async function change(
  cluster: Cluster,
  what: string,
  ask: () => Promise<{ readonly voters: readonly string[] }>,
) {
  try {
    cluster.say(`${what}: ${(await ask()).voters} vote`);
  } catch (error) {
    if (!(error instanceof WeftError || error instanceof Unreachable || error instanceof Died)) throw error;
    cluster.say(`${what}: failed (${error instanceof WeftError ? error.code : error.name})`);
  }
}
