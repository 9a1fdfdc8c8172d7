/** A file that is whole or not there: it is written beside its place, and gets its name when all of it is durable. */
import { rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncDirectory } from '../storage/sync-directory.ts';
import { whenInterrupted } from './interrupted.ts';

/**
 * @param fill writes all of it, durably, to the path that it gets
 * @returns what `fill` did
 */
export async function writeWhole<T>(file: string, fill: (partial: string) => Promise<T>): Promise<T> {
  const partial = `${file}.partial`;
  const forget = whenInterrupted(() => rmSync(partial, { force: true }));
  try {
    const filled = await fill(partial);
    await rename(partial, file);
    await syncDirectory(dirname(resolve(file)));
    return filled;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    forget();
  }
}
