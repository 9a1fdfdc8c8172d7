/**
 * Reads of a part of a graph that nobody changes, of every kind and many at a time, while another part in the same partitions
 * is written to and partitions leave memory and come back in the middle of all of it -> what that part holds.
 */
import { expect, it } from 'vitest';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Direction, Operation } from '../../graph/model.ts';
import { contents, edge, node, pages, put, removeEdge, run, TINY } from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';

const COUNT = 40;
const idOf = (i: number) => `f${i}` as NodeId;
/** Some parallel, some loops. */
const EDGES = Array.from({ length: 70 }, (_, i) => ({
  id: `fe${i}` as EdgeId,
  from: i % COUNT,
  to: (i * 3 + 1) % COUNT,
}));
/** Of one or two edges that begin at every fifth node. */
const TRAILS = EDGES.filter(({ from }) => from % 5 === 2).reduce((sum, first) => {
  return sum + 1 + EDGES.filter((next) => next.from === first.to && next !== first).length;
}, 0);
const LIMIT = { limit: 7 };
const READ = { accessMode: 'read', isCancelled: () => false } as const;

function still(): Operation[] {
  return [
    ...Array.from({ length: COUNT }, (_, i) => node(idOf(i), { p: i % 5, t: `t${i % 3}` }, ['F'])),
    ...EDGES.map(({ id, from, to }) => edge(id, idOf(from), idOf(to), 'T', { w: 1 })),
  ];
}

function edgesAt(i: number, direction: Direction) {
  return EDGES.filter(({ from, to }) => (direction !== 'in' && from === i) || (direction !== 'out' && to === i));
}

function within(start: number, direction: Direction, depth: number): number[] {
  const found = new Set([start]);
  let frontier = [start];
  for (let hop = 0; hop < depth; hop++) {
    const ends = frontier.flatMap((i) => edgesAt(i, direction).flatMap(({ from, to }) => (from === i ? [to] : [from])));
    frontier = Array.from(new Set(ends)).filter((i) => !found.has(i));
    for (const i of frontier) found.add(i);
  }
  found.delete(start);
  return Array.from(found);
}

const sorted = (ids: Iterable<string>) => Array.from(ids).sort();
const directions = ['out', 'in', 'both'] as const;

/** A read, and what it must answer. */
type Read = (graph: Graph, random: SeededRandom) => Promise<readonly [found: unknown, expected: unknown]>;

async function rows(graph: Graph, text: string) {
  return (await graph.queryRows({ text, parameters: {} }, READ)).rows;
}

const statement =
  (text: string, expected: unknown): Read =>
  async (graph) => [await rows(graph, text), expected];

const READS: readonly Read[] = [
  async (graph, random) => {
    const i = random.below(COUNT);
    return [(await graph.node(idOf(i))).element.properties, { p: i % 5, t: `t${i % 3}` }];
  },
  async (graph, random) => {
    const { id, to } = random.pick(EDGES);
    return [(await graph.edge(id)).element.to, idOf(to)];
  },
  async (graph, random) => {
    const [i, direction] = [random.below(COUNT), random.pick(directions)];
    const found = await pages((cursor) =>
      graph.edgesOf(idOf(i), { direction, type: 'T' }, { ...LIMIT, ...(cursor && { cursor }) }),
    );
    return [found.map(({ id }) => id), sorted(edgesAt(i, direction).map(({ id }) => id))];
  },
  async (graph, random) => {
    const [i, direction, depth] = [random.below(COUNT), random.pick(directions), 1 + random.below(3)];
    const filter = { direction, type: 'T', depth };
    const found = await pages((cursor) => graph.neighbors(idOf(i), filter, { ...LIMIT, ...(cursor && { cursor }) }));
    return [found.map(({ id }) => id), sorted(within(i, direction, depth).map(idOf))];
  },
  async (graph, random) => {
    const [i, j, maxDepth] = [random.below(COUNT), random.below(COUNT), 1 + random.below(4)];
    const path = await graph.shortestPath({ from: idOf(i), to: idOf(j), type: 'T', direction: 'both', maxDepth });
    const depths = Array.from({ length: maxDepth }, (_, depth) => depth + 1);
    const expected = i === j ? 0 : depths.find((depth) => within(i, 'both', depth).includes(j));
    return [path?.edges.length, expected];
  },
  async (graph) => {
    const found = await pages((cursor) => graph.nodes({ label: 'F' }, { ...LIMIT, ...(cursor && { cursor }) }));
    return [sorted(found.map(({ id }) => id)), sorted(Array.from({ length: COUNT }, (_, i) => idOf(i)))];
  },
  async (graph) => {
    const { nodes, edges } = await contents(graph);
    return [
      [nodes.filter(({ labels }) => labels.includes('F')).length, edges.filter(({ type }) => type === 'T').length],
      [COUNT, EDGES.length],
    ];
  },
  statement('MATCH (n:F) RETURN count(*), sum(n.p), count(DISTINCT n.t)', [[COUNT, 80, 3]]),
  statement('MATCH (:F)-[:T]->(:F) RETURN count(*)', [[EDGES.length]]),
  statement('MATCH ()-[e:T]->() RETURN sum(e.w)', [[EDGES.length]]),
  statement('MATCH (n:F) RETURN sum(COUNT { (n)<-[:T]-() })', [[EDGES.length]]),
  statement('MATCH (n:F)-[:T]->(m) WITH DISTINCT m RETURN count(m)', [[new Set(EDGES.map(({ to }) => to)).size]]),
  statement('MATCH (n:F) WHERE n.p >= 3 RETURN count(*)', [[16]]),
  statement('MATCH (n:F {p: 2}) RETURN count(n)', [[8]]),
  statement('MATCH p = (n:F {p: 2})-[:T*1..2]->(:F) RETURN count(p)', [[TRAILS]]),
  async (graph) => {
    const report = await graph.integrity();
    return [Object.values(report.found), [0, 0, 0, 0, 0]];
  },
];

