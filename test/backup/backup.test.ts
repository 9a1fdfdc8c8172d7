/**
 * Backups of a real server that is written to all the time. Money moves between accounts; each move is one batch that also
 * leaves a receipt, so a state of one moment has the same total, and every balance is what the receipts say.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildIfStale, killRemaining, ROOT, type ServerProcess, serve } from '../server-process.ts';

const ACCOUNTS = 12;
const START = 100;
const WRITERS = 4;
const FILLING = 2400;
const TIMEOUT_MS = 300_000;
const folder = mkdtempSync(join(tmpdir(), 'weft-backup-'));
const file = (name: string): string => join(folder, name);

beforeAll(buildIfStale, TIMEOUT_MS);
afterAll(async () => {
  await killRemaining();
  rmSync(folder, { recursive: true, force: true });
});

/** As a reader that pauses in the middle, while others write. */
async function backUpSlowly(server: ServerProcess, out: string, pause: () => Promise<void>): Promise<void> {
  const sent = request(`${server.url}/v1/backup`, { method: 'POST' });
  sent.end();
  const answer = await new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
  expect(answer.statusCode).toBe(200);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) {
    if (chunks.length === 0) await pause();
    chunks.push(chunk);
  }
  writeFileSync(out, Buffer.concat(chunks));
}

