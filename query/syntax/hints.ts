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
  UNIQUE: 'CREATE UNIQUE is not offered: MERGE makes what is missing',
  IN: 'a statement is one transaction; `CALL {} IN TRANSACTIONS` is not offered: repeat it for a part of the rows, or import them',
  LOAD: 'LOAD CSV is not offered: UNWIND rows that come as a parameter, or import them as JSON Lines',
  USING:
    'what reads CSV in portions is not offered: UNWIND rows that come as a parameter, or import them as JSON Lines',
  ELSEIF: 'write another WHEN',
  SHORTEST: PATHS,
  ANY: PATHS,
  ALL: PATHS,
};

/** @returns a text behind the message, or nothing */
export function hintAt({ text, kinds, starts, ends }: Tokens, at: number, wanted: string): string {
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
  if (kind !== 'name') return '';
  const word = text.slice(starts[at], ends[at]);
  const hint = BY_WORD[word.toUpperCase()];
  const isPath = hint === PATHS;
  if (hint !== undefined && (!isPath || wanted.startsWith('a node pattern'))) return `; ${hint}`;
  if (!wanted.includes('another clause')) return '';
  const near = nearName(word, [...CLAUSES, ...MORE_CLAUSES]);
  return near === undefined ? '' : `; did you mean ${near}?`;
}
