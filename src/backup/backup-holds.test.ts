import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import { increment, put, type Running, run, spreadIds, turns } from '../engine-on-disk.model.ts';
import { inspectBackup } from './restore.ts';

const [a = ''] = spreadIds(1) as string[];

/** As if each byte were so many: a commit of these tests is more log than may be, and seven are fewer than the hard limit. */
const EACH_BYTE = LIMITS.logBytesMax / 140;

/** A server that cuts its log after each write, as far as it may. */
function cutting(disk: MemoryDisk): Promise<Running> {
  const wrap = (store: Store) =>
    new Proxy(store, {
      get(target, name) {
        if (name === 'status') {
          const status = target.status();
          return () => ({ ...status, logBytes: status.logBytes * EACH_BYTE });
        }
        const member = Reflect.get(target, name, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  return run({ disk, wrap });
}

/** Writes, and lets the server cut its log. */
async function write(server: Running, count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    await server.graph.write([increment(a, 'count')]);
    await turns();
  }
}

async function backUp(server: Running, keep: string | undefined, since?: Uint8Array): Promise<Uint8Array> {
  const mark = since === undefined ? undefined : (await inspect(since)).header;
  const pieces: Uint8Array[] = [];
  for await (const piece of server.engine.backup(mark, keep)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

function inspect(bytes: Uint8Array) {
  async function* read(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  return inspectBackup({ name: 'backup', read });
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof WeftError ? error.code : String(error)),
  );

async function started(): Promise<Running> {
  const server = await cutting(new MemoryDisk());
  await server.graph.write([put(a)]);
  return server;
}

describe('backup hold', () => {
  test('the log is cut after a backup that kept nothing, and after one that kept it -> refused, and taken', async () => {
    const server = await started();
    const forgotten = await backUp(server, undefined);
    await write(server);
    expect(await codeOf(backUp(server, undefined, forgotten))).toBe('must-refetch');
    const first = await backUp(server, 'nightly');
    await write(server, 5);
    const second = await backUp(server, 'nightly', first);
    expect((await inspect(second)).commits).toBe(5);
    await write(server, 2);
    expect((await inspect(await backUp(server, 'nightly', second))).commits).toBe(2);
  });

  test('the next backup of the name is there -> the log before it is let go of', async () => {
    const server = await started();
    const first = await backUp(server, 'nightly');
    await write(server);
    const second = await backUp(server, 'nightly', first);
    const { id } = (await inspect(second)).header;
    expect(server.engine.backupHolds()).toMatchObject([{ name: 'nightly', id, isBroken: false }]);
    await write(server);
    expect(await codeOf(backUp(server, undefined, first))).toBe('must-refetch');
    expect(await codeOf(backUp(server, undefined, second))).toBe('done');
  });

  test('a backup breaks off -> the log is kept for the one before it', async () => {
    const server = await started();
    const first = await backUp(server, 'nightly');
    await write(server);
    const broken = server.engine.backup((await inspect(first)).header, 'nightly');
    await broken.next();
    await broken.return(undefined);
    await write(server);
    expect((await inspect(await backUp(server, 'nightly', first))).commits).toBe(6);
  });

  test('a full backup is sent slowly -> the log of what is written meanwhile is kept', async () => {
    const server = await started();
    const pieces: Uint8Array[] = [];
    for await (const piece of server.engine.backup(undefined, 'nightly')) {
      pieces.push(piece);
      await write(server, 1);
    }
    const slow = new Uint8Array(Buffer.concat(pieces));
    await write(server, 1);
    expect((await inspect(await backUp(server, 'nightly', slow))).commits).toBe(pieces.length + 1);
  });

  test('crash and restart -> kept all the same', async () => {
    const server = await started();
    const first = await backUp(server, 'nightly');
    await write(server);
    server.disk.crash();
    const again = await cutting(server.disk);
    await write(again);
    const second = await inspect(await backUp(again, 'nightly', first));
    expect(second.commits).toBe(6);
  });

  test('the log grows beyond what it may -> the hold is broken and said to be, the log cut, a full one begins anew', async () => {
    const server = await started();
    const first = await backUp(server, 'nightly');
    await write(server);
    expect(server.engine.backupHolds()).toMatchObject([{ name: 'nightly', isBroken: false }]);
    await write(server, 20);
    expect(server.engine.backupHolds()).toMatchObject([{ name: 'nightly', isBroken: true }]);
    expect(await codeOf(backUp(server, 'nightly', first))).toBe('must-refetch');
    const full = await backUp(server, 'nightly');
    expect(server.engine.backupHolds()).toMatchObject([{ isBroken: false }]);
    await write(server);
    expect((await inspect(await backUp(server, 'nightly', full))).commits).toBe(3);
  });

  test('a name is let go of -> the log is cut; too many names -> refused', async () => {
    const server = await started();
    const first = await backUp(server, 'nightly');
    await server.engine.releaseBackupHold('nightly');
    await write(server);
    expect(await codeOf(backUp(server, undefined, first))).toBe('must-refetch');
    for (let i = 0; i < LIMITS.backupHoldsMax; i++) await backUp(server, `name ${i}`);
    expect(await codeOf(backUp(server, 'one more'))).toBe('invalid-request');
    expect(await codeOf(backUp(server, 'name 0'))).toBe('done');
  });
});