/** The same server, as if a gigabyte had been written since any earlier backup. */
async function withoutLog(server: ServerProcess): Promise<{ readonly url: string; close(): void }> {
  const front = createServer(async (asked, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (body.includes('"since"')) {
      answer.writeHead(410, { 'content-type': 'application/problem+json' });
      answer.end(JSON.stringify({ code: 'must-refetch', detail: 'the log no longer reaches back' }));
      return;
    }
    const { method, headers, url } = asked;
    const sent = request(server.url + url, { method, headers });
    sent.on('response', (inner) => inner.pipe(answer.writeHead(inner.statusCode ?? 500, inner.headers)));
    sent.end(body);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => front.close() };
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function weft(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'dist/bin/weft.js'), ...args], { env: { PATH: process.env.PATH } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

async function call(server: ServerProcess, method: string, path: string, body?: unknown): Promise<Response> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return fetch(server.url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

async function rows(server: ServerProcess, statement: string): Promise<unknown[][]> {
  const answer = await call(server, 'POST', '/v1/graphs/default/query', { statement });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: { values: unknown[][] } }).data.values;
}

/** So much text in all partitions that a backup of them waits for its reader again and again, while others write. */
async function fill(server: ServerProcess): Promise<void> {
  const lines = Array.from({ length: FILLING }, (_, i) => {
    const text = `${i}`.padEnd(5000, String.fromCharCode(97 + (i % 26)));
    return JSON.stringify({ type: 'node', id: `fill-${i}`, labels: ['Filling'], properties: { text } });
  });
  const headers = { 'content-type': 'application/x-ndjson' };
  const body = lines.join('\n');
  const answer = await fetch(`${server.url}/v1/graphs/default/import`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
}

/** Moves money until it is told to stop; remembers when which receipt was asked for and acknowledged. */
class Bank {
  readonly acknowledged = new Map<string, { readonly begunMs: number; readonly endedMs: number }>();
  readonly #awaited: { readonly size: number; readonly tell: () => void }[] = [];
  #isOver = false;
  readonly #writers: Promise<void>[] = [];
  readonly #server: ServerProcess;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async open(): Promise<void> {
    const operations = Array.from({ length: ACCOUNTS }, (_, i) => {
      return { op: 'createNode', id: `account-${i}`, labels: ['Account'], properties: { balance: START } };
    });
    expect((await call(this.#server, 'POST', '/v1/graphs/default/batch', { operations })).status).toBe(200);
    for (let writer = 0; writer < WRITERS; writer++) this.#writers.push(this.#write(writer));
  }

  async #write(writer: number): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const id = `receipt-${writer}-${i}`;
      const from = (writer + i) % ACCOUNTS;
      const to = (from + 1 + (i % (ACCOUNTS - 1))) % ACCOUNTS;
      const change = (account: number, by: number) => {
        return { op: 'patchNode', id: `account-${account}`, properties: { balance: { $inc: by } } };
      };
      const receipt = { op: 'createNode', id, labels: ['Receipt'], properties: { from, to } };
      const begunMs = Date.now();
      const operations = [change(from, -1), change(to, 1), receipt];
      const { status } = await call(this.#server, 'POST', '/v1/graphs/default/batch', { operations });
      expect(status).toBe(200);
      this.acknowledged.set(id, { begunMs, endedMs: Date.now() });
      for (const { size, tell } of this.#awaited) if (this.acknowledged.size >= size) tell();
    }
  }

  /** Resolves once so many more moves are acknowledged. */
  moves(count: number): Promise<void> {
    return new Promise((tell) => this.#awaited.push({ size: this.acknowledged.size + count, tell }));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#writers);
  }
}

/** What must hold of any state of one moment. Returns the receipts. */
async function checkBooks(server: ServerProcess): Promise<Set<string>> {
  const accounts = await rows(server, 'MATCH (a:Account) RETURN id(a), a.balance');
  const receipts = await rows(server, 'MATCH (r:Receipt) RETURN id(r), r.from, r.to');
  const expected = new Map(Array.from({ length: ACCOUNTS }, (_, i) => [`account-${i}`, START]));
  for (const [, from, to] of receipts) {
    expected.set(`account-${from}`, (expected.get(`account-${from}`) ?? 0) - 1);
    expected.set(`account-${to}`, (expected.get(`account-${to}`) ?? 0) + 1);
  }
  expect(new Map(accounts as [string, number][])).toEqual(expected);
  return new Set(receipts.map(([id]) => id as string));
}

/** @returns the receipts that the restored server has */
async function booksOf(data: string, ...args: readonly string[]): Promise<Set<string>> {
  const { code, output } = await weft('restore', ...args, '--data', data);
  expect(output).toContain('restored');
  expect(code).toBe(0);
  const server = await serve(data);
  const receipts = await checkBooks(server);
  await server.stop();
  return receipts;
}

test(
  'a server under load is backed up, then incrementally, and restored -> each state is of one moment, nothing acknowledged before is missing',
  async () => {
    const server = await serve(file('data'));
    await fill(server);
    const bank = new Bank(server);
    await bank.open();
    await bank.moves(80);
    const beforeFull = Array.from(bank.acknowledged.keys());
    await backUpSlowly(server, file('full.weft'), () => bank.moves(40));
    await bank.moves(60);
    const momentMs = Date.now();
    await bank.moves(60);
    const since = ['--since', file('full.weft')];
    expect(await weft('backup', '--url', server.url, ...since, '--out', file('inc.weft'))).toMatchObject({ code: 0 });
    await bank.close();
    await server.stop();

    const ofFull = await booksOf(file('r1'), file('full.weft'));
    for (const id of beforeFull) expect(ofFull).toContain(id);
    const at = new Date(momentMs).toISOString();
    const ofMoment = await booksOf(file('r2'), file('full.weft'), file('inc.weft'), '--until', at);
    for (const [id, { begunMs, endedMs }] of bank.acknowledged) {
      if (endedMs < momentMs) expect(ofMoment).toContain(id);
      if (begunMs > momentMs) expect(ofMoment).not.toContain(id);
    }
  },
  TIMEOUT_MS,
);

test(
  'the log was cut though it was kept -> the next backup of the name says so, and is a full one',
  async () => {
    const server = await serve(file('kept'));
    const keep = ['backup', '--keep', 'nightly', '--out'];
    expect(await weft(...keep, file('k1.weft'), '--url', server.url)).toMatchObject({ code: 0 });
    await call(server, 'POST', '/v1/graphs/default/nodes', { id: 'late' });
    const since = ['--since', file('k1.weft')];
    const second = await weft(...keep, file('k2.weft'), ...since, '--url', server.url);
    expect([second.code, second.output]).toEqual([0, expect.stringContaining('incremental')]);
    const { holds } = (await (await call(server, 'GET', '/v1/backup/holds')).json()) as { holds: object[] };
    expect(holds).toMatchObject([{ name: 'nightly', isBroken: false }]);
    const cut = await withoutLog(server);
    const third = await weft(...keep, file('k3.weft'), ...since, '--url', cut.url);
    expect([third.code, third.output]).toEqual([0, expect.stringContaining('no longer reaches back to')]);
    expect((await weft('verify', file('k3.weft'))).output).toContain('full');
    const unnamed = await weft('backup', '--out', file('k4.weft'), ...since, '--url', cut.url);
    expect([unnamed.code, unnamed.output]).toEqual([1, expect.stringContaining('must-refetch')]);
    expect((await call(server, 'DELETE', '/v1/backup/holds/nightly')).status).toBe(204);
    expect(await (await call(server, 'GET', '/v1/backup/holds')).json()).toEqual({ holds: [] });
    cut.close();
    await server.stop();
  },
  TIMEOUT_MS,
);

test(
  'only `admin` on the server may back up; what is wrong with a file or a folder is told, and nothing is lost or left behind',
  async () => {
    const token = 'token-of-the-admin-0123456789';
    const server = await serve(file('guarded'), ['--token', token]);
    const [whole, other] = [file('whole.weft'), file('cut.weft')];
    const refused = await weft('backup', '--url', server.url, '--out', whole);
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('401')]);
    expect((await weft('backup', '--url', server.url, '--token', token, '--out', whole)).code).toBe(0);
    await server.stop();
    expect((await weft('verify', whole)).output).toContain('all is well');
    writeFileSync(other, readFileSync(whole).subarray(0, -20));
    const before = readdirSync(folder).sort();
    for (const [command, why] of [
      [['restore', other, '--data', file('never')], 'cut off'],
      [['restore', whole, whole, '--data', file('never')], 'a full backup of its own'],
      [['restore', whole, '--data', file('guarded')], 'is not empty'],
      [['backup', '--url', 'http://127.0.0.1:1', '--out', whole], 'exists already'],
    ] as const) {
      const ended = await weft(...command);
      expect([ended.code, ended.output]).toEqual([1, expect.stringContaining(why)]);
    }
    expect(readdirSync(folder).sort()).toEqual(before);
  },
  TIMEOUT_MS,
);
