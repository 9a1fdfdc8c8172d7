#!/usr/bin/env node
/**
 * Checks the direction of imports and the purity of folders, over source text alone: no dependency, no build, well
 * under a second. A folder may import from folders before it in `LAYERS`, never from one after it, because every proof
 * about a lower folder (simulation, the browser build, conformance suites) would otherwise silently include a higher one.
 *
 *     node scripts/check-layers.mjs [ROOT]
 *
 * Prints one line `file:line: rule: what is wrong` for each violation and exits 1 if there is any.
 * `check-layers.test.mjs` sees each rule fail on a fixture.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

/** Lowest first. */
export const LAYERS = [
  'base',
  'graph',
  'crdt',
  'query',
  'storage',
  'src',
  'api',
  'client',
  'console',
  'bin',
  'chaos',
  'bench',
  'test',
];

/** Run unchanged in a browser: they import each other and the packages listed, nothing else. */
const ISOMORPHIC = new Map([
  ['base', []],
  ['graph', []],
  ['crdt', ['yjs', '@noble', '@msgpack']],
  ['query', ['temporal-polyfill', 're2js']],
  ['client', ['#level']],
  ['console', ['@codemirror', '@lezer', '@sigma', 'sigma', 'graphology', 'graphology-layout-forceatlas2']],
]);

/** Folder pairs that the order would allow but that must never see each other: they meet at `graph/`. */
const NEVER = [['query', 'crdt']];

/** Interface-only files: the one way into these folders for everyone who is not a composition root. */
const PORTS = new Map([
  ['storage', 'storage/store.ts'],
  ['src', 'src/engine-port.ts'],
]);

/** Folders that put real or simulated implementations together. */
const COMPOSITION = new Set(['bin', 'chaos', 'bench', 'test']);

/** Folders whose code may read the real clock, timers, random source and environment. */
const AMBIENT_ALLOWED = new Set(['bin', 'bench', 'test', 'console']);

/** Single files that may as well: the simulator measures its own speed, and the client has its one adapter. */
const AMBIENT_FILES = new Set(['chaos/host.ts', 'client/ambient.ts']);

/**
 * Test code lies beside what it tests: tests, deliberately dumb second implementations (`.model.ts`), conformance suites
 * that every implementation of a port runs, and harnesses that prepare an implementation for them. The simulator, a
 * test that is built, may use the second implementations.
 */
const TEST_FILE = /(?:\.(?:test|model|conformance)|-harness)\.ts$/;

const AMBIENT = [
  [/(?<![\w$])Date\s*\.\s*now\b/g, 'Date.now'],
  [/\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\]}]))/g, 'new Date()'],
  [/(?<![\w$.]|new\s)Date\s*\(\s*\)/g, 'Date()'],
  [/(?<![\w$])performance\s*\.\s*(?:now|timeOrigin)\b/g, 'performance.now'],
  [/(?<![\w$])Math\s*\.\s*random\b/g, 'Math.random'],
  [/(?<![\w$])crypto\s*\.\s*random\w*/g, 'crypto.random*'],
  [/(?<![\w$])(?:randomUUID|randomBytes|randomInt|randomFill|randomFillSync)\b/g, 'a random source'],
  [/(?<![\w$])getRandomValues\b/g, 'getRandomValues'],
  [
    /(?<![\w$.])(?:(?:globalThis|window|self|global)\s*\.\s*)?(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    'a timer',
  ],
  [/(?<![\w$])process\s*\.\s*(?:hrtime|uptime)\b/g, 'process.hrtime'],
  [/(?<![\w$])process\s*\.\s*env\b/g, 'process.env'],
];
const AMBIENT_MODULES = new Set(['timers', 'timers/promises', 'perf_hooks']);

/** @typedef {{ file: string, line: number, rule: string, message: string }} Violation */

/**
 * Checks every source file below the layer folders of `root`.
 * @param {string} root
 * @returns {{ files: number, violations: Violation[] }}
 */
export function checkLayers(root) {
  const files = LAYERS.flatMap((layer) => sourceFiles(root, layer));
  /** @type {Violation[]} */
  const violations = [];
  const graph = new Map();
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    const masked = maskSource(text);
    const report = (offset, rule, message) =>
      violations.push({ file, line: text.slice(0, offset).split('\n').length, rule, message });
    const targets = [];
    for (const found of findImports(text, masked)) {
      const target = checkImport(root, file, found.specifier, (rule, message) => report(found.offset, rule, message));
      if (target !== undefined && !found.isLater) targets.push({ file: target, offset: found.offset });
    }
    graph.set(file, targets);
    checkAmbient(file, masked, report);
    if ([...PORTS.values()].includes(file)) checkInterfaceOnly(masked, report);
  }
  for (const cycle of findCycles(graph)) {
    violations.push({ file: cycle[0], line: 1, rule: 'cycle', message: `${[...cycle, cycle[0]].join(' -> ')}` });
  }
  return { files: files.length, violations };
}

