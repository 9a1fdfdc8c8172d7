/** Spans in memory, for tests: of several servers of one process, each with a name of its own. */
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { Tracer } from '../../base/tracer.ts';
import { tracerOf } from '../../bin/open-telemetry.ts';

export interface Recorded {
  /** The name that the table has, whatever is shown. */
  readonly name: string;
  readonly title: string;
  readonly server: string;
  readonly id: string;
  readonly traceId: string;
  readonly parent: string | undefined;
  readonly links: readonly string[];
  readonly attributes: ReadableSpan['attributes'];
}

export class Recorder {
  readonly #exporter = new InMemorySpanExporter();

  constructor() {
    context.disable();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }

  tracer(server: string): Tracer {
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.instance.id': server }),
      spanProcessors: [new SimpleSpanProcessor(this.#exporter)],
    });
    return tracerOf(provider.getTracer('test'));
  }

  /** Spans that have ended. */
  get spans(): readonly Recorded[] {
    return this.#exporter.getFinishedSpans().map((span) => ({
      name: String(span.attributes['weft.span'] ?? span.name),
      title: span.name,
      server: String(span.resource.attributes['service.instance.id']),
      id: span.spanContext().spanId,
      traceId: span.spanContext().traceId,
      parent: span.parentSpanContext?.spanId,
      links: span.links.map(({ context: { spanId } }) => spanId),
      attributes: span.attributes,
    }));
  }

  /** The spans of a trace as lines `server: name < its parents, nearest first`, sorted. */
  tree(traceId: string): readonly string[] {
    const spans = this.spans.filter((span) => span.traceId === traceId);
    const byId = new Map(spans.map((span) => [span.id, span]));
    const lines = spans.map(({ name, server, parent }) => {
      const above: string[] = [];
      for (let at = parent; at !== undefined; at = byId.get(at)?.parent) above.push(byId.get(at)?.name ?? 'unknown');
      return `${server}: ${[name, ...above].join(' < ')}`;
    });
    return lines.sort();
  }
}
