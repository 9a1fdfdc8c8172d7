/** W3C Trace Context: a valid `traceparent` of the caller is continued, otherwise a trace begins here. */
import type { Env, Random } from '../base/env.ts';
import type { Span } from '../base/tracer.ts';

export interface Trace {
  /** 32 hexadecimal digits; the `traceId` of problem documents and log entries. */
  readonly traceId: string;
  /** The `traceparent` of the answer: the same trace, our own span. */
  readonly traceparent: string;
  /** Absent unless the request is recorded. */
  readonly span?: Span<'request'>;
}

/** The trace of a request, recorded if somebody collects traces. */
export function beginTrace(
  { tracer, random }: Env,
  header: string | string[] | undefined,
  method: string,
  route: string,
): Trace {
  if (tracer === undefined) return traceOf(header, random);
  const parent = typeof header === 'string' ? header : undefined;
  const span = tracer.begin('request', {
    parent,
    isRoot: true,
    title: `${method} ${route}`.trim(),
    attributes: { 'http.request.method': method, ...(route !== '' && { 'http.route': route }) },
  });
  if (span === undefined) return traceOf(header, random);
  return { traceId: traceIdOf(span.traceparent), traceparent: span.traceparent, span };
}

function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** Reused by all calls: formatting six words by hand took a tenth of the time of a read. */
const words = new Uint32Array(6);
const scratch = Buffer.from(words.buffer);

export function traceOf(header: string | string[] | undefined, random: Random): Trace {
  const caller = typeof header === 'string' ? continued(header) : undefined;
  for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  // Neither id may be all zeros.
  scratch[15] = (scratch[15] as number) | 1;
  scratch[23] = (scratch[23] as number) | 1;
  const made = scratch.toString('hex');
  const traceId = caller?.traceId ?? made.slice(0, 32);
  return { traceId, traceparent: `00-${traceId}-${made.slice(32)}-${caller?.flags ?? '00'}` };
}

/** Trace id and flags of a valid header. Version `ff` is invalid; later versions may append fields, `00` may not. */
function continued(header: string): { readonly traceId: string; readonly flags: string } | undefined {
  const [, version, traceId, span, flags, more] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || flags === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return traceId === NO_TRACE || span === NO_SPAN ? undefined : { traceId, flags };
}
