/** One server: the built program in a process of its own, its data in the run folder, its log appended to a file there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

const READY = /^weft listening on http:\/\/\S+:(\d+)$/m;
/** A start that has to fetch a graph from the others, on a busy machine. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

export interface ServerSetup {
  readonly world: World;
  readonly name: string;
  readonly program: string;
  /** Holds `data/NAME` and `logs/NAME.log`. */
  readonly folder: string;
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Put before the program, such as `ip netns exec NAME`. */
  readonly wrapper?: readonly string[];
  /** Where it listens, as others reach it; loopback if absent. */
  readonly host?: string;
}

/** A process that ended though nobody had asked it to. */
export interface Crash {
  readonly server: string;
  readonly atMs: number;
  readonly how: string;
}

export class ServerProcess {
  readonly name: string;
  readonly data: string;
  readonly logFile: string;
  readonly crashes: Crash[] = [];
  /** Undefined while it does not listen. */
  port: number | undefined;
  readonly #setup: ServerSetup;
  #child: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve('never started');
  #isEndExpected = false;

  constructor(setup: ServerSetup) {
    this.#setup = setup;
    this.name = setup.name;
    this.data = join(setup.folder, 'data', setup.name);
    this.logFile = join(setup.folder, 'logs', `${setup.name}.log`);
    mkdirSync(join(setup.folder, 'logs'), { recursive: true });
    mkdirSync(this.data, { recursive: true });
  }

  get host(): string {
    return this.#setup.host ?? '127.0.0.1';
  }

  get url(): string | undefined {
    return this.port === undefined ? undefined : `http://${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** @throws Error with the end of its log if it does not come to listen */
  async start(): Promise<void> {
    if (await this.tryStart()) return;
    throw new Error(`server ${this.name} did not start (${await this.#ended}):\n${this.#endOfLog()}`);
  }

  /** False if it ends before it listens, which is then no crash: it may have reasons. */
  async tryStart(): Promise<boolean> {
    const { world, program, flags, environment, wrapper = [] } = this.#setup;
    const log = openSync(this.logFile, 'a');
    const command = [...wrapper, process.execPath, program, 'serve', '--name', this.name, '--data', this.data];
    const [first = process.execPath, ...rest] = [...command, ...flags];
    writeSync(log, `${JSON.stringify({ message: 'started by the run', atMs: world.nowMs() })}\n`);
    const child = spawn(first, rest, { env: environment, stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    this.#child = child;
    this.#isEndExpected = true;
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(String(signal ?? code)));
    });
    void this.#ended.then((how) => {
      if (this.#child === child) {
        this.#child = undefined;
        this.port = undefined;
      }
      if (!this.#isEndExpected) this.crashes.push({ server: this.name, atMs: world.nowMs(), how });
    });
    const port = await this.#listens(child);
    if (port === undefined) {
      await this.kill();
      return false;
    }
    this.port = port;
    this.#isEndExpected = false;
    return true;
  }

  /** The port that the ready line names; undefined if it ends before, or never says so. */
  #listens(child: ChildProcess): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = this.#setup.world.env.scheduler.after(START_MS_MAX, () => resolve(undefined));
      let stdout = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        if (stdout.length < 1_000) stdout += chunk.toString();
        const port = READY.exec(stdout)?.[1];
        if (port === undefined) return;
        timer.cancel();
        resolve(Number(port));
      });
      void this.#ended.then(() => {
        timer.cancel();
        resolve(undefined);
      });
    });
  }

  /** Ends the process as a power switch would. @returns how it ended */
  async kill(): Promise<string> {
    this.#isEndExpected = true;
    this.#child?.kill('SIGKILL');
    return this.#ended;
  }

  /** Asks it to stop, as an operator does. @returns how it ended; `0` if cleanly */
  async stop(): Promise<string> {
    this.#isEndExpected = true;
    const child = this.#child;
    child?.kill('SIGTERM');
    const timer = this.#setup.world.env.scheduler.after(STOP_MS_MAX, () => child?.kill('SIGKILL'));
    const how = await this.#ended;
    timer.cancel();
    return how;
  }

  /** From now on it may end by itself: a fault makes it. */
  expectEnd(): void {
    this.#isEndExpected = true;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  #endOfLog(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-12).join('\n');
  }
}
