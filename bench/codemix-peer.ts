/** @codemix/graph, a graph of TypeScript objects with Cypher, in this process: statements parsed once, a hash index. */

import { peerPackage } from './peer-packages.ts';
import { cityName, personName } from './people-graph.ts';
import type { OpenPeer } from './query-peer.ts';
import type { Rows } from './query-workloads.ts';

interface Vertex {
  readonly id: string;
}
interface Codemix {
  readonly Graph: new (
    options: object,
  ) => {
    addVertex(label: string, properties: object): Vertex;
    addEdge(from: Vertex, label: string, to: Vertex, properties: object): unknown;
  };
  readonly InMemoryGraphStorage: new () => object;
  setQueryParams(parameters: object): void;
  parseQueryToSteps(text: string): { readonly steps: unknown; readonly postprocess: (row: unknown) => unknown };
  createTraverser(steps: unknown): { traverse(graph: unknown, start: readonly unknown[]): Iterable<unknown> };
}

const type = { '~standard': { version: 1, vendor: 'bench', validate: (value: unknown) => ({ value }) } };
const SCHEMA = {
  vertices: {
    Person: { properties: { uid: { type, index: { type: 'hash' } }, name: { type }, age: { type }, city: { type } } },
  },
  edges: { KNOWS: { properties: {} } },
};

export const openCodemix: OpenPeer = async (people) => {
  const found = await peerPackage('@codemix/graph');
  if (typeof found === 'string') return found;
  const { Graph, InMemoryGraphStorage, parseQueryToSteps, createTraverser, setQueryParams } = found.module as Codemix;
  const graph = new Graph({ schema: SCHEMA, storage: new InMemoryGraphStorage(), validateProperties: false });
  const vertices = Array.from(people.age, (age, uid) =>
    graph.addVertex('Person', { uid, name: personName(uid), age, city: cityName(people.city[uid] ?? 0) }),
  );
  for (let edge = 0; edge < people.edges; edge++) {
    const [from, to] = [vertices[people.from[edge] ?? 0] as Vertex, vertices[people.to[edge] ?? 0] as Vertex];
    graph.addEdge(from, 'KNOWS', to, {});
  }
  const parsed = new Map<string, ReturnType<Codemix['parseQueryToSteps']>>();
  return {
    name: `@codemix/graph ${found.version}`,
    inFlight: 1,
    async ask({ cypher }, parameters) {
      let statement = parsed.get(cypher);
      if (statement === undefined) {
        statement = parseQueryToSteps(inItsDialect(cypher));
        parsed.set(cypher, statement);
      }
      setQueryParams(parameters);
      const rows: unknown[] = [];
      for (const row of createTraverser(statement.steps).traverse(graph, [undefined])) {
        rows.push(statement.postprocess(row));
      }
      return rows.map((row) => leavesOf(row)) as Rows;
    },
    close: () => undefined,
  };
};

/** Parameters in a pattern match everything there; in a condition they are compared. */
function inItsDialect(cypher: string): string {
  const conditions: string[] = [];
  const text = cypher.replace(/\((\w+):Person \{uid: (\$\w+)\}\)/g, (_, name: string, parameter: string) => {
    conditions.push(`${name}.uid = ${parameter}`);
    return `(${name}:Person)`;
  });
  return conditions.length === 0 ? text : text.replace(/ RETURN/, ` WHERE ${conditions.join(' AND ')} RETURN`);
}

/** A row comes as objects by variable, with the properties that were asked for. */
function leavesOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value];
  return Object.values(value).flatMap(leavesOf);
}
