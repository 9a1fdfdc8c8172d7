#!/usr/bin/env node
/**
 * The flags of curl that the README's walk uses, for machines that have Node only. Everything else is refused, so that
 * the walk never passes here and fails for a reader. Used by `check-readme.mjs` where curl is absent.
 */
import { readFileSync } from 'node:fs';

const request = { method: undefined, headers: {}, body: undefined };
const show = { head: false, body: true, status: false, fail: false };
let url;
let retries = 0;

const args = process.argv
  .slice(2)
  .flatMap((arg) => (/^-[sSifo]{2,}$/.test(arg) ? [...arg.slice(1)].map((c) => `-${c}`) : [arg]));
while (args.length > 0) {
  const arg = args.shift();
  if (arg === '-s' || arg === '-S') continue;
  else if (arg === '-i') show.head = true;
  else if (arg === '-f') show.fail = true;
  else if (arg === '-o' && args[0] === '/dev/null') show.body = args.shift() === undefined;
  else if (arg === '-w' && args[0] === '%{http_code}\\n') show.status = args.shift() !== undefined;
  else if (arg === '--retry') retries = Number(args.shift());
  else if (arg === '-X') request.method = args.shift();
  else if (arg === '-H') {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(args.shift()) ?? refuse('-H');
    request.headers[name.toLowerCase()] = value;
  } else if (arg === '-d' || arg === '--data-binary') {
    const value = args.shift();
    request.body = value.startsWith('@') ? readFileSync(value.slice(1)) : value;
    request.headers['content-type'] ??= 'application/x-www-form-urlencoded';
  } else if (/^https?:/.test(arg)) url = arg;
  else refuse(arg);
}
if (url === undefined) refuse('no URL');

let answer = await send();
for (; retries > 0 && answer.status === 503; retries--) {
  await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get('retry-after') ?? 1)));
  answer = await send();
}
let head = '';
if (show.head) {
  head += `HTTP/1.1 ${answer.status} ${answer.statusText}\r\n`;
  for (const [name, value] of answer.headers) head += `${name}: ${value}\r\n`;
  head += '\r\n';
}
const body = Buffer.from(await answer.arrayBuffer());
const status = show.status ? `${answer.status}\n` : '';
process.stdout.write(Buffer.concat([Buffer.from(head), show.body ? body : Buffer.alloc(0), Buffer.from(status)]));
if (show.fail && !answer.ok) process.exitCode = 22;

function send() {
  return fetch(url, {
    method: request.method ?? (request.body === undefined ? 'GET' : 'POST'),
    headers: request.headers,
    body: request.body,
  });
}

function refuse(what) {
  console.error(`curl stand-in: ${what} is not supported; change the walk or this script`);
  process.exit(2);
}
