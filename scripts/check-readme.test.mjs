/** The walk's own rules: what counts as a step, and what counts as the expected output. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, readWalk } from './check-readme.mjs';

test('walk: blocks of a page -> steps in order, each with its output', () => {
  const page = '```sh\nnpm ci\n```\n```sh walk\ncurl a\n```\n```json expect\n{"a":1}\n```\n```sh walk\ncurl b\n```\n';
  assert.deepEqual(readWalk(page), [
    { script: 'curl a\n', expected: '{"a":1}\n' },
    { script: 'curl b\n', expected: undefined },
  ]);
});

test('walks: two on one page -> each has its own steps and outputs', () => {
  const page =
    '```sh walk\ncurl a\n```\n```sh cluster-walk\ncurl b\n```\n```text expect\nb\n```\n```sh walk\ncurl c\n```\n';
  assert.deepEqual(readWalk(page), [
    { script: 'curl a\n', expected: undefined },
    { script: 'curl c\n', expected: undefined },
  ]);
  assert.deepEqual(readWalk(page, 'cluster-walk'), [{ script: 'curl b\n', expected: 'b\n' }]);
});

test('walk: output without a command -> refused', () => {
  assert.throws(() => readWalk('```json expect\n{}\n```\n'));
});

const CASES = [
  ['the same but for white space', '{ "a": [1, 2.0] }', '{"a":[1,2.0]}\n', true],
  ['wildcard', '{"id":"…","n":1}', '{"id":"x","n":1}', true],
  ['white space inside of quotes', '{"a":"x y"}', '{"a":"xy"}', false],
  ['float instead of integer', '{"a":2.0}', '{"a":2}', false],
  ['missing member', '{"a":1,"b":2}', '{"a":1}', false],
  ['more than expected', '{"a":1}', '{"a":1}{"b":2}', false],
  ['characters that patterns give a meaning', '(a)*[b]?', '(a)*[b]?', true],
];
for (const [name, expected, actual, outcome] of CASES) {
  test(`walk output: ${name} -> ${outcome ? 'accepted' : 'refused'}`, () => {
    assert.equal(matches(expected, actual), outcome);
  });
}
