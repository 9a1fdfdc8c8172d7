/** Heap benchmarks share this: bytes of what `build` returns, which stays alive while it is measured. */
import { liveBytes } from './measure.ts';

export async function bytesOf<T>(build: () => T | Promise<T>): Promise<{ readonly bytes: number; readonly built: T }> {
  const before = await liveBytes();
  const built = await build();
  return { bytes: (await liveBytes()) - before, built };
}
