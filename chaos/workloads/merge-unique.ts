/**
 * Few unique keys, made and merged at `session` on all servers, whatever the links do; deleted and made again; and what would
 * give a key to a second node tried all the time. It must be refused, or be the same node (CON-2).
 */
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Workload } from '../arena.ts';
import { type Client, DEFAULT, runStatement } from '../client.ts';

const KEYS = ['merged-1', 'merged-2', 'merged-3'];
const CLIENTS = 4;
const LABEL = 'Merged';

export const mergeUnique: Workload = {
  name: 'merge-unique',
  setup: [],
  declarations: [`CREATE CONSTRAINT merged FOR (n:${LABEL}) REQUIRE n.key IS UNIQUE`],
  start: (arena) =>
    Array.from({ length: CLIENTS }, (_, i) => {
      const client = arena.client(`merge-unique-${i}`, { usesToken: i % 2 === 0, stays: 0.5 });
      return arena.repeat(client, () => write(client));
    }),
};

async function write(client: Client): Promise<void> {
  const { random } = client;
  const key = random.pick(KEYS);
  const roll = random.below(20);
  if (roll < 9) {
    await statement(client, `merges ${key}`, `MERGE (n:${LABEL} {key: $key}) SET n.last = $by`, key);
  } else if (roll < 12) {
    await statement(client, `deletes ${key}`, `MATCH (n:${LABEL} {key: $key}) DETACH DELETE n`, key);
  } else if (roll < 14) {
    const other = `MATCH (n:${LABEL} {key: $key}) DETACH DELETE n CREATE (m:${LABEL} {key: $key})-[:BY]->(:By {by: $by})`;
    await statement(client, `makes ${key} anew`, other, key);
  } else if (roll < 16) {
    await statement(client, `renames ${key}`, `MATCH (n:${LABEL} {key: $key}) SET n.key = $key + $by`, key);
  } else {
    await client.write(`puts ${key}`, [random.pick(puts(client.unique() as NodeId, key))]);
  }
}

async function statement(client: Client, what: string, text: string, key: string): Promise<void> {
  const parameters = { key, by: client.unique() };
  await client.call('write', what, (engine) => runStatement(engine.graph(DEFAULT), text, parameters));
}

function puts(id: NodeId, key: string): Operation[] {
  const properties = { key };
  return [
    { op: 'createNode', labels: [LABEL], properties },
    { op: 'createNode', id, labels: [LABEL], properties },
    { op: 'putNode', id, labels: [LABEL], properties },
  ];
}
