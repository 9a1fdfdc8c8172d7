/** Looks at the servers once a second: their metrics, and what the machine says of their memory, files and disk. */
import { createWriteStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Reply } from './http-client.ts';
import type { RealCluster } from './real-cluster.ts';

export interface Sample {
  readonly atMs: number;
  readonly server: string;
  /** Absent if the server did not run, or the machine does not tell. */
  readonly memoryBytes?: number;
  readonly openFiles?: number;
  /** How long its main thread has run since its start, and how long it could have run but had no processor. */
  readonly ranMs?: number;
  readonly waitedMs?: number;
  readonly diskBytes?: number;
  /** Sums over labels; absent if it did not answer. */
  readonly metrics?: Readonly<Record<string, number>>;
}

const EVERY_MS = 1_000;
const KEPT: ReadonlySet<string> = new Set([
  'weft_commits_total',
  'weft_pending_bytes',
  'weft_log_bytes',
  'weft_resident_bytes',
  'weft_memory_budget_bytes',
  'weft_links_up',
  'weft_remote_commits_held',
  'weft_remote_held_bytes',
  'weft_link_frames_refused_total',
  'weft_state_transfers_total',
  'weft_repairs_total',
  'weft_peer_lag_commits',
  'weft_peer_lag_seconds',
  'weft_strong_rounds_total',
  'weft_strong_elections_total',
  'weft_strong_refused_total',
  'weft_strong_indeterminate_total',
  'weft_voters_reachable',
]);

/** Samples until `isOver`; resolves when the file is written. */
export async function sampleServers(
  cluster: RealCluster,
  { file, isOver }: { readonly file: string; readonly isOver: () => boolean },
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const stream = createWriteStream(file);
  while (!isOver()) {
    const beganMs = cluster.world.nowMs();
    for (const sample of await Promise.all(cluster.names.map((name) => sampleOf(cluster, name)))) {
      samples.push(sample);
      stream.write(`${JSON.stringify(sample)}\n`);
    }
    await cluster.world.sleep(Math.max(100, EVERY_MS - (cluster.world.nowMs() - beganMs)));
  }
  await new Promise((resolve) => stream.end(resolve));
  return samples;
}

async function sampleOf(cluster: RealCluster, name: string): Promise<Sample> {
  const { pid, data } = cluster.server(name);
  const reply = await cluster.ask(name, 'GET', '/metrics', undefined, 2_000);
  return {
    atMs: cluster.world.nowMs(),
    server: name,
    ...ofProcess(pid),
    // Nobody looks at a disk that stands still: the run would stand still with it.
    ...(!cluster.standsStill(name) && { diskBytes: sizeOf(data) }),
    ...(reply.status === 200 && { metrics: sums(reply) }),
  };
}

/** Memory that is resident, open files and time of the processor; as Linux tells it. */
function ofProcess(pid: number | undefined): Partial<Sample> {
  if (pid === undefined || !existsSync(`/proc/${pid}/status`)) return {};
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return {
      memoryBytes: Number(kilobytes ?? 0) * 1024,
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
      ...ofProcessor(pid),
    };
  } catch {
    // It ended between the two looks.
    return {};
  }
}

/** Nothing where the kernel keeps no such account. */
function ofProcessor(pid: number): Pick<Sample, 'ranMs' | 'waitedMs'> {
  const file = `/proc/${pid}/schedstat`;
  const [ranNs = 0, waitedNs = 0] = existsSync(file) ? readFileSync(file, 'utf8').split(' ').map(Number) : [];
  return ranNs === 0 ? {} : { ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6 };
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const file of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []) {
    bytes += statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function sums({ body }: Reply): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const [, name = '', value] of String(body).matchAll(/^(\w+)(?:\{[^}]*\})? (\S+)$/gm)) {
    if (KEPT.has(name)) metrics[name] = (metrics[name] ?? 0) + Number(value);
  }
  return metrics;
}
