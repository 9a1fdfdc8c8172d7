/** What to write instead of what other languages, newer forms and slips of the fingers put into a statement. */
import { nearName } from '../near-name.ts';
import type { Tokens } from './lexer.ts';

const CLAUSES = [
  'MATCH',
  'OPTIONAL',
  'WHERE',
  'WITH',
  'RETURN',
  'CREATE',
  'MERGE',
  'SET',
  'REMOVE',
  'DELETE',
  'DETACH',
  'UNWIND',
];
const MORE_CLAUSES = [
  'FOREACH',
  'CALL',
  'UNION',
  'ORDER',
  'LIMIT',
  'SKIP',
  'FINISH',
  'EXPLAIN',
  'PROFILE',
  'SHOW',
  'DROP',
];
const PATHS = 'quantified path patterns and path selectors are not offered: use `-[:T*1..3]->` and shortestPath()';
const BY_WORD: Readonly<Record<string, string>> = {
  LIKE: 'use CONTAINS, STARTS WITH, ENDS WITH or the regular expression `=~`',
  BETWEEN: 'write `low <= x <= high`',
  USE: 'the graph is named by the address of the request',
  NULLS: 'null sorts as the largest value; sort by `x IS NULL` first to move it',
  GROUP: 'what stands beside an aggregate in WITH or RETURN is what is grouped by',
  HAVING: 'filter with `WITH ... WHERE`',
  INSERT: 'write CREATE',
  START: 'write MATCH',
  USING:
    'what reads CSV in portions is not offered: UNWIND rows that come as a parameter, or import them as JSON Lines',
  DATABASE: 'a graph is made by a PUT of /v1/graphs/NAME',
  DATABASES: 'GET /v1/graphs lists the graphs',
  ELSEIF: 'write another WHEN',
  SHORTEST: PATHS,
  ANY: PATHS,
  ALL: PATHS,
};

const INDEX_KINDS: Readonly<Record<string, string>> = {
  FULLTEXT: 'full-text indexes are not offered: use CONTAINS, STARTS WITH or `=~`',
  VECTOR: 'vector indexes are not offered',
  POINT: 'indexes of points are not offered: leave it out',
  LOOKUP: 'labels and types are found without an index: leave it out',
};
const LIST_FUNCTIONS = ['EXTRACT', 'FILTER'];

/** @returns a text behind the message, or nothing */
export function hintAt(tokens: Tokens, at: number, wanted: string): string {
  const { text, kinds, starts, ends } = tokens;
  const kind = kinds[at];
  const next = kinds[at + 1];
  const before = kinds[at - 1];
  if (kind === '!' && next === '=') return '; not equal is `<>`';
  if (kind === '=' && before === '=') return '; a single `=` compares';
  if (kind === '&' && next === '&') return '; write AND';
  if (kind === '}' && wanted === '`:`' && kinds[at - 2] === '{') return '; a parameter is written `$name`';
  if (wanted.startsWith('a node pattern') && (kind === '{' || kind === '+' || kind === '*')) return `; ${PATHS}`;
  if (wanted.startsWith('another clause')) {
    if (before === ';') return '; a request has one statement, or several in the list `statements`';
    if (kind === '(' && before === ')') return `; ${PATHS}`;
  }
  if (wanted.includes('`)`') && isListFunction(tokens, at)) {
    return '; write a list comprehension, as in `[x IN list WHERE condition | value]`';
  }
  if (kind !== 'name') return '';
  const word = text.slice(starts[at], ends[at]);
  const indexKind = wanted.startsWith('INDEX') ? INDEX_KINDS[word.toUpperCase()] : undefined;
  if (indexKind !== undefined) return `; ${indexKind}`;
  const hint = BY_WORD[word.toUpperCase()];
  const isPath = hint === PATHS;
  if (hint !== undefined && (!isPath || wanted.startsWith('a node pattern'))) return `; ${hint}`;
  if (!wanted.includes('another clause')) return '';
  const near = nearName(word, [...CLAUSES, ...MORE_CLAUSES]);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** Whether the innermost bracket that is open is that of `extract(x IN ...` or `filter(x IN ...`, which there were once. */
function isListFunction({ text, kinds, starts, ends, words, partners }: Tokens, at: number): boolean {
  let open = at - 1;
  while (open > 0 && (kinds[open] !== '(' || (partners[open] as number) < at)) open--;
  const name = text.slice(starts[open - 1], ends[open - 1]).toUpperCase();
  return LIST_FUNCTIONS.includes(name) && words[open + 2] === 'IN';
}
