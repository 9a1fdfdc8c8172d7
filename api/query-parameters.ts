/**
 * Query parameters: one table per route says how each is read and is also its OpenAPI schema. Unknown, repeated and
 * malformed parameters are refused, because a misspelt filter that is ignored answers something else than was asked.
 */
import { WeftError } from '../base/errors.ts';

/** The decoded query of a URL, in order; a name may repeat. */
export type Query = readonly (readonly [name: string, value: string])[];

export interface Parameter<T> {
  readonly schema: object;
  readonly required?: boolean;
  read(text: string, name: string): T;
}

export type ParameterTable = { readonly [name: string]: Parameter<unknown> };
type ValueOf<P> = P extends Parameter<infer T> ? T : never;
export type ReadParameters<P extends ParameterTable> = {
  readonly [N in keyof P as P[N] extends { required: true } ? N : never]: ValueOf<P[N]>;
} & { readonly [N in keyof P as P[N] extends { required: true } ? never : N]?: ValueOf<P[N]> };

/** Names that every route takes, read elsewhere. */
const EVERYWHERE: ReadonlySet<string> = new Set(['consistency', 'allowDowngrade']);

const NOTHING: Query = [];
/** Marks a query that could not be decoded; reading any parameter of it fails. */
const UNDECODABLE: Query = [['', 'undecodable']];

/** Decodes the part of a URL after `?`. Never throws: the router calls it where nobody catches. */
export function parseQuery(raw: string): Query {
  if (raw === '') return NOTHING;
  try {
    return raw
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
      });
  } catch {
    return UNDECODABLE;
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

/** The value of the parameter `name`, if it is there exactly once. @throws WeftError definite */
export function singleParameter(query: Query, name: string): string | undefined {
  if (query === NOTHING) return undefined;
  const values = query.filter((pair) => pair[0] === name);
  if (values.length > 1)
    throw new WeftError('invalid-request', `the parameter \`${name}\` is repeated`, { field: name });
  return values[0]?.[1];
}

/**
 * Reads `query` by `table`. Parameters whose name starts with `prefix` go to `prefixed` instead.
 * @throws WeftError `invalid-request` or `malformed-request` that names the parameter, definite
 */
export function readQuery<P extends ParameterTable>(
  query: unknown,
  table: P,
  prefix?: { readonly text: string; readonly each: (rest: string, value: string) => void },
): ReadParameters<P> {
  const found: { [name: string]: unknown } = {};
  for (const [name, value] of query as Query) {
    if (Object.hasOwn(table, name)) {
      if (Object.hasOwn(found, name)) {
        throw new WeftError('invalid-request', `the parameter \`${name}\` is repeated`, { field: name });
      }
      found[name] = table[name]?.read(value, name);
    } else if (prefix !== undefined && name.startsWith(prefix.text)) {
      prefix.each(name.slice(prefix.text.length), value);
    } else if (!EVERYWHERE.has(name)) {
      throw unknown(query as Query, name, Object.keys(table));
    }
  }
  for (const name of Object.keys(table)) {
    if (table[name]?.required === true && found[name] === undefined) {
      throw new WeftError('invalid-request', `the parameter \`${name}\` is missing`, { field: name });
    }
  }
  return found as ReadParameters<P>;
}

function unknown(query: Query, name: string, known: readonly string[]): WeftError {
  if (query === UNDECODABLE) {
    return new WeftError('malformed-request', 'the query of the URL is not well-formed percent-encoded UTF-8');
  }
  const hint = known.length === 0 ? 'this call takes none' : `known are ${known.join(', ')}`;
  return new WeftError('invalid-request', `unknown parameter \`${name}\`; ${hint}`, { field: name });
}

/** The OpenAPI schema of a table. */
export function querySchema(table: ParameterTable): object {
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(table).map(([name, parameter]) => [name, parameter.schema])),
    required: Object.keys(table).filter((name) => table[name]?.required === true),
  };
}

export function textParameter(description: string): Parameter<string> {
  return { schema: { type: 'string', description }, read: (text) => text };
}

export function requiredText(description: string): Parameter<string> & { readonly required: true } {
  return { ...textParameter(description), required: true };
}

export function integerParameter(range: {
  readonly minimum: number;
  readonly maximum: number;
  readonly default: number;
  readonly description: string;
}): Parameter<number> {
  return {
    schema: { type: 'integer', ...range },
    read(text, name) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= range.minimum && value <= range.maximum) return value;
      throw new WeftError(
        'invalid-request',
        `\`${name}\` must be an integer from ${range.minimum} to ${range.maximum}, not "${text.slice(0, 40)}"`,
        { field: name },
      );
    },
  };
}

export function choiceParameter<T extends string>(
  choices: readonly T[],
  options: { readonly default: T; readonly description: string },
): Parameter<T> {
  return {
    schema: { type: 'string', enum: [...choices], ...options },
    read(text, name) {
      const choice = choices.find((known) => known === text);
      if (choice !== undefined) return choice;
      throw new WeftError('invalid-request', `\`${name}\` must be one of ${choices.join(', ')}`, { field: name });
    },
  };
}

export const flagParameter = (description: string): Parameter<boolean> => ({
  schema: { type: 'boolean', default: false, description },
  read(text, name) {
    if (text === 'true') return true;
    if (text === 'false') return false;
    throw new WeftError('invalid-request', `\`${name}\` must be true or false`, { field: name });
  },
});
