/** Scripts for pages: what a source text does, as one program that is made for browsers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A program as the modules that a page loads, by path. */
export interface Modules {
  readonly entry: string;
  readonly code: ReadonlyMap<string, string>;
  /** Those that the page loads before anything runs. */
  readonly first: ReadonlySet<string>;
}

export async function modulesOf(source: string): Promise<Modules> {
  const chunks = await built(source, { minify: true, format: 'es' });
  const byPath = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const entry = chunks.find(({ isEntry }) => isEntry)?.fileName ?? '';
  const first = new Set([entry]);
  for (const path of first) for (const imported of byPath.get(path)?.imports ?? []) first.add(imported);
  return { entry, code: new Map(chunks.map(({ fileName, code }) => [fileName, code])), first };
}

/** Bytes, gzipped, of what a page loads: at first, and with all that it may load later. */
export function pageBytes({ code, first }: Modules): { readonly first: number; readonly all: number } {
  const bytes = Array.from(code, ([path, text]) => ({ path, size: gzipSync(text).length }));
  const sum = (of: typeof bytes) => of.reduce((total, { size }) => total + size, 0);
  return { first: sum(bytes.filter(({ path }) => first.has(path))), all: sum(bytes) };
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
