import '../all-parts.ts';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { QueryError } from '../query-error.ts';
import { parseStatement } from './parse-statement.ts';

const TCK = new URL('../../../shared/opencypher-tck/given.jsonl', import.meta.url);

/** What the parser says of a text: `detail line:column message`. */
function complaint(text: string): string {
  try {
    parseStatement(text);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { line, column } = error.position ?? { line: 0, column: 0 };
    return `${error.errorDetail} ${line}:${column} ${error.message.replace(/ \(line .*$/, '')}`;
  }
  return 'none';
}

describe('parse errors', () => {
  it.each([
    ['', 'UnexpectedSyntax 1:1 expected MATCH, WITH, RETURN or another clause, but the text ends'],
    ['RETURN', 'UnexpectedSyntax 1:7 expected an expression, but the text ends'],
    ['RETURN 1 +', 'UnexpectedSyntax 1:11 expected an expression, but the text ends'],
    ['MATCH (n\nRETURN n', 'UnexpectedSyntax 2:1 expected `)`, but there is `RETURN`'],
    ['MATCH n RETURN n', 'UnexpectedSyntax 1:7 expected a node pattern, as in `(n:Label)`, but there is `n`'],
    [
      'MATCH (n) RETRUN n',
      'UnexpectedSyntax 1:11 expected another clause or the end, but there is `RETRUN`; did you mean RETURN?',
    ],
    ['RETURN [1, 2', 'UnexpectedSyntax 1:13 expected `]`, but the text ends'],
    ['RETURN {a 1}', 'UnexpectedSyntax 1:11 expected `:`, but there is `1`'],
    ['RETURN "a', 'UnexpectedSyntax 1:8 this string is not closed by the same quotation mark'],
    ['RETURN 1 /* a', 'UnexpectedSyntax 1:10 this comment is not closed by `*/`'],
    ['RETURN `a', 'UnexpectedSyntax 1:8 this name is not closed by a backtick'],
    ["RETURN 'a\\q'", 'UnexpectedSyntax 1:10 \\q is no escape sequence'],
    ["RETURN '\\uH'", 'InvalidUnicodeLiteral 1:9 \\u is followed by 4 hexadecimal digits of a code point'],
    ['RETURN 12ab', 'InvalidNumberLiteral 1:8 `12ab` is no number'],
    ['RETURN {1a: 1}', 'UnexpectedSyntax 1:9 expected a key, but there is `1a`'],
    ['RETURN 9223372036854775808', 'IntegerOverflow 1:8 this integer does not fit into 64 bits'],
    ['RETURN 1e999', 'FloatingPointOverflow 1:8 this number is too large for a Float'],
    ['RETURN 42 — 41', 'InvalidUnicodeCharacter 1:11 the character U+2014 has no meaning here'],
    ['MATCH (a)-[*-2]->(b)', 'InvalidRelationshipPattern 1:13 the length of a path is not negative'],
    ['MATCH (a)-[:T..2]->(b)', 'InvalidRelationshipPattern 1:14 the length of a path begins with `*`, as in `*1..3`'],
    ['MATCH (n) SET n = ', 'UnexpectedSyntax 1:19 expected an expression, but the text ends'],
    [
      'MATCH (n) SET f(n) = 1',
      'UnexpectedSyntax 1:15 only a property, as in `n.name` or `n[name]`, can be set or removed',
    ],
    ['RETURN $', 'UnexpectedSyntax 1:8 a parameter has a name or a number behind `$`'],
  ])('parser: %j -> says what and where', (text, expected) => {
    expect(complaint(text)).toBe(expected);
  });

  it('parser: error on a later line -> the excerpt shows that line with carets below the place', () => {
    let excerpt: string | undefined;
    try {
      parseStatement('MATCH (n)\n  RETURN n.name AS AS\n');
    } catch (error) {
      excerpt = (error as QueryError).excerpt;
    }
    // `AS` is a name like any other: `n.name AS AS` is a query.
    expect(excerpt).toBeUndefined();
    try {
      parseStatement('MATCH (n)\n  RETURN n.name AS 12\n');
    } catch (error) {
      excerpt = (error as QueryError).excerpt;
    }
    expect(excerpt).toBe('  RETURN n.name AS 12\n                   ^^');
  });

  it('parser: beyond the limits -> a typed error, no overflow of the stack', () => {
    const depth = LIMITS.queryDepthMax + 1;
    expect(complaint(`RETURN ${'('.repeat(depth)}1${')'.repeat(depth)}`)).toContain('nest at most');
    expect(complaint(`RETURN ${'NOT '.repeat(depth)}true`)).toContain('nest at most');
    expect(complaint(`RETURN ${'[1 IN '.repeat(depth)}`)).toContain('nest at most');
    expect(complaint(`MATCH ${'('.repeat(depth + 1)}`)).toContain('nest at most');
    expect(complaint(`RETURN 1${' + 1'.repeat(LIMITS.queryChainMax + 2)}`)).toContain('follow each other');
    expect(complaint(`RETURN x${'.a'.repeat(LIMITS.queryChainMax + 2)}`)).toContain('follow each other');
    const nodes = `()${', ()'.repeat(LIMITS.queryChainMax + 1)}`;
    expect(complaint(`MATCH ${nodes} RETURN 1`)).toContain('follow each other');
    expect(complaint(`RETURN COUNT { ${nodes} }`)).toContain('follow each other');
    expect(complaint(`CREATE ${nodes}`)).toBe('none');
    expect(complaint(`RETURN ${'a'.repeat(LIMITS.queryCharsMax)}`)).toContain('characters');
    expect(complaint(`RETURN ${Array.from({ length: 20_000 }, (_, i) => `n.x = ${i}`).join(' OR ')}`)).toBe('none');
  });
});

