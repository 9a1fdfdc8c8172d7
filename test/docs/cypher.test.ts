/** docs/cypher.md: its statements run, in order, on one graph, and it names every function and procedure that there is. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { splitScript } from '../../bin/split-script.ts';
import { aggregateNames } from '../../query/functions/aggregates.ts';
import { functionNames } from '../../query/functions/registry.ts';
import { MemoryGraph } from '../../query/memory-graph.model.ts';
import { BUILT_IN_PROCEDURES } from '../../query/procedures/built-in.ts';
import { runStatement } from '../../query/run-statement.model.ts';

const page = readFileSync(new URL('../../docs/cypher.md', import.meta.url), 'utf8');

/** What a line that starts with `title`, and those after it, name. */
function named(title: string): string[] {
  const start = page.indexOf(`\n${title}`);
  expect(start, title).toBeGreaterThan(0);
  const paragraph = page.slice(start, page.indexOf('\n\n', start + 1));
  return [...paragraph.matchAll(/`([\w.]+)`/g)].map(([, name]) => name as string);
}

test('docs/cypher.md: every statement, in order, on one graph -> none is refused', async () => {
  const graph = new MemoryGraph();
  const blocks = [...page.matchAll(/```cypher\n([\s\S]*?)```/g)].flatMap(([, block]) => splitScript(block as string));
  expect(blocks.length).toBeGreaterThan(15);
  for (const statement of blocks) {
    await runStatement(statement, graph).catch((error: unknown) => {
      throw new Error(statement, { cause: error });
    });
  }
  const { rows } = await runStatement('MATCH (a:Village)-[r:ROAD]->(b) RETURN a.name, r.km, b.name', graph);
  expect(rows).toEqual([['Lom', 336, 'Oslo']]);
});

test('docs/cypher.md: functions -> those that there are', () => {
  const temporal = named('Temporal');
  const clocks = temporal.filter((name) => name.startsWith('.'));
  const families = ['date', 'time', 'localtime', 'datetime', 'localdatetime'];
  expect(clocks).toEqual(['.transaction', '.statement', '.realtime', '.truncate']);
  const documented = [
    ...named('Scalar').filter((name) => !['coalesce', 'exists'].includes(name)),
    ...temporal.filter((name) => !name.startsWith('.')),
    ...families.flatMap((family) => clocks.map((clock) => `${family}${clock}`)),
  ];
  // Those two are no functions for the executor, because they take what is no value.
  expect(documented.sort()).toEqual(functionNames().sort());
  expect(named('Aggregates').sort()).toEqual(aggregateNames());
  expect(named('Procedures').sort()).toEqual(
    [...BUILT_IN_PROCEDURES.keys()].filter((name) => !name.startsWith('show.')).sort(),
  );
});
