/**
 * A real process with a real store is killed with SIGKILL at a random moment, again and again on the same directory.
 * Whatever it acknowledged must be there, whole, and nothing torn. A seed replays the choices, not the kernel's timing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import { stillEnv } from '../../storage/level-harness.ts';
import { openLevelStore } from '../../storage/level-store.ts';
import type { Store } from '../../storage/store.ts';
import {
  documentOf,
  edgeOf,
  numbersFrom,
  PARTITIONS,
  partitionKey,
  partitionsOf,
  snapshotUpdates,
  updateOf,
  viewOf,
} from './store-kill.workload.ts';

const ROUNDS = 25;
const SEED = 20260101;
const repository = fileURLToPath(new URL('../..', import.meta.url));

let scratch = '';
let worker = '';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-kill-'));
  worker = await compileWorker(join(scratch, 'code'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Node cannot run TypeScript everywhere yet, and a build may be older than the source: so the source is compiled here. */
async function compileWorker(target: string): Promise<string> {
  for (const folder of ['base', 'storage', 'test/crash']) {
    await mkdir(join(target, folder), { recursive: true });
    for (const name of await readdir(join(repository, folder))) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      const { outputText } = ts.transpileModule(await readFile(join(repository, folder, name), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
          rewriteRelativeImportExtensions: true,
        },
      });
      await writeFile(join(target, folder, name.replace(/\.ts$/, '.js')), outputText);
    }
  }
  await writeFile(join(target, 'package.json'), '{"type":"module"}');
  await symlink(join(repository, 'node_modules'), join(target, 'node_modules'), 'dir');
  return join(target, 'test/crash/store-kill.worker.js');
}

interface Killed {
  readonly opened: boolean;
  /** The last seq that was acknowledged, all before it included; 0 if none. */
  readonly acknowledged: number;
}

/** Runs the worker and kills it when it has said `lines` lines. */
async function runAndKill(args: readonly string[], lines: number): Promise<Killed> {
  const child: ChildProcess = spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let heard = 0;
  let opened = false;
  let acknowledged = 0;
  if (lines === 0) child.kill('SIGKILL');
  if (child.stdout === null) throw new Error('the worker has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') opened = true;
    else {
      // STO-2: acknowledged in the order of the log.
      if (acknowledged > 0) expect(Number(line)).toBe(acknowledged + 1);
      acknowledged = Number(line);
    }
    if (++heard === lines) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  expect(signal, errors).toBe('SIGKILL');
  return { opened, acknowledged };
}

/** Everything that the streams of `store` say is there, is there: once, whole, with the right bytes. */
async function expectWhole(store: Store): Promise<void> {
  expect(store.recovery.damaged).toEqual([]);
  const updates = new Map<string, number>(PARTITIONS.map((partition) => [partition, 0]));
  const edges: string[] = [];
  const places: string[] = [];
  for (const { origin, seq } of store.recovery.streams) {
    for (let current = 1; current <= seq; current++) {
      const partitions = partitionsOf(origin, current);
      for (const partition of partitions) updates.set(partition, (updates.get(partition) ?? 0) + 1);
      edges.push(edgeOf(origin, current));
      places.push(partitions[0] ?? '');
    }
    const commits = await store.readCommits(origin, 0, Number.MAX_SAFE_INTEGER);
    for (const commit of commits) {
      expect(commit.parts.map(({ partition }) => partition)).toEqual(partitionsOf(origin, commit.seq));
      for (const { partition, update } of commit.parts) {
        expect(Buffer.compare(update, updateOf(origin, commit.seq, partition))).toBe(0);
      }
    }
    if (commits.length > 0) expect(commits.at(-1)?.seq).toBe(seq);
  }
  expect((await store.locate(partitionKey('0').graphKey, edges)).map((found) => found.join())).toEqual(places);
  for (const partition of PARTITIONS) {
    const state = await store.readPartition(partitionKey(partition), { document: true });
    const covered = snapshotUpdates(state);
    expect(covered + state.tail.length).toBe(updates.get(partition));
    if (state.snapshot === undefined) continue;
    expect(state.snapshot.document).toEqual(documentOf(covered));
    expect(Buffer.compare(state.snapshot.view ?? new Uint8Array(), viewOf(covered))).toBe(0);
  }
}

test.each(['disk', 'buffered'] as const)(
  `store: killed at random moments [SIGKILL, %s, seed ${SEED}] -> every acknowledged commit is there, whole`,
  async (durability) => {
    const random = numbersFrom(SEED + (durability === 'disk' ? 0 : 1));
    const directory = join(scratch, `data-${durability}`);
    const acknowledged = new Map<ReplicaId, number>();
    let openedRounds = 0;
    for (let round = 1; round <= ROUNDS / 2; round++) {
      const origin = round as ReplicaId;
      const lines = random(8) === 0 ? random(2) : random(400);
      const killed = await runAndKill([directory, String(origin), String(random(2 ** 31)), durability], lines);
      if (killed.opened) openedRounds++;
      acknowledged.set(origin, killed.acknowledged);
      // Half of the time the next worker recovers the directory itself, so that recovery is killed too.
      const inspected = random(2) === 0 ? directory : join(scratch, `copy-${durability}`);
      await mkdir(directory, { recursive: true });
      if (inspected !== directory) {
        await rm(inspected, { recursive: true, force: true });
        await cp(directory, inspected, { recursive: true });
      }
      const store = await openLevelStore({ directory: inspected, durability, env: stillEnv });
      const streams = new Map(store.recovery.streams.map(({ origin: of, seq }) => [of, seq]));
      for (const [of, seq] of acknowledged) expect(streams.get(of) ?? 0).toBeGreaterThanOrEqual(seq);
      if (killed.acknowledged > 0) expect(store.recovery.clean).toBe(false);
      await expectWhole(store);
      await store.close();
    }
    expect(openedRounds).toBeGreaterThan(ROUNDS / 4);
  },
);

test('store: a second process while the first has it open -> refused by name; after SIGKILL -> served', async () => {
  const directory = join(scratch, 'locked');
  const child = spawn(process.execPath, [worker, directory, '1', '1', 'disk'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== 'open') continue;
      const refused = openLevelStore({ directory, durability: 'disk', env: stillEnv });
      await expect(refused).rejects.toMatchObject({ code: 'data-locked' });
      await expect(refused).rejects.toThrow(directory);
      child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  const store = await openLevelStore({ directory, durability: 'disk', env: stillEnv });
  await expectWhole(store);
  await store.close();
});
