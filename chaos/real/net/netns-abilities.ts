/**
 * What `--net netns` can do on this machine, found out by doing it: in namespaces that are gone as soon as it has been tried.
 * What is missing is told, never left out silently.
 */
import { spawnSync } from 'node:child_process';
import type { LaneFault } from './lane.ts';
import type { NetAbilities } from './net.ts';

const TOOLS = ['namespaces', 'netem', 'tbf', 'nft', 'kill'] as const;
export type NetTool = (typeof TOOLS)[number];

export interface NetnsAbilities extends NetAbilities {
  readonly tools: ReadonlySet<NetTool>;
}

const ABOUT: Readonly<Record<NetTool, string>> = {
  namespaces: 'network namespaces with veth',
  netem: 'tc netem',
  tbf: 'tc tbf',
  nft: 'nftables',
  kill: 'ss --kill',
};

/** Listens, and sees whether the kernel lets that socket be taken away. */
const KILL = `
  const { createServer } = require('node:net');
  const { spawnSync } = require('node:child_process');
  const server = createServer().listen(1024, '127.0.0.1', () => {
    const { stdout } = spawnSync('ss', ['-KHlnt', 'sport', '=', ':1024']);
    console.log(String(stdout ?? '').includes('1024') ? 'kill' : '');
    process.exit();
  });`;

const TRY = `
  mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add try &&
  ip link add name va type veth peer name vb netns try && ip link set lo up && echo namespaces
  exec 2>/dev/null
  tc qdisc add dev va root netem delay 1ms && echo netem
  tc qdisc del dev va root
  tc qdisc add dev va root tbf rate 1mbit burst 10k latency 1ms && echo tbf
  nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c numgen random mod 100 < 1 counter drop' && echo nft
  "$0" -e "$1"`;

/** Root makes namespaces as it is; others in a user namespace of their own, where they are root. */
export function unshareFlags(): readonly string[] {
  const own = ['--net', '--mount'];
  return process.getuid?.() === 0 ? own : ['--user', '--map-root-user', ...own];
}

/** From inside of a run's namespaces as well. @returns why, if there can be none */
export function netnsAbilities(): NetnsAbilities | { readonly impossible: string } {
  const args = [...unshareFlags(), 'sh', '-c', TRY, process.execPath, KILL];
  const { stdout, stderr, error } = spawnSync('unshare', args, { encoding: 'utf8' });
  const words = new Set((stdout ?? '').split('\n'));
  if (!words.has('namespaces')) {
    const why = error?.message ?? (stderr.trim().split('\n').at(-1) || 'no reason given');
    return {
      impossible: `network namespaces need root, or user namespaces that anybody may make, and iproute2 (${why})`,
    };
  }
  return abilitiesOf(new Set(TOOLS.filter((tool) => words.has(tool))));
}

export function abilitiesOf(tools: ReadonlySet<NetTool>): NetnsAbilities {
  const has = (tool: NetTool) => tools.has(tool);
  return {
    kind: 'netns',
    tools,
    has: TOOLS.map((tool) => `${ABOUT[tool]}: ${has(tool) ? 'yes' : 'no'}`),
    lacks: (fault) => {
      const needed = needs(fault).find((tools) => !tools.some(has));
      return needed && `it needs ${needed.map((tool) => ABOUT[tool]).join(' or ')}`;
    },
  };
}

/** Of each group one must be there. */
function needs(fault: LaneFault): readonly (readonly NetTool[])[] {
  const { delayMs, jitterMs, duplicateRate, reorderRate, corruptRate, bytesPerSecond, lossRate, isClosed } = fault;
  const isOn = (...numbers: readonly (number | undefined)[]) => numbers.some((number) => (number ?? 0) > 0);
  return [
    ...(isOn(delayMs, jitterMs, duplicateRate, reorderRate, corruptRate) ? [['netem'] as const] : []),
    ...(isOn(bytesPerSecond) ? [['tbf', 'netem'] as const] : []),
    ...(isOn(lossRate) ? [['nft', 'netem'] as const] : []),
    ...(isClosed === true ? [['kill'] as const] : []),
  ];
}
