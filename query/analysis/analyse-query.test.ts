import { expect, it } from 'vitest';
import '../all-parts.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { planStatement } from '../plan/plan-statement.ts';
import { QueryError } from '../query-error.ts';

function errorOf(text: string): string {
  const { statistics } = new MemoryGraph();
  try {
    planStatement(text, { statistics, schema: [], procedure: () => undefined, optimise: true });
    return 'valid';
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return `${error.errorDetail} at ${error.position?.line}:${error.position?.column}`;
  }
}

it.each([
  ['MATCH (n) RETURN n', 'valid'],
  ['MATCH (n) RETURN m', 'UndefinedVariable at 1:18'],
  ['MATCH (n)\nWHERE n.x = y RETURN n', 'UndefinedVariable at 2:13'],
  ['MATCH (n)-[n]->() RETURN n', 'VariableTypeConflict at 1:12'],
  ['MATCH (n) CREATE (n:A)', 'VariableAlreadyBound at 1:19'],
  ['MATCH (n) RETURN n.x AS x ORDER BY n.y', 'valid'],
  ['MATCH (n) RETURN DISTINCT n.x AS x ORDER BY n.y', 'UndefinedVariable at 1:45'],
  ['MATCH (n) RETURN n.x AS x, count(*) AS c ORDER BY n.x', 'valid'],
  ['MATCH (n) RETURN n.x + count(*)', 'AmbiguousAggregationExpression at 1:18'],
  ['MATCH (n) RETURN n.x, n.x + count(*)', 'valid'],
  ['MATCH (n) WHERE count(n) > 1 RETURN n', 'InvalidAggregation at 1:17'],
  ['RETURN count(count(*))', 'NestedAggregation at 1:14'],
  ['RETURN 1 AND true', 'InvalidArgumentType at 1:8'],
  ['RETURN nothing(1)', 'UnknownFunction at 1:8'],
  ['RETURN sqrt()', 'InvalidNumberOfArguments at 1:8'],
  ['RETURN 1 LIMIT -1', 'NegativeIntegerArgument at 1:16'],
  ['MATCH (n) WITH n.x RETURN 1', 'NoExpressionAlias at 1:16'],
  ['RETURN 1 AS a, 2 AS a', 'ColumnNameConflict at 1:16'],
  ['RETURN 1 AS a UNION RETURN 2 AS b', 'DifferentColumnsInUnion at 1:21'],
  ['MATCH (n)', 'InvalidClauseComposition at 1:1'],
  ['RETURN 1 MATCH (n) RETURN n', 'InvalidClauseComposition at 1:10'],
  ['MATCH (n) RETURN (n)-->()', 'UnexpectedSyntax at 1:18'],
  ['MATCH (n) WHERE (n)-->() RETURN n', 'valid'],
  ['CREATE ()-[:A|B]->()', 'NoSingleRelationshipType at 1:10'],
  ['CALL { RETURN 1 AS x } RETURN x', 'valid'],
  ['MATCH (n) CALL (n) { RETURN n.x AS x } RETURN x', 'valid'],
  ['MATCH (n) CALL (m) { RETURN 1 AS x } RETURN x', 'UndefinedVariable at 1:17'],
  ['MATCH (n) RETURN EXISTS { MATCH (n)-->() } AS e, COUNT { (n)--() } AS c', 'valid'],
  ['FOREACH (x IN [1] | MATCH (n))', 'InvalidClauseComposition at 1:21'],
  ['RETURN 99999999999999999999', 'IntegerOverflow at 1:8'],
  ["RETURN 'open", 'UnexpectedSyntax at 1:8'],
])('analysis: %j -> %s', (text, outcome) => {
  expect(errorOf(text)).toBe(outcome);
});

it('analysis: deep nesting -> refused, not a stack overflow', () => {
  expect(errorOf(`RETURN ${'('.repeat(5000)}1${')'.repeat(5000)}`)).toMatch(/^UnexpectedSyntax/);
  expect(errorOf(`RETURN ${'NOT '.repeat(5000)}true`)).toMatch(/^UnexpectedSyntax/);
});

it('thousands of variables in one CREATE -> planned at once, not in the square of their number', () => {
  // The square takes minutes, which no test may.
  const parts = Array.from({ length: 12_000 }, (_, i) => `(n${i}:A)-[:R]->(m${i})`);
  expect(errorOf(`CREATE ${parts.join()}`)).toBe('valid');
}, 60_000);

it('more elements in one CREATE than a call takes arguments -> planned', () => {
  expect(errorOf(`CREATE ${'(), '.repeat(150_000)}()`)).toBe('valid');
});
