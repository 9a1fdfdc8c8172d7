#!/usr/bin/env node
/**
 * Keeps the documents true where a machine can tell: links and anchors resolve, files named in backticks exist,
 * ARCHITECTURE.md and the READMEs of folders keep to their length. Prints `file:line: what is wrong`; exits 1 if any.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LAYERS } from './check-layers.mjs';
import { explained } from './explained.mjs';
import { trackedFiles } from './tracked-files.mjs';

const LINES_MAX = [
  { file: /^ARCHITECTURE\.md$/, lines: 200 },
  { file: /^[^/]+\/README\.md$/, lines: 40, except: /^(?:docs|examples)\// },
];
const FOLDERS = [...LAYERS, 'docs', 'examples', 'scripts', '.ci'];
/** `storage/level-store.ts`, `.ci/run`, `docs/adr/` in backticks: a file or folder of this project. */
const NAMED_FILE = new RegExp(`^(?:${FOLDERS.map((name) => name.replace('.', '\\.')).join('|')})/[\\w./-]+$`);

/** @param {string} root */
export function checkDocs(root) {
  const documents = trackedFiles(root).filter((file) => file.endsWith('.md'));
  const problems = [];
  for (const file of documents) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    const limit = LINES_MAX.find((rule) => rule.file.test(file) && !(rule.except?.test(file) ?? false));
    if (limit !== undefined && lines.length - 1 > limit.lines) {
      problems.push(`${file}:${limit.lines + 1}: has ${lines.length - 1} lines; at most ${limit.lines} are allowed`);
    }
    let fenced = false;
    lines.forEach((line, index) => {
      if (/^\s*(?:```|~~~)/.test(line)) fenced = !fenced;
      else if (!fenced) {
        for (const problem of lineProblems(root, file, line)) problems.push(`${file}:${index + 1}: ${problem}`);
      }
    });
    if (fenced) problems.push(`${file}:${lines.length}: a code block is not closed`);
  }
  return { documents: documents.length, problems };
}

function* lineProblems(root, file, line) {
  const code = [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
  for (const name of code) {
    if (NAMED_FILE.test(name) && !existsSync(join(root, name))) yield `\`${name}\` does not exist`;
  }
  const prose = line.replace(/`[^`]+`/g, (text) => text.replace(/[^\s]/g, 'x'));
  for (const [, target] of prose.matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)/g)) {
    const problem = linkProblem(root, file, target);
    if (problem !== undefined) yield problem;
  }
}

function linkProblem(root, file, target) {
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [path, anchor] = target.split('#');
  const resolved = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), decodeURIComponent(path)));
  if (resolved.startsWith('../')) return `the link ${target} leaves the project`;
  const stat = statSync(join(root, resolved), { throwIfNoEntry: false });
  if (stat === undefined) return `the link ${target} leads nowhere`;
  if (anchor !== undefined && stat.isFile() && !anchors(join(root, resolved)).has(anchor)) {
    return `the link ${target} names no heading of ${resolved}`;
  }
  return undefined;
}

/** The anchors that GitHub gives to the headings of a document. */
function anchors(path) {
  const seen = new Map();
  const found = new Set();
  const text = readFileSync(path, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  for (const [, heading] of text.matchAll(/^#{1,6}\s+(.+?)\s*$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    found.add(times === 0 ? slug : `${slug}-${times}`);
  }
  for (const [, id] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) found.add(id);
  return found;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  explained(import.meta.url);
  const { documents, problems } = checkDocs(
    resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..')),
  );
  for (const problem of problems) console.error(problem);
  console.log(`documents: ${documents} files, ${problems.length} problems`);
  process.exitCode = problems.length === 0 && documents > 0 ? 0 : 1;
}
