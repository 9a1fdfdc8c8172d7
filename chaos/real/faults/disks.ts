/**
 * What goes wrong with disks. What a server alone had is lost with its disk, and nobody promised otherwise: so it is first
 * seen what the others hold of it, and only what it acknowledged after that may be missing in the end.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeededRandom } from '../../../base/seeded-random.ts';
import { writtenBytes } from '../../../storage/presized-log.ts';
import type { Losing } from '../entry.ts';
import type { RealCluster } from '../real-cluster.ts';
import type { ServerProcess } from '../server-process.ts';
import { bringBack } from './processes.ts';
import type { FaultContext, Injury, RealFault } from './real-fault.ts';

const COVERED_MS_MAX = 20_000;
const VOTES_MS_MAX = 60_000;

/** Ends the server once all others hold what it holds now. Undefined if they do not come to. */
export async function endCovered(
  { cluster, target }: Pick<FaultContext, 'cluster' | 'target'>,
  end: () => Promise<unknown>,
): Promise<Losing | undefined> {
  const { world } = cluster;
  const sinceMs = world.nowMs();
  const held = (await cluster.describe(target))?.vector ?? {};
  const isCovered = await world.until(COVERED_MS_MAX, async () => {
    for (const other of cluster.others(target)) {
      const vector = (await cluster.describe(other))?.vector ?? {};
      if (Object.entries(held).some(([origin, seq]) => (vector[origin] ?? 0) < seq)) return false;
    }
    return true;
  });
  if (!isCovered) return undefined;
  await end();
  return { server: target, sinceMs, untilMs: world.nowMs() };
}

/** Back in the cluster, and voting: another disk may be lost only then. */
export async function bringVoterBack(cluster: RealCluster, target: string): Promise<string> {
  const ms = await bringBack(cluster, [target]);
  await cluster.world.until(VOTES_MS_MAX, async () => {
    const { body } = await cluster.ask(target, 'GET', '/metrics');
    return new RegExp(`^weft_voters_reachable ${cluster.names.length}$`, 'm').test(String(body));
  });
  return `back in service after ${ms} ms`;
}

async function lose({ cluster, target }: FaultContext, harm: (data: string) => string): Promise<Injury | undefined> {
  const beganMs = cluster.world.nowMs();
  const losing = await endCovered({ cluster, target }, () => cluster.server(target).kill());
  if (losing === undefined) return undefined;
  const what = harm(cluster.server(target).data);
  return {
    what: `${target}: ${what}`,
    beganMs,
    servers: [target],
    losing,
    mend: async () => `${what}; ${await bringVoterBack(cluster, target)}`,
  };
}

/** Flips bits in the largest file of a kind that the server uses. @returns what was done; undefined if there is no such file */
function flipBits(data: string, ending: RegExp, random: SeededRandom): string | undefined {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file) && !/^(damaged-|tables-before-mending)/.test(file))
    // Logs are longer than what was written to them.
    .map((file) => ({ file, blocks: statSync(join(data, file)).blocks }))
    .sort((a, b) => b.blocks - a.blocks);
  const [largest] = files;
  if (largest === undefined) return undefined;
  const bytes = readFileSync(join(data, largest.file));
  const written = writtenBytes(bytes);
  if (written === 0) return undefined;
  const places = Array.from({ length: 8 }, () => random.below(written));
  for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
  writeFileSync(join(data, largest.file), bytes);
  return `8 bits of ${largest.file} (${written} bytes) flipped`;
}

const corrupting = (name: string, about: string, ending: RegExp): RealFault => ({
  name,
  about,
  async inject(context) {
    const { cluster, target } = context;
    const injury = await lose(context, (data) => {
      const done = flipBits(data, ending, context.random) ?? flipBits(data, /\.(?:log|ldb)$/, context.random);
      return done ?? 'there is no file to damage';
    });
    return (
      injury && {
        ...injury,
        async mend() {
          const noticed = await startDamaged(cluster.server(target));
          return `${noticed}; ${await injury.mend()}`;
        },
      }
    );
  },
});

