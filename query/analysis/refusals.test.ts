/** What is refused before anything runs, by what is wrong with it. Places are in `analyse-query.test.ts`. */
import '../all-parts.ts';
import { expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { planStatement } from '../plan/plan-statement.ts';
import { QueryError } from '../query-error.ts';

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  VariableTypeConflict: [
    'MATCH (r)-[r]-() RETURN r',
    'WITH true AS n MATCH (n) RETURN n',
    'WITH 1 AS r MATCH ()-[r]-() RETURN r',
  ],
  VariableAlreadyBound: [
    'WITH 1 AS a CALL (a) { WITH 2 AS a RETURN a AS b } RETURN b',
    'MATCH (a) WHERE EXISTS { WITH 2 AS a RETURN a } RETURN a',
    'MATCH p = (p) RETURN p',
    'MATCH (p) MATCH p = () RETURN p',
    'MATCH (a) CREATE (a {x: 1})',
    'MATCH (a) MERGE (a)',
    'MATCH (a)-[r]->(b) MERGE (a)-[r:T]->(b)',
    'CREATE (a)-[:T]->(b), (b:Other)-[:T]->(a)',
    'UNWIND [1] AS x UNWIND [2] AS x RETURN x',
    'MATCH (n) CALL { WITH n MATCH (n)-->(m) RETURN m AS n } RETURN n',
  ],
  UndefinedVariable: [
    'WITH 1 AS a CALL { WITH a WITH 2 AS b RETURN a AS c } RETURN c',
    'MATCH (a)-[r* {x: size(r)}]->(b) RETURN a',
    'MATCH (a)-[r* {x: size(s)}]->(b)-[s* {x: size(r)}]->(c) RETURN a',
    'CREATE (b {name: missing}) RETURN b',
    'MERGE (n) ON MATCH SET x.num = 1',
    'MATCH (a) DELETE x',
    'WITH 1 AS a WITH a AS b RETURN a',
    'MATCH (n) RETURN n.name AS x, x',
    'MATCH (n) WHERE (n)-[r]->() RETURN n',
    'MATCH (n) WITH n.x AS x, count(*) AS c ORDER BY n.y RETURN x',
  ],
  RelationshipUniquenessViolation: ['MATCH (a)-[r]->()-[r]->(a) RETURN r'],
  InvalidParameterUse: ['MATCH (n $given) RETURN n', 'MERGE ()-[r:T $given]->() RETURN r'],
  NoSingleRelationshipType: ['CREATE (a)-->(b)', 'MERGE (a)-[:A|B]->(b)'],
  RequiresDirectedRelationship: ['CREATE (a)-[:A]-(b)', 'CREATE (a)<-[:A]->(b)'],
  CreatingVarLength: ['CREATE (a)-[:A*2]->(b)', 'MERGE (a)-[:A*2]->(b)'],
  InvalidDelete: ['MATCH (n) DELETE n:Person'],
  NoVariablesInScope: ['RETURN *', 'MATCH () RETURN *'],
  NoExpressionAlias: ['MATCH (n) WITH n, count(*) RETURN n'],
  ColumnNameConflict: ['MATCH (n) WITH n AS a, n AS a RETURN a'],
  DifferentColumnsInUnion: ['MATCH (a) RETURN a UNION MATCH (b) RETURN b'],
  InvalidClauseComposition: [
    'RETURN 1 AS a UNION RETURN 2 AS a UNION ALL RETURN 3 AS a',
    'MATCH (n) WHERE EXISTS { MATCH (n)-->(m) SET m.x = 1 } RETURN n',
  ],
  InvalidAggregation: ['MATCH (n) RETURN n ORDER BY count(n)', 'RETURN [x IN [1] | count(x)]'],
  AmbiguousAggregationExpression: ['MATCH (n) RETURN n.x + n.y + count(*)'],
  NonConstantExpression: ['MATCH (n) RETURN n LIMIT n.count', 'RETURN count(rand())'],
  NegativeIntegerArgument: ['MATCH (n) RETURN n SKIP -1'],
  InvalidArgumentType: [
    'MATCH (n) RETURN n LIMIT 1.7',
    'MATCH (n) DELETE 1 + 1',
    'MATCH (n) WHERE n RETURN n',
    'MATCH (n) RETURN type(n)',
    'MATCH p = () RETURN size(p)',
    'MATCH ()-[r]-() RETURN length(r)',
    'RETURN properties([1])',
    'RETURN 1 IN {x: []}',
    'RETURN NOT 0',
    "RETURN any(x IN ['a'] WHERE x % 2 = 0)",
  ],
  UnexpectedSyntax: ['MATCH (a) SET a.x = (a)-->()', 'MATCH (a) WITH (a)-->() AS x RETURN x'],
};

it.each(Object.entries(REFUSED).flatMap(([detail, texts]) => texts.map((text) => [text, detail] as const)))(
  'analysis: %j -> refused as %s',
  (text, detail) => {
    const { statistics } = new MemoryGraph();
    let refusal: unknown;
    try {
      planStatement(text, { statistics, schema: [], procedure: () => undefined, optimise: true });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(QueryError);
    expect(refusal).toMatchObject({ errorType: 'SyntaxError', errorPhase: 'compile time', errorDetail: detail });
  },
);
