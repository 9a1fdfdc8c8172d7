#!/usr/bin/env node
/**
 * Writes the table of docs/operations/metrics.md from what a server says of itself: name, kind and help of each metric.
 *
 *     node scripts/write-metrics-docs.mjs http://127.0.0.1:7400
 */
import { writeFileSync } from 'node:fs';
import { explained } from './explained.mjs';

explained(import.meta.url);

const [url = 'http://127.0.0.1:7400'] = process.argv.slice(2);
const token = process.env.WEFT_TOKEN;
const answer = await fetch(`${url}/metrics`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
if (!answer.ok) throw new Error(`${url}/metrics answered ${answer.status}`);
const text = await answer.text();
const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
const rows = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)]
  .map(([, name, help]) => `| \`${name}\` | ${types.get(name)} | ${help} |`)
  .sort();
writeFileSync(
  new URL('../docs/operations/metrics.md', import.meta.url),
  `# Metrics

\`GET /metrics\` answers all of them in the text format of Prometheus; with tokens, the right \`observe\` is enough. Those of
replication and of strong operations are 0 on a server that runs alone. This page is written by
\`scripts/write-metrics-docs.mjs\`; a test fails if it and the server disagree, or if the
[dashboard](dashboard.json) or the [alert rules](alerts.yaml) use a metric that there is not.

| metric | kind | meaning |
| --- | --- | --- |
${rows.join('\n')}
`,
);
