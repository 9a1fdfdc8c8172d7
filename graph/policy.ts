/** What of a graph may be changed at any time. */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { checkQuota, type QuotaChange } from './quota.ts';

/** Null takes a part back, absent leaves it. */
export interface PolicyChange {
  readonly quota?: QuotaChange;
  /** Time to live of elements that are made without `expiresAt`. */
  readonly expiresAfterMs?: number | null;
  /** The same by label or type, in place of all that was said by label before. */
  readonly expiresAfterMsByLabel?: { readonly [label: string]: number } | null;
}

export function isLifeMs(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= LIMITS.lifeMsMax;
}

/** @throws WeftError `invalid-request` that names the field, definite */
export function checkPolicy({ quota, expiresAfterMs, expiresAfterMsByLabel }: PolicyChange): void {
  if (quota !== undefined) checkQuota(quota);
  const lives = { expiresAfterMs, ...prefixed(expiresAfterMsByLabel ?? {}) };
  for (const [field, value] of Object.entries(lives)) {
    if (value === undefined || isLifeMs(value) || (value === null && field === 'expiresAfterMs')) continue;
    const detail = `${field} must be a whole number of milliseconds from 1 to ${LIMITS.lifeMsMax}`;
    throw new WeftError('invalid-request', detail, { field });
  }
}

function prefixed(byLabel: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(byLabel).map(([label, ms]) => [`expiresAfterMsByLabel.${label}`, ms]));
}
