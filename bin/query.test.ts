import { expect, it } from 'vitest';
import { describeAnswer } from './query.ts';
import { cypherText } from './result-table.ts';
import { splitScript } from './split-script.ts';

it.each([
  ['MATCH (n) RETURN n', ['MATCH (n) RETURN n']],
  ['CREATE (a);\n\nCREATE (b) ;', ['CREATE (a)', 'CREATE (b)']],
  [`RETURN ';' AS a; RETURN ";" AS b; RETURN 1 AS \`;\``, [`RETURN ';' AS a`, 'RETURN ";" AS b', 'RETURN 1 AS `;`']],
  ['// nothing; here\nRETURN 1; /* ; */ ;', ['// nothing; here\nRETURN 1']],
  [`RETURN 'it\\'s; fine'; RETURN 2`, [`RETURN 'it\\'s; fine'`, 'RETURN 2']],
  ['  ', []],
])('script: %j -> its statements', (script, statements) => {
  expect(splitScript(script)).toEqual(statements);
});

it('table: nodes, relationships, lists and text -> aligned, as Cypher writes them', () => {
  const node = { elementId: 'a', labels: ['P', 'Q'], properties: { name: 'Ann' } };
  const relationship = { elementId: 'r', startNodeElementId: 'a', endNodeElementId: 'b', type: 'T', properties: {} };
  const counters = { containsUpdates: true, nodesCreated: 2, labelsAdded: 0 };
  expect(
    describeAnswer({ data: { fields: ['n', 'rest'], values: [[node, [relationship, null, 1.5]]] }, counters }),
  ).toBe(
    [
      '+----------------------+-------------------+',
      '| n                    | rest              |',
      '+----------------------+-------------------+',
      '| (:P:Q {name: "Ann"}) | [[:T], null, 1.5] |',
      '+----------------------+-------------------+',
      '1 row',
      'nodes created: 2',
    ].join('\n'),
  );
  expect(cypherText({ elementId: 'a', labels: [], properties: {} })).toBe('()');
});
