/** Scripts for pages: what a source text does, as one program that is made for browsers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One classic script. Imports of the source name files by their whole paths. */
export async function bundle(source: string, { minify }: { readonly minify: boolean }): Promise<string> {
  const { build } = await import('vite');
  const scratch = await mkdtemp(join(tmpdir(), 'weft-bundle-'));
  try {
    const entry = join(scratch, 'entry.js');
    await writeFile(entry, source);
    const built = await build({
      configFile: false,
      root: ROOT,
      logLevel: 'error',
      build: { write: false, minify, lib: { entry, formats: ['iife'], name: 'weft' } },
    });
    const [first] = Array.isArray(built) ? built : [built];
    if (first === undefined || !('output' in first)) throw new Error('there is no bundle');
    return first.output[0].code;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
