/** Scripts for pages: what a source text does, as one program that is made for browsers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bytes, gzipped, of what a page loads: at first, and with all that it may load later. */
export async function pageBytes(source: string): Promise<{ readonly first: number; readonly all: number }> {
  const chunks = await built(source, { minify: true, format: 'es' });
  const bytes = chunks.map(({ code }) => gzipSync(code).length);
  const first = chunks.findIndex(({ isEntry }) => isEntry);
  return { first: bytes[first] ?? Number.NaN, all: bytes.reduce((sum, one) => sum + one, 0) };
}

/** One classic script. Imports of the source name files by their whole paths. */
export async function bundle(source: string, { minify }: { readonly minify: boolean }): Promise<string> {
  const [only] = await built(source, { minify, format: 'iife' });
  if (only === undefined) throw new Error('there is no bundle');
  return only.code;
}

async function built(source: string, { minify, format }: { readonly minify: boolean; readonly format: 'es' | 'iife' }) {
  const { build } = await import('vite');
  const scratch = await mkdtemp(join(tmpdir(), 'weft-bundle-'));
  try {
    const entry = join(scratch, 'entry.js');
    await writeFile(entry, source);
    // A library keeps its white space, which pages are spared.
    const made =
      format === 'iife' ? { lib: { entry, formats: [format], name: 'weft' } } : { rollupOptions: { input: entry } };
    const output = await build({
      configFile: false,
      root: ROOT,
      logLevel: 'error',
      build: { write: false, minify, ...made },
    });
    const [first] = Array.isArray(output) ? output : [output];
    if (first === undefined || !('output' in first)) throw new Error('there is no bundle');
    return first.output.filter((file) => file.type === 'chunk');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
