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

  it('OPTIONAL CALL: results, and none -> rows that stay, with nulls', async () => {
    const text = 'UNWIND [1, 2] AS i OPTIONAL CALL db.propertyKeys() YIELD propertyKey AS key RETURN i, key';
    expect((await runStatement(text, new MemoryGraph({ absent }))).rows).toEqual([
      [1, null],
      [2, null],
    ]);
    expect(await rows(text.replace('[1, 2]', '[1]'))).toHaveLength(4);
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

  it.each([
    "CALL db.awaitIndex('town_names')",
    "CALL db.awaitIndex('town_names', 60)",
    'CALL db.awaitIndexes',
    'CALL db.awaitIndexes()',
    'CALL db.awaitIndexes(300)',
  ])('%s -> no rows, nothing to wait for', async (text) => {
    expect(await rows(text)).toEqual([]);
    const argument = text.endsWith(')') ? '' : '()';
    expect(await rows(`MATCH (n:Town) ${text}${argument} RETURN count(n)`)).toEqual([[2]]);
  });

  it('db.awaitIndex: without a name, or with more than it takes -> refused', async () => {
    await expect(rows('CALL db.awaitIndex()')).rejects.toThrow('db.awaitIndex() takes at most 2 arguments, not 0');
    await expect(rows("CALL db.awaitIndexes(1, 'a')")).rejects.toThrow('takes at most 1 argument, not 2');
    await expect(rows("CALL db.awaitIndexes('a')")).rejects.toThrow('takes INTEGER here');
  });

  it('a statement that writes first -> its own elements are seen', async () => {
    const text = 'CREATE (:New {fresh: 1}) WITH 1 AS one CALL db.labels() YIELD label RETURN collect(label)';
    expect(await rows(text)).toEqual([[['New', 'Port', 'Town', 'odd`one']]]);
  });

  it('SHOW PROCEDURES, as it is and with YIELD, WHERE, RETURN -> those that users call', async () => {
    const names = ['db.labels', 'db.propertyKeys', 'db.relationshipTypes'];
    const all = await runStatement('SHOW PROCEDURES', await filled(absent));
    expect(all.fields).toEqual(['name', 'description', 'mode', 'worksOnSystem']);
    expect(all.rows.map(([name]) => name)).toEqual(expect.arrayContaining(names));
    expect(await rows("SHOW PROCEDURES YIELD name AS n WHERE n STARTS WITH 'show.'")).toEqual([]);
    expect(
      await rows(
        "SHOW PROCEDURE EXECUTABLE YIELD name, mode ORDER BY name DESC LIMIT 4 WHERE NOT name CONTAINS 'schema' RETURN name, mode",
      ),
    ).toEqual([
      ['db.relationshipTypes', 'READ'],
      ['db.propertyKeys', 'READ'],
    ]);
  });

  it('SHOW FUNCTIONS: filtered, grouped -> scalar functions and aggregates', async () => {
    expect(await rows("SHOW FUNCTIONS WHERE name IN ['substring', 'sum']")).toEqual([
      ['substring', 'String', 'Takes 2 to 3 arguments.'],
      ['sum', 'Aggregating', 'Of the values of a group, or with DISTINCT of the different ones.'],
    ]);
    const grouped = 'SHOW BUILT IN FUNCTIONS YIELD * RETURN aggregating, count(*) > 5 ORDER BY aggregating';
    expect(await rows(grouped)).toEqual([
      [false, true],
      [true, true],
    ]);
  });

  it('SHOW INDEXES and CONSTRAINTS: with YIELD, WHERE and RETURN -> like any rows', async () => {
    const graph = await filled(absent);
    await runStatement('CREATE INDEX by_name FOR (t:Town) ON (t.name)', graph);
    await runStatement('CREATE CONSTRAINT has_name FOR (t:Port) REQUIRE t.name IS NOT NULL', graph);
    const answer = async (text: string) => (await runStatement(text, graph)).rows;
    expect(await answer("SHOW INDEXES WHERE name = 'by_name'")).toEqual([
      ['by_name', 'RANGE', 'NODE', ['Town'], ['name'], null],
    ]);
    expect(await answer("SHOW INDEXES YIELD name, labelsOrTypes AS on WHERE 'Town' IN on RETURN on[0] + name")).toEqual(
      [['Townby_name']],
    );
    expect(await answer('SHOW CONSTRAINTS YIELD name, violations RETURN sum(violations), collect(name)')).toEqual([
      [0, ['has_name']],
    ]);
    expect(await answer('SHOW INDEX YIELD * RETURN state')).toEqual([['ONLINE']]);
    await expect(runStatement('SHOW INDEXES YIELD nothing', graph)).rejects.toThrow(/no result `nothing`/);
  });
});
