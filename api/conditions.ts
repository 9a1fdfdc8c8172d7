/** `If-Match` and `If-None-Match` (RFC 9110, section 13.1) and their form in batch bodies. */
import { WeftError } from '../base/errors.ts';
import type { Condition } from '../graph/model.ts';

/** Sticky: one entity tag of a list, with what separates it from the next. */
const ENTITY_TAG = /[\s,]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,[\s,]*|$)/y;

export interface ConditionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

export function entityTag(version: string): string {
  return `"${version}"`;
}

/**
 * The condition that the headers state, if any. `If-Match` compares strongly, so weak tags in it match nothing;
 * `If-None-Match` compares weakly, so they match like strong ones.
 * @throws WeftError `malformed-request`, definite
 */
export function conditionOf(headers: ConditionHeaders): Condition | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match === undefined && noneMatch === undefined) return undefined;
  return {
    ...(match === undefined ? {} : { match: tagsOf('If-Match', match, false) }),
    ...(noneMatch === undefined ? {} : { noneMatch: tagsOf('If-None-Match', noneMatch, true) }),
  };
}

function tagsOf(header: string, text: string, weakToo: boolean): '*' | readonly string[] {
  if (text.trim() === '*') return '*';
  const tags: string[] = [];
  ENTITY_TAG.lastIndex = 0;
  while (ENTITY_TAG.lastIndex < text.length) {
    const at = ENTITY_TAG.lastIndex;
    const [, weak, tag] = ENTITY_TAG.exec(text) ?? [];
    if (tag === undefined) {
      throw new WeftError(
        'malformed-request',
        `${header} holds no entity tag at position ${at}; write "VERSION" or *`,
        {
          header,
        },
      );
    }
    if (weak === undefined || weakToo) tags.push(tag);
  }
  return tags;
}

/** What a conditional GET answers about an element that exists in this version. */
export function readOutcome(condition: Condition | undefined, version: string): 'send' | 'not-modified' | 'failed' {
  if (condition?.match !== undefined && !includes(condition.match, version)) return 'failed';
  if (condition?.noneMatch !== undefined && includes(condition.noneMatch, version)) return 'not-modified';
  return 'send';
}

function includes(tags: '*' | readonly string[], version: string): boolean {
  return tags === '*' || tags.includes(version);
}

/**
 * The condition of a batch operation: `"*"`, one version or a list of versions, each bare or quoted as in a header.
 * @throws WeftError `invalid-request`, definite
 */
export function conditionOfFields(
  ifMatch: unknown,
  ifNoneMatch: unknown,
  path: (field: string) => string,
): Condition | undefined {
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return {
    ...(ifMatch === undefined ? {} : { match: versionsOf(ifMatch, path('ifMatch'), false) }),
    ...(ifNoneMatch === undefined ? {} : { noneMatch: versionsOf(ifNoneMatch, path('ifNoneMatch'), true) }),
  };
}

function versionsOf(field: unknown, path: string, weakToo: boolean): '*' | readonly string[] {
  if (field === '*') return '*';
  const list: readonly unknown[] = Array.isArray(field) ? field : [field];
  return list.flatMap((version) => {
    if (typeof version === 'string') {
      const [, weak, tag] = /^(W\/)?"(.*)"$/.exec(version) ?? [undefined, undefined, version];
      return weak === undefined || weakToo ? [tag as string] : [];
    }
    throw new WeftError('invalid-request', `\`${path}\` must be "*", a version or a list of versions`, { field: path });
  });
}
