/** A server over a real engine and the memory store, for tests, and short ways to call it. */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { BugError } from '../base/assert.ts';
import type { Log } from '../base/env.ts';
import type { Tracer } from '../base/tracer.ts';
import type { ClusterOptions } from '../src/cluster-options.ts';
import { type OpenedEngine, openEngine } from '../src/engine.ts';
import { withEphemeral } from '../src/ephemeral/with-ephemeral.ts';
import { type TestEnv, testEnv } from '../src/test-env.model.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { openMemoryStore } from '../storage/memory-store.ts';
import { buildServer, type ServerOptions } from './server.ts';

export interface TestServer {
  readonly app: FastifyInstance;
  readonly engine: OpenedEngine;
  readonly env: TestEnv;
  readonly logged: Parameters<Log['write']>[];
  readonly bugs: BugError[];
  /** Calls the server; a body that is no text goes as JSON. */
  call(method: Method, url: string, body?: unknown, headers?: Headers): Promise<Answered>;
  close(): Promise<void>;
}

type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS';
type Headers = Readonly<Record<string, string>>;

export interface Answered {
  readonly status: number;
  readonly headers: LightMyRequestResponse['headers'];
  readonly text: string;
  readonly bytes: Buffer;
  /** The body as JavaScript reads JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

export interface TestServerOptions extends Partial<ServerOptions> {
  /** Makes it a member; nothing is at the other end of its links. */
  readonly cluster?: ClusterOptions;
  readonly seed?: number;
  readonly tracer?: Tracer;
  /** What an earlier run left. */
  readonly disk?: MemoryDisk;
  /** Keeps ephemeral graphs too, as the program does. */
  readonly hasEphemeral?: boolean;
}

export async function openTestServer({
  cluster,
  seed = 7,
  tracer,
  disk = new MemoryDisk(),
  hasEphemeral = false,
  ...options
}: TestServerOptions = {}): Promise<TestServer> {
  const logged: Parameters<Log['write']>[] = [];
  const bugs: BugError[] = [];
  const log = { write: (...entry: Parameters<Log['write']>) => void logged.push(entry) };
  const env = { ...testEnv(seed), log, ...(tracer && { tracer }) };
  const store = await openMemoryStore({ disk });
  const engine = await openEngine({ env, store, name: 'test', memoryBudgetBytes: 1e9, cluster });
  const served = hasEphemeral ? withEphemeral(engine, await ephemeralEngine(env)) : engine;
  const app = buildServer({ engine: served, env, onBug: (bug) => bugs.push(bug), ...options });
  await app.ready();
  return {
    app,
    engine,
    env,
    logged,
    bugs,
    call: callerOf(app),
    async close() {
      const closed = app.close();
      // A browser holds connections on which it never asked anything, for which closing would wait.
      app.server.closeAllConnections();
      await closed;
      await engine.close();
    },
  };
}

async function ephemeralEngine(env: TestEnv): Promise<OpenedEngine> {
  const store = await openMemoryStore({ disk: new MemoryDisk(), durability: 'buffered' });
  return openEngine({ env, store, name: 'test', memoryBudgetBytes: 1e9, isEphemeral: true });
}

/** Calls a server without a socket. */
export function callerOf(app: FastifyInstance): TestServer['call'] {
  return async (method, url, body, headers = {}) => {
    const inject: InjectOptions = { method, url, headers };
    if (body !== undefined) {
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
      inject.payload = isRaw ? body : JSON.stringify(body);
      inject.headers = { 'content-type': 'application/json', ...headers };
    }
    return answered(await app.inject(inject));
  };
}

function answered(response: LightMyRequestResponse): Answered {
  return {
    status: response.statusCode,
    headers: response.headers,
    text: response.body,
    bytes: response.rawPayload,
    get json() {
      return JSON.parse(response.body);
    },
  };
}
