/**
 * Grants as they stand in token files and in JSON Web Tokens: `{"graphs": ["shop"], "scopes": ["acme"], "rights": ["read"]}`.
 * `"*"` stands for all. A field that is unknown or misspelt is an error: it might have been meant to take a right away.
 */
import * as LIMITS from '../../base/limits.ts';
import { ALL, type Grant, grantOf, type Names, RIGHTS, type Right } from './principal.ts';

const FIELDS: ReadonlySet<string> = new Set(['graphs', 'scopes', 'rights']);

/** @throws Error that says which part is wrong */
export function parseGrants(tree: unknown, where: string): readonly Grant[] {
  if (!Array.isArray(tree)) throw new Error(`${where} must be a list of grants`);
  if (tree.length > LIMITS.grantsMax) throw new Error(`${where} holds more than ${LIMITS.grantsMax} grants`);
  return tree.map((grant, index) => parseGrant(grant, `${where}[${index}]`));
}

function parseGrant(tree: unknown, where: string): Grant {
  const fields = objectFields(tree, FIELDS, where);
  const { graphs, scopes = ALL, rights } = fields;
  if (!isTextList(rights) || rights.length === 0) throw new Error(`${where}.rights must be a list of rights`);
  const unknown = rights.find((right) => !(RIGHTS as readonly string[]).includes(right));
  if (unknown !== undefined) throw new Error(`${where}.rights: \`${unknown}\` is none of ${RIGHTS.join(', ')}`);
  const scopeNames = namesOf(scopes, `${where}.scopes`);
  if (scopeNames !== ALL && [...scopeNames].some((scope) => scope.includes('!'))) {
    throw new Error(`${where}.scopes: a scope is what stands before the first \`!\` of an id`);
  }
  return grantOf(namesOf(graphs, `${where}.graphs`), scopeNames, rights as readonly Right[]);
}

function namesOf(tree: unknown, where: string): Names {
  if (tree === ALL) return ALL;
  if (!isTextList(tree) || tree.length === 0) throw new Error(`${where} must be "*" or a list of names`);
  if (tree.length > LIMITS.grantNamesMax) throw new Error(`${where} lists more than ${LIMITS.grantNamesMax} names`);
  return tree.includes(ALL) ? ALL : new Set(tree);
}

/** The members of an object that has no others than `known`. @throws Error that names what is wrong */
export function objectFields(
  tree: unknown,
  known: ReadonlySet<string>,
  where: string,
): Readonly<Record<string, unknown>> {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) throw new Error(`${where} must be an object`);
  const unknown = Object.keys(tree).find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`${where} has an unknown field \`${unknown}\``);
  return tree as Readonly<Record<string, unknown>>;
}

function isTextList(tree: unknown): tree is readonly string[] {
  return Array.isArray(tree) && tree.every((item) => typeof item === 'string' && item !== '');
}
