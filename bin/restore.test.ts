import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { put, run } from '../src/engine-on-disk.model.ts';
import { stillEnv } from '../storage/level-harness.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { declareRestore } from './restore.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-restore-'));
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
  const { engine, graph } = await run();
  await graph.write([put('a'), put('b')]);
  const pieces: Uint8Array[] = [];
  for await (const piece of engine.backup(undefined)) pieces.push(piece);
  await writeFile(at('full.weft'), Buffer.concat(pieces));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function restore(data: string, file = 'full.weft'): Promise<unknown> {
  const program = new Command().exitOverride();
  declareRestore(program);
  return program.parseAsync(['restore', at(file), '--data', data], { from: 'user' });
}

/** Graphs of which a data folder holds something. */
async function graphsIn(directory: string): Promise<readonly string[]> {
  const store = await openLevelStore({ directory, durability: 'disk', env: stillEnv });
  const graphs = await store.listGraphs();
  await store.close();
  return graphs;
}

test('restore: the folder is not there -> made', async () => {
  await restore(at('data'));
  expect(await graphsIn(at('data'))).toContain('default');
  expect((await readdir(folder)).sort()).toEqual(['data', 'full.weft']);
});

test('restore: the folder is there, as a volume must be that is mounted -> filled, and still the same one', async () => {
  await mkdir(at('data'));
  const { ino } = await stat(at('data'));
  await mkdir(join(at('data'), '.restoring'));
  await writeFile(join(at('data'), '.restoring', 'of one that was killed'), '');
  await restore(at('data'));
  expect((await stat(at('data'))).ino).toBe(ino);
  expect(await graphsIn(at('data'))).toContain('default');
  expect((await readdir(at('data'))).sort()).toEqual(['level', 'mark']);
});

test('restore: the folder is a link to an empty one -> that one is filled', async () => {
  await mkdir(at('elsewhere'));
  await symlink(at('elsewhere'), at('data'));
  await restore(at('data'));
  expect(await graphsIn(at('elsewhere'))).toContain('default');
  expect((await readdir(folder)).sort()).toEqual(['data', 'elsewhere', 'full.weft']);
});

test('restore: a mark without its database, as a restore that was killed at its end leaves it -> no server begins on it', async () => {
  await restore(at('data'));
  await rm(join(at('data'), 'level'), { recursive: true });
  await expect(openLevelStore({ directory: at('data'), durability: 'disk', env: stillEnv })).rejects.toMatchObject({
    code: 'data-corrupt',
  });
});
