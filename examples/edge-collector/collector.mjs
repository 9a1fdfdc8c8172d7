#!/usr/bin/env node
/**
 * Collects readings where the network comes and goes: every reading is written to an offline replica, which keeps it on disk and
 * sends it when there is a server. It can be stopped at any moment and started again; no reading is lost, none is counted twice.
 *
 *     npm run build && npm start                                    a server
 *     node examples/edge-collector/collector.mjs --readings 30      beside it
 *
 * It goes offline by itself for `--offline` readings after every `--online` ones, to show what happens then.
 */
import { parseArgs } from 'node:util';
import { openReplica } from 'weft/replica';
import { WebSocket } from 'ws';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:7400' },
    token: { type: 'string' },
    sensor: { type: 'string', default: 'roof' },
    data: { type: 'string', default: './data/edge-collector' },
    readings: { type: 'string', default: '30' },
    'every-ms': { type: 'string', default: '500' },
    online: { type: 'string', default: '5' },
    offline: { type: 'string', default: '5' },
  },
});
const { url, token, sensor, data } = values;
const [readings, everyMs, online, offline] = ['readings', 'every-ms', 'online', 'offline'].map((name) =>
  Number(values[name]),
);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// All that belongs to one sensor lies in one scope: this device holds that and nothing else.
const scope = `${sensor}!`;
const replica = await openReplica({ urls: url, token, scopes: [scope], name: data, WebSocket });
let shown = '';
replica.onStatus(({ state, pending, reason }) => {
  const line = `${state}, ${pending} not sent yet${state === 'connecting' && reason !== '' ? ` (${reason})` : ''}`;
  if (line !== shown) console.log(`  ${line}`);
  shown = line;
});

// Creates the sensor, or leaves it as it is.
await replica.write([{ op: 'putNode', id: `${scope}sensor`, labels: ['Sensor'], properties: { name: sensor } }]);
const [{ last }] = await replica.query('MATCH (r:Reading) RETURN coalesce(max(r.number), 0) AS last');
if (last > 0) console.log(`goes on after reading ${last}`);

let celsius = 15;
for (let number = last + 1; number <= last + readings; number++) {
  celsius = Math.round((celsius + Math.random() - 0.5) * 10) / 10;
  const id = `${scope}${number}`;
  // Both or neither: the reading, and the edge from its sensor.
  await replica.write([
    { op: 'createNode', id, labels: ['Reading'], properties: { number, celsius, at: new Date().toISOString() } },
    { op: 'createEdge', id: `${id}-of`, type: 'MEASURED', from: `${scope}sensor`, to: id, properties: {} },
  ]);
  console.log(`reading ${number}: ${celsius} degrees, kept`);
  const turn = (number - last) % (online + offline);
  if (turn === online) await replica.disconnect();
  if (turn === 0) await replica.connect();
  await sleep(everyMs);
}

await replica.connect();
await new Promise((resolve) => {
  replica.onStatus(({ state, pending }) => {
    if (state === 'live' && pending === 0) resolve();
  });
});
const [{ count, mean }] = await replica.query('MATCH (r:Reading) RETURN count(*) AS count, avg(r.celsius) AS mean');
console.log(`all ${count} readings are on the server, ${mean.toFixed(1)} degrees on average`);
await replica.close();
