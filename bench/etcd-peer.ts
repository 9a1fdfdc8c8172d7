/** Three members of etcd on loopback, where it is installed (Debian: `etcd-server`, or its binary in ETCD). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { temporaryDirectory } from './settings.ts';
import { freePorts } from './three-servers.ts';

export interface EtcdCluster {
  readonly version: string;
  /** HTTP ports for clients; the first is the leader's. */
  readonly ports: readonly number[];
  stop(): void;
}

/** Undefined where there is no etcd. */
export async function startEtcd(): Promise<EtcdCluster | undefined> {
  const program = process.env.ETCD ?? 'etcd';
  const found = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /etcd Version: (\S+)/.exec(found.stdout ?? '')?.[1];
  if (version === undefined) return undefined;
  const ports = await freePorts(6);
  const client = ports.slice(0, 3);
  const urls = ports.slice(3).map((port) => `http://127.0.0.1:${port}`);
  const cluster = urls.map((url, i) => `m${i}=${url}`).join(',');
  const children: ChildProcess[] = client.map((port, i) => {
    const own = `http://127.0.0.1:${port}`;
    const peer = urls[i] as string;
    const args = [
      '--name',
      `m${i}`,
      '--data-dir',
      temporaryDirectory('etcd'),
      '--logger',
      'zap',
      '--log-level',
      'error',
    ];
    const addresses = ['--listen-client-urls', own, '--advertise-client-urls', own];
    const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster];
    return spawn(program, [...args, ...addresses, ...peers], { stdio: 'ignore', env: { ...process.env, ETCD: '' } });
  });
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });
  const leader = await leaderOf(client);
  return {
    version,
    ports: [leader, ...client.filter((port) => port !== leader)],
    stop: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

async function leaderOf(ports: readonly number[]): Promise<number> {
  for (;;) {
    for (const port of ports) {
      const status = await post(port, '/v3/maintenance/status', {}).catch(() => undefined);
      const leader = status?.leader;
      const own = (status?.header as { member_id?: string } | undefined)?.member_id;
      if (leader !== undefined && leader !== '0' && leader === own) return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function post(port: number, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
}
