/** Names in a directory are durable only once the directory is. */
import { open } from 'node:fs/promises';

/** Makes durable which files a directory has, under which names. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
