/** Three real servers, each stopped and started in turn, as in an upgrade, while clients write that retry. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { ambientPlatform } from '../../client/ambient.ts';
import { WeftClient } from '../../client/weft-client.ts';
import { buildIfStale } from '../server-process.ts';
import { LocalCluster, until } from './local-cluster.ts';

const MINUTE_MS = 60_000;

beforeAll(buildIfStale, 3 * MINUTE_MS);

let cluster: LocalCluster;
afterEach(() => cluster.dispose());

/** Writes nodes, and counts in one, until it is told to stop. */
class Writer {
  readonly written: string[] = [];
  readonly failures: string[] = [];
  readonly client: WeftClient;
  readonly #name: string;
  #isOver = false;
  readonly #over: Promise<void>;

  constructor(name: string, consistency: 'session' | 'strong', first: number) {
    // Each begins with another server, so that every restart meets requests.
    const urls = [...cluster.urls.slice(first), ...cluster.urls.slice(0, first)];
    const patience = { timeoutMs: MINUTE_MS, triesMax: 40 };
    this.client = new WeftClient({ urls, consistency, platform: ambientPlatform(), ...patience });
    this.#name = name;
    this.#over = this.#write();
  }

  async #write(): Promise<void> {
    const graph = this.client.graph();
    for (let i = 0; !this.#isOver; i++) {
      const id = `${this.#name}-${i}`;
      try {
        await graph.createNode({ id, labels: ['Written'], properties: { i } });
        this.written.push(id);
        const read = await graph.getNode(id);
        if (read === undefined) this.failures.push(`${id} was written and not found`);
      } catch (error) {
        this.failures.push(`${id}: ${String(error)}`);
      }
    }
  }

  /** Resolves once it has written so many more. */
  async more(count: number): Promise<void> {
    const wanted = this.written.length + count;
    await until(`${this.#name} writes`, async () => this.written.length >= wanted || this.failures.length > 0);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#over;
  }
}

test(
  'three servers under load, each restarted in turn by SIGTERM -> no request of a client that retries fails, and nothing is lost',
  async () => {
    cluster = await LocalCluster.prepare('one', 'two', 'three');
    await cluster.startAll();
    for (const name of cluster.names) await untilReady(name);
    const writers = [0, 1, 2].map((first) => new Writer(`session-${first}`, 'session', first));
    writers.push(new Writer('strong', 'strong', 0));
    for (const name of cluster.names) {
      await Promise.all(writers.map((writer) => writer.more(5)));
      await cluster.stop(name);
      await Promise.all(writers.map((writer) => writer.more(5)));
      await cluster.start(name);
      // As an operator does: the next one only when this one is back.
      await cluster.untilLinked();
      await untilReady(name);
    }
    await Promise.all(writers.map((writer) => writer.more(5)));
    for (const writer of writers) await writer.stop();
    expect(writers.flatMap(({ failures }) => failures)).toEqual([]);
    await cluster.untilEqual(writers.flatMap(({ client }) => client.session.tokens));
    const { json } = await cluster.call('one', 'POST', '/v1/graphs/default/query', {
      body: { statement: 'MATCH (n:Written) RETURN id(n)', maxRows: 100_000 },
    });
    const found = new Set((json.data.values as string[][]).map(([id]) => id));
    for (const id of writers.flatMap(({ written }) => written)) expect(found).toContain(id);
  },
  5 * MINUTE_MS,
);

async function untilReady(name: string): Promise<void> {
  await until(`${name} serves and votes`, async () => {
    const { status } = await cluster.call(name, 'GET', '/readyz/write-quorum');
    return status === 200;
  });
}
