/** The edge collector of the examples, as a process that is killed in the middle, against a server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildIfStale, ROOT, type ServerProcess, serve } from './server-process.ts';

let scratch = '';
let server: ServerProcess;

beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-collector-'));
  server = await serve(join(scratch, 'server'));
});

afterAll(async () => {
  await server.kill();
  await rm(scratch, { recursive: true, force: true });
});

/** Runs the collector and tells each line to `onLine`. Resolves with its exit code or signal. */
async function collect(onLine: (line: string, child: ChildProcess) => void): Promise<unknown> {
  const flags = ['--url', server.url, '--data', join(scratch, 'device'), '--readings', '8', '--every-ms', '1'];
  const program = join(ROOT, 'examples/edge-collector/collector.mjs');
  const child = spawn(process.execPath, [program, ...flags, '--online', '2', '--offline', '2'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => onLine(line, child));
  const [code, signal] = await once(child, 'close');
  return code ?? signal;
}

test('edge collector: goes offline and back, is killed, started again -> every reading that it kept is on the server once', async () => {
  const saysKept = /^reading (\d+): .* kept$/;
  let last = 0;
  const killed = await collect((line, child) => {
    last = Number(saysKept.exec(line)?.[1] ?? last);
    // Offline, with readings that no server has.
    if (last >= 4) child.kill('SIGKILL');
  });
  expect(killed).toBe('SIGKILL');
  const lines: string[] = [];
  expect(await collect((line) => lines.push(line))).toBe(0);
  // What it kept and could not say any more is kept all the same.
  const kept = lines
    .map((line) => /^goes on after reading (\d+)$/.exec(line)?.[1])
    .find((number) => number !== undefined);
  const before = Number(kept);
  expect(before).toBeGreaterThanOrEqual(last);
  expect(lines.some((line) => line.startsWith('  offline, '))).toBe(true);
  expect(lines.at(-1)).toMatch(new RegExp(`^all ${before + 8} readings are on the server`));
  const answer = await fetch(`${server.url}/v1/graphs/default/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ statement: 'MATCH (:Sensor)-[:MEASURED]->(r) RETURN collect(r.number) AS numbers' }),
  });
  const { data } = (await answer.json()) as { data: { values: [[number[]]] } };
  expect(data.values[0][0].sort((a, b) => a - b)).toEqual(Array.from({ length: before + 8 }, (_, i) => i + 1));
});
