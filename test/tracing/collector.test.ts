/** Traces of requests are delivered to a collector, by a real process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildIfStale, killRemaining, serve } from '../server-process.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${CALLER}-01`;

describe('a started process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-traces-'));
  const received: Buffer[] = [];
  const paths = new Set<string>();
  let onReceived: () => void = () => undefined;
  const sink = createServer((request, response) => {
    paths.add(`${request.method} ${request.url} ${request.headers['content-type']}`);
    request.on('data', (chunk: Buffer) => received.push(chunk));
    request.on('end', () => {
      response.end();
      onReceived();
    });
  });
  let collector: string;
  beforeAll(async () => {
    buildIfStale();
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
    collector = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await killRemaining();
    sink.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('OTEL_EXPORTER_OTLP_ENDPOINT is set -> spans of a request reach the collector, and the log has its trace', async () => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      OTEL_SERVICE_NAME: 'graphs',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    };
    const flags = ['--name', 'one', '--log-level', 'debug', '--token', 'secret'];
    const server = await serve(join(directory, 'on'), flags, environment);
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json', traceparent: SAMPLED };
    const body = JSON.stringify({ id: 'n' });
    const answer = await fetch(`${server.url}/v1/graphs/default/nodes`, { method: 'POST', headers, body });
    expect(answer.status).toBe(201);
    await fetch(`${server.url}/v1/graphs/default`, { method: 'DELETE', headers });
    const all = () => Buffer.concat(received);
    while (!all().includes('fsync')) {
      await new Promise<void>((resolve) => {
        onReceived = resolve;
      });
    }
    await server.stop();
    expect([...paths]).toEqual(['POST /v1/traces application/x-protobuf']);
    for (const text of ['POST /v1/graphs/:graph/nodes', 'commit', 'graphs', 'service.instance.id', 'one']) {
      expect(all().includes(text), text).toBe(true);
    }
    expect(all().includes(Buffer.from(TRACE, 'hex'))).toBe(true);
    expect(all().includes('secret')).toBe(false);
    expect(server.stderr).toContain(`"traceId":"${TRACE}"`);
  });

  test('OTEL_TRACES_EXPORTER asks for what there is not -> refused, by name', async () => {
    const server = serve(join(directory, 'jaeger'), [], { OTEL_TRACES_EXPORTER: 'jaeger' });
    await expect(server).rejects.toThrow(/OTEL_TRACES_EXPORTER is jaeger/);
  });
});
