/** Scenarios as files: those of the project are sound, and a mistake in one is named. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { REAL_CHECKERS } from './checkers/all.ts';
import { REAL_FAULTS } from './faults/all.ts';
import { checkScenario, readScenario } from './scenario.ts';
import { WORKLOADS } from './workloads/all.ts';

const FOLDER = fileURLToPath(new URL('../scenarios', import.meta.url));
const KNOWN = {
  workloads: WORKLOADS.map(({ name }) => name),
  faults: REAL_FAULTS.map(({ name }) => name),
  checkers: REAL_CHECKERS.map(({ name }) => name),
};
const GOOD = { name: 'mine', about: 'A test.', seconds: 5, workloads: [{ kind: 'sets' }] };

const files = readdirSync(FOLDER);

describe('scenarios', () => {
  test.each(files)('%s -> is sound, and called as its file', (file) => {
    expect(`${readScenario(join(FOLDER, file), KNOWN).name}.json`).toBe(file);
  });

  test('all faults and workloads -> each is in some scenario', () => {
    const scenarios = files.map((file) => readScenario(join(FOLDER, file), KNOWN));
    const used = new Set(
      scenarios.flatMap(({ faults, workloads }) => [...faults, ...workloads]).map(({ kind }) => kind),
    );
    expect([...KNOWN.faults, ...KNOWN.workloads].filter((kind) => !used.has(kind))).toEqual([]);
  });

  test('what is left out -> three servers, no faults', () => {
    expect(checkScenario('mine', GOOD, KNOWN)).toMatchObject({ servers: 3, faults: [], overlap: false });
  });

  test.each([
    [{ workloads: [{ kind: 'bets' }] }, /there is no workload bets; there are .*sets/],
    [{ faults: [{ kind: 'rain', everySeconds: 1, lastsSeconds: 1 }] }, /there is no fault rain/],
    [{ faults: [{ kind: 'kill', everySeconds: 0, lastsSeconds: 1 }] }, /kill: `everySeconds`/],
    [{ faults: [{ kind: 'kill', everySeconds: 1, lastsSeconds: 1, target: 'six' }] }, /there is no server six/],
    [{ servers: 9 }, /`servers` must be from 1 to 5/],
    [{ logScale: 0.5 }, /`logScale` must be/],
    [{ checkers: ['luck'] }, /there is no checker luck/],
    [{ second: 3 }, /unknown field second/],
  ])('%j -> refused, with what is wrong', (change, message) => {
    expect(() => checkScenario('mine.json', { ...GOOD, ...change }, KNOWN)).toThrow(message);
  });
});
