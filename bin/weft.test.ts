/** The program as its users see it: real processes, real sockets, real signals, on the built code. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type ClientRequest, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writtenBytes } from '../storage/presized-log.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'dist/bin/weft.js');
const EXAMPLE = join(ROOT, 'examples/night-trains.ndjson');

interface Run {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of ours: its output as it comes, and its end. */
class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}) {
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stdin?.end(options.input ?? '');
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
    running.add(this);
    void this.ended.then(() => running.delete(this));
  }

  /** Resolves with the first line that matches; rejects if the process ends without one. */
  async line(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    const source = this.child[stream];
    if (source === null) throw new Error('no output');
    const found = new Promise<RegExpExecArray>((resolve) => {
      const before = pattern.exec(this[stream]);
      if (before !== null) resolve(before);
      createInterface({ input: source }).on('line', (line) => {
        const match = pattern.exec(line);
        if (match !== null) resolve(match);
      });
    });
    const gone = this.ended.then((code) => {
      const late = pattern.exec(this[stream]);
      if (late !== null) return late;
      throw new Error(`ended with ${code} before ${pattern}\n${this.stdout}\n${this.stderr}`);
    });
    return Promise.race([found, gone]);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

const running = new Set<Process>();
let folder = '';

beforeAll(() => {
  if (isStale()) execFileSync('npm', ['run', 'build', '--silent'], { cwd: ROOT, stdio: 'inherit' });
}, 120_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-bin-'));
});

afterEach(async () => {
  for (const process of running) process.signal('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

/** Whether a source file is newer than the build; `npm test` builds first, a run of this file alone may not. */
function isStale(): boolean {
  const built = statSync(PROGRAM, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const folders = ['base', 'graph', 'crdt', 'storage', 'src', 'api', 'bin'];
  return folders.some((name) =>
    readdirSync(join(ROOT, name)).some(
      (file) => /(?<!\.test|\.model)\.ts$/.test(file) && statSync(join(ROOT, name, file)).mtimeMs > built,
    ),
  );
}

async function run(args: readonly string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Run> {
  const process = new Process(args, options);
  const code = await process.ended;
  return { code, stdout: process.stdout, stderr: process.stderr };
}

interface Server extends Process {
  url: string;
}

/** A server on a free port with its data in the test's folder. */
async function serve(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const process = new Process(['serve', '--port', '0', '--data', join(folder, 'data'), ...flags], { env });
  const [, url = ''] = await process.line('stdout', /^weft listening on (http:\/\/\S+)$/m);
  return Object.assign(process, { url });
}

async function stop(server: Server): Promise<void> {
  server.signal('SIGTERM');
  expect(await server.ended).toBe(0);
}

/** The elements of an export, in one order and with their members in one order. */
function elements(ndjson: string): string[] {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return ndjson
    .trim()
    .split('\n')
    .map((line) => {
      const element = JSON.parse(line);
      element.labels?.sort();
      return JSON.stringify(element, sorted);
    })
    .sort();
}

const node = (id: string): string => `{"type":"node","id":"${id}","labels":["L"],"properties":{"n":2.0}}\n`;

/** An import that was begun and is in flight. */
function beginImport(url: string): { sent: ClientRequest; answer: Promise<IncomingMessage> } {
  const sent = request(`${url}/v1/graphs/default/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve);
    sent.on('error', reject);
  });
  answer.catch(() => undefined);
  return { sent, answer };
}

describe('serve', () => {
  test('port 0 -> one ready line on stdout, JSON lines on stderr, SIGTERM ends with 0', async () => {
    const server = await serve();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    await stop(server);
    expect(server.stdout).toBe(`weft listening on ${server.url}\n`);
    for (const line of server.stderr.trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), level: 'info', message: expect.any(String) });
    }
  });

  test('SIGINT -> ends with 0 as SIGTERM does', async () => {
    const server = await serve();
    server.signal('SIGINT');
    expect(await server.ended).toBe(0);
  });

  test('SIGTERM with an import in flight -> it is finished, answered and there after a restart', async () => {
    const server = await serve();
    const { sent, answer } = beginImport(server.url);
    sent.write(node('before'));
    await new Promise((resolve) => sent.once('socket', (socket) => socket.once('connect', resolve)));
    await fetch(`${server.url}/livez`);
    server.signal('SIGTERM');
    await server.line('stderr', /"message":"stopping"/);
    sent.end(node('after'));
    const { statusCode } = await answer;
    expect(statusCode).toBe(200);
    expect(await server.ended).toBe(0);

    const again = await serve();
    for (const id of ['before', 'after']) {
      expect((await fetch(`${again.url}/v1/graphs/default/nodes/${id}`)).status).toBe(200);
    }
  });

  test('second signal with a request in flight -> ends at once', async () => {
    const server = await serve();
    const { sent } = beginImport(server.url);
    sent.write(node('a'));
    await new Promise((resolve) => sent.once('socket', (socket) => socket.once('connect', resolve)));
    await fetch(`${server.url}/livez`);
    server.signal('SIGTERM');
    await server.line('stderr', /"message":"stopping"/);
    server.signal('SIGTERM');
    expect(await server.ended).toBe(143);
  });

  test('SIGKILL after an acknowledged write -> the write is there after a restart', async () => {
    const server = await serve();
    const created = await fetch(`${server.url}/v1/graphs/default/nodes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"id":"kept"}',
    });
    expect(created.status).toBe(201);
    server.signal('SIGKILL');
    expect(await server.ended).toBe('SIGKILL');
    const again = await serve();
    expect((await fetch(`${again.url}/v1/graphs/default/nodes/kept`)).status).toBe(200);
  });

  test('exception that nobody expects -> logged, ends with 70', async () => {
    const hook = "process.on('SIGUSR2',()=>{throw%20new%20Error('broken%20invariant')})";
    const server = await serve([], { NODE_OPTIONS: `--import=data:text/javascript,${hook}` });
    server.signal('SIGUSR2');
    expect(await server.ended).toBe(70);
    const last = JSON.parse(server.stderr.trim().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ level: 'error', error: { message: 'broken invariant', stack: expect.any(String) } });
  });

  // As for a log on a disk that is full, which there is on Linux only.
  test.runIf(existsSync('/dev/full'))('log that cannot be written -> the server serves without it', async () => {
    const args = [PROGRAM, 'serve', '--port', '0', '--data', join(folder, 'data')];
    const log = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    const ended = once(child, 'close');
    const [line] = (await Promise.race([once(child.stdout as Readable, 'data'), ended])) as [unknown];
    const [, url] = /^weft listening on (\S+)\n$/.exec(String(line)) ?? [];
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  test('data folder in use -> ends with 1 and says who is in the way', async () => {
    await serve();
    const second = await run(['serve', '--port', '0', '--data', join(folder, 'data')]);
    expect(second).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/data-locked: another process uses .*; stop it/),
    });
  });

  test('port in use -> ends with 1 and names --port', async () => {
    const server = await serve();
    const { port } = new URL(server.url);
    const second = await run(['serve', '--port', port, '--data', join(folder, 'other')]);
    expect(second).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/is in use.*--port/) });
  });

  test('token -> needed for graphs, not for /livez', async () => {
    const server = await serve(['--host', '0.0.0.0'], { WEFT_TOKEN: 'secret-token' });
    const url = server.url.replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await run(['status', '--url', url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('WEFT_TOKEN'),
    });
    expect(await run(['status', '--url', url, '--token', 'secret-token'])).toMatchObject({ code: 0 });
    await stop(server);
    expect(server.stderr).not.toContain('secret-token');
  });
});

