/** Every program explains itself, and says what is wrong with a flag. Run `npm run build` first. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = [
  'dist/bin/weft.js',
  'dist/chaos/main.js',
  'dist/chaos/real/main.js',
  'dist/chaos/model/main.js',
  'dist/chaos/fuzz/main.js',
  'dist/bench/main.js',
  'scripts/cluster.mjs',
  'scripts/check-components.mjs',
  'scripts/check-package.mjs',
  'scripts/mutation.mjs',
];
const run = (program, flag) =>
  spawnSync(process.execPath, [program, flag], { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });

for (const program of PROGRAMS) {
  test(`${program}: --help, a flag that there is not -> an explanation, a sentence`, () => {
    const help = run(program, '--help');
    assert.equal(help.status, 0);
    assert.ok(help.stdout.length > 100, help.stdout);
    const wrong = run(program, '--nonsense');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /--nonsense/);
    assert.doesNotMatch(wrong.stderr, /^ {4}at /m);
  });
}
