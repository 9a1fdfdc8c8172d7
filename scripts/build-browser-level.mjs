#!/usr/bin/env node
/**
 * Builds `dist/client/browser-level.js`: `level` as pages get it (`imports` in package.json), without the package `buffer`. Level uses that only for
 * values that are asked for as Buffers, and does without where there is none; bundlers of pages would add its 8 kB all the same.
 *
 *     node scripts/build-browser-level.mjs
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { explained } from './explained.mjs';

explained(import.meta.url);

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const ENTRY = 'virtual:browser-level';
/** In place of `buffer`: there is none. */
const MODULES = { [ENTRY]: `export { BrowserLevel as Level } from 'browser-level';`, buffer: 'export {};' };

await build({
  configFile: false,
  root: ROOT,
  logLevel: 'error',
  publicDir: false,
  plugins: [
    {
      name: 'browser-level',
      enforce: 'pre',
      resolveId: (id) => (Object.hasOwn(MODULES, id) ? `\0${id}` : undefined),
      load: (id) => MODULES[id.slice(1)],
    },
  ],
  build: {
    outDir: join(ROOT, 'dist/client'),
    emptyOutDir: false,
    target: 'es2023',
    minify: false,
    rollupOptions: {
      input: ENTRY,
      preserveEntrySignatures: 'strict',
      output: { format: 'es', entryFileNames: 'browser-level.js' },
    },
  },
});
