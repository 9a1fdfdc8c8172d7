/** A disk of a server's own: what is synced survives a cut, what is not is gone, and what stands still hangs. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OwnDisk, ownDisksImpossible } from './own-disk.ts';

/** Writes a file and syncs it with the folder that names it, or does not. */
const WRITE = `
  const [file, syncs] = process.argv.slice(1);
  const fs = require('node:fs');
  const sync = (place) => { const fd = fs.openSync(place, 'r'); fs.fsyncSync(fd); fs.closeSync(fd); };
  fs.writeFileSync(file, 'written');
  if (syncs === 'true') [file, require('node:path').dirname(file)].forEach(sync);`;

function write(file: string, syncs: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', WRITE, file, String(syncs)], (error) => (error ? reject(error) : resolve()));
  });
}

/** Leaves a disk that stands still behind. */
const OWNER = `
  import { OwnDisk } from '${new URL('../../../dist/chaos/real/disks/own-disk.js', import.meta.url).href}';
  const [folder, images] = process.argv.slice(1);
  const disk = new OwnDisk(folder, images);
  await disk.mount();
  await disk.freeze();
  console.log('frozen');
  process.kill(process.pid, 'SIGKILL');`;

const isMounted = (folder: string) => readFileSync('/proc/mounts', 'utf8').includes(` ${folder} `);
const nobody = () => Promise.resolve();

const why = ownDisksImpossible() ?? '';
describe.skipIf(why !== '')(`own disks ${why}`, () => {
  let root: string;
  let folder: string;
  let disk: OwnDisk;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'weft-own-disk-'));
    folder = join(root, 'data');
    mkdirSync(folder);
    disk = new OwnDisk(folder, join(root, 'images'));
    await disk.mount();
  });

  afterEach(async () => {
    await disk.takeOut();
    rmSync(root, { recursive: true });
  });

  test('a new one -> empty', () => {
    expect([isMounted(folder), readdirSync(folder)]).toEqual([true, []]);
  });

  test('power is cut -> what was synced is there, what was not is gone, and that is told', async () => {
    await write(join(folder, 'synced'), true);
    await write(join(folder, 'other'), false);
    expect(await disk.cut(nobody)).toBe('a file that was written and not synced is gone');
    expect(readdirSync(folder)).toEqual(['synced']);
    expect(readFileSync(join(folder, 'synced'), 'utf8')).toBe('written');
  });

  test('a second cut -> nothing of the first comes back', async () => {
    await write(join(folder, 'one'), false);
    await disk.cut(nobody);
    await write(join(folder, 'two'), true);
    await disk.cut(nobody);
    expect(readdirSync(folder)).toEqual(['two']);
  });

  test('it stands still -> a write goes to memory, a sync hangs until it goes on', async () => {
    await disk.freeze();
    await write(join(folder, 'written'), false);
    const synced = write(join(folder, 'synced'), true);
    expect([disk.isFrozen, readFileSync(join(folder, 'written'), 'utf8')]).toEqual([true, 'written']);
    expect([await disk.thaw(), disk.isFrozen]).toEqual([true, false]);
    await synced;
    expect(readdirSync(folder)).toEqual(['synced', 'written']);
  });

  test('power is cut while it stands still -> whoever syncs ends, and nothing of that time is there', async () => {
    await write(join(folder, 'before'), true);
    await disk.freeze();
    await write(join(folder, 'written'), false);
    const writer = spawn('sh', ['-c', 'echo x > "$0"; echo started; sync "$0"; echo synced', join(folder, 'hangs')]);
    let said = '';
    writer.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await new Promise((resolve) => writer.stdout.once('data', resolve));
    const lost = await disk.cut(() => {
      writer.kill('SIGKILL');
      return new Promise((resolve) => writer.once('close', resolve));
    });
    expect(lost).toBe('a sync hung, and a file that was written and not synced is gone');
    expect([said, readdirSync(folder), disk.isFrozen]).toEqual(['started\n', ['before'], false]);
  });

  test('taken out -> the folder has what was on it, and nothing is mounted', async () => {
    await write(join(folder, 'kept'), false);
    await disk.takeOut();
    expect([isMounted(folder), readdirSync(folder), existsSync(join(root, 'images'))]).toEqual([
      false,
      ['kept'],
      false,
    ]);
  });

  test('its owner is killed while it stands still -> it goes on, and is taken away', async () => {
    const [other, images] = [join(root, 'other'), join(root, 'others')];
    mkdirSync(other);
    const told = await new Promise<string>((resolve) => {
      // The shell that holds the disk has the same output, which is closed when that ends too.
      execFile(process.execPath, ['--input-type=module', '-e', OWNER, other, images], (_, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    expect([told, isMounted(other), isMounted(join(images, 'shelf'))]).toEqual(['frozen\n', false, false]);
  });

  test('taken out while it stands still -> it goes on first', async () => {
    await disk.freeze();
    await disk.takeOut();
    expect([isMounted(folder), disk.isFrozen]).toEqual([false, false]);
  });
});
