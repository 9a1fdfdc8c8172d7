/** All servers hold the same, and it is what the commits say. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const convergence: Checker = {
  name: 'convergence',
  promise: 'once connected and quiet, all servers hold the same graphs: those that a fold of all commits gives',
  check({ final, expected }) {
    const evidence: string[] = [];
    const [first, ...others] = final;
    if (first === undefined) return { kind: 'unknown', reason: 'the final state of no server is known' };
    for (const other of others) {
      const [a, b] = [vectorText(first.vector), vectorText(other.vector)];
      if (a !== b) evidence.push(`vectors differ: ${first.server} ${a}, ${other.server} ${b}`);
      for (const name of new Set([...first.graphs.keys(), ...other.graphs.keys()])) {
        const [mine, its] = [first.graphs.get(name), other.graphs.get(name)];
        if (mine === undefined || its === undefined) {
          evidence.push(`graph ${name} exists on one of ${first.server} and ${other.server} only`);
        } else if (mine.contents !== its.contents) {
          evidence.push(`graph ${name}: ${difference(first.server, mine.contents, other.server, its.contents)}`);
        } else if (mine.digest !== its.digest) {
          evidence.push(`graph ${name}: equal contents, but digests ${mine.digest} and ${its.digest}`);
        }
      }
    }
    for (const name of new Set([...first.graphs.keys(), ...expected.keys()])) {
      const [held, wanted] = [first.graphs.get(name)?.contents, expected.get(name)];
      if (held === undefined) evidence.push(`graph ${name} should exist and does not`);
      else if (wanted === undefined) evidence.push(`graph ${name} should not exist`);
      else if (held !== wanted) evidence.push(`graph ${name}: ${difference(first.server, held, 'the model', wanted)}`);
    }
    return judge(evidence);
  },
};

export function vectorText(vector: ReadonlyMap<number, number>): string {
  const entries = [...vector].sort(([a], [b]) => a - b);
  return `{${entries.map(([origin, seq]) => `${origin}:${seq}`).join(' ')}}`;
}

/** The first lines that only one of two texts has. */
function difference(nameA: string, a: string, nameB: string, b: string): string {
  const [linesA, linesB] = [a.split('\n'), b.split('\n')];
  const onlyA = linesA.filter((line) => !linesB.includes(line));
  const onlyB = linesB.filter((line) => !linesA.includes(line));
  const some = (lines: readonly string[]) => `${lines.length} [${lines.slice(0, 2).join(' | ')}]`;
  return `lines of ${nameA} alone: ${some(onlyA)}; of ${nameB} alone: ${some(onlyB)}`;
}