describe('usage', () => {
  const refused: readonly [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['serve', '--port', 'x'], {}, /--port/],
    [['serve'], { WEFT_MEMORY: 'lots' }, /WEFT_MEMORY/],
    [['serve', '--host', '0.0.0.0'], {}, /--token/],
    [['serve', '--host', '0.0.0.0'], { WEFT_TOKEN: '' }, /--token/],
    [['serve', '--peers', 'http://10.0.0.2:7400'], {}, /--cluster-secret/],
    [['serve', '--peers', 'http://127.0.0.1:7400'], {}, /is this one/],
    [['import'], {}, /file/],
    [['import', EXAMPLE, '--on-error', 'shrug'], {}, /--on-error/],
    [['status', '--url', 'nowhere'], {}, /--url/],
    [['serve', '--frobnicate'], {}, /^weft: unknown option '--frobnicate'\nweft serve --help shows how to use it\n$/],
    [['query', '--param', 'x', 'RETURN $x'], {}, /^weft: --param .*\nweft query --help shows how to use it\n$/],
    [['frobnicate'], {}, /^weft: unknown command 'frobnicate'\nweft --help shows how to use it\n$/],
    [['help', 'frobnicate'], {}, /^weft: unknown command 'frobnicate'\n/],
    [[], {}, /Usage/],
  ];
  test.each(refused)('weft %j %j -> 2 and %s', async (args, env, expected) => {
    expect(await run(args, { env })).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(expected) });
  });

  const commands = ['serve', 'import', 'export', 'query', 'status', 'voters', 'backup', 'restore', 'verify'];
  test.each([[], ...commands.map((name) => [name])])('weft %s --help -> examples', async (...command) => {
    expect(await run([...command, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Examples:'),
    });
  });

  test('weft --version -> that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe('import, export, status', () => {
  test.runIf(existsSync('/dev/full'))('output that cannot be written -> 1 and why', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [PROGRAM, '--version'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(said).toMatch(/^weft: the output cannot be written: ENOSPC.*\n$/);
  });

  test('example -> counted, exported as it was, also after a restart', async () => {
    const server = await serve();
    const imported = await run(['import', EXAMPLE], { env: { WEFT_URL: server.url } });
    expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining('65 nodes and 182 edges into default') });

    const original = readFileSync(EXAMPLE, 'utf8');
    const exported = await run(['export', '--url', server.url]);
    expect(exported.code).toBe(0);
    expect(elements(exported.stdout)).toEqual(elements(original));
    expect(exported.stdout).toContain('"km":64.0');
    expect(exported.stdout).toContain('"elevationM":3');

    await stop(server);
    const again = await serve();
    const out = join(folder, 'out.ndjson');
    expect(await run(['export', '--url', again.url, '--out', out])).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(out, 'utf8')).toBe(exported.stdout);
    expect(readdirSync(folder).sort()).toEqual(['data', 'out.ndjson']);
  });

  test('status -> graphs with counts, for people and for programs', async () => {
    const server = await serve(['--name', 'alpha']);
    await run(['import', EXAMPLE, '--url', server.url]);
    const page = await run(['status', '--url', server.url]);
    expect(page).toMatchObject({ code: 0, stdout: expect.stringMatching(/^alpha at http.*, replica \d+$/m) });
    expect(page.stdout).toMatch(/^ {2}default +65 +182 +16$/m);
    const json = JSON.parse((await run(['status', '--url', server.url, '--json'])).stdout);
    expect(json).toMatchObject({
      self: { name: 'alpha', replicaId: expect.any(Number) },
      graphs: expect.arrayContaining([{ name: 'default', nodes: 65, edges: 182, partitions: 16 }]),
      vector: { [json.self.replicaId]: expect.any(Number) },
    });
  });

  test('bad line -> those before it applied, the line and its reason named, 1', async () => {
    const server = await serve();
    const file = join(folder, 'bad.ndjson');
    writeFileSync(file, `${node('a')}${node('b')}{"type":"node"}\n${node('c')}`);
    const stopped = await run(['import', file, '--url', server.url]);
    expect(stopped).toMatchObject({ code: 1, stderr: expect.stringMatching(/bad\.ndjson, line 3: .*id/) });
    expect(stopped.stderr).toContain('2 nodes and 0 edges before it');
    expect((await fetch(`${server.url}/v1/graphs/default/nodes/c`)).status).toBe(404);

    const continued = await run(['import', file, '--url', server.url, '--on-error', 'continue']);
    expect(continued).toMatchObject({ code: 1, stdout: expect.stringContaining('imported 3 nodes') });
    expect(continued.stderr).toMatch(/left out: 1\n.*line 3: /);
    expect((await fetch(`${server.url}/v1/graphs/default/nodes/c`)).status).toBe(200);
  });

  test('the server ends an import after some lines -> what was imported is told, 1', async () => {
    const stand = createServer((asked, answer) => {
      asked.resume().on('end', () => {
        answer.writeHead(429, { 'content-type': 'application/problem+json' });
        answer.end('{"code":"too-many-requests","detail":"later","applied":{"nodes":5,"edges":2,"lines":7}}');
      });
    });
    await new Promise<void>((resolve) => stand.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stand.address() as AddressInfo).port}`;
    const refused = await run(['import', '-', '--url', url], { input: node('a') });
    stand.close();
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('429, too-many-requests: later\n5 nodes and 2 edges before that were imported');
  });

  test('import that is interrupted -> what is there of it is told, and the process ends by the signal', async () => {
    const stand = createServer();
    const asked = once(stand, 'request');
    await new Promise<void>((resolve) => stand.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stand.address() as AddressInfo).port}`;
    const importing = new Process(['import', EXAMPLE, '--url', url]);
    await asked;
    importing.signal('SIGINT');
    expect(await importing.ended).toBe('SIGINT');
    stand.close();
    expect(importing.stderr).toMatch(/^weft: interrupted; what the server had read by then is imported into default/);
  });

  test.each(['export', 'backup'])('%s that is interrupted -> nothing of its file is left', async (command) => {
    const stand = createServer((_request, answer) => void answer.writeHead(200).write('{}\n'));
    await new Promise<void>((resolve) => stand.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stand.address() as AddressInfo).port}`;
    const transfer = new Process([command, '--url', url, '--out', join(folder, 'out')]);
    await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toEqual(['out.partial']);
    transfer.signal('SIGTERM');
    expect(await transfer.ended).toBe('SIGTERM');
    stand.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('bad first line of a large file -> refused long before the end of it', async () => {
    const server = await serve();
    const file = join(folder, 'large.ndjson');
    writeFileSync(file, `nonsense\n${node('x').repeat(300_000)}`);
    expect(await run(['import', file, '--url', server.url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 1:'),
    });
  });

  test('standard input -> read, and named where a line of it is bad', async () => {
    const server = await serve();
    const bad = await run(['import', '-', '--url', server.url], { input: `${node('a')}nonsense\n` });
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/^weft: standard input, line 2: /) });
    const imported = await run(['import', '-', '--url', server.url], { input: node('piped') });
    expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining('imported 1 node and 0 edges') });
  });

  test('graph that does not exist -> 1 and how to make it', async () => {
    const server = await serve();
    const missing = { code: 1, stderr: expect.stringMatching(/graph-not-found.*PUT \/v1\/graphs\/NAME makes one/) };
    expect(await run(['import', EXAMPLE, '--graph', 'gone', '--url', server.url])).toMatchObject(missing);
    expect(await run(['export', '--graph', 'gone', '--url', server.url])).toMatchObject(missing);
    const out = join(folder, 'gone.ndjson');
    expect(await run(['export', '--graph', 'gone', '--out', out, '--url', server.url])).toMatchObject(missing);
    expect(readdirSync(folder)).toEqual(['data']);
  });

  test('file that does not exist -> 1 and its name', async () => {
    const missing = await run(['import', join(folder, 'gone.ndjson')]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('gone.ndjson') });
    const since = await run(['backup', '--since', join(folder, 'gone.weft'), '--out', join(folder, 'out.weft')]);
    expect(since).toMatchObject({ code: 1, stderr: expect.stringMatching(/^weft: cannot read .*gone\.weft/) });
    const folderGiven = await run(['import', folder]);
    expect(folderGiven).toMatchObject({ code: 1, stderr: `weft: cannot read ${folder}: it is a folder\n` });
  });

  test('nobody listens -> 1 and what to do', async () => {
    const server = await serve();
    await stop(server);
    for (const command of [['import', EXAMPLE], ['export'], ['status']]) {
      expect(await run([...command, '--url', server.url])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('weft serve'),
      });
    }
  });
});

describe('query', () => {
  test('level, and several statements -> both travel, the second statement with what the first has seen', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const stand = createServer((asked, answer) => {
      seen.push(asked.headers);
      answer.setHeader('session-token', `after-${seen.length}`);
      answer.end('{"data":{"fields":["1"],"values":[]},"counters":{}}');
    });
    await new Promise<void>((resolve) => stand.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stand.address() as AddressInfo).port}`;
    const asked = await run(['query', '--url', url, '--consistency', 'strong', 'RETURN 1; RETURN 2']);
    stand.close();
    expect(asked).toMatchObject({ code: 0 });
    expect(seen).toMatchObject([
      { 'consistency-level': 'strong' },
      { 'consistency-level': 'strong', 'session-token': 'after-1' },
    ]);
    expect(seen[0]).not.toHaveProperty('session-token');
  });

  test('a level that is none -> 2, and the levels', async () => {
    const asked = await run(['query', '--consistency', 'exact', 'RETURN 1']);
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringMatching(/strong, session, eventual/) });
  });
});

