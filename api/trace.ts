/** W3C Trace Context: a valid `traceparent` of the caller is continued, otherwise a trace begins here. */
import type { Random } from '../base/env.ts';

export interface Trace {
  /** 32 hexadecimal digits; the `traceId` of problem documents and log entries. */
  readonly traceId: string;
  /** The `traceparent` of the answer: the same trace, our own span. */
  readonly traceparent: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

export function traceOf(header: string | string[] | undefined, random: Random): Trace {
  const caller = typeof header === 'string' ? continued(header) : undefined;
  const traceId = caller?.traceId ?? `${word(random)}${word(random)}${word(random)}${oddWord(random)}`;
  return { traceId, traceparent: `00-${traceId}-${word(random)}${oddWord(random)}-${caller?.flags ?? '00'}` };
}

/** Trace id and flags of a valid header. Version `ff` is invalid; later versions may append fields, `00` may not. */
function continued(header: string): { readonly traceId: string; readonly flags: string } | undefined {
  const [, version, traceId, span, flags, more] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || flags === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return traceId === NO_TRACE || span === NO_SPAN ? undefined : { traceId, flags };
}

function word(random: Random): string {
  return (random.uint32() + 0x1_0000_0000).toString(16).slice(1);
}

/** Never zero, so that no id is all zeros, which the standard calls invalid. */
function oddWord(random: Random): string {
  return (((random.uint32() | 1) >>> 0) + 0x1_0000_0000).toString(16).slice(1);
}
