/** What a checker says. A checker that cannot tell says so, and that fails a run as well. */
import type { History } from '../history.ts';

export type Verdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly evidence: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Checker {
  readonly name: string;
  /** The promise that it checks. */
  readonly promise: string;
  check(history: History): Verdict;
}

export const VALID: Verdict = { kind: 'valid' };

/** Valid if there is no evidence against it; shows the first piece and how many there are. */
export function judge(evidence: readonly string[]): Verdict {
  const [first] = evidence;
  if (first === undefined) return VALID;
  const more = evidence.length > 1 ? ` (and ${evidence.length - 1} more)` : '';
  return { kind: 'invalid', evidence: `${first}${more}` };
}
