/**
 * Sees every rule of `check-layers.mjs` fail on a fixture, and the look-alikes pass: a check that cannot fail is a
 * defect. Runs with `node --test scripts/*.test.mjs`.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkLayers, maskSource } from './check-layers.mjs';

/** A tree that breaks no rule; each test changes one file of it. */
const CLEAN = {
  'base/ids.ts': 'export type Id = string;\n',
  'graph/model.ts': "import type { Id } from '../base/ids.ts';\nexport interface Node { id: Id }\n",
  'crdt/doc.ts':
    "import * as Y from 'yjs';\nimport { blake3 } from '@noble/hashes/blake3.js';\nexport const d = [Y, blake3];\n",
  'query/parse.ts': "import type { Node } from '../graph/model.ts';\nexport type Plan = Node;\n",
  'storage/store.ts': "import type { Id } from '../base/ids.ts';\nexport interface Store { id: Id }\n",
  'storage/disk.ts':
    "import { readFile } from 'node:fs/promises';\nimport type { Store } from './store.ts';\nexport const open = (): Store => ({ id: String(readFile) });\n",
  'src/engine-port.ts': 'export interface Engine {}\n',
  'src/engine.ts':
    "import type { Store } from '../storage/store.ts';\nimport type { Engine } from './engine-port.ts';\nexport const make = (_: Store): Engine => ({});\n",
  'api/server.ts': "import type { Engine } from '../src/engine-port.ts';\nexport const serve = (_: Engine) => 1;\n",
  'client/client.ts': "import '../crdt/doc.ts';\n",
  'bin/main.ts':
    "import { open } from '../storage/disk.ts';\nimport { make } from '../src/engine.ts';\nimport { serve } from '../api/server.ts';\nsetTimeout(() => serve(make(open())), Date.now() - Number(process.env.X));\n",
  'src/engine.test.ts': "import { open } from '../storage/disk.ts';\nopen(); Date.now(); setTimeout(() => 1, 1);\n",
};