describe('parsing', () => {
  it.each([
    'MATCH (match:Match) RETURN match.return AS return, count(*) AS count',
    'RETURN (a)-(b), (a) - -1, a<-1, [x]-[1][0]',
    'MATCH (a) WHERE (a)-->() AND NOT (a)<-[:T]-(:B {x: 1}) RETURN [(a)-[r]->(b) WHERE b:X | b.name]',
    'RETURN [x IN xs WHERE x:A | x.name], [x IN xs], [1 IN xs]',
    'MATCH p = ((a)-[:T|:S*1..3 {k: 1}]->(b)) RETURN p',
    'MATCH (n:A&!B|(C&D)) WHERE n:A|B RETURN n {.*, .name, other, key: 1}',
    'MATCH (a WHERE a.x > 1)-[r:T WHERE r.x = 1]-(b) RETURN a',
    'RETURN CASE a WHEN 1, 2 THEN 3 END, CASE WHEN true THEN 1 ELSE 2 END, case',
    'CALL { WITH a RETURN 1 AS b UNION ALL RETURN 2 AS b } CALL (a, b) { RETURN 1 AS c } RETURN *',
    'MATCH (n) WHERE EXISTS { (n)-->() } AND COUNT { MATCH (n)--() } > 1 RETURN COLLECT { MATCH (m) RETURN m.x }',
    'MATCH p = shortestPath((a)-[*]-(b)), q = allShortestPaths((a)-[*..5]->(b)) RETURN length(shortestPath((a)-[*]-(b)))',
    'FOREACH (x IN [1] | CREATE (:A {x: x}) FOREACH (y IN [2] | MERGE (:B)))',
    'RETURN reduce(sum = 0, x IN list | sum + x), all(x IN xs WHERE x > 1), any(x IN xs WHERE x)',
    'RETURN list[1..2][..3][4..], map.a.b["c"], -2 ^ 3, 0x1F + 0o17 + 1e3 + .5',
    'MERGE (a)-[:T]-(b) ON CREATE SET a.x = 1, a:L ON MATCH SET b += {y: 2}',
    'MATCH (n) DETACH DELETE n',
    'MATCH (n) REMOVE n.x, n:A:B SET (n).y = 1, n = $map',
    'EXPLAIN MATCH (n) RETURN n ORDER BY n.x DESC, n.y SKIP 1 LIMIT $limit;',
    'CALL db.labels() YIELD label AS l WHERE l <> "a" RETURN l',
    'CREATE INDEX name IF NOT EXISTS FOR (n:Person) ON (n.name)',
    'CREATE INDEX ON :Person(name)',
    'CREATE CONSTRAINT FOR (n:Person) REQUIRE (n.a, n.b) IS UNIQUE',
    'CREATE CONSTRAINT c ON (n:Person) ASSERT n.a IS NOT NULL',
    'CREATE CONSTRAINT FOR ()-[r:KNOWS]-() REQUIRE r.since IS NOT NULL',
    'DROP INDEX name IF EXISTS',
    'DROP INDEX ON :L(a)',
    'DROP CONSTRAINT ON (n:L) ASSERT n.a IS UNIQUE',
    'SHOW CONSTRAINTS',
    'MATCH (n) // comment\n/* and /* another */ RETURN `a name` + $`p q` + $0',
  ])('parser: %j -> accepted', (text) => {
    expect(complaint(text)).toBe('none');
  });

  it('parser: items of a projection -> their span is the exact source text', () => {
    const text = 'RETURN  count( * ), n.`a`  IS NULL AS x , (1)';
    const statement = parseStatement(text);
    const clause = statement.kind === 'query' ? statement.query.singles[0]?.clauses[0] : undefined;
    const items = clause?.kind === 'return' ? clause.items : [];
    expect(items.map(({ start, end }) => text.slice(start, end))).toEqual(['count( * )', 'n.`a`  IS NULL', '(1)']);
  });
});

