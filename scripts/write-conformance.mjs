#!/usr/bin/env node
/**
 * Writes docs/conformance.md: which of the openCypher TCK's given scenarios pass, by folder, from the list that the test suite
 * keeps (`test/conformance/passing.txt`, which may only grow).
 *
 *     node scripts/write-conformance.mjs FOLDER      FOLDER holds given.jsonl
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

explained(import.meta.url);

const root = fileURLToPath(new URL('..', import.meta.url));
const passing = new Set(readFileSync(join(root, 'test/conformance/passing.txt'), 'utf8').trim().split('\n'));
const given = readFileSync(join(process.argv[2] ?? '.', 'given.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(JSON.parse);
const folders = new Map();
for (const { id, folder } of given) {
  const tally = folders.get(folder) ?? { passed: 0, all: 0 };
  folders.set(folder, { passed: tally.passed + (passing.has(id) ? 1 : 0), all: tally.all + 1 });
}
const rows = [...folders].sort(([a], [b]) => (a < b ? -1 : 1));
const total = rows.reduce((sum, [, { passed }]) => sum + passed, 0);
const text = `# openCypher conformance

Written by \`scripts/write-conformance.mjs\` from \`test/conformance/passing.txt\`. The test suite runs every scenario of its
copy of the TCK, on a plain graph in memory, on the engine, and on an engine that keeps nothing in memory, and fails if one of the
list does not pass. Types, phases and details of errors are compared, side effects too. Scenarios of the openCypher Technology
Compatibility Kit, Apache 2.0.

| folder | passed | scenarios |
| --- | --- | --- |
${rows.map(([folder, { passed, all }]) => `| ${folder} | ${passed} | ${all} |`).join('\n')}
| **all** | **${total}** | **${given.length}** |

Over HTTP 34 of them are left out by their runner, because they need test procedures, which only the test suite registers.
`;
writeFileSync(join(root, 'docs/conformance.md'), text);
console.log(`${total} of ${given.length} scenarios`);
