/** The queries that are measured: what is asked, how often, and what a loop over arrays answers. */
import { SeededRandom } from '../base/seeded-random.ts';
import type { Value } from '../graph/value.ts';
import { CITIES, cityName, type PeopleGraph } from './people-graph.ts';
import type { PeopleLoops } from './people-loops.ts';

/** Edges of a path beyond which nobody looks. */
const PATH_MAX = 8;
export const TOP = 10;

export type Parameters = Readonly<Record<string, Value>>;
/** A row of numbers and texts: what all contestants can say alike. */
export type Rows = readonly (readonly (number | string)[])[];

export interface QueryWorkload {
  readonly name: string;
  readonly what: string;
  readonly cypher: string;
  /** For LadybugDB, where it differs. */
  readonly ladybug?: string;
  /** The same for PostgreSQL; its parameters are those of `values`, in their order. */
  readonly sql: string;
  /** What is asked, one set of parameters for each request of a round. */
  readonly asked: readonly Parameters[];
  /** The answer of the loop, in the form of the rows, sorted as `inOrder` does. */
  loop(parameters: Parameters): Rows;
  /** Work of one request, if that is not one: elements scanned, rows grouped. */
  readonly work: number;
  readonly unit: string;
  /** Of the work a second, or relative to the loop. */
  readonly target: { readonly perSecond: number } | { readonly ofLoop: number };
}