const WORDS =
  `MATCH OPTIONAL RETURN WITH WHERE CREATE MERGE SET DELETE UNWIND FOREACH CALL CASE WHEN THEN END ( ) [ ] { } , . .. : ; | & !
- -- -> <- < > = <> =~ + * / % ^ $p a n 'x' 1 1.5 12a IN AND OR NOT NULL AS ORDER BY LIMIT EXISTS COUNT shortestPath UNION`.split(
    /\s+/,
  );

describe('fuzz', () => {
  it('parser: random tokens -> a tree or the typed error', () => {
    const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.oneof(soup, fc.string({ unit: 'binary' })), (text) => {
        complaint(text);
      }),
      { numRuns: 3000 },
    );
  });

  it('parser: texts cut anywhere, with a token left out -> a tree or the typed error', ({ skip }) => {
    if (!existsSync(TCK)) skip('the given scenarios are not beside this repository');
    const lines = readFileSync(TCK, 'utf8').trim().split('\n');
    const texts = lines.map((line) => (JSON.parse(line) as { query: string }).query);
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.nat(), fc.nat(), (text, cut, drop) => {
        complaint(text.slice(0, cut % (text.length + 1)));
        const words = text.split(/\b/);
        complaint(words.toSpliced(drop % words.length, 1).join(''));
      }),
      { numRuns: 3000 },
    );
  });

  it('parser: brackets within brackets, wrong at the innermost -> no work is done twice', () => {
    // A parser that tries a bracket as a pattern and then as a parenthesis takes twice as long for each level.
    let inner = 'b';
    for (let i = 0; i < 100; i++) inner = `(a {x: ${inner}})--(c WHERE 1 1)`;
    expect(complaint(`RETURN ${inner}`)).toContain('UnexpectedSyntax');
    expect(complaint(`RETURN ${'[(a)-[x IN '.repeat(150)}`)).toContain('UnexpectedSyntax');
    expect(complaint(`RETURN ${'(a)-[b]-('.repeat(50_000)}`)).toContain('UnexpectedSyntax');
  });
});

describe('given scenarios', () => {
  it('parser: every text that is not wrong at compile time -> accepted', ({ skip }) => {
    if (!existsSync(TCK)) skip('the given scenarios are not beside this repository');
    const refused: string[] = [];
    for (const line of readFileSync(TCK, 'utf8').trim().split('\n')) {
      const { id, setup, query, expect: expected } = JSON.parse(line) as Scenario;
      const isWrong = expected.kind === 'error' && expected.errorPhase === 'compile time';
      for (const text of isWrong ? setup : [...setup, query]) {
        const said = complaint(text);
        if (said !== 'none') refused.push(`${id}: ${said}`);
      }
    }
    expect(refused).toEqual([]);
  });
});

interface Scenario {
  readonly id: string;
  readonly setup: readonly string[];
  readonly query: string;
  readonly expect: { readonly kind: string; readonly errorPhase?: string };
}
