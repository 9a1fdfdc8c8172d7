#!/usr/bin/env node
/**
 * Keeps out of the project what has no meaning outside one machine or one afternoon: paths of somebody's disk, hosts
 * of package registries, merge conflict markers, focused tests, private keys, and notes to oneself, which belong into
 * `docs/gaps.md`. Prints `file:line: why` and exits 1 if it finds any.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';
import { trackedFiles } from './tracked-files.mjs';

/** Each pattern is written so that it does not match its own source. */
const RULES = [
  { why: 'a path of somebody’s machine', pattern: /(?<![\w.:-])\/(?:home|Users|work|farm|root)\/[\w.]/ },
  {
    why: 'a host of a package registry',
    pattern: /https?:\/\/[\w.-]*\bregistry\b|\bnpmjs\.(?:com|org)|"resolve[d]": "http/,
  },
  { why: 'a merge conflict marker', pattern: /^(?:<{7}|>{7}|\|{7}) / },
  { why: 'a focused test', pattern: /\b(?:it|test|describe)\.only\b/, files: /\.test\.m?[jt]s$/ },
  { why: 'a private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ },
  {
    why: 'a note to oneself; name the gap in docs/gaps.md',
    pattern: /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/,
    files: /\.[mc]?[jt]sx?$/,
  },
];

/** @param {string} root */
export function checkWords(root) {
  const found = [];
  for (const file of trackedFiles(root)) {
    const bytes = readFileSync(join(root, file));
    if (bytes.includes(0)) continue;
    const rules = RULES.filter((rule) => rule.files === undefined || rule.files.test(file));
    bytes
      .toString()
      .split('\n')
      .forEach((line, index) => {
        for (const { why, pattern } of rules) {
          const match = pattern.exec(line);
          if (match !== null) found.push(`${file}:${index + 1}: ${why}: ${match[0]}`);
        }
      });
  }
  return found;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  explained(import.meta.url);
  const found = checkWords(resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..')));
  for (const line of found) console.error(line);
  console.log(`words: ${found.length} findings`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
