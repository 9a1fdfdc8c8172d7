/**
 * The isomorphic folders run in a browser: base, graph and crdt are bundled into one script, a headless Chromium runs it,
 * and every digest must be the one that Node computes. A bundle that merely builds would be no evidence.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from './browser/bundle.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from './browser/chromium.ts';
import { type Converged, converge } from './isomorphic.workload.ts';

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
const WORKLOAD = fileURLToPath(new URL('isomorphic.workload.ts', import.meta.url));

let scratch = '';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-browser-'));
});

afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));

/** The text of the page after `script` ran in it. */
async function runInBrowser(script: string): Promise<string> {
  const page = join(scratch, 'page.html');
  await writeFile(join(scratch, 'script.js'), script);
  await writeFile(
    page,
    '<!doctype html><meta charset="utf-8"><body><pre>nothing ran</pre><script src="script.js"></script>',
  );
  const profile = `--user-data-dir=${join(scratch, 'profile')}`;
  const { stdout } = await promisify(execFile)(
    CHROMIUM,
    [...CHROMIUM_FLAGS, profile, '--dump-dom', pathToFileURL(page).href],
    {
      maxBuffer: 2 ** 24,
    },
  );
  return /<pre>([\s\S]*)<\/pre>/.exec(stdout)?.[1] ?? stdout;
}

test('node: two replicas, concurrent writes, merge, compaction, rebuilt views -> equal digests', () => {
  const converged = SEEDS.map(converge);
  expect(new Set(converged.map(({ digests }) => digests)).size).toBe(SEEDS.length);
  for (const count of ['nodes', 'edges', 'compacted'] as const) {
    expect(
      converged.reduce((sum, one) => sum + one[count], 0),
      count,
    ).toBeGreaterThan(SEEDS.length);
  }
});

test('browser: the same replicas in headless Chromium -> every digest is that of Node', async ({ skip }) => {
  if (!existsSync(CHROMIUM)) skip(`${CHROMIUM} is absent: the isomorphic folders were not run in a browser`);
  const source = `
    import { converge } from ${JSON.stringify(WORKLOAD)};
    const page = document.querySelector('pre');
    try {
      if (typeof process !== 'undefined' || typeof Buffer !== 'undefined') throw new Error('this is no browser');
      page.textContent = JSON.stringify(${JSON.stringify(SEEDS)}.map(converge));
    } catch (error) {
      page.textContent = String(error?.stack ?? error);
    }
  `;
  const script = await bundle(source, { minify: false });
  expect(script).not.toMatch(/browser-external|require\(['"]node:/);
  const text = await runInBrowser(script);
  expect(text).toMatch(/^\[\{"seed":1,/);
  expect(JSON.parse(text) as Converged[]).toEqual(SEEDS.map(converge));
});
