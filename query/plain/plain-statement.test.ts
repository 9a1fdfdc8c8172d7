/**
 * What the engine answers, and writes, is what the plain evaluator says, on random statements. With
 * `WEFT_ROUNDS=20000` it is asked so many; `WEFT_SEED` gives other ones.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Float } from '../../graph/value.ts';
import type { ResultValue } from '../execution/result-value.ts';
import { isResultMap } from '../execution/result-value.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { QueryError } from '../query-error.ts';
import { randomGraph } from '../random-graph.model.ts';
import { literalForm, randomStatement } from '../random-statement.model.ts';
import { runStatement } from '../run-statement.model.ts';
import { PlainGraph } from './plain-graph.model.ts';
import { answerPlainly } from './plain-statement.model.ts';
import { isPlainList, isPlainMap, type Plain, PlainError, type PlainNode } from './plain-values.model.ts';

function plainGraph(): PlainGraph {
  const graph = new PlainGraph();
  const byId = new Map<string, PlainNode>();
  for (const operation of randomGraph()) {
    const properties = 'properties' in operation ? Object.entries(operation.properties ?? {}) : [];
    const plain = properties.map(([key, value]) => [key, BigInt(value as number)] as const);
    if (operation.op === 'createNode') {
      const id = String(operation.id);
      byId.set(id, graph.createNode(operation.labels ?? [], plain, id));
    } else if (operation.op === 'createEdge') {
      const ends = { from: byId.get(operation.from) as PlainNode, to: byId.get(operation.to) as PlainNode };
      graph.createEdge(operation.type, ends, plain, String(operation.id));
    }
  }
  Object.assign(graph.counts, { nodesCreated: 0, relationshipsCreated: 0 });
  return graph;
}

function plainText(value: Plain): string {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number') return `float ${value}`;
  if (isPlainList(value)) return `[${value.map(plainText).join()}]`;
  if (isPlainMap(value)) return `{${Array.from(value, ([key, each]) => `${key}: ${plainText(each)}`).sort()}}`;
  return JSON.stringify(value);
}

function engineText(value: ResultValue): string {
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof Float) return `float ${value.value}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}` : `float ${value}`;
  if (Array.isArray(value)) return `[${value.map(engineText).join()}]`;
  if (isResultMap(value))
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}: ${engineText(each)}`)
      .sort()}}`;
  return JSON.stringify(value);
}

type Element = readonly [labels: readonly string[], properties: readonly string[], ends?: readonly string[]];

const contentText = (elements: readonly Element[]): string[] => elements.map((each) => JSON.stringify(each)).sort();

/** Everything but the ids of what a statement made. */
function plainContent({ nodes, edges }: PlainGraph): string[] {
  const entries = (properties: ReadonlyMap<string, Plain>) =>
    Array.from(properties, ([key, value]) => `${key}: ${plainText(value)}`).sort();
  const name = ({ id }: PlainNode) => (id.startsWith('new') ? 'new' : id);
  return contentText([
    ...nodes.map((node): Element => [Array.from(node.labels).sort(), [name(node), ...entries(node.properties)]]),
    ...edges.map((edge): Element => [[edge.type], entries(edge.properties), [name(edge.from), name(edge.to)]]),
  ]);
}

function engineContent({ nodes, edges }: MemoryGraph): string[] {
  const entries = (properties: object) =>
    Object.entries(properties as Record<string, ResultValue>)
      .map(([key, value]) => `${key}: ${engineText(value)}`)
      .sort();
  const names = nodes.map(({ id }) => (/^m\d$/.test(id) ? id : 'new'));
  const elements: Element[] = [];
  nodes.forEach((node, i) => {
    if (node.exists) elements.push([node.labels.toSorted(), [names[i] as string, ...entries(node.properties)]]);
  });
  for (const edge of edges) {
    if (!edge.exists) continue;
    elements.push([[edge.type], entries(edge.properties), [names[edge.from] as string, names[edge.to] as string]]);
  }
  return contentText(elements);
}

interface Outcome {
  readonly fields: readonly string[];
  readonly rows: readonly string[];
  readonly counts: object;
  readonly content: readonly string[];
}

async function ofEngine(text: string): Promise<Outcome | 'refused' | 'refused at once'> {
  const graph = new MemoryGraph();
  await graph.commit(randomGraph());
  try {
    const { fields, rows, counters } = await runStatement(text, graph);
    const { nodesCreated, nodesDeleted, relationshipsCreated, relationshipsDeleted } = counters;
    return {
      fields,
      rows: rows.map((row) => row.map(engineText).join()).sort(),
      counts: { nodesCreated, nodesDeleted, relationshipsCreated, relationshipsDeleted },
      content: engineContent(graph),
    };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return error.errorPhase === 'compile time' ? 'refused at once' : 'refused';
  }
}

function ofPlain(text: string): Outcome | 'refused' {
  const graph = plainGraph();
  try {
    const { fields, rows } = answerPlainly(text, graph);
    return {
      fields,
      rows: rows.map((row) => row.map(plainText).join()).sort(),
      counts: graph.counts,
      content: plainContent(graph),
    };
  } catch (error) {
    if (error instanceof PlainError) return 'refused';
    throw error;
  }
}

const RUNS = Number(process.env.WEFT_ROUNDS ?? 120);
/** Always the same ones, unless others are asked for: the plain evaluator tries everything, which for a few statements takes hours. */
const SEED = Number(process.env.WEFT_SEED ?? 1);

it('plain evaluator: random statements -> the rows, counts and graph that the engine gives', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(randomStatement(), async (statement) => {
      const text = literalForm(statement);
      const engine = await ofEngine(text);
      if (engine === 'refused at once') return;
      expect(engine).toEqual(ofPlain(text));
      compared++;
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(compared).toBeGreaterThan(RUNS / 2);
}, 3_600_000);
