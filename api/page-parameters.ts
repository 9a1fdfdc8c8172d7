/** The parameters that all lists share, and cursors that say of which list they are. */
import { createHash } from 'node:crypto';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { printJson } from '../graph/json-values.ts';
import type { Direction } from '../graph/model.ts';
import type { Page, PageRequest } from '../src/engine-port.ts';
import { choiceParameter, integerParameter, textParameter } from './query-parameters.ts';

export const PAGE_PARAMETERS = {
  limit: integerParameter({
    minimum: 1,
    maximum: LIMITS.pageItemsMax,
    default: LIMITS.pageItemsDefault,
    description: 'Elements of a page at most',
  }),
  cursor: textParameter('Where to continue: the `cursor` of the page before'),
};

/** What tells a list from all others: the graph, the node it begins at, the filter. */
export type ListName = readonly object[];

/** Characters of a hash: enough to notice a mistake; there is nothing to gain by making one. */
const HASH_CHARS = 8;

/**
 * A page, whose cursor ends with a hash of the list that it is of: in another list the position would be one too, and what lies
 * before it would be missing. Every server makes the same of the same list.
 * @throws WeftError `invalid-cursor`, definite; as `list`
 */
export async function readPage<T>(
  name: ListName,
  read: { readonly limit?: number; readonly cursor?: string },
  list: (page: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  const limit = read.limit ?? LIMITS.pageItemsDefault;
  const page = await list(read.cursor === undefined ? { limit } : { limit, cursor: positionIn(name, read.cursor) });
  return page.cursor === undefined ? page : { ...page, cursor: `${page.cursor}.${hashOf(name)}` };
}

function positionIn(name: ListName, cursor: string): string {
  const [position = '', hash] = cursor.split('.');
  if (hash === hashOf(name)) return position;
  throw new WeftError('invalid-cursor', 'the cursor is not of this graph and filter; start again without it');
}

function hashOf(name: ListName): string {
  return createHash('sha256').update(printJson(name)).digest('base64url').slice(0, HASH_CHARS);
}

const DIRECTIONS: readonly Direction[] = ['out', 'in', 'both'];

export function directionParameter(fallback: Direction, description: string) {
  return choiceParameter(DIRECTIONS, { default: fallback, description });
}

export const TYPE_PARAMETER = textParameter('Only edges of this type');
