/** Commands of a script: what shells of Cypher know beside statements, as far as `weft query` takes it. */
import { parseExactJson } from '../graph/exact-json.ts';
import { OperationFailed } from './exit.ts';

export type ScriptCommand =
  | { readonly kind: 'begin' | 'commit' | 'rollback' | 'exit' | 'clearParameters' }
  /** Statements that follow are for this graph. */
  | { readonly kind: 'use'; readonly graph: string }
  /** A map of parameters, or the value of the one that is named. */
  | { readonly kind: 'parameters'; readonly name: string | undefined; readonly value: ParameterValue }
  /** A statement that a browser was told to commit by itself, as every one here is. */
  | { readonly kind: 'statement'; readonly text: string };

/** What is no JSON is Cypher, for the server to evaluate. */
export type ParameterValue =
  | { readonly kind: 'json'; readonly json: unknown }
  | { readonly kind: 'expression'; readonly text: string };

const KNOWN = ':begin, :commit, :rollback, :param NAME => VALUE, :params {NAME: VALUE}, :use GRAPH, :auto, :exit';
const NAMED_VALUE = /^(`(?:``|[^`])+`|[^\s:={]+)\s*(?::|=>)([\s\S]+)$/u;

/** @param text begins with `:` @throws OperationFailed for a command that there is not */
export function parseCommand(text: string): ScriptCommand {
  const [, word = '', rest = ''] = /^:(\S*)\s*([\s\S]*)$/u.exec(text) ?? [];
  switch (word.toLowerCase()) {
    case 'begin':
    case 'commit':
    case 'rollback':
      return { kind: word.toLowerCase() as 'begin' | 'commit' | 'rollback' };
    case 'exit':
    case 'quit':
      return { kind: 'exit' };
    case 'use':
      if (rest === '') throw new OperationFailed('`:use` takes the name of a graph');
      return { kind: 'use', graph: nameOf(rest) };
    case 'auto':
      if (rest === '') throw new OperationFailed('`:auto` takes a statement');
      return { kind: 'statement', text: rest };
    case 'param':
    case 'params':
      return parameters(word, rest);
    default:
      throw new OperationFailed(`\`:${word}\` is a command of another program; here there are ${KNOWN}`);
  }
}

function parameters(word: string, rest: string): ScriptCommand {
  if (rest.toLowerCase() === 'clear') return { kind: 'clearParameters' };
  if (rest.startsWith('{')) return { kind: 'parameters', name: undefined, value: parameterValue(rest) };
  const [, name, value] = NAMED_VALUE.exec(rest) ?? [];
  if (name === undefined || value === undefined) {
    throw new OperationFailed(`\`:${word}\` takes \`NAME => VALUE\`, \`NAME: VALUE\`, \`{NAME: VALUE}\` or \`clear\``);
  }
  return { kind: 'parameters', name: nameOf(name), value: parameterValue(value.trim()) };
}

function parameterValue(text: string): ParameterValue {
  try {
    return { kind: 'json', json: parseExactJson(text) };
  } catch {
    return { kind: 'expression', text };
  }
}

function nameOf(text: string): string {
  return text.startsWith('`') ? text.slice(1, -1).replaceAll('``', '`') : text;
}
