/**
 * Power cuts, and disks that stand still. What was acknowledged is on disks, and nothing of it may be missing afterwards:
 * no server is seen to be covered by others first, unlike where disks are lost (`disks.ts`), unless it does not sync.
 *
 * Of a disk that stands still before the power goes, nothing of that time is left, while without that a cut has to hit the
 * milliseconds between a write and its sync.
 */
import { ownDisksImpossible } from '../disks/own-disk.ts';
import type { Way } from '../net/net.ts';
import type { RealCluster } from '../real-cluster.ts';
import { bringVoterBack, endCovered } from './disks.ts';
import { between, spoilAll } from './links.ts';
import { bringBack } from './processes.ts';
import type { FaultContext, Injury, RealFault } from './real-fault.ts';

/** For clients to try elsewhere. */
const CLIENTS_GO_MS = 1_000;
/** For writes that stay where they are acknowledged. */
const APART_MS = 1_500;
const COMMON = { onOwnDisks: true, impossible: ownDisksImpossible } as const;

/** @returns what shows that something was lost, on one of them at least */
async function cutPower(cluster: RealCluster, names: readonly string[]): Promise<string | undefined> {
  const losses = await Promise.all(
    names.map(async (name) => {
      const loss = await cluster.disk(name).cut(() => cluster.server(name).kill());
      return loss === undefined ? [] : [`${name}: ${loss}`];
    }),
  );
  const seen = losses.flat();
  return seen.length === 0 ? undefined : seen.join('; ');
}

/** For `frozenMs`, but not before some of the cuts (`atOncePercent`): each way shows what the other does not. */
async function standStill({ cluster, option, random }: FaultContext, names: readonly string[]): Promise<string> {
  const frozenMs = option('frozenMs', 0);
  if (frozenMs === 0 || random.chance(option('atOncePercent', 0) / 100)) return '';
  await Promise.all(names.map((name) => cluster.disk(name).freeze()));
  await cluster.world.sleep(frozenMs);
  return `, after ${frozenMs} ms in which disks stood still`;
}

const cutting = (
  name: string,
  about: string,
  of: (cluster: RealCluster, target: string) => readonly string[],
): RealFault => ({
  ...COMMON,
  name,
  about,
  async inject(context): Promise<Injury> {
    const { cluster, target } = context;
    const beganMs = cluster.world.nowMs();
    const servers = of(cluster, target);
    const how = await standStill(context, servers);
    const lost = await cutPower(cluster, servers);
    return {
      what: `power of ${servers.join(', ')} cut${how}`,
      beganMs,
      servers,
      async mend() {
        const ms = await bringBack(cluster, servers);
        return lost && `${lost}; back in service after ${ms} ms`;
      },
    };
  },
});

export const POWER_FAULTS: readonly RealFault[] = [
  cutting('power-cut', 'the power of a server is cut: what it did not sync is lost', (_, target) => [target]),
  cutting('power-cut-all', 'the power of all servers is cut at once', ({ names }) => names),
  {
    ...COMMON,
    name: 'power-cut-most',
    about: 'the power of all servers but one is cut after their disks stood still, and they come back without that one',
    impossible: (net) => ownDisksImpossible() ?? net.lacks({ isClosed: true }),
    async inject(context): Promise<Injury> {
      const { cluster, target } = context;
      const beganMs = cluster.world.nowMs();
      const most = cluster.others(target);
      // What one of these was asked for would be decided with what nobody is told: their disks do not let them answer.
      const letCall = await spoilAll(
        most.flatMap((name) => waysOfClients(cluster, name)),
        { isClosed: true },
      );
      await cluster.world.sleep(CLIENTS_GO_MS);
      const how = await standStill(context, most);
      const letIn = await spoilAll(between(cluster, [target], most), { isHeld: true });
      const lost = await cutPower(cluster, most);
      await letCall();
      const ms = await bringBackAlone(cluster, most);
      return {
        what: `power of ${most.join(', ')} cut${how}; they come back without ${target}`,
        beganMs,
        servers: cluster.names,
        sides: [most, [target]],
        async mend() {
          await letIn();
          await bringBack(cluster, cluster.names);
          return lost && `${lost}; they were back after ${ms} ms`;
        },
      };
    },
  },
  {
    ...COMMON,
    name: 'power-cut-apart',
    about: 'the power of a server is cut while it is cut off from the others: nobody else has what it acknowledged',
    impossible: (net) => ownDisksImpossible() ?? net.lacks({ isClosed: true }),
    async inject(context): Promise<Injury> {
      const { cluster, target } = context;
      const others = cluster.others(target);
      const beganMs = cluster.world.nowMs();
      const letIn = await spoilAll(between(cluster, [target], others), { isClosed: true });
      await cluster.world.sleep(APART_MS);
      const how = await standStill(context, [target]);
      const lost = await cutPower(cluster, [target]);
      const ms = await bringBackAlone(cluster, [target]);
      return {
        what: `power of ${target}, which is cut off, cut${how}`,
        beganMs,
        servers: [target],
        sides: [others, [target]],
        async mend() {
          await letIn();
          await bringBack(cluster, cluster.names);
          return lost && `${lost}; it was back after ${ms} ms`;
        },
      };
    },
  },
  {
    ...COMMON,
    name: 'power-cut-covered',
    about: 'the power of a server that does not sync is cut once all others hold what it held',
    async inject(context): Promise<Injury | undefined> {
      const { cluster, target } = context;
      const beganMs = cluster.world.nowMs();
      let lost: string | undefined;
      const losing = await endCovered(context, async () => {
        lost = await cutPower(cluster, [target]);
      });
      return (
        losing && {
          what: `power of ${target} cut`,
          beganMs,
          servers: [target],
          losing,
          async mend() {
            const back = await bringVoterBack(cluster, target);
            return lost && `${lost}; ${back}`;
          },
        }
      );
    },
  },
  {
    ...COMMON,
    name: 'frozen-disk',
    about: 'the disk of a server stands still: syncs hang, and go on some time later',
    async inject({ cluster, target }): Promise<Injury> {
      const beganMs = cluster.world.nowMs();
      await cluster.disk(target).freeze();
      return {
        what: `disk of ${target} stands still`,
        beganMs,
        servers: [target],
        async mend() {
          const hung = await cluster.disk(target).thaw();
          const stoodMs = Math.round(cluster.world.nowMs() - beganMs);
          const ms = await bringBack(cluster, [target]);
          return hung ? `a sync hung for ${stoodMs} ms; back in service after ${ms} ms` : undefined;
        },
      };
    },
  },
];

function waysOfClients(cluster: RealCluster, name: string): readonly Way[] {
  const { there, back } = cluster.clientWays(name);
  return [there, back];
}

/** They do not see all servers, and need not. */
async function bringBackAlone(cluster: RealCluster, names: readonly string[]): Promise<number> {
  const beganMs = cluster.world.nowMs();
  await Promise.all(names.map((name) => cluster.server(name).start()));
  return Math.round(cluster.world.nowMs() - beganMs);
}