/** Rows in an order of their own, for comparing answers that have none. */
export function inOrder(rows: Rows): Rows {
  return rows
    .map((row) => ({ row, key: JSON.stringify(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ row }) => row);
}

export function peopleWorkloads(graph: PeopleGraph, loops: PeopleLoops, scale: number): QueryWorkload[] {
  const random = new SeededRandom(5);
  const some = (count: number) =>
    Array.from({ length: Math.max(4, Math.round(count * scale)) }, () => ({ uid: random.below(graph.nodes) }));
  const pairs = (count: number) =>
    Array.from({ length: Math.max(4, Math.round(count * scale)) }, () => ({
      a: random.below(graph.nodes),
      b: random.below(graph.nodes),
    }));
  const times = (count: number) => Array.from({ length: Math.max(2, Math.round(count * scale)) }, () => ({}));
  const one = { work: 1, unit: 'queries' };
  return [
    {
      name: 'point',
      what: 'look-up by an indexed property, one row of two values',
      cypher: 'MATCH (p:Person {uid: $uid}) RETURN p.uid, p.age',
      sql: 'SELECT uid, age FROM person WHERE uid = $1',
      asked: some(100_000),
      loop: ({ uid }) => [[uid as number, loops.age(uid as number)]],
      ...one,
      target: { perSecond: 300_000 },
    },
    {
      name: '1-hop',
      what: 'whom somebody knows, ten rows on average',
      cypher: 'MATCH (p:Person {uid: $uid})-[:KNOWS]->(f) RETURN f.uid',
      sql: 'SELECT b FROM knows WHERE a = $1',
      asked: some(40_000),
      loop: ({ uid }) => loops.known(uid as number).map((found) => [found]),
      ...one,
      target: { perSecond: 150_000 },
    },
    {
      name: '2-hop',
      what: 'different people two edges away, counted',
      cypher: 'MATCH (p:Person {uid: $uid})-[:KNOWS]->()-[:KNOWS]->(f) RETURN count(DISTINCT f)',
      sql: 'SELECT count(DISTINCT y.b)::int FROM knows x JOIN knows y ON y.a = x.b WHERE x.a = $1',
      asked: some(5000),
      loop: ({ uid }) => [[loops.twoHops(uid as number)]],
      ...one,
      target: { ofLoop: 0.15 },
    },
    {
      name: '3-hop',
      what: 'paths of three edges, counted',
      cypher: 'MATCH (p:Person {uid: $uid})-[:KNOWS]->()-[:KNOWS]->()-[:KNOWS]->(f) RETURN count(*)',
      // There one relationship may stand for several of a pattern.
      ladybug:
        'MATCH (p:Person {uid: $uid})-[x:KNOWS]->()-[:KNOWS]->()-[z:KNOWS]->(f) WHERE id(x) <> id(z) RETURN count(*)',
      sql: 'SELECT count(*)::int FROM knows x JOIN knows y ON y.a = x.b JOIN knows z ON z.a = y.b WHERE x.a = $1 AND z.id <> x.id',
      asked: some(60),
      loop: ({ uid }) => [[loops.threeHops(uid as number)]],
      ...one,
      target: { ofLoop: 0.15 },
    },
    {
      name: 'path',
      what: `length of a shortest path between two random people, at most ${PATH_MAX}`,
      cypher: `MATCH (a:Person {uid: $a}), (b:Person {uid: $b}) MATCH p = shortestPath((a)-[:KNOWS*..${PATH_MAX}]->(b)) RETURN length(p)`,
      ladybug: `MATCH p = (a:Person {uid: $a})-[:KNOWS* SHORTEST 1..${PATH_MAX}]->(b:Person {uid: $b}) RETURN length(p)`,
      sql: `SELECT length FROM path_length($1, $2, ${PATH_MAX}) AS length WHERE length IS NOT NULL`,
      asked: pairs(10_000).filter(({ a, b }) => a !== b),
      loop: ({ a, b }) => {
        const found = loops.distance(a as number, b as number, PATH_MAX);
        return found < 0 ? [] : [[found]];
      },
      ...one,
      target: { ofLoop: 0.15 },
    },
    {
      name: 'scan',
      what: 'label scan with a filter, counted',
      cypher: 'MATCH (p:Person) WHERE p.age > 50 RETURN count(*)',
      sql: 'SELECT count(*)::int FROM person WHERE age > 50',
      asked: times(40),
      loop: () => [[loops.countAbove(50)]],
      work: graph.nodes,
      unit: 'elements',
      target: { perSecond: 20_000_000 },
    },
    {
      name: 'mean',
      what: 'label scan with a filter and a mean',
      cypher: 'MATCH (p:Person) WHERE p.age >= 30 RETURN round(avg(p.age) * 1000)',
      ladybug: 'MATCH (p:Person) WHERE p.age >= 30 RETURN round(avg(p.age) * 1000, 0)',
      sql: 'SELECT round(avg(age) * 1000)::int FROM person WHERE age >= 30',
      asked: times(20),
      loop: () => [[Math.round(loops.meanFrom(30) * 1000)]],
      work: graph.nodes,
      unit: 'elements',
      target: { perSecond: 10_000_000 },
    },
    {
      name: 'top',
      what: `the ${TOP} people with most edges, by counting them`,
      cypher: `MATCH (p:Person)-[:KNOWS]->() RETURN p.uid AS uid, count(*) AS degree ORDER BY degree DESC, uid LIMIT ${TOP}`,
      sql: `SELECT a, count(*)::int AS degree FROM knows GROUP BY a ORDER BY degree DESC, a LIMIT ${TOP}`,
      asked: times(4),
      loop: () => loops.topByDegree(TOP),
      work: graph.edges,
      unit: 'rows',
      target: { perSecond: 5_000_000 },
    },
    {
      name: 'group',
      what: 'people and the sum of their ages by city',
      cypher: 'MATCH (p:Person) RETURN p.city, count(*), sum(p.age)',
      sql: 'SELECT city, count(*)::int, sum(age)::int FROM person GROUP BY city',
      asked: times(20),
      loop: () => {
        const { counts, ages } = loops.byCity(CITIES);
        return Array.from(counts, (count, city) => [cityName(city), count, ages[city] as number] as const);
      },
      work: graph.nodes,
      unit: 'rows',
      target: { perSecond: 5_000_000 },
    },
  ];
}

/** On a graph of its own, since a peer that joins may take minutes on the large one. */
export function triangleWorkload(loops: PeopleLoops, scale: number): QueryWorkload {
  return {
    name: 'triangles',
    what: 'cycles of three edges in a graph of 5,000 nodes and 50,000 edges, counted',
    cypher: 'MATCH (a:Person)-[:KNOWS]->(b)-[:KNOWS]->(c)-[:KNOWS]->(a) RETURN count(*)',
    sql: 'SELECT count(*)::int FROM knows x JOIN knows y ON y.a = x.b JOIN knows z ON z.a = y.b AND z.b = x.a',
    asked: Array.from({ length: Math.max(2, Math.round(6 * scale)) }, () => ({})),
    loop: () => [[loops.triangles()]],
    work: 1,
    unit: 'queries',
    target: { ofLoop: 0.1 },
  };
}
