/**
 * The openCypher TCK, as far as it lies beside the project. `passing.txt` lists the scenarios that pass; it may only grow:
 * one that stops passing fails the run, one that begins to is added by `WEFT_UPDATE=1`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { graphName } from '../../base/ids.ts';
import { MemoryGraph } from '../../query/memory-graph.model.ts';
import { planStatement } from '../../query/plan/plan-statement.ts';
import { LARGE, run, TINY } from '../../src/engine-on-disk.model.ts';
import type { EngineGraph } from '../../src/graphs/graph.ts';
import { testEnv } from '../../src/test-env.model.ts';
import { ROOT } from '../server-process.ts';
import { hasTck, readScenarios, readTckValues, type ScenarioGraph, TCK_FOLDER, TckRunner } from './tck-run.ts';

const LIST = join(ROOT, 'test/conformance/passing.txt');

/** Scenarios that are not run, each with its reason. */
const SKIPPED: ReadonlyMap<string, string> = new Map([]);

async function outcomes(open: (index: number) => Promise<ScenarioGraph>): Promise<Map<string, string | null>> {
  const runner = new TckRunner(await readTckValues(), testEnv(1), planStatement);
  const found = new Map<string, string | null>();
  let index = 0;
  for (const scenario of readScenarios()) {
    if (SKIPPED.has(scenario.id) || scenario.tags.includes('@ignore')) continue;
    const graph = await open(index++);
    found.set(
      scenario.id,
      await runner.run(scenario, graph).catch((error: unknown) => `the harness failed: ${String(error)}`),
    );
  }
  return found;
}

function check(found: ReadonlyMap<string, string | null>): void {
  const listed = readFileSync(LIST, 'utf8').split('\n').filter(Boolean);
  const broken = listed.filter((id) => found.get(id) !== null).map((id) => `${id}: ${found.get(id) ?? 'is gone'}`);
  expect(broken).toEqual([]);
  const unlisted = Array.from(found).filter(([id, why]) => why === null && !listed.includes(id));
  expect(unlisted.map(([id]) => id)).toEqual([]);
}

async function engineGraphs(memoryBudgetBytes: number): Promise<(index: number) => Promise<ScenarioGraph>> {
  const { engine } = await run({ memoryBudgetBytes });
  return async (index) => {
    const name = graphName(`tck-${index}`);
    await engine.createGraph(name, { partitions: 2 });
    const graph = engine.graph(name) as EngineGraph;
    return { open: () => graph.statementGraph() };
  };
}

if (!hasTck) {
  it.skip(`TCK: skipped, there is nothing at ${TCK_FOLDER}`, () => undefined);
} else {
  it('TCK: every scenario, on a plain graph in memory -> as listed', async () => {
    const found = await outcomes(async () => {
      const graph = new MemoryGraph();
      return { open: () => graph };
    });
    if (process.env.WEFT_UPDATE === '1') {
      const listed = readFileSync(LIST, 'utf8').split('\n').filter(Boolean);
      const passing = Array.from(found).flatMap(([id, why]) => (why === null ? [id] : []));
      writeFileSync(
        LIST,
        `${Array.from(new Set([...listed, ...passing]))
          .sort()
          .join('\n')}\n`,
      );
    }
    check(found);
  }, 300_000);

  it('TCK: every scenario, on the engine -> as listed', async () => {
    check(await outcomes(await engineGraphs(LARGE)));
  }, 300_000);

  it('TCK: every scenario, on an engine that keeps nothing in memory -> as listed', async () => {
    check(await outcomes(await engineGraphs(TINY)));
  }, 300_000);
}
