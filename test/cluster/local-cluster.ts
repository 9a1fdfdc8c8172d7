/** Servers of one cluster as processes of this machine, on ports that were free a moment ago, and ways to ask them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterDescription, Member } from '../../src/engine-port.ts';
import { killRemaining, type ServerProcess, serve } from '../server-process.ts';

const UNTIL_MS = 60_000;
const LOOK_MS = 50;

export interface Answer {
  readonly status: number;
  readonly token: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

export class LocalCluster {
  readonly urls: readonly string[];
  readonly names: readonly string[];
  readonly #directory = mkdtempSync(join(tmpdir(), 'weft-cluster-'));
  readonly #processes = new Map<string, ServerProcess>();

  private constructor(names: readonly string[], ports: readonly number[]) {
    this.names = names;
    this.urls = ports.map((port) => `http://127.0.0.1:${port}`);
  }

  /** Nothing runs yet. */
  static async prepare(...names: readonly string[]): Promise<LocalCluster> {
    return new LocalCluster(names, await freePorts(names.length));
  }

  url(name: string): string {
    return this.urls[this.names.indexOf(name)] ?? '';
  }

  async start(name: string, { secret = 'the-secret-of-the-tests' }: { readonly secret?: string } = {}): Promise<void> {
    const url = this.url(name);
    const peers = this.urls.filter((other) => other !== url).join(',');
    const flags = ['--name', name, '--port', new URL(url).port, '--peers', peers];
    const all = [...flags, '--cluster-secret', secret, '--chaos'];
    this.#processes.set(name, await serve(join(this.#directory, name), all));
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
    await this.untilLinked();
  }

  async kill(name: string): Promise<void> {
    await this.#processes.get(name)?.kill();
  }

  async stop(name: string): Promise<void> {
    await this.#processes.get(name)?.stop();
  }

  async dispose(): Promise<void> {
    await killRemaining();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async call(
    name: string,
    method: string,
    path: string,
    { body, tokens = [] }: { readonly body?: object; readonly tokens?: readonly string[] } = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url(name)}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(tokens.length === 0 ? {} : { 'session-token': tokens.join(', ') }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const token = response.headers.get('session-token') ?? '';
    return { status: response.status, token, json: text === '' ? undefined : JSON.parse(text) };
  }

  /** Puts a black hole between `name` and all others; `heal` takes it away. */
  async cutOff(name: string): Promise<void> {
    for (const peer of this.names) {
      if (peer === name) continue;
      const { status, json } = await this.call(name, 'PUT', `/v1/chaos/links/${peer}`, { body: { cut: true } });
      if (status !== 200) throw new Error(`cutting ${name} off from ${peer}: ${JSON.stringify(json)}`);
    }
  }

  async heal(name: string): Promise<void> {
    for (const peer of this.names) if (peer !== name) await this.call(name, 'DELETE', `/v1/chaos/links/${peer}`);
  }

  /** What `name` knows of the server at the URL of `of`, whatever it is called. */
  async member(name: string, of: string): Promise<Member | undefined> {
    const { json } = await this.call(name, 'GET', '/v1/cluster');
    const { members } = json as ClusterDescription;
    return members.find((member) => member.name === of || member.url === this.url(of));
  }

  /** Asks again while the answer is 503, which a busy machine may need: nothing happened by then. */
  async untilAnswered(...call: Parameters<LocalCluster['call']>): Promise<Answer> {
    let answer = await this.call(...call);
    await until(`${call.slice(0, 3).join(' ')} is answered`, async () => {
      if (answer.status === 503) answer = await this.call(...call);
      return answer.status !== 503;
    });
    return answer;
  }

  async untilLinked(): Promise<void> {
    await until('all servers see each other', async () => {
      for (const name of this.names) {
        for (const peer of this.names) {
          if (peer !== name && (await this.member(name, peer))?.link.state !== 'up') return false;
        }
      }
      return true;
    });
  }

  /** Resolves once the digests of all servers that have what the tokens cover are equal. */
  async untilEqual(tokens: readonly string[]): Promise<void> {
    await until('the digests are equal', async () => {
      const digests = new Set<string>();
      for (const name of this.names) {
        const { status, json } = await this.call(name, 'GET', '/v1/graphs/default/digest', { tokens });
        if (status !== 200) return false;
        digests.add(json.digest);
      }
      return digests.size === 1;
    });
  }
}

/** Looks until the condition holds. @throws Error if it does not in a minute */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + UNTIL_MS;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`not within ${UNTIL_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
