/**
 * A real server for tests: the built program in a process of its own, on a free port, over a folder that the test owns.
 * The environment holds nothing but PATH, so that settings of whoever runs the tests do not leak in.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'dist/bin/weft.js');
const READY = /^weft listening on (https?:\/\/\S+)$/m;

/** Builds the program if a source file is newer; `npm test` builds first, a run of one file may not. */
export function buildIfStale(): void {
  const built = statSync(PROGRAM, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const isStale = ['base', 'graph', 'crdt', 'query', 'storage', 'src', 'api', 'bin'].some((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).some(
      (file) => /(?<!\.test|\.model)\.ts$/.test(file) && statSync(join(ROOT, folder, file)).mtimeMs > built,
    ),
  );
  if (isStale) execFileSync('npm', ['run', 'build', '--silent'], { cwd: ROOT, stdio: 'inherit' });
}

export class ServerProcess {
  readonly child: ChildProcess;
  /** Exit code or signal. */
  readonly ended: Promise<number | string | null>;
  /** Resolves with the URL once the server listens, with undefined if it ends before. */
  readonly ready: Promise<string | undefined>;
  url = '';
  stderr = '';

  constructor(directory: string, flags: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data', directory, ...flags], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
    this.ready = new Promise((resolve) => {
      let stdout = '';
      this.child.stdout?.on('data', (chunk: Buffer) => {
        stdout += chunk.toString();
        const url = READY.exec(stdout)?.[1];
        if (url === undefined) return;
        this.url = url;
        resolve(url);
      });
      void this.ended.then(() => resolve(undefined));
    });
    running.add(this);
    void this.ended.then(() => running.delete(this));
  }

  /** Ends the process as a power switch would; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** @throws Error unless the server stops cleanly */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const code = await this.ended;
    if (code !== 0) throw new Error(`SIGTERM ended the server with ${code}\n${this.stderr}`);
  }
}

const running = new Set<ServerProcess>();

/** A server that listens. */
export async function serve(
  directory: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const server = new ServerProcess(directory, flags, environment);
  if ((await server.ready) === undefined) {
    throw new Error(`the server ended with ${await server.ended} before it listened\n${server.stderr}`);
  }
  return server;
}

/** For `afterAll`: whatever a failed test left running. */
export async function killRemaining(): Promise<void> {
  await Promise.all([...running].map((server) => server.kill()));
}

/** JSON with sorted keys and labels: equal texts mean equal elements. Numbers are not told apart, use small ones. */
export function canonical(element: unknown): string {
  const { labels } = element as { labels?: string[] };
  const whole = labels === undefined ? element : { ...(element as object), labels: labels.toSorted() };
  return JSON.stringify(whole, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
