#!/usr/bin/env node
/** Writes docs/operations/traces.md from the table in base/tracer.ts. Run `npm run build` first: it reads the built table. */
import { writeFileSync } from 'node:fs';
import { SPANS } from '../dist/base/tracer.js';
import { explained } from './explained.mjs';

explained(import.meta.url);

const rows = Object.entries(SPANS).map(([name, { doc, parent, attributes }]) => {
  const told = Object.entries(attributes).map(([attribute, meaning]) => `\`${attribute}\`: ${meaning}`);
  return `| \`${name}\` | ${parent} | ${doc} | ${told.join('; ')} |`;
});
writeFileSync(
  new URL('../docs/operations/traces.md', import.meta.url),
  `# Traces

A server sends spans to an [OpenTelemetry](https://opentelemetry.io) collector when the standard environment variables say where:

\`\`\`sh
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_SERVICE_NAME=weft weft serve
\`\`\`

| variable | meaning |
| --- | --- |
| \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\` | where to, over OTLP/HTTP in protobuf; either switches traces on |
| \`OTEL_TRACES_EXPORTER\` | \`otlp\` switches them on with the default endpoint, \`none\` off |
| \`OTEL_SERVICE_NAME\`, \`OTEL_RESOURCE_ATTRIBUTES\` | whose spans they are; \`weft\`, with \`--name\` as \`service.instance.id\` |
| \`OTEL_TRACES_SAMPLER\`, \`OTEL_TRACES_SAMPLER_ARG\` | which traces are recorded: all, unless the caller's \`traceparent\` says that its is not |
| \`OTEL_EXPORTER_OTLP_HEADERS\`, \`..._TIMEOUT\`, \`..._COMPRESSION\`, \`..._CERTIFICATE\` | as the OpenTelemetry SDK reads them |
| \`OTEL_BSP_*\` | how spans are collected before they are sent |
| \`OTEL_SDK_DISABLED\` | \`true\` switches everything off |

If Node is started with another SDK (\`node --import ./telemetry.mjs dist/bin/weft.js serve\`), the spans go there, whatever these say.

A \`traceparent\` header (W3C Trace Context) is continued and answered, on or off; between servers it travels with forwarded strong
operations, with the questions of a majority, and with new commits, so one request is one trace on all servers. Servers of an earlier
version are sent no traces. What the log says in the course of a request has its \`traceId\`, as problem documents and the audit log have. Neither
statements nor ids nor values of properties are in spans. \`tracestate\` is not passed on.

Recording every request takes about half of the processor time of a server that is otherwise busy with small requests: sample
(\`OTEL_TRACES_SAMPLER=parentbased_traceidratio\`). Switched off it costs nothing that can be measured. A collector that does not
answer costs spans, never requests; the log says so.

## Spans
This list is written from \`base/tracer.ts\` by \`scripts/write-trace-docs.mjs\`; a test fails if they disagree. A span whose shown name is another
one has the name of this table in \`weft.span\`. \`test/tracing/traces.test.ts\` shows which stand below which.

| span | below | what it times | attributes |
| --- | --- | --- | --- |
${rows.join('\n')}
`,
);
