/** What operators are given beside the server: it names only what there is. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../../api/server.model.ts';
import { SPANS } from '../../base/tracer.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/operations/${name}`, import.meta.url), 'utf8');

let server: TestServer;
let metrics = '';
beforeAll(async () => {
  server = await openTestServer();
  metrics = (await server.call('GET', '/metrics')).text;
});
afterAll(() => server.close());

const served = (): readonly string[] =>
  [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);

test('docs/operations/metrics.md -> the metrics that a server has, with their kinds (else: node scripts/write-metrics-docs.mjs)', () => {
  const documented = [...page('metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(documented.sort()).toEqual([...served()].sort());
});

test('docs/operations/traces.md -> every span and attribute of the table (else: node scripts/write-trace-docs.mjs)', () => {
  const documented = [...page('traces.md').matchAll(/^\| `([a-z.]+)` \| .* \| (.*?) ?\|$/gm)].map(
    ([, name, told = '']) => [name, [...told.matchAll(/`([a-z._]+)`:/g)].map(([, attribute]) => attribute)],
  );
  expect(documented).toEqual(Object.entries(SPANS).map(([name, { attributes }]) => [name, Object.keys(attributes)]));
});

test.each(['dashboard.json', 'alerts.yaml'])('docs/operations/%s -> names only metrics that there are', (name) => {
  const known = new Set(served().map((row) => row.split(' ')[0]));
  const used = [...page(name).matchAll(/\bweft_\w+/g)].map(([metric]) => metric.replace(/_(?:bucket|sum|count)$/, ''));
  expect(used.length).toBeGreaterThan(8);
  expect(used.filter((metric) => !known.has(metric))).toEqual([]);
});

test('docs/operations/dashboard.json -> panels that have a query each and do not overlap', () => {
  const { panels } = JSON.parse(page('dashboard.json'));
  const places = panels.map(
    ({ gridPos: { x, y } }: { readonly gridPos: { readonly x: number; readonly y: number } }) => `${x},${y}`,
  );
  expect(new Set(places).size).toBe(panels.length);
  for (const { targets } of panels) expect(targets[0].expr).toMatch(/weft_/);
});
