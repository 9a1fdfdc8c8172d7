import { describe, expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';

async function filled(absent: boolean): Promise<MemoryGraph> {
  const graph = new MemoryGraph({ absent });
  await runStatement(
    `CREATE (a:Town:Port {name: 'Bergen', area: 465.0}), (b:Town {name: 'Lom'}), (:\`odd\`\`one\` {t: date('2026-01-01')}), (:Gone),
       ()-[:ROAD {km: 310}]->(a), (a)-[:ROAD {km: 'far'}]->(b), (a)-[:FERRY]->(b), (a)-[:GONE]->(b)`,
    graph,
  );
  await runStatement('MATCH (n:Gone) DELETE n', graph);
  await runStatement('MATCH ()-[r:GONE]->() DELETE r', graph);
  return graph;
}

// A graph of which nothing is in memory makes each step stop and be repeated.
describe.each([false, true])('procedures [nothing in memory: %s]', (absent) => {
  const rows = async (text: string) => (await runStatement(text, await filled(absent))).rows;

  it('db.labels: nodes of several labels, one that is gone -> the labels in use, in order', async () => {
    expect(await rows('CALL db.labels()')).toEqual([['Port'], ['Town'], ['odd`one']]);
  });

  it('db.relationshipTypes, filtered and put to use -> like any rows', async () => {
    const text = `CALL db.relationshipTypes() YIELD relationshipType AS type WHERE type <> 'FERRY' RETURN collect(type)`;
    expect(await rows(text)).toEqual([[['ROAD']]]);
  });

  it('db.propertyKeys: of nodes and relationships -> each once', async () => {
    expect(await rows('CALL db.propertyKeys()')).toEqual([['area'], ['km'], ['name'], ['t']]);
  });

  it('db.schema.nodeTypeProperties: some have a property, some do not -> its types, and whether all have it', async () => {
    expect(await rows('CALL db.schema.nodeTypeProperties()')).toEqual([
      ['', [], null, null, false],
      [':`Port`:`Town`', ['Port', 'Town'], 'area', ['FLOAT'], true],
      [':`Port`:`Town`', ['Port', 'Town'], 'name', ['STRING'], true],
      [':`Town`', ['Town'], 'name', ['STRING'], true],
      [':`odd``one`', ['odd`one'], 't', ['DATE'], true],
    ]);
  });

  it('db.schema.relTypeProperties: one property of two types -> both', async () => {
    expect(await rows('CALL db.schema.relTypeProperties()')).toEqual([
      [':`FERRY`', null, null, false],
      [':`ROAD`', 'km', ['INTEGER', 'STRING'], true],
    ]);
  });

  it('a statement that writes first -> its own elements are seen', async () => {
    const text = 'CREATE (:New {fresh: 1}) WITH 1 AS one CALL db.labels() YIELD label RETURN collect(label)';
    expect(await rows(text)).toEqual([[['New', 'Port', 'Town', 'odd`one']]]);
  });
});
