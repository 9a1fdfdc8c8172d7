/** What a restore says is there is there after a power cut: new names of files are durable once their folder was synced. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { put, run } from '../src/engine-on-disk.model.ts';
import { declareRestore } from './restore.ts';

/** Renames, and syncs of folders, in order. */
const done = vi.hoisted(() => [] as { what: 'renamed' | 'synced'; path: string }[]);

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  return {
    ...fs,
    rename: async (from: string, to: string) => {
      await fs.rename(from, to);
      done.push({ what: 'renamed', path: to });
    },
    open: async (...args: Parameters<typeof fs.open>) => {
      const handle = await fs.open(...args);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        await sync();
        done.push({ what: 'synced', path: String(args[0]) });
      };
      return handle;
    },
  };
});

let folder: string;
let data: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-restore-'));
  data = join(folder, 'data');
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
  const { engine, graph } = await run();
  await graph.write([put('a')]);
  const pieces: Uint8Array[] = [];
  for await (const piece of engine.backup(undefined)) pieces.push(piece);
  await writeFile(join(folder, 'full.weft'), Buffer.concat(pieces));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** What was done to the folder and the data folder themselves. */
async function restored(): Promise<readonly string[]> {
  done.length = 0;
  const program = new Command().exitOverride();
  declareRestore(program);
  await program.parseAsync(['restore', join(folder, 'full.weft'), '--data', data], { from: 'user' });
  const steps = done.map(({ what, path }) => `${what} ${relative(folder, path)}`.trim());
  return steps.filter((step) => /^(renamed data(\/(mark|level))?|synced( data)?)$/.test(step));
}

test('the folder is made -> it has its name durably', async () => {
  const steps = await restored();
  expect(steps.slice(steps.indexOf('renamed data'))).toEqual(['renamed data', 'synced']);
});

test('the folder is filled -> all else is durably there before the database, and that in the end', async () => {
  await mkdir(data);
  const steps = await restored();
  expect(steps.slice(steps.indexOf('renamed data/mark'))).toEqual([
    'renamed data/mark',
    'synced data',
    'renamed data/level',
    'synced data',
  ]);
});
