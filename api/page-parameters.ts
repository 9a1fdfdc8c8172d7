/** The parameters that all lists share. */
import * as LIMITS from '../base/limits.ts';
import type { Direction } from '../graph/model.ts';
import type { PageRequest } from '../src/engine-port.ts';
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

export function pageOf(read: { readonly limit?: number; readonly cursor?: string }): PageRequest {
  const limit = read.limit ?? LIMITS.pageItemsDefault;
  return read.cursor === undefined ? { limit } : { limit, cursor: read.cursor };
}

const DIRECTIONS: readonly Direction[] = ['out', 'in', 'both'];

export function directionParameter(fallback: Direction, description: string) {
  return choiceParameter(DIRECTIONS, { default: fallback, description });
}

export const TYPE_PARAMETER = textParameter('Only edges of this type');
