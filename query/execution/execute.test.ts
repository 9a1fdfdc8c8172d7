import { expect, it, vi } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { SortOperator } from '../operators/sort.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import type { Operator, Plan } from '../plan/operator.ts';
import { runStatement } from '../run-statement.model.ts';
import { type ExecuteOptions, Execution, PreparedPlan } from './execute.ts';
import { GraphOverlay } from './graph-overlay.ts';
import type { ResultValue } from './result-value.ts';

const ARGUMENT: Operator = { kind: 'Argument' };
const slot = (number: number, slotKind: 'node' | 'edge' | 'value'): BoundExpression => ({
  kind: 'slot',
  slot: number,
  slotKind,
});
const property = (node: number, name: string): BoundExpression => ({ kind: 'property', of: slot(node, 'node'), name });

/** A triangle a -> b -> c -> a of people who know each other, and d, who is known by a. */
async function people(absent: boolean): Promise<MemoryGraph> {
  const graph = new MemoryGraph({ absent });
  const ids = ['a', 'b', 'c', 'd'] as NodeId[];
  await graph.commit([
    ...ids.map((id, i) => ({ op: 'createNode', id, labels: ['P'], properties: { name: id, age: i } }) as const),
    ...(['ab', 'bc', 'ca', 'ad'] as const).map(
      ([from, to]) =>
        ({
          op: 'createEdge',
          type: 'KNOWS',
          from: from as NodeId,
          to: to as NodeId,
          properties: {},
        }) as const,
    ),
  ]);
  return graph;
}

function options(graph: MemoryGraph, overlay?: GraphOverlay): ExecuteOptions {
  let now = 0;
  return {
    graph,
    overlay,
    host: {
      // Every look at the clock takes a slice: each step that may pause does.
      clock: { wallMs: () => 0, monotonicMs: () => (now += 10) },
      scheduler: { after: () => ({ cancel: () => undefined }), yield: async () => undefined },
      random32: () => 0,
      procedure: () => undefined,
    },
    statement: {
      parameters: {},
      accessMode: 'write',
      timeoutMs: undefined,
      rowsMax: undefined,
      heldMax: 1e6,
      isCancelled: () => false,
    },
    transactionMs: 0,
    profiled: false,
  };
}

async function rows(plan: Plan, graph: MemoryGraph, overlay?: GraphOverlay): Promise<ResultValue[][]> {
  const execution = new Execution(new PreparedPlan(plan), options(graph, overlay));
  const found: ResultValue[][] = [];
  for (;;) {
    const batch = await execution.nextBatch();
    if (batch === undefined) break;
    execution.appendResults(batch, found);
  }
  execution.close();
  return found;
}

const expand = (input: Operator, from: number, edge: number, to: number, unlike: number[] = []): Operator => ({
  kind: 'Expand',
  input,
  from,
  edge,
  to,
  direction: 'out',
  types: ['KNOWS'],
  into: false,
  bound: false,
  unlike,
  unlikeLists: [],
});

const TWO_HOPS: Plan = {
  root: {
    kind: 'Sort',
    input: {
      kind: 'Project',
      input: expand(expand({ kind: 'LabelScan', input: ARGUMENT, node: 0, label: 'P' }, 0, 1, 2), 2, 3, 4, [1]),
      items: [
        { slot: 5, expression: property(0, 'name') },
        { slot: 6, expression: property(4, 'name') },
      ],
    },
    by: [
      { expression: slot(5, 'value'), descending: false },
      { expression: slot(6, 'value'), descending: true },
    ],
    limit: undefined,
  },
  slots: ['node', 'edge', 'node', 'edge', 'node', 'value', 'value'],
  columns: [
    { name: 'from', slot: 5 },
    { name: 'to', slot: 6 },
  ],
  writes: false,
  subplans: [],
};

for (const absent of [false, true]) {
  const where = absent ? 'every read is repeated' : 'in memory';
  it(`execute: two hops, sorted [${where}] -> each pair once`, async () => {
    expect(await rows(TWO_HOPS, await people(absent))).toEqual([
      ['a', 'c'],
      ['b', 'a'],
      ['c', 'd'],
      ['c', 'b'],
    ]);
  });

  it(`execute: one node made for each row [${where}] -> as many as rows, seen by the statement alone`, async () => {
    const graph = await people(absent);
    const overlay = new GraphOverlay(graph);
    const plan: Plan = {
      root: {
        kind: 'Create',
        input: expand({ kind: 'LabelScan', input: ARGUMENT, node: 0, label: 'P' }, 0, 1, 2),
        elements: [
          {
            kind: 'node',
            slot: 3,
            labels: ['Q'],
            computed: [],
            properties: { kind: 'map', entries: [['of', property(2, 'name')]] },
          },
          { kind: 'edge', slot: 4, type: 'MADE', from: 0, to: 3, properties: undefined },
        ],
      },
      slots: ['node', 'edge', 'node', 'node', 'edge'],
      columns: [],
      writes: true,
      subplans: [],
    };
    expect(await rows(plan, graph, overlay)).toHaveLength(4);
    expect(graph.nodes).toHaveLength(4);
    expect(overlay.counters).toMatchObject({ nodesCreated: 4, relationshipsCreated: 4, propertiesSet: 4 });
    await graph.commit(overlay.operations());
    expect(graph.nodes.slice(4).map(({ properties }) => properties.of)).toEqual(
      expect.arrayContaining(['b', 'c', 'a', 'd']),
    );
    expect(graph.edges).toHaveLength(8);
  });
}

it('a plan that is kept for the next run: holds no rows of this one, those of sub-queries in expressions neither', async () => {
  const cleared = vi.spyOn(SortOperator.prototype, 'clear');
  const text = 'MATCH (n:P) RETURN COLLECT { MATCH (m:P) RETURN m.age ORDER BY m.age } AS ages';
  const { rows: found } = await runStatement(text, await people(false));
  expect(found[0]).toEqual([[0, 1, 2, 3]]);
  expect(cleared).toHaveBeenCalledOnce();
  cleared.mockRestore();
});
