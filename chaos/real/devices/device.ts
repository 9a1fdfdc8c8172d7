/** A machine with one offline replica, seen from the run: it is told what to do, dies, and starts again with its disk. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from '../world.ts';
import type { Answer, Numbered, Order } from './orders.ts';

const PROGRAM = fileURLToPath(new URL('device-process.js', import.meta.url));

export interface DeviceSetup {
  readonly world: World;
  readonly name: string;
  /** Of the run. */
  readonly folder: string;
  readonly urls: readonly string[];
  /** That servers want of it. */
  readonly token: string;
  /** A bug that is switched on in it. */
  readonly plant: string | undefined;
}

export class Device {
  readonly name: string;
  readonly #setup: DeviceSetup;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #child: ChildProcess | undefined;
  #lastNumber = 0;

  constructor(setup: DeviceSetup) {
    this.#setup = setup;
    this.name = setup.name;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** @param awayMs it was last in step so long before it was */
  start(awayMs = 0): void {
    const { folder, name, plant = '', urls, token } = this.#setup;
    const child = fork(PROGRAM, [join(folder, 'data', name), plant, token, String(awayMs), ...urls], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (answer: Answer) => this.#settle(answer.number, answer));
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
      for (const number of [...this.#waiting.keys()]) this.#settle(number, undefined);
    });
    this.#child = child;
  }

  /** Ends it as a flat battery does; calls in flight are answered with undefined. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Undefined if it died before it answered, or does not run: nobody knows then what it did. */
  ask(order: Order): Promise<Answer | undefined> {
    const child = this.#child;
    if (child === undefined) return Promise.resolve(undefined);
    const number = ++this.#lastNumber;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      child.send({ number, order } satisfies Numbered, (error) => {
        if (error !== null) this.#settle(number, undefined);
      });
    });
  }

  #settle(number: number, answer: Answer | undefined): void {
    const resolve = this.#waiting.get(number);
    this.#waiting.delete(number);
    resolve?.(answer);
  }
}
