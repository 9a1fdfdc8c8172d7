/**
 * Runs this program again in network and mount namespaces of its own, where names and addresses are the run's alone, and which
 * the kernel takes away with the last process in them.
 */
import { spawn } from 'node:child_process';
import { unshareFlags } from './netns-abilities.ts';

/** Names of network namespaces are files in /run, so that has to be the run's own as well. */
export const PREPARE = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$0" "$@"';

/** @returns the exit code */
export function runInNamespaces(args: readonly string[]): Promise<number> {
  const [, program = ''] = process.argv;
  const command = [process.execPath, ...process.execArgv, program, ...args];
  // In a process group of its own, or a key on the terminal would reach it twice.
  const child = spawn('unshare', [...unshareFlags(), 'sh', '-c', PREPARE, ...command], {
    stdio: 'inherit',
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // The program inside knows what to do.
    process.removeAllListeners(signal);
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
