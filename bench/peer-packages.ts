/**
 * Packages of npm that only this benchmark needs: installed once into a folder of the machine's temporary directory, with
 * exact versions, and never part of the project. `WEFT_BENCH_PEERS` names another folder that holds them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const VERSIONS = { '@ladybugdb/core': '0.19.1', '@codemix/graph': '0.3.0', pg: '8.23.1' } as const;
export type PeerPackage = keyof typeof VERSIONS;

const FOLDER = process.env.WEFT_BENCH_PEERS ?? join(tmpdir(), 'weft-bench-peers');

/** The module and its version, or why there is none. */
export async function peerPackage(
  name: PeerPackage,
): Promise<{ readonly module: unknown; readonly version: string } | string> {
  const folder = join(FOLDER, 'node_modules', name);
  if (!existsSync(folder)) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'package.json'), JSON.stringify({ private: true }));
    const packages = Object.entries(VERSIONS).map(([each, version]) => `${each}@${version}`);
    const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', ...packages], {
      cwd: FOLDER,
      encoding: 'utf8',
    });
    if (status !== 0 || !existsSync(folder)) return `npm could not install it: ${stderr.trim().split('\n').at(-1)}`;
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  try {
    return { module: await import(pathToFileURL(entryOf(name, folder)).href), version };
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be loaded';
  }
}

function entryOf(name: PeerPackage, folder: string): string {
  try {
    return createRequire(join(FOLDER, 'package.json')).resolve(name);
  } catch {
    // It has an entry for `import` only.
    return join(folder, 'dist/index.js');
  }
}
