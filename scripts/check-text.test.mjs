/** Sees every rule of `check-docs.mjs` and `check-words.mjs` fail on a fixture. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkDocs } from './check-docs.mjs';
import { checkWords } from './check-words.mjs';

function withTree(files, check) {
  const root = mkdtempSync(join(tmpdir(), 'text-'));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return check(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const OTHER = '# Other one\n\n## With `code` & more\n';
const DOCUMENTS = [
  [
    'links that resolve',
    '[a](other.md) [b](other.md#other-one) [c](other.md#with-code--more) [d](#top)\n# Top\n',
    undefined,
  ],
  ['link into a code block', '```md\n[a](gone.md)\n```\n', undefined],
  ['external link', '[a](https://example.org/x)\n', undefined],
  ['link to a missing file', '[a](gone.md)\n', 'leads nowhere'],
  ['link to a missing heading', '[a](other.md#gone)\n', 'names no heading'],
  ['link out of the project', '[a](../other.md)\n', 'leaves the project'],
  ['named file that is missing', 'See `src/gone.ts`.\n', 'does not exist'],
  ['named file that exists', 'See `src/here.ts`.\n', undefined],
  ['open code block', '```sh\nls\n', 'not closed'],
];
for (const [name, text, expected] of DOCUMENTS) {
  test(`documents: ${name} -> ${expected ?? 'nothing'}`, () => {
    const files = { 'page.md': text, 'other.md': OTHER, 'src/here.ts': '' };
    const { problems } = withTree(files, checkDocs);
    if (expected === undefined) assert.deepEqual(problems, []);
    else assert.match(problems.join('\n'), new RegExp(expected));
  });
}

test('documents: README of a folder with 41 lines -> too long', () => {
  const { problems } = withTree({ 'src/README.md': 'line\n'.repeat(41) }, checkDocs);
  assert.match(problems.join('\n'), /at most 40/);
});

const WORDS = [
  ['path of a home folder', 'a.md', ['see /home', '/someone/x'].join('')],
  ['registry host', 'package-lock.json', ['"resolve', 'd": "https://x/y.tgz"'].join('')],
  ['conflict marker', 'a.ts', `${'<'.repeat(7)} HEAD`],
  ['focused test', 'src/a.test.ts', ['it.', "only('x')"].join('')],
  ['private key', 'key.pem', ['-----BEGIN RSA ', 'PRIVATE KEY-----'].join('')],
  ['note to oneself', 'a.ts', ['// TO', 'DO later'].join('')],
];
for (const [name, file, text] of WORDS) {
  test(`words: ${name} -> found`, () => {
    assert.equal(withTree({ [file]: `first\n${text}\n` }, checkWords).length, 1);
  });
}

test('words: ordinary text -> nothing', () => {
  assert.deepEqual(
    withTree({ 'a.md': 'GET /v1/graphs/trains/nodes, ./home/x, https://example.org/home/x\n' }, checkWords),
    [],
  );
});
