/** Backups as files: read for `weft restore` and `weft verify`, and what is said of them to people. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type BackupContents, type BackupSource, checkChain, inspectBackup } from '../src/backup/restore.ts';
import { OperationFailed } from './exit.ts';
import { count } from './progress.ts';

const READ_BYTES = 1024 * 1024;

export function fileSource(name: string): BackupSource {
  return { name, read: () => createReadStream(name, { highWaterMark: READ_BYTES }) };
}

/**
 * Reads and verifies all of the files, each whole, and that they go on from each other in this order.
 * @throws OperationFailed if one cannot be read; WeftError `data-corrupt`, `invalid-request` that names the file
 */
export async function inspectFiles(files: readonly string[]): Promise<BackupContents[]> {
  const contents: BackupContents[] = [];
  for (const file of files) {
    await requireReadable(file);
    contents.push(await inspectBackup(fileSource(file)));
  }
  checkChain(contents);
  return contents;
}

/** @throws OperationFailed if it is no file, or cannot be read */
export async function requireReadable(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r');
    const isFile = (await handle.stat()).isFile();
    await handle.close();
    if (!isFile) throw new Error('it is no file');
  } catch (cause) {
    throw new OperationFailed(`cannot read ${file}: ${(cause as Error).message}`);
  }
}

export function describeBackup({ name, header, partitions, commits, spanMs }: BackupContents): string {
  const of = `of server ${header.server}, made ${instant(header.madeMs)}`;
  if (header.kind === 'full') return `${name}: full, ${of}: ${count(partitions)} partitions`;
  const span = spanMs === undefined ? '' : `, from ${instant(spanMs[0])} to ${instant(spanMs[1])}`;
  return `${name}: incremental, ${of}: ${count(commits)} commits${span}`;
}

export function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
