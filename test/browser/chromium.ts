/** Headless Chromium, driven over its debugging protocol: pages are opened, and expressions evaluated in them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

export const CHROMIUM = '/usr/bin/chromium';
/** Headless, in any container, and quiet on the network. */
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

type Answer = { readonly id?: number; readonly result?: unknown; readonly error?: { readonly message: string } };

export interface Page {
  /** The value of an expression; of a promise, what it resolves with. */
  evaluate<T>(expression: string): Promise<T>;
  /** Resolves once it was loaded anew. */
  reload(): Promise<void>;
  /** Bytes that pages of this origin may keep. */
  limitStorage(bytes: number): Promise<void>;
  /** As a tab is closed. */
  close(): Promise<void>;
}

export class Chromium {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process;
    this.#socket = socket;
    socket.on('message', (text) => {
      const answer = JSON.parse(String(text)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async start(profile: string): Promise<Chromium> {
    const child = spawn(CHROMIUM, [...CHROMIUM_FLAGS, '--remote-debugging-port=0', `--user-data-dir=${profile}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: child.stderr })) {
      const url = /^DevTools listening on (\S+)$/.exec(line)?.[1];
      if (url === undefined) continue;
      child.stderr.resume();
      const socket = new WebSocket(url);
      await once(socket, 'open');
      return new Chromium(child, socket);
    }
    throw new Error('Chromium did not start');
  }

  async #call<T>(method: string, params: object, sessionId?: string): Promise<T> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(error.message);
    return result as T;
  }

  async open(url: string): Promise<Page> {
    const { targetId } = await this.#call<{ targetId: string }>('Target.createTarget', { url });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.#call<{ sessionId: string }>('Target.attachToTarget', attach);
    const evaluate = async <T>(expression: string): Promise<T> => {
      const params = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails: thrown } = await this.#call<{
        result: { value: T };
        exceptionDetails?: { exception?: { description?: string } };
      }>('Runtime.evaluate', params, sessionId);
      if (thrown !== undefined) throw new Error(thrown.exception?.description ?? 'the page threw');
      return result.value;
    };
    const ready = async (): Promise<void> => {
      // A page that is being left answers for the old one, or not at all.
      for (;;) {
        const state = await evaluate<unknown>('globalThis.failure ?? globalThis.isReady === true').catch(() => false);
        if (state === true) return;
        if (typeof state === 'string') throw new Error(`the page failed: ${state}`);
      }
    };
    await ready();
    return {
      evaluate,
      reload: async () => {
        await evaluate('globalThis.isReady = false');
        await this.#call('Page.reload', {}, sessionId);
        await ready();
      },
      limitStorage: async (quotaSize) => {
        await this.#call('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize }, sessionId);
      },
      close: async () => {
        await this.#call('Target.closeTarget', { targetId });
      },
    };
  }

  async close(): Promise<void> {
    // The program is started through a script, and a signal would reach that alone.
    const ended = once(this.#process, 'exit');
    await this.#call('Browser.close', {});
    await ended;
    this.#socket.close();
  }
}
