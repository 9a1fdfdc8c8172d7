#!/usr/bin/env node
/**
 * Builds `dist/client/browser-level.js`: `level` as pages get it (`imports` in package.json), without what the local store of a replica never uses.
 * Bundlers of pages would add it all the same: 8 kB for the package `buffer`, which level does without where there is none, and 6 kB for events,
 * sublevels, snapshots, hooks, batches and iterators of other kinds, and iterators of a database that is not open yet.
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
const MODULES = {
  [ENTRY]: `export { BrowserLevel as Level } from 'browser-level';`,
  // There is none.
  buffer: 'export {};',
  // Nobody listens here, and level itself only to learn that somebody does.
  events: 'exports.EventEmitter = class { on() { return this; } emit() { return false; } };',
  // Of several errors the first is told.
  'maybe-combine-errors': 'module.exports = (errors) => errors.find((error) => error != null);',
};
/** Files of `abstract-level` with features that the local store does not use: whoever did would be told that they are no functions. */
const UNUSED =
  /\/abstract-level\/(?:abstract-chained-batch|abstract-snapshot|lib\/(?:abstract-sublevel|default-chained-batch|default-kv-iterator|deferred-iterator|prewrite-batch))\.js$/;

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
      load: (id) => MODULES[id.slice(1)] ?? (UNUSED.test(id) ? 'module.exports = () => ({});' : undefined),
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
