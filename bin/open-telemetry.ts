/**
 * Traces for OpenTelemetry. The standard OTEL_* environment variables switch them on; then spans go to a collector over
 * OTLP/HTTP. Who starts Node with an SDK of his own (`--import`) has set one up already, and that one is used. Otherwise
 * nothing of OpenTelemetry but its interface is loaded.
 */
import {
  type Attributes as ApiAttributes,
  type Span as ApiSpan,
  type Tracer as ApiTracer,
  type Context,
  context,
  createContextKey,
  DiagLogLevel,
  diag,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Log } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { Attributes, Span, SpanName, SpanOptions, Tracer } from '../base/tracer.ts';
import { UsageError } from './exit.ts';
import { version } from './version.ts';

/** Traces as the server needs them. */
export interface Telemetry {
  readonly tracer: Tracer;
  /** Hands over what was recorded. */
  close(): Promise<void>;
}

export interface TelemetryOptions {
  /** Name of this server, its `service.instance.id`. */
  readonly name: string;
  readonly log: Log;
}

const PROTOCOL = 'http/protobuf';
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

/**
 * What the environment asks for; undefined if that is nothing.
 * @throws UsageError that names the variable, for what there is not
 */
export async function openTelemetry(
  environment: NodeJS.ProcessEnv,
  options: TelemetryOptions,
): Promise<Telemetry | undefined> {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined;
  if (isSdkThere()) return { tracer: tracerOf(trace.getTracer('weft', version())), close: () => Promise.resolve() };
  if (!isAskedFor(environment)) return undefined;
  // A module of its own, since the packages behind it take a tenth of a second to load.
  const { startExporter } = await import('./otlp-exporter.ts');
  const log = (detail: string) => options.log.write('warn', 'telemetry: spans were not delivered', { detail });
  const quiet = () => undefined;
  diag.setLogger({ error: log, warn: log, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const { provider, close } = startExporter({ name: options.name, version: version() });
  return { tracer: tracerOf(provider.getTracer('weft', version())), close };
}

function isAskedFor(environment: NodeJS.ProcessEnv): boolean {
  const exporter = environment.OTEL_TRACES_EXPORTER || undefined;
  if (exporter === 'none') return false;
  if (exporter !== undefined && exporter !== 'otlp') {
    throw new UsageError(`OTEL_TRACES_EXPORTER is ${exporter}; this server has otlp, or none`);
  }
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = environment;
  if (exporter === undefined && !all && !own) return false;
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol && protocol !== PROTOCOL) {
    throw new UsageError(`OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}; this server speaks ${PROTOCOL}`);
  }
  return true;
}

/** Whether somebody has set up an SDK in this process: then a context goes with what runs in it. */
function isSdkThere(): boolean {
  const key = createContextKey('weft probe');
  return context.with(ROOT_CONTEXT.setValue(key, true), () => context.active().getValue(key) === true);
}

/** The id of the trace in which the caller runs. */
function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/** A log whose events name the trace that they belong to. */
export function tracedLog(log: Log): Log {
  return {
    write(level, message, fields) {
      const traceId = fields?.traceId ?? currentTraceId();
      log.write(level, message, traceId === undefined ? fields : { ...fields, traceId });
    },
  };
}

export function tracerOf(api: ApiTracer): Tracer {
  return {
    begin<Name extends SpanName>(name: Name, options: SpanOptions<Name> = {}): Span<Name> | undefined {
      const above = contextAbove(options);
      if (above === undefined) return undefined;
      const { links = [], title = name, attributes } = options;
      const linked = links.map(spanContextOf).filter((one) => one !== undefined);
      const span = api.startSpan(
        title,
        {
          kind: KINDS[name] ?? SpanKind.INTERNAL,
          attributes: { ...(attributes as ApiAttributes), ...(title !== name && { 'weft.span': name }) },
          links: linked.map((one) => ({ context: one })),
        },
        above,
      );
      if (!span.isRecording()) return undefined;
      return new OpenSpan(span, trace.setSpan(above, span));
    },
  };
}

const KINDS: Partial<Record<SpanName, SpanKind>> = {
  request: SpanKind.SERVER,
  'replication.send': SpanKind.PRODUCER,
  'replication.apply': SpanKind.CONSUMER,
  'quorum.ask': SpanKind.CLIENT,
  'quorum.answer': SpanKind.SERVER,
  'quorum.vote': SpanKind.SERVER,
};

/** Where a span belongs; undefined if nowhere. */
function contextAbove({ parent, isRoot = false }: SpanOptions<SpanName>): Context | undefined {
  if (parent !== undefined && parent !== '') {
    const above = spanContextOf(parent);
    if (above !== undefined) return trace.setSpanContext(ROOT_CONTEXT, above);
  }
  if (isRoot) return ROOT_CONTEXT;
  if (parent !== undefined) return undefined;
  const active = context.active();
  return trace.getSpan(active) === undefined ? undefined : active;
}

function spanContextOf(traceparent: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
  return isSpanContextValid(found) ? found : undefined;
}

class OpenSpan<Name extends SpanName> implements Span<Name> {
  readonly traceparent: string;
  readonly #span: ApiSpan;
  readonly #context: Context;
  #isEnded = false;

  constructor(span: ApiSpan, inside: Context) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-0${traceFlags & SAMPLED}`;
    this.#span = span;
    this.#context = inside;
  }

  set(attributes: Attributes<Name>): void {
    this.#span.setAttributes(attributes as ApiAttributes);
  }

  within<T>(task: () => T): T {
    return context.with(this.#context, task);
  }

  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (error !== undefined) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof WeftError) this.#span.setAttribute('error.type', error.code);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    this.#span.end();
  }
}