/** The rules that `changes` to the clean tree break, as `file: rule`. */
function rulesBroken(changes) {
  const root = mkdtempSync(join(tmpdir(), 'layers-'));
  try {
    for (const [file, text] of Object.entries({ ...CLEAN, ...changes })) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkLayers(root).violations.map(({ file, rule }) => `${file}: ${rule}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const CASES = [
  ['a tree that keeps every rule', {}, []],
  ['upward import', { 'graph/model.ts': "import '../crdt/doc.ts';\n" }, ['graph/model.ts: upward']],
  [
    'upward type import',
    { 'storage/disk.ts': "import type { Engine } from '../src/engine-port.ts';\n" },
    ['storage/disk.ts: upward'],
  ],
  [
    'upward import by re-export',
    { 'graph/model.ts': "export { d } from '../crdt/doc.ts';\n" },
    ['graph/model.ts: upward'],
  ],
  [
    'upward dynamic import',
    { 'src/engine.ts': "export const s = import('../api/server.ts');\n" },
    ['src/engine.ts: upward'],
  ],
  [
    'upward import of a type in place',
    { 'src/engine.ts': "export type S = typeof import('../api/server.ts');\n" },
    ['src/engine.ts: upward'],
  ],
  ['test that imports upward', { 'src/engine.test.ts': "import '../bin/main.ts';\n" }, ['src/engine.test.ts: upward']],
  [
    'import cycle of types',
    {
      'graph/model.ts': "import type { V } from './value.ts';\nexport type M = V;\n",
      'graph/value.ts': "import type { M } from './model.ts';\nexport type V = M;\n",
    },
    ['graph/model.ts: cycle'],
  ],
  [
    'import cycle of three files',
    {
      'api/a.ts': "import './b.ts';\n",
      'api/b.ts': "import './c.ts';\n",
      'api/c.ts': "import './a.ts';\n",
    },
    ['api/a.ts: cycle'],
  ],
  [
    'cycle through an import that waits until it is needed',
    { 'api/a.ts': "export const b = () => import('./b.ts');\n", 'api/b.ts': "import './a.ts';\n" },
    [],
  ],
  ['file that imports itself', { 'api/a.ts': "import './a.ts';\n" }, ['api/a.ts: cycle']],
  ['Node import in a folder for browsers', { 'crdt/doc.ts': "import 'node:fs';\n" }, ['crdt/doc.ts: isomorphic']],
  ['Node import without its prefix', { 'query/parse.ts': "import 'crypto';\n" }, ['query/parse.ts: isomorphic']],
  ['npm package in a folder for browsers', { 'graph/model.ts': "import 'yjs';\n" }, ['graph/model.ts: isomorphic']],
  ['npm package that is not on the list', { 'client/client.ts': "import 'ws';\n" }, ['client/client.ts: isomorphic']],
  [
    'client that imports a folder of the server',
    { 'client/client.ts': "import '../src/engine-port.ts';\n" },
    ['client/client.ts: isomorphic'],
  ],
  ['query that sees the CRDT', { 'query/parse.ts': "import '../crdt/doc.ts';\n" }, ['query/parse.ts: separate']],
  ['implementation of a port', { 'api/server.ts': "import '../src/engine.ts';\n" }, ['api/server.ts: implementation']],
  [
    'implementation of the store',
    { 'src/engine.ts': "import '../storage/disk.ts';\n" },
    ['src/engine.ts: implementation'],
  ],
  ['code in a port', { 'src/engine-port.ts': 'export const answer = 42;\n' }, ['src/engine-port.ts: port']],
  [
    'value import in a port',
    { 'storage/store.ts': "import { a } from '../base/ids.ts';\n" },
    ['storage/store.ts: port'],
  ],
  ['barrel', { 'graph/index.ts': '', 'src/engine.ts': "import '../graph/index.ts';\n" }, ['src/engine.ts: barrel']],
  [
    'barrel by its folder',
    { 'graph/index.ts': '', 'src/engine.ts': "import '../graph';\n" },
    ['src/engine.ts: barrel'],
  ],
  [
    'file whose name only ends like a test',
    { 'src/engine.ts': "import './under-test.ts';\n", 'src/under-test.ts': '' },
    [],
  ],
  ['test code in production', { 'src/engine.ts': "import './engine.test.ts';\n" }, ['src/engine.ts: test-code']],
  [
    'second implementation in the simulator',
    { 'chaos/check.ts': "import '../crdt/graph.model.ts';\n", 'crdt/graph.model.ts': '' },
    [],
  ],
  [
    'test in the simulator',
    { 'chaos/check.ts': "import '../crdt/doc.test.ts';\n", 'crdt/doc.test.ts': '' },
    ['chaos/check.ts: test-code'],
  ],
  ['timer in the one file of the simulator that may', { 'chaos/host.ts': 'setImmediate(() => 1);\n' }, []],
  ['timer elsewhere in the simulator', { 'chaos/check.ts': 'setImmediate(() => 1);\n' }, ['chaos/check.ts: ambient']],
  ['file that does not exist', { 'api/server.ts': "import './gone.ts';\n" }, ['api/server.ts: unresolved']],
  [
    'timers module',
    { 'src/engine.ts': "import { setTimeout as sleep } from 'node:timers/promises';\n" },
    ['src/engine.ts: ambient', 'src/engine.ts: ambient'],
  ],
];

for (const [name, changes, expected] of CASES) {
  test(`layers: ${name} -> ${expected.length === 0 ? 'nothing' : expected[0].split(': ')[1]}`, () => {
    assert.deepEqual(rulesBroken(changes), expected);
  });
}

const AMBIENT = [
  'Date.now()',
  'new Date()',
  'new Date',
  'Date()',
  'performance.now()',
  'Math.random()',
  'crypto.randomUUID()',
  'globalThis.crypto.getRandomValues(b)',
  'randomBytes(4)',
  'setTimeout(f, 1)',
  'globalThis.setInterval(f, 1)',
  'setImmediate(f)',
  'queueMicrotask(f)',
  'process.env.HOME',
  'process.hrtime.bigint()',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the fixture is source text.
  '`${Date.now()}`',
];
for (const code of AMBIENT) {
  test(`layers: ${code} below bin/ -> ambient`, () => {
    assert.ok(
      rulesBroken({ 'storage/disk.ts': `export const x = (f: any, b: any) => ${code};\n` }).includes(
        'storage/disk.ts: ambient',
      ),
    );
  });
}

const HARMLESS = [
  'new Date(0)',
  'Date.parse(b)',
  'socket.setTimeout(1)',
  '"Date.now()"',
  '`Math.random`',
  '/setTimeout/.test(b)',
  'b / 2 // Math.random()',
  'f /* process.env */',
  'clock.now()',
];
for (const code of HARMLESS) {
  test(`layers: ${code} -> nothing`, () => {
    assert.deepEqual(rulesBroken({ 'storage/disk.ts': `export const x = (f, b, socket, clock) => ${code};\n` }), []);
  });
}

test('layers: source with every kind of literal -> same offsets, only code left', () => {
  const source = [
    '#!/usr/bin/env node',
    "const a = 'x\\'y'; // comment",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the fixture is source text.
    'const b = `p${q(`r${s}`)}t`;',
    'const c = /[/\'"]/g; /* comment',
    '*/ e / f / g;',
  ].join('\n');
  const masked = maskSource(source);
  assert.equal(masked.length, source.length);
  assert.deepEqual(
    masked.split('\n').map((line) => line.replace(/ +/g, ' ').trim()),
    [
      '',
      "const a = ' ';",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the fixture is source text.
      'const b = ` ${q(` ${s}`)} `;',
      'const c = / /g;',
      'e / f / g;',
    ],
  );
});