function writes(
  random: SeededRandom,
  made: { readonly nodes: string[]; readonly edges: string[]; next: number },
): Operation[] {
  const operations: Operation[] = [];
  for (let i = 0; i < 4; i++) {
    const id = `c${made.next++}`;
    const dice = random.below(6);
    if (dice < 2 || made.nodes.length === 0) {
      operations.push(node(id, { p: random.below(5), t: 'c' }, ['C']));
      made.nodes.push(id);
    } else if (dice < 4) {
      // To and from what is still, too.
      const ends = random.shuffled([random.pick(made.nodes), idOf(random.below(COUNT))]);
      operations.push(edge(id, ends[0] as string, ends[1] as string, 'X'));
      made.edges.push(id);
    } else if (dice === 4 && made.edges.length > 0) operations.push(removeEdge(made.edges.pop() as string));
    else if (dice === 5 && random.chance(0.5)) {
      const gone = made.edges.length > 0 && random.chance(0.7) ? random.pick(made.edges) : undefined;
      const ends = [random.pick(made.nodes), random.pick(made.nodes)] as const;
      if (gone === undefined) operations.push(put(random.pick(made.nodes), {}, ['C']));
      else operations.push(removeEdge(gone), edge(gone, ...ends, random.pick(['X', 'Y'])));
    } else
      operations.push({
        op: 'patchNode',
        id: random.pick(made.nodes) as NodeId,
        properties: { p: { kind: 'set', value: 3 } },
      });
  }
  return operations;
}

it.each([
  ['nothing stays in memory', TINY],
  ['a part stays in memory', 20_000],
] as const)(
  'reads of many kinds between writes [%s] -> what nobody changed',
  async (_, memoryBudgetBytes) => {
    for (const seed of [1, 2]) {
      const random = new SeededRandom(seed);
      const { engine, graph } = await run({ memoryBudgetBytes });
      await graph.write(still());
      await rows(graph, 'MATCH (n) RETURN count(n)');
      await graph.query(
        { text: 'CREATE INDEX byP FOR (n:F) ON (n.p)', parameters: {} },
        { ...READ, accessMode: 'write' },
      );
      let writing = true;
      const made = { nodes: [] as string[], edges: [] as string[], next: 0 };
      const writer = async () => {
        for (let i = 0; i < 60; i++) await graph.write(writes(random, made));
        writing = false;
      };
      const reader = async () => {
        while (writing) {
          const [found, expected] = await random.pick(READS)(graph, random);
          expect(found, `seed ${seed}`).toEqual(expected);
        }
      };
      await Promise.all([writer(), ...Array.from({ length: 6 }, reader)]);
      const { nodes, edges } = await contents(graph);
      expect(nodes).toHaveLength(COUNT + made.nodes.length);
      expect(sorted(edges.map(({ id }) => id))).toEqual(sorted([...EDGES.map(({ id }) => id), ...made.edges]));
      await engine.close();
    }
  },
  120_000,
);
