#!/usr/bin/env node
/**
 * Writes docs/performance.md from what benchmarks reported, so that its figures are those of runs and of nothing else.
 *
 *     npm run bench -- --json FILE [NAME...]
 *     node scripts/write-performance.mjs FILE...
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

explained(import.meta.url);

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('name the files that `npm run bench -- --json FILE` wrote');
  process.exit(2);
}
const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
const crashed = reports.flatMap(({ results }) => results.filter((result) => result.crashed));
if (crashed.length > 0) {
  console.error(`crashed: ${crashed.map(({ benchmark }) => benchmark).join(', ')}`);
  process.exit(1);
}

const figure = (value) =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
const plain = (text) => text.replaceAll('|', '\\|');

function targetOf({ ratio, target }) {
  if (target === undefined) return '';
  const [sign, bound, isMet] =
    'atLeast' in target
      ? ['>=', target.atLeast, ratio >= target.atLeast]
      : ['<=', target.atMost, ratio <= target.atMost];
  return `${sign} ${bound}x, ${isMet ? 'met' : '**missed**'}`;
}

function section({ options, results }) {
  return results.map(({ benchmark, figures, remarks }) => {
    const rows = figures.map((one) => {
      const { what, ours, unit, reference, ratio } = one;
      const theirs = `${reference.what}: ${figure(reference.value)}`;
      return `| ${[plain(what), `${figure(ours)} ${unit}`, plain(theirs), `${ratio.toFixed(2)}x`, targetOf(one)].join(' | ')} |`;
    });
    const notes = remarks.map((remark) => `- ${plain(remark)}\n`).join('');
    const kind = options.quick ? ' (`--quick`: fewer rounds)' : '';
    return `## ${benchmark}${kind}\n| what | weft | beside it | ratio | target |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n${notes && `\n${notes}`}`;
  });
}

const text = `# Performance of queries

Written by \`scripts/write-performance.mjs\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} cores of ${cpus()[0].model}.
The machine is shared, so ratios are to be trusted, not rates: both sides of a ratio were measured in the same run, taking turns.
\`/cpu-s\` is a second of processor time. What each benchmark does is said in its file in [bench/](../bench/README.md); the loops that
queries are compared with are written by hand over arrays of integers, and know nothing of labels, transactions or types.

    npm run bench -- --json FILE queries query-writes query-peers query-http session-channel
    node scripts/write-performance.mjs FILE

${reports.flatMap(section).join('\n')}`;
writeFileSync(join(fileURLToPath(new URL('..', import.meta.url)), 'docs/performance.md'), text);
