/**
 * `npm run mutation -- FILE...`: changes the code of these files in one small way after the other, and sees whether a test in
 * their folders fails. What was seen before of code and tests that did not change is kept (.cache/mutation). The score
 * of each file is printed; `npm run chaos -- proof --mutation .cache/mutation/mutation.json FOLDER...` puts it into docs/proof.md.
 * `npm run mutation -- --sample=300 --seed=1 [--passes=near,wide,rest,slow,sim]`: draws 300 of all mutants of crdt/, storage/,
 * src/replication and src/consistency, and tells from them how many would be noticed of all (`scripts/mutation-sample.mjs`).
 */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { explained } from './explained.mjs';

explained(import.meta.url, ['--sample', '--seed', '--passes']);

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    passes: { type: 'string', default: 'near,wide,rest,slow,sim' },
  },
});
if (values.sample !== undefined) {
  // Loads Stryker, which --help need not.
  const { runSample } = await import('./mutation-sample.mjs');
  await runSample({ count: Number(values.sample), seed: Number(values.seed), passes: values.passes.split(',') });
  process.exit(0);
}
if (files.length === 0) {
  console.error('usage: npm run mutation -- FILE...   such as src/consistency/acceptor.ts; a file takes minutes');
  process.exit(2);
}
const folders = [...new Set(files.map((file) => dirname(file)))];
const tests = folders.map((folder) => `${folder}/*.test.ts`).join('\n');
const { status } = spawnSync('npx', ['--no-install', 'stryker', 'run', '--mutate', files.join(',')], {
  stdio: 'inherit',
  env: { ...process.env, MUTATION_TESTS: tests },
});
process.exit(status ?? 1);
