/** What a graph, or each scope of it, may hold: elements, and bytes as `crdt/usage.ts` counts them. */
import { WeftError } from '../base/errors.ts';

/** Absent: as much as fits. */
export interface Quota {
  readonly elements?: number;
  readonly bytes?: number;
  readonly scopeElements?: number;
  readonly scopeBytes?: number;
}

/** Null takes a limit back, absent leaves it. */
export type QuotaChange = { readonly [limit in keyof Quota]?: number | null };

export const QUOTA_LIMITS: readonly (keyof Quota)[] = ['elements', 'bytes', 'scopeElements', 'scopeBytes'];

export function isQuotaLimit(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** @throws WeftError `invalid-request` that names the field, definite */
export function checkQuota(quota: QuotaChange): void {
  for (const limit of QUOTA_LIMITS) {
    const value = quota[limit];
    if (value === undefined || value === null || isQuotaLimit(value)) continue;
    throw new WeftError('invalid-request', `quota.${limit} must be a whole number from 0 on, or null`, {
      field: `quota.${limit}`,
    });
  }
}
