/**
 * The words of the language. None is reserved: a word is a keyword only where the grammar looks for it, so that
 * `MATCH (match) RETURN match.type` is a query.
 */

/** A punctuation token is its own kind; `end` follows the last one. */
export type TokenKind =
  | 'name'
  | 'quotedName'
  | 'integer'
  | 'float'
  | 'badNumber'
  | 'string'
  | 'parameter'
  /** Before a bracket; elsewhere it begins a parameter. */
  | '$'
  | 'end'
  | '('
  | ')'
  | '['
  | ']'
  | '{'
  | '}'
  | ','
  | ':'
  | ';'
  | '.'
  | '..'
  | '+'
  | '+='
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | '='
  | '=~'
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '|'
  | '&'
  | '!';

const KEYWORDS =
  `ALL AND ANY AS ASC ASCENDING ASSERT BTREE BY CALL CASE COLLECT CONSTRAINT CONSTRAINTS CONTAINS COUNT CREATE
DELETE DESC DESCENDING DETACH DISTINCT DROP EACH ELSE END ENDS EXISTS EXPLAIN EXTRACT FALSE FILTER FINISH FOR FOREACH FULLTEXT
IF IN INDEX INDEXES INFINITY INF IS JOIN KEY LET LIMIT LOAD LOOKUP MATCH MERGE NAN NODE NODETACH NONE NOT NULL OFFSET ON OPTIONAL
OPTIONS OR ORDER POINT PROFILE RANGE REDUCE REL RELATIONSHIP REMOVE REQUIRE RETURN SCAN SEEK SET SHORTESTPATH
ALLSHORTESTPATHS SHOW SINGLE SKIP STARTS TEXT THEN TRANSACTIONS TRUE UNION UNIQUE UNIQUENESS UNWIND USING WHEN WHERE WITH
XOR YIELD`.split(/\s+/);

const BY_TEXT = new Map<string, string>();
for (const word of KEYWORDS) {
  BY_TEXT.set(word, word);
  BY_TEXT.set(word.toLowerCase(), word);
}
const LONGEST = Math.max(...KEYWORDS.map((word) => word.length));

/** The keyword in capitals that a name spells in any case, or the empty text. */
export function keywordOf(text: string): string {
  if (text.length > LONGEST) return '';
  const found = BY_TEXT.get(text);
  if (found !== undefined) return found;
  return BY_TEXT.get(text.toUpperCase()) ?? '';
}
