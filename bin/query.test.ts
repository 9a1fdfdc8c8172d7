import { expect, it } from 'vitest';
import { describeAnswer } from './describe-answer.ts';
import { cypherText, type TypedValue, textTable } from './result-table.ts';
import { parseCommand } from './script-command.ts';
import { splitScript } from './split-script.ts';

it.each([
  ['MATCH (n) RETURN n', ['MATCH (n) RETURN n']],
  ['CREATE (a);\n\nCREATE (b) ;', ['CREATE (a)', 'CREATE (b)']],
  [`RETURN ';' AS a; RETURN ";" AS b; RETURN 1 AS \`;\``, [`RETURN ';' AS a`, 'RETURN ";" AS b', 'RETURN 1 AS `;`']],
  ['// nothing; here\nRETURN 1; /* ; */ ;', ['// nothing; here\nRETURN 1']],
  [`RETURN 'it\\'s; fine'; RETURN 2`, [`RETURN 'it\\'s; fine'`, 'RETURN 2']],
  ['  ', []],
  [':begin\nCREATE (a);\n:commit', [':begin', 'CREATE (a)', ':commit']],
  ['// first\n:begin;\n:commit // done', [':begin', ':commit']],
  [':param x => [\n1,\n2]\nRETURN $x', [':param x => [\n1,\n2]', 'RETURN $x']],
  [':param x:\n{"a": ";"}\nRETURN $x;', [':param x:\n{"a": ";"}', 'RETURN $x']],
  [':param x => 1; RETURN $x', [':param x => 1', 'RETURN $x']],
  ['MATCH (n\n:Begin) RETURN n', ['MATCH (n\n:Begin) RETURN n']],
])('script: %j -> its statements', (script, statements) => {
  expect(splitScript(script)).toEqual(statements);
});

it.each([
  [':BEGIN', { kind: 'begin' }],
  [':quit', { kind: 'exit' }],
  [':use `my graph`', { kind: 'use', graph: 'my graph' }],
  [':auto MATCH (n) RETURN n', { kind: 'statement', text: 'MATCH (n) RETURN n' }],
  [':param since => date()', { kind: 'parameters', name: 'since', value: { kind: 'expression', text: 'date()' } }],
  [':param n: "a:b"', { kind: 'parameters', name: 'n', value: { kind: 'json', json: 'a:b' } }],
  [':param `a b` => [true]', { kind: 'parameters', name: 'a b', value: { kind: 'json', json: [true] } }],
  [':params {n: 1 + 1}', { kind: 'parameters', name: undefined, value: { kind: 'expression', text: '{n: 1 + 1}' } }],
  [':params clear', { kind: 'clearParameters' }],
])('command: %s -> what it asks for', (text, command) => {
  expect(parseCommand(text)).toEqual(command);
});

it.each([
  [':play movies', '`:play` is a command of another program; here there are :begin'],
  [':param x', '`:param` takes `NAME => VALUE`'],
  [':use', '`:use` takes the name of a graph'],
  [':auto', '`:auto` takes a statement'],
])('command: %s -> refused', (text, message) => {
  expect(() => parseCommand(text)).toThrow(message);
});

const typed = ($type: string, _value: unknown): TypedValue => ({ $type, _value });
const node = (id: string, labels: string[], properties: object = {}) =>
  typed('Node', { _element_id: id, _labels: labels, _properties: properties });
const relationship = (from: string, to: string) =>
  typed('Relationship', {
    _element_id: 'r',
    _start_node_element_id: from,
    _end_node_element_id: to,
    _type: 'T',
    _properties: {},
  });

it('table: nodes, relationships, lists and text -> aligned, as Cypher writes them', () => {
  const ann = node('a', ['P', 'Q'], { name: typed('String', 'Ann') });
  const list = typed('List', [relationship('a', 'b'), typed('Null', null), typed('Float', '1.5')]);
  const counters = { containsUpdates: true, nodesCreated: 2, labelsAdded: 0 };
  expect(describeAnswer({ data: { fields: ['n', 'rest'], values: [[ann, list]] }, counters })).toBe(
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
});

it('plan: a tree with estimates, some of it profiled -> a table with one operator a line', () => {
  const leaf = { operator: 'LabelScan', details: '(n:P)', estimatedRows: 2.4, rows: 3, timeMs: 0.04, children: [] };
  const queryPlan = { operator: 'ProduceResults', details: 'n', rows: 3, timeMs: 1, children: [leaf] };
  expect(describeAnswer({ data: { fields: [], values: [] }, counters: {}, queryPlan })).toBe(
    [
      '+----------------+---------+----------------+------+-----+',
      '| operator       | details | estimated rows | rows | ms  |',
      '+----------------+---------+----------------+------+-----+',
      '| ProduceResults | n       |                | 3    | 1.0 |',
      '|   LabelScan    | (n:P)   | 2              | 3    | 0.0 |',
      '+----------------+---------+----------------+------+-----+',
    ].join('\n'),
  );
});

it.each<[TypedValue, string]>([
  [typed('Integer', '9007199254740993'), '9007199254740993'],
  [typed('Integer', '-9223372036854775808'), '-9223372036854775808'],
  [typed('Float', '2.0'), '2.0'],
  [typed('Float', 'NaN'), 'NaN'],
  [typed('Boolean', true), 'true'],
  [typed('Date', '2020-02-29'), '2020-02-29'],
  [typed('Map', { a: typed('Integer', '1') }), '{a: 1}'],
  [node('a', []), '()'],
  [
    typed('Path', [node('a', ['A']), relationship('a', 'b'), node('b', []), relationship('c', 'b'), node('c', ['C'])]),
    '(:A)-[:T]->()<-[:T]-(:C)',
  ],
])('table: %j -> %s', (value, text) => {
  expect(cypherText(value)).toBe(text);
});

it('table: control characters in names and labels -> escaped, so that no cell leaves its line or colours the terminal', () => {
  const lines = textTable(['a\nb'], [['(:Red\u001b[31m)']]).split('\n');
  expect(lines.slice(1, 4)).toEqual(['| a\\u000ab         |', lines[0], '| (:Red\\u001b[31m) |']);
});
