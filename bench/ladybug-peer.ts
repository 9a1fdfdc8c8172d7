/** LadybugDB, an embedded graph database with Cypher: prepared statements, one connection for each request in flight. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerPackage } from './peer-packages.ts';
import { cityName, personName } from './people-graph.ts';
import type { OpenPeer } from './query-peer.ts';
import { temporaryDirectory } from './settings.ts';

interface Prepared {
  readonly prepared: unknown;
}
interface Result {
  getAll(): Promise<readonly Readonly<Record<string, number | string | bigint>>[]>;
}
interface Connection {
  query(text: string): Promise<unknown>;
  prepare(text: string): Promise<Prepared['prepared']>;
  execute(statement: unknown, parameters: object): Promise<Result>;
}
interface Ladybug {
  readonly Database: new (path: string) => { close(): Promise<void> };
  readonly Connection: new (database: unknown) => Connection;
}

const CONNECTIONS = 4;

export const openLadybug: OpenPeer = async (graph) => {
  const found = await peerPackage('@ladybugdb/core');
  if (typeof found === 'string') return found;
  const { Database, Connection } = (found.module as { readonly default: Ladybug }).default;
  const directory = temporaryDirectory('ladybug');
  const database = new Database(join(directory, 'db'));
  const connections = Array.from({ length: CONNECTIONS }, () => new Connection(database));
  const [first] = connections as [Connection];
  const nodes = Array.from(
    graph.age,
    (age, uid) => `${uid},${personName(uid)},${age},${cityName(graph.city[uid] ?? 0)}`,
  );
  writeFileSync(join(directory, 'nodes.csv'), nodes.join('\n'));
  writeFileSync(join(directory, 'edges.csv'), Array.from(graph.from, (a, i) => `${a},${graph.to[i]}`).join('\n'));
  await first.query('CREATE NODE TABLE Person(uid INT64 PRIMARY KEY, name STRING, age INT64, city STRING)');
  await first.query('CREATE REL TABLE KNOWS(FROM Person TO Person)');
  await first.query(`COPY Person FROM "${join(directory, 'nodes.csv')}"`);
  await first.query(`COPY KNOWS FROM "${join(directory, 'edges.csv')}"`);
  const statements = connections.map(() => new Map<string, unknown>());
  let turn = 0;
  return {
    name: `LadybugDB ${found.version}`,
    inFlight: CONNECTIONS,
    async ask(workload, parameters) {
      turn = (turn + 1) % CONNECTIONS;
      const connection = connections[turn] as Connection;
      const prepared = statements[turn] as Map<string, unknown>;
      const text = workload.ladybug ?? workload.cypher;
      let statement = prepared.get(text);
      if (statement === undefined) {
        statement = await connection.prepare(text);
        prepared.set(text, statement);
      }
      const rows = await (await connection.execute(statement, parameters)).getAll();
      return rows.map((row) => Object.values(row).map((value) => (typeof value === 'bigint' ? Number(value) : value)));
    },
    close: () => database.close(),
  };
};