describe('verify', () => {
  const data = (): string => join(folder, 'data');
  const verify = (): Promise<Run> => run(['verify', '--data', data()]);

  async function fill(signal: NodeJS.Signals): Promise<void> {
    const server = await serve();
    await run(['import', EXAMPLE, '--url', server.url]);
    server.signal(signal);
    await server.ended;
  }

  test('clean stop -> all is well, 0', async () => {
    await fill('SIGTERM');
    expect(await verify()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/last stop +clean\n[\s\S]*all is well/),
    });
  });

  test('kill -> not a clean stop, all is well, and verifying does not make it one', async () => {
    await fill('SIGKILL');
    for (let times = 0; times < 2; times++) {
      expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringMatching(/not clean[\s\S]*all is well/) });
    }
    const json = JSON.parse((await run(['verify', '--data', data(), '--json'])).stdout);
    expect(json).toMatchObject({ cleanStop: false, damaged: [], lastLsn: expect.any(Number) });
  });

  test('flipped bit in every log and table -> damage is found, 1', async () => {
    await fill('SIGTERM');
    for (const name of readdirSync(join(data(), 'level')).filter((file) => /\.(log|ldb)$/.test(file))) {
      const path = join(data(), 'level', name);
      const bytes = readFileSync(path);
      // A log is longer than what was written to it.
      const written = writtenBytes(bytes);
      const middle = Math.floor(written / 2);
      if (written > 0) bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
      writeFileSync(path, bytes);
    }
    const found = await verify();
    expect(found.code).toBe(1);
    expect(found.stdout + found.stderr).toMatch(/data-corrupt|damaged partitions/);
  });

  test('server running -> data-locked, 1', async () => {
    await serve();
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining('data-locked') });
  });

  test('no such folder -> 1, and none is made', async () => {
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining('is not a data folder') });
    expect(readdirSync(folder)).toEqual([]);
  });
});
