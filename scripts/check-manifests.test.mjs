/** Each kind of mistake in a manifest is noticed, and the manifests themselves have none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { composeProblems, kubernetesProblems } from './check-manifests.mjs';

const compose = readFileSync(new URL('../deploy/compose.yaml', import.meta.url), 'utf8');
const kubernetes = readFileSync(new URL('../deploy/kubernetes.yaml', import.meta.url), 'utf8');

function broken(text, from, to) {
  assert.ok(text.includes(from), `there is no ${from}`);
  return text.replace(from, to);
}

test('manifests: as they are -> no problem', async () => {
  assert.deepEqual(composeProblems(compose), []);
  assert.deepEqual(await kubernetesProblems(kubernetes), []);
});

for (const [what, from, to, says] of [
  [
    'a setting that there is not',
    'restart: unless-stopped',
    'restarts: unless-stopped',
    /additional properties restarts/,
  ],
  ['a value of another type', 'read_only: true', 'read_only: [yes]', /boolean/],
  ['a port that is none', "ports: ['7401:7400']", 'ports: 7401', /array/],
]) {
  test(`compose: ${what} -> a problem that names it`, () => {
    assert.match(composeProblems(broken(compose, from, to)).join('\n'), says);
  });
}

test('kubernetes: a setting that there is not -> a problem that names it', async () => {
  const text = broken(kubernetes, 'podManagementPolicy: Parallel', 'podManagementPolicies: Parallel');
  assert.match((await kubernetesProblems(text)).join('\n'), /podManagementPolicies/);
});

test('kubernetes: mistakes of other kinds -> each a problem that names it', async () => {
  const mistakes = [
    ['replicas: 3', 'replicas: three', /replicas/],
    ['updateStrategy: { type: RollingUpdate }', 'updateStrategy: { typo: RollingUpdate }', /typo/],
    ['            periodSeconds: 2\n            failureThreshold: 300', '            periodSecond: 2', /periodSecond/],
    ['  serviceName: weft-peers\n', '  serviceName: [weft-peers]\n', /serviceName/],
    ['kind: PodDisruptionBudget', 'kind: PodDisruptionBadger', /PodDisruptionBadger/],
  ];
  let text = kubernetes;
  for (const [from, to] of mistakes) text = broken(text, from, to);
  const problems = (await kubernetesProblems(text)).join('\n');
  for (const [, , says] of mistakes) assert.match(problems, says);
});
