/**
 * `npm run mutation -- FILE...`: changes the code of these files in one small way after the other, and sees whether a test in
 * their folders fails. What was seen before of code and tests that did not change is kept (.cache/mutation). The score
 * of each file is printed; `npm run chaos -- proof --mutation .cache/mutation/mutation.json FOLDER...` puts it into docs/proof.md.
 */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { explained } from './explained.mjs';

explained(import.meta.url);

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: npm run mutation -- FILE...   such as src/consistency/acceptor.ts; a file takes minutes');
  process.exit(2);
}
const folders = [...new Set(files.map((file) => dirname(file)))];
const tests = folders.map((folder) => `${folder}/*.test.ts`).join(',');
const { status } = spawnSync('npx', ['--no-install', 'stryker', 'run', '--mutate', files.join(',')], {
  stdio: 'inherit',
  env: { ...process.env, MUTATION_TESTS: tests },
});
process.exit(status ?? 1);