/** It begins anew by itself, once; after that as an operator does: a store that says it is damaged is replaced by an empty one. */
async function startDamaged(server: ServerProcess): Promise<string> {
  const logged = readFileSync(server.logFile, 'utf8').length;
  if (await server.tryStart()) return 'it started and healed what it found';
  const said = readFileSync(server.logFile, 'utf8').slice(logged);
  if (!said.includes('data-corrupt')) throw new Error(`${server.name} did not start over a damaged disk:\n${said}`);
  rmSync(server.data, { recursive: true });
  mkdirSync(server.data);
  return 'it refused to start: data-corrupt';
}

const TMPFS_MEGABYTES = 24;
/** Until a write meets the full disk. */
const FULL_MS_MAX = 15_000;
const STORE_FAILED = /ENOSPC|No space left|storage.failed/i;

function mayMount(): string | undefined {
  const folder = join(tmpdir(), `weft-chaos-mount-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'mounting a small tmpfs is not permitted here';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As `cp -r FROM/. TO`. What nothing was written to takes no space in the copy either. */
function copyWithHoles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  execFileSync('cp', ['-r', '--sparse=always', `${from}/.`, to]);
}

export const DISK_FAULTS: readonly RealFault[] = [
  {
    name: 'wipe',
    about: 'a server comes back with an empty disk',
    inject: (context) =>
      lose(context, (data) => {
        rmSync(data, { recursive: true });
        mkdirSync(data);
        return 'disk wiped';
      }),
  },
  {
    name: 'old-copy',
    about: 'a server comes back with a copy of its disk from before',
    async inject(context) {
      const { cluster, target, lastsMs } = context;
      const server = cluster.server(target);
      const beganMs = cluster.world.nowMs();
      const copy = join(cluster.folder, 'data', `${target}-copy`);
      await server.stop();
      rmSync(copy, { recursive: true, force: true });
      cpSync(server.data, copy, { recursive: true });
      await bringBack(cluster, [target]);
      // Long enough for the copy to be old.
      await cluster.world.sleep(lastsMs);
      const injury = await lose(context, (data) => {
        rmSync(data, { recursive: true });
        cpSync(copy, data, { recursive: true });
        return `a copy from ${lastsMs} ms before brought back`;
      });
      return injury && { ...injury, beganMs };
    },
  },
  corrupting('corrupt-table', 'bits of a LevelDB table are flipped while the server is down', /\.ldb$/),
  corrupting('corrupt-log', 'bits of a LevelDB log are flipped while the server is down', /\.log$/),
  {
    name: 'full-disk',
    about: 'the disk of a server is full, until somebody makes room and starts it again',
    impossible: mayMount,
    async inject({ cluster, target }) {
      const server = cluster.server(target);
      const beganMs = cluster.world.nowMs();
      await server.stop();
      const aside = `${server.data}-aside`;
      copyWithHoles(server.data, aside);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_MEGABYTES}m`, 'tmpfs', server.data]);
      copyWithHoles(aside, server.data);
      await bringBack(cluster, [target]);
      server.expectEnd();
      const logged = readFileSync(server.logFile, 'utf8').length;
      fill(join(server.data, 'filler'));
      const isSeen = () => STORE_FAILED.test(readFileSync(server.logFile, 'utf8').slice(logged));
      await cluster.world.until(FULL_MS_MAX, isSeen);
      return {
        what: `${target}: disk full`,
        beganMs,
        servers: [target],
        async mend() {
          const wasSeen = isSeen();
          await server.kill();
          rmSync(join(server.data, 'filler'), { force: true });
          rmSync(aside, { recursive: true, force: true });
          copyWithHoles(server.data, aside);
          execFileSync('umount', [server.data]);
          rmSync(server.data, { recursive: true });
          copyWithHoles(aside, server.data);
          rmSync(aside, { recursive: true });
          const ms = await bringBack(cluster, [target]);
          return wasSeen ? `the store failed; back in service after ${ms} ms` : undefined;
        },
      };
    },
  },
];

/** Takes what is left of the disk, to the last page. */
function fill(file: string): void {
  for (const bytes of [64 * 1024, 512]) {
    const block = Buffer.alloc(bytes, 1);
    try {
      for (let written = 0; written < 2 * TMPFS_MEGABYTES * 1024 * 1024; written += bytes) {
        writeFileSync(file, block, { flag: 'a' });
      }
    } catch {
      // It is full, for blocks of this size.
    }
  }
}
