/** Strong operations once everything is healed: whether they are served again, and what registers and lists hold in the end. */
import type { Arena } from './arena.ts';
import { DEFAULT, putNode } from './client.ts';
import type { Cluster, Server } from './cluster.ts';
import type { StrongEnd } from './history.ts';
import { STRONG, type WorkloadName } from './workloads/all.ts';
import { readRegister } from './workloads/register-calls.ts';
import { readLists } from './workloads/strong-lists.ts';
import { CLAIMED_KEYS, readClaim } from './workloads/strong-unique.ts';

/** A few fail-overs, and the wait of a server that lost its disk. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 200;

export function isStrong(workloads: readonly WorkloadName[]): boolean {
  return workloads.some((name) => STRONG.includes(name));
}

export async function endStrong(arena: Arena): Promise<StrongEnd> {
  const { cluster } = arena;
  const { servers, timeline } = cluster;
  const voting = () => votersOf(cluster).filter(({ engine }) => engine?.quorum().votes === true);
  const hasMajority = () => voting().length > votersOf(cluster).length / 2;
  const allVote = async () => {
    const startMs = timeline.nowMs;
    while (timeline.nowMs - startMs < PATIENCE_MS && hasMajority() && voting().length < votersOf(cluster).length) {
      await timeline.sleep(LOOK_MS);
    }
  };
  await allVote();
  const stuck: string[] = [];
  if (hasMajority()) {
    for (const server of servers) if (!(await writes(cluster, server))) stuck.push(server.name);
    const client = arena.client('strong-end', { usesToken: false, stays: 0 });
    const keys = new Set(arena.registers.map(({ operation }) => operation.key));
    for (const key of keys) await (CLAIMED_KEYS.includes(key) ? readClaim : readRegister)(arena, client, key);
    if (arena.lists.length > 0) await readLists(arena, client);
  }
  // Who votes may have been changed by somebody who was still waiting.
  await allVote();
  const voters = votersOf(cluster).map(({ name, engine }) => ({
    server: name,
    votes: engine?.quorum().votes === true,
  }));
  return { voters, stuck };
}

/** Those of the last configuration that any server knows of; before there is one, all are meant to vote. */
function votersOf({ servers }: Cluster): readonly Server[] {
  const quorums = servers.flatMap(({ engine }) => (engine === undefined ? [] : [engine.quorum()]));
  const last = quorums.sort((a, b) => b.configuration - a.configuration)[0];
  if (last === undefined || last.configuration === 0) return servers;
  return servers.filter(({ name }) => last.voters.includes(name));
}

async function writes(cluster: Cluster, server: Server): Promise<boolean> {
  const startMs = cluster.timeline.nowMs;
  while (cluster.timeline.nowMs - startMs < PATIENCE_MS) {
    const write = cluster.ask(server, (engine) =>
      engine.graph(DEFAULT, 'strong').write([putNode(`end-${server.name}`)]),
    );
    const isDone = await write.then(
      () => true,
      () => false,
    );
    if (isDone) return true;
    await cluster.timeline.sleep(LOOK_MS);
  }
  return false;
}
