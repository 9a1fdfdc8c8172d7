/** openCypher for the editor: which words have which colour, and what may come next. */
import { type CompletionContext, type CompletionResult, snippetCompletion } from '@codemirror/autocomplete';
import { HighlightStyle, StreamLanguage, type StringStream } from '@codemirror/language';
import { tags } from '@lezer/highlight';

const KEYWORDS = (
  'ALL AND ANY AS ASC ASCENDING BY CALL CASE CONSTRAINT CONSTRAINTS CONTAINS CREATE DELETE DESC DESCENDING DETACH DISTINCT DROP ELSE ' +
  'END ENDS EXISTS EXPLAIN FALSE FOR FOREACH IF IN INDEX INDEXES IS KEY LIMIT LOAD MATCH MERGE NODE NONE NOT NULL ON OPTIONAL ' +
  'OR ORDER PROFILE REMOVE REQUIRE RETURN SET SHOW SINGLE SKIP STARTS THEN TRUE UNION UNIQUE UNWIND WHEN WHERE WITH XOR YIELD'
).split(' ');
const KEYWORD_SET = new Set(KEYWORDS);
const FUNCTIONS = (
  'abs avg ceil coalesce collect count date datetime duration elementId endNode exists floor head keys labels last left length ' +
  'localdatetime localtime max min nodes percentileCont point properties rand range reduce relationships replace reverse right ' +
  'round size split startNode substring sum tail time toBoolean toFloat toInteger toLower toString toUpper trim type'
).split(' ');

interface LexerState {
  inComment: boolean;
  /** After a colon a name is a label or type; after a dot, a property. */
  before: ':' | '.' | '';
}

export const cypherLanguage = StreamLanguage.define<LexerState>({
  name: 'cypher',
  startState: () => ({ inComment: false, before: '' }),
  token: (stream, state) => {
    if (state.inComment) return comment(stream, state);
    if (stream.eatSpace()) return null;
    const { before } = state;
    state.before = '';
    if (stream.match('//')) {
      stream.skipToEnd();
      return 'comment';
    }
    if (stream.match('/*')) {
      state.inComment = true;
      return comment(stream, state);
    }
    if (stream.match(/^'(?:[^'\\]|\\.)*'?/) || stream.match(/^"(?:[^"\\]|\\.)*"?/)) return 'string';
    if (stream.match(/^(?:0x[\da-f]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i)) return 'number';
    if (stream.match(/^\$(?:`[^`]*`?|[\p{L}_\d]+)/u)) return 'atom';
    if (stream.match(/^`[^`]*`?/) || stream.match(/^[\p{L}_][\p{L}\p{N}_]*/u)) return name(stream, before);
    const char = stream.next();
    if (char === ':' || char === '.') state.before = char;
    return char !== undefined && /[-+*/%^=<>|]/.test(char) ? 'operator' : 'punctuation';
  },
  languageData: {
    commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
    closeBrackets: { brackets: ['(', '[', '{', "'", '"', '`'] },
  },
});

function comment(stream: StringStream, state: LexerState): string {
  if (stream.match(/^.*?\*\//)) state.inComment = false;
  else stream.skipToEnd();
  return 'comment';
}

function name(stream: StringStream, before: LexerState['before']): string {
  if (before === ':') return 'typeName';
  if (before === '.') return 'propertyName';
  if (KEYWORD_SET.has(stream.current().toUpperCase())) return 'keyword';
  if (stream.match(/^\s*\(/, false)) return 'macroName';
  return 'variableName';
}

/** The colours are those of the page's theme, so both themes need but one style. */
export const cypherColours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--syntax-keyword)', fontWeight: '600' },
  { tag: tags.string, color: 'var(--syntax-string)' },
  { tag: [tags.number, tags.atom], color: 'var(--syntax-number)' },
  { tag: tags.typeName, color: 'var(--syntax-label)' },
  { tag: tags.macroName, color: 'var(--syntax-function)' },
  { tag: tags.comment, color: 'var(--syntax-comment)', fontStyle: 'italic' },
  { tag: [tags.operator, tags.punctuation], color: 'var(--muted)' },
]);

/** What the graph holds. */
export interface SchemaNames {
  readonly labels: readonly string[];
  readonly types: readonly string[];
  readonly properties: readonly string[];
}

export const NO_NAMES: SchemaNames = { labels: [], types: [], properties: [] };

const PATTERNS = [
  snippetCompletion('MATCH (#{n}:#{Label})\nRETURN #{n}', { label: 'MATCH … RETURN', type: 'text' }),
  snippetCompletion('MATCH (#{a})-[#{r}]->(#{b})\nRETURN #{a}, #{r}, #{b} LIMIT 100', {
    label: 'MATCH a pattern',
    type: 'text',
  }),
];

/** Completes labels inside of `(:`, types inside of `[:`, properties after a dot and in maps, and words elsewhere. */
export function cypherCompletion(names: () => SchemaNames): (context: CompletionContext) => CompletionResult | null {
  return (context) => {
    const word = context.matchBefore(/[\p{L}\p{N}_]*/u);
    if (word === null) return null;
    const before = context.state.sliceDoc(Math.max(0, word.from - 400), word.from);
    const { labels, types, properties } = names();
    const answer = (options: readonly string[], type: string): CompletionResult => ({
      from: word.from,
      options: options.map((label) => ({ label, type, apply: quoted(label) })),
      validFor: /^[\p{L}\p{N}_]*$/u,
    });
    if (/\[[^\](]*[:|]\s*$/.test(before)) return answer(types, 'type');
    if (/[:|&]\s*$/.test(before) && !/\{[^}]*:\s*$/.test(before)) return answer(labels, 'class');
    if (/[\p{L}\p{N}_`)\]]\.$/u.test(before) || /[([][^()[\]]*\{\s*(?:[^}]*,\s*)?$/.test(before))
      return answer(properties, 'property');
    if (word.from === word.to && !context.explicit) return null;
    return {
      from: word.from,
      options: [
        ...PATTERNS,
        ...KEYWORDS.map((label) => ({ label, type: 'keyword' })),
        ...FUNCTIONS.map((label) => ({ label, type: 'function', apply: `${label}(` })),
      ],
      validFor: /^[\p{L}\p{N}_]*$/u,
    };
  };
}

/** A name as a statement may hold it. */
export function quoted(text: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text) ? text : `\`${text.replaceAll('`', '``')}\``;
}
