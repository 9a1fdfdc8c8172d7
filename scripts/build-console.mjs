#!/usr/bin/env node
/**
 * Builds the console from `console/` into `dist/console`: one page, scripts and styles of their own with a hash in their
 * names, nothing inline, so that the server can serve them under a policy that allows nothing else.
 *
 *     node scripts/build-console.mjs [FOLDER]
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { explained } from './explained.mjs';

explained(import.meta.url);

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

await build({
  configFile: false,
  root: join(ROOT, 'console'),
  base: '/console/',
  logLevel: 'error',
  publicDir: false,
  build: {
    outDir: resolve(process.argv[2] ?? join(ROOT, 'dist/console')),
    emptyOutDir: true,
    target: 'es2023',
    // Nothing becomes part of a style sheet or script that the policy would have to allow as `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
});