function sourceFiles(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|mts|js|mjs)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) =>
      path
        .slice(resolve(root).length + 1)
        .split(sep)
        .join('/'),
    )
    .filter((path) => !path.includes('/node_modules/') && !path.includes('/fixtures/'))
    .sort();
}

const layerOf = (file) => file.slice(0, file.indexOf('/'));
const isTest = (file) => layerOf(file) === 'test' || TEST_FILE.test(file);

/**
 * Blanks comments and the contents of text literals, keeping every offset and line, so that patterns over the result
 * see code only. Code inside `${}` of a template stays.
 * @param {string} text
 */
export function maskSource(text) {
  const out = text.split('');
  const blank = (from, to) => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  /** Depth of braces at which each open template continues. */
  const templates = [];
  let braces = 0;
  let i = 0;
  /** The last token that was code, which tells a division from a regular expression. */
  let last = '';
  const template = () => {
    const start = i;
    while (i < text.length) {
      if (text[i] === '\\') i += 2;
      else if (text[i] === '`') {
        blank(start, i);
        i++;
        last = '`';
        return;
      } else if (text[i] === '$' && text[i + 1] === '{') {
        blank(start, i);
        i += 2;
        templates.push(braces);
        braces++;
        last = '{';
        return;
      } else i++;
    }
  };
  while (i < text.length) {
    const c = text[i];
    const next = text[i + 1];
    if (c === '/' && next === '/') {
      const end = text.indexOf('\n', i);
      const stop = end < 0 ? text.length : end;
      blank(i, stop);
      i = stop;
    } else if (c === '#' && next === '!' && i === 0) {
      const end = text.indexOf('\n');
      i = end < 0 ? text.length : end;
      blank(0, i);
    } else if (c === '/' && next === '*') {
      const end = text.indexOf('*/', i + 2);
      const stop = end < 0 ? text.length : end + 2;
      blank(i, stop);
      i = stop;
    } else if (c === "'" || c === '"') {
      const start = ++i;
      while (i < text.length && text[i] !== c && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
      blank(start, i);
      i++;
      last = c;
    } else if (c === '`') {
      i++;
      template();
    } else if (c === '/' && (last === '' || /^(?:[([{,;:=!&|?+\-*%<>~^}]|return|typeof|case|in|of|=>)$/.test(last))) {
      const start = ++i;
      let inClass = false;
      while (i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/')) {
        if (text[i] === '\\') i++;
        else if (text[i] === '[') inClass = true;
        else if (text[i] === ']') inClass = false;
        i++;
      }
      blank(start, i);
      i++;
      last = '/regex/';
    } else if (/[\w$]/.test(c)) {
      const word = /[\w$]+/y;
      word.lastIndex = i;
      last = word.exec(text)[0];
      i += last.length;
    } else {
      if (c === '{') braces++;
      if (c === '}') {
        braces--;
        if (templates.length > 0 && templates.at(-1) === braces) {
          templates.pop();
          i++;
          template();
          continue;
        }
      }
      if (!/\s/.test(c)) last = c;
      i++;
    }
  }
  return out.join('');
}

/** An import that waits until it is needed makes no cycle: both modules are whole by then. */
const LATER = /\bimport\s*\(\s*(?=['"`])/g;

/** Every import of a module, static, dynamic, re-exported or for its types, with the offset of its specifier. */
function findImports(text, masked) {
  const found = [];
  const patterns = [
    /\b(?:import|export)\b[^;'"`]*?\bfrom\s*(?=['"])/g,
    /\bimport\s*(?=['"])/g,
    LATER,
    /\brequire\s*\(\s*(?=['"`])/g,
  ];
  for (const pattern of patterns) {
    for (const match of masked.matchAll(pattern)) {
      const open = match.index + match[0].length;
      const close = masked.indexOf(masked[open], open + 1);
      found.push({ specifier: text.slice(open + 1, close), offset: open, isLater: pattern === LATER });
    }
  }
  return found;
}

/** Checks one import and returns the project file that it resolves to, if it is one. */
function checkImport(root, file, specifier, report) {
  const layer = layerOf(file);
  const pure = ISOMORPHIC.get(layer);
  if (!specifier.startsWith('.')) {
    const bare = specifier.replace(/^node:/, '');
    if (AMBIENT_MODULES.has(bare) && !AMBIENT_ALLOWED.has(layer) && !isTest(file)) {
      report('ambient', `\`${specifier}\` is a real clock or timer; take it from \`Env\``);
    }
    if (pure === undefined || isTest(file)) return undefined;
    if (specifier.startsWith('node:') || builtinModules.includes(bare)) {
      report('isomorphic', `\`${layer}/\` runs in a browser and cannot import \`${specifier}\``);
    } else if (!pure.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
      report('isomorphic', `\`${layer}/\` may import ${pure.join(', ') || 'no package'}, not \`${specifier}\``);
    }
    return undefined;
  }

  const target = resolveRelative(root, file, specifier);
  if (target === undefined) {
    report('unresolved', `\`${specifier}\` is no source file; import files by their full name`);
    return undefined;
  }
  const targetLayer = layerOf(target);
  if (!LAYERS.includes(targetLayer)) return undefined;
  if (basename(target).replace(/\.\w+$/, '') === 'index') {
    report('barrel', `\`${specifier}\` is a published entry point; import the file that defines the name`);
  }
  if (LAYERS.indexOf(targetLayer) > LAYERS.indexOf(layer)) {
    report('upward', `\`${layer}/\` must not import from \`${targetLayer}/\`, which lies above it`);
  }
  if (NEVER.some(([from, to]) => from === layer && to === targetLayer)) {
    report('separate', `\`${layer}/\` must never see \`${targetLayer}/\`; they meet at \`graph/\``);
  }
  if (pure !== undefined && !isTest(file) && !ISOMORPHIC.has(targetLayer)) {
    report('isomorphic', `\`${layer}/\` runs in a browser and cannot import from \`${targetLayer}/\``);
  }
  const port = PORTS.get(targetLayer);
  if (port !== undefined && targetLayer !== layer && target !== port && !COMPOSITION.has(layer) && !isTest(file)) {
    report('implementation', `outside \`${targetLayer}/\` import the port \`${port}\`, not \`${target}\``);
  }
  if (isTest(target) && !isTest(file) && !(layer === 'chaos' && target.endsWith('.model.ts'))) {
    report('test-code', `\`${target}\` is test code and is not in the build`);
  }
  return target;
}

function resolveRelative(root, file, specifier) {
  const path = posix.normalize(posix.join(posix.dirname(file), specifier));
  const candidates = [path, path.replace(/\.js$/, '.ts'), path.replace(/\.mjs$/, '.mts'), `${path}/index.ts`];
  return candidates.find((candidate) => {
    const stat = statSync(join(root, candidate), { throwIfNoEntry: false });
    return stat?.isFile() === true;
  });
}

function checkAmbient(file, masked, report) {
  if (AMBIENT_ALLOWED.has(layerOf(file)) || AMBIENT_FILES.has(file) || isTest(file)) return;
  for (const [pattern, name] of AMBIENT) {
    for (const match of masked.matchAll(pattern)) {
      report(match.index, 'ambient', `${name} makes a run impossible to replay; take it from \`Env\``);
    }
  }
}

/** A port is importable from anywhere above because it holds no code: types and interfaces only. */
function checkInterfaceOnly(masked, report) {
  for (const match of masked.matchAll(/^(?:export\s+)?(?:const|let|var|function|async|class|enum|abstract)\b/gm)) {
    report(match.index, 'port', 'a port holds interfaces and types only; put code beside it');
  }
  for (const match of masked.matchAll(/^import\s+(?!type\b)/gm)) {
    report(match.index, 'port', 'a port imports types only; write `import type`');
  }
}

/** One cycle for each strongly connected component of more than one file, or of a file that imports itself. */
function findCycles(graph) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const onStack = new Set();
  const cycles = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    onStack.add(file);
    for (const { file: target } of graph.get(file) ?? []) {
      if (!index.has(target)) {
        visit(target);
        low.set(file, Math.min(low.get(file), low.get(target)));
      } else if (onStack.has(target)) low.set(file, Math.min(low.get(file), index.get(target)));
    }
    if (low.get(file) !== index.get(file)) return;
    const members = new Set(stack.splice(stack.indexOf(file)));
    for (const member of members) onStack.delete(member);
    const self = (graph.get(file) ?? []).some((target) => target.file === file);
    if (members.size > 1 || self) cycles.push(pathThrough(graph, file, members));
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return cycles;
}

/** The shortest way from `start` back to itself inside `members`. */
function pathThrough(graph, start, members) {
  const before = new Map();
  const queue = [start];
  for (const file of queue) {
    for (const { file: target } of graph.get(file) ?? []) {
      if (target === start) {
        const path = [file];
        while (path[0] !== start) path.unshift(before.get(path[0]));
        return path;
      }
      if (!members.has(target) || before.has(target)) continue;
      before.set(target, file);
      queue.push(target);
    }
  }
  return [...members];
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  explained(import.meta.url);
  const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
  const { files, violations } = checkLayers(root);
  for (const { file, line, rule, message } of violations) console.error(`${file}:${line}: ${rule}: ${message}`);
  console.log(`layers: ${files} files, ${violations.length} violations`);
  process.exitCode = violations.length === 0 && files > 0 ? 0 : 1;
}
