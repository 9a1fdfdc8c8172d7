/** Ranks the functions of a CPU profile by the time that they took themselves. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const TOP = 25;

/** Programs that a benchmark starts, by a file that only they run. */
const PROGRAMS = ['bin/weft.js', 'bench/fastify-peer.js', 'bench/run-benchmark.js'];

export function profileLines(file: string): string[] {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const nameOf = new Map<number, string>();
  for (const { id, callFrame } of nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const at = url === '' ? '' : ` ${url.replace(/^.*\/(?:dist|node_modules)\//, '')}:${lineNumber + 1}`;
    nameOf.set(id, `${functionName || '(anonymous)'}${at}`);
  }
  const micros = new Map<string, number>();
  let total = 0;
  for (const [i, sample] of samples.entries()) {
    const name = nameOf.get(sample) ?? '?';
    if (name === '(idle)') continue;
    const delta = timeDeltas[i] ?? 0;
    total += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  }
  const ranked = Array.from(micros).sort(([, a], [, b]) => b - a);
  const lines = ranked
    .slice(0, TOP)
    .map(
      ([name, time]) =>
        `${((100 * time) / total).toFixed(1).padStart(6)} %  ${(time / 1000).toFixed(0).padStart(7)} ms  ${name}`,
    );
  const program = PROGRAMS.find((path) => nodes.some(({ callFrame }) => callFrame.url.endsWith(path)));
  return [`self time in ${program ?? basename(file)}, ${(total / 1e6).toFixed(2)} s busy`, ...lines];
}
