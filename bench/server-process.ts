/** Servers in processes of their own, with what the operating system knows about them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from './node-flags.ts';
import { settings } from './settings.ts';

/** Kernel ticks of `/proc/PID/stat`. */
const TICK_MS = 10;

/** A benchmark that crashes must not leave its servers behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #onLiveBytes: ((bytes: number) => void) | undefined;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.stdout?.on('data', (chunk: Buffer) => {
      const bytes = /live bytes (\d+)/.exec(chunk.toString())?.[1];
      if (bytes !== undefined) this.#onLiveBytes?.(Number(bytes));
    });
  }

  /** Starts a program that prints `listening on http://HOST:PORT`, and resolves when it has. */
  static start(file: string, args: readonly string[], nodeArgs: readonly string[] = []): Promise<ServerProcess> {
    const { profiles } = settings();
    const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const child = spawn(process.execPath, [...nodeFlags(), ...profiling, ...nodeArgs, file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return new Promise((resolve, reject) => {
      let output = '';
      child.once('exit', (code) => reject(new Error(`${file} ended with ${code} before it was ready: ${output}`)));
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const port = /listening on http:\/\/[^\n]*:(\d+)\n/.exec(output)?.[1];
        if (port === undefined) return;
        child.stdout.removeAllListeners('data');
        resolve(new ServerProcess(child, Number(port)));
      });
    });
  }

  /** `weft serve` on a data directory, durable unless `args` say otherwise. */
  static weft(data: string, args: readonly string[] = []): Promise<ServerProcess> {
    const program = fileURLToPath(new URL('../bin/weft.js', import.meta.url));
    const preload = new URL('./report-live-memory.js', import.meta.url).href;
    return ServerProcess.start(
      program,
      ['serve', '--port', '0', '--data', data, '--log-level', 'warn', ...args],
      ['--expose-gc', '--import', preload],
    );
  }

  /** The bare Fastify server of `fastify-peer.ts`. */
  static peer(): Promise<ServerProcess> {
    return ServerProcess.start(fileURLToPath(new URL('./fastify-peer.js', import.meta.url)), []);
  }

  /** Processor time of all its threads so far. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return TICK_MS * (Number(fields[11]) + Number(fields[12]));
  }

  /** Resident memory in bytes: now, and at its highest since the start or `forgetPeak`. */
  residentBytes(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    return { now: 1024 * kilobytes('VmRSS'), peak: 1024 * kilobytes('VmHWM') };
  }

  /** Lets the peak of its memory begin anew at what it has now. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5');
  }

  /** Bytes alive in a `weft` server, after a collection. */
  liveBytes(): Promise<number> {
    return new Promise((resolve) => {
      this.#onLiveBytes = resolve;
      this.#child.kill('SIGUSR2');
    });
  }

  /** Stops it cleanly and waits. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Kills it as a crash would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill(signal);
    await ended;
  }
}
