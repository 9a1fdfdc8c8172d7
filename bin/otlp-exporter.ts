/** Sends spans to a collector over OTLP/HTTP, as the OTEL_* variables say that these packages read themselves. */
import { context, type TracerProvider } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** @param service whose spans they are, unless the environment says otherwise */
export function startExporter(service: { readonly name: string; readonly version: string }): {
  readonly provider: TracerProvider;
  readonly close: () => Promise<void>;
} {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const own = resourceFromAttributes({
    'service.name': 'weft',
    'service.version': service.version,
    'service.instance.id': service.name,
  });
  const resource = own.merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  return { provider, close: () => provider.shutdown() };
}
