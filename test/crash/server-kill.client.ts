/**
 * Clients that write to a server at once until it is killed, and note in a history what they asked for and what was
 * acknowledged. They never wait for time: the import goes on as the other clients get answers.
 */
import { Readable } from 'node:stream';
import { Pool } from 'undici';
import type { SeededRandom } from '../../base/seeded-random.ts';
import { canonical } from '../server-process.ts';
import { type Change, Counter, History, prefixFaults } from './server-kill.history.ts';

const CLIENTS = 12;
const ACCOUNTS = 6;
const COUNTERS = 4;
/** About four loads of an import, so that many kills hit between two of them. */
const IMPORT_LINES = 240;
const IMPORT_TEXT = 'x'.repeat(8192);
const IMPORT_CHUNK_LINES = 8;
/** Answers that other clients get before the next chunk is sent. */
const ANSWERS_PER_CHUNK = 6;

const nodeLine = (id: string, label: string, properties: object) => ({ type: 'node', id, labels: [label], properties });
const edgeLine = (id: string, label: string, [from, to]: readonly [string, string], properties: object) => ({
  type: 'relationship',
  id,
  label,
  properties,
  start: { id: from },
  end: { id: to },
});
type Line = ReturnType<typeof nodeLine> | ReturnType<typeof edgeLine>;

const keyOf = (line: { type: string; id: string }): string => `${line.type} ${line.id}`;
const textsOf = (lines: readonly Line[]) => new Map(lines.map((line) => [keyOf(line), canonical(line)]));

/** The operation of a batch that creates what an export shows as `line`. */
function creation(line: Line): object {
  if (!('start' in line)) return { op: 'createNode', id: line.id, labels: line.labels, properties: line.properties };
  const { id, label, start, end, properties } = line;
  return { op: 'createEdge', id, type: label, from: start.id, to: end.id, properties };
}

/** An import into a graph of its own, which a later round deletes. */
interface Imported {
  readonly graph: string;
  readonly keys: readonly string[];
  readonly history: History;
  deleted: 'no' | 'unknown' | 'yes';
}

interface Increment {
  readonly index: number;
  readonly amount: number;
  readonly key: string | undefined;
}

export class Client {
  readonly #random: SeededRandom;
  readonly #history = new History();
  readonly #unanswered: Increment[] = [];
  readonly #counters = Array.from({ length: COUNTERS }, () => new Counter());
  readonly #imports: Imported[] = [];
  readonly #deletable: Change[] = [];
  #pool = new Pool('http://127.0.0.1:1');
  #next = 0;
  #killed = false;
  #answers = 0;
  #onAnswer: () => void = () => undefined;
  #chunkGate: (() => void) | undefined;
  /** What happened, for the test to see that it covered what it is for. */
  readonly seen = { acknowledged: 0, unanswered: 0, retried: 0, importsCut: 0, importsEnded: 0, importsPartial: 0 };

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Talks to this server from now on. */
  connect(url: string): void {
    this.#pool = new Pool(url, { connections: CLIENTS + 4 });
    this.#killed = false;
  }

  async disconnect(): Promise<void> {
    await this.#pool.destroy();
  }

  /** Status and text of an answer; undefined if the server was killed before it came. */
  async #call(method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object, key?: string) {
    try {
      const answer = await this.#pool.request({
        method,
        path: `/v1/graphs/${path}`,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(key !== undefined && { 'idempotency-key': key }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      // The status alone acknowledges, whatever becomes of the text.
      const text = await answer.body.text().catch(() => '');
      if (answer.statusCode >= 400 && answer.statusCode !== 404) throw new Refused(`${method} ${path}: ${text}`);
      return { status: answer.statusCode, text };
    } catch (error) {
      if (error instanceof Refused || !this.#killed) throw error;
      return undefined;
    }
  }

  /** A write; true if it was acknowledged. */
  async #write(
    method: 'PUT' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    key?: string,
  ): Promise<boolean> {
    const answer = await this.#call(method, path, body, key);
    if (answer === undefined) {
      this.seen.unanswered++;
      return false;
    }
    if (answer.status === 404) throw new Error(`${method} ${path}: ${answer.text}`);
    this.#answered();
    return true;
  }

  #answered(): void {
    this.seen.acknowledged++;
    this.#answers++;
    if (this.#answers % ANSWERS_PER_CHUNK === 0) this.#chunkGate?.();
    this.#onAnswer();
  }

  /** What every round changes. */
  async prepare(): Promise<void> {
    const accounts = Array.from({ length: ACCOUNTS }, (_, i) => nodeLine(`account-${i}`, 'Account', { balance: 0 }));
    const counters = Array.from({ length: COUNTERS }, (_, i) => nodeLine(`counter-${i}`, 'Counter', { count: 0 }));
    await this.#write('POST', 'default/batch', { operations: [...accounts, ...counters].map(creation) });
  }

  /** Writes until `kill`, which is called after `answers` answers and some turns of the loop, has ended the server. */
  async writeUntilKilled(answers: number, turns: number, kill: () => Promise<void>): Promise<void> {
    this.#answers = 0;
    const dead = new Promise<void>((resolve, reject) => {
      this.#onAnswer = () => {
        if (this.#answers !== answers) return;
        void (async () => {
          for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
          this.#killed = true;
          await kill();
          this.#chunkGate?.();
        })().then(resolve, reject);
      };
    });
    const clients = Array.from({ length: CLIENTS }, () => this.#writeForever());
    await Promise.all([dead, ...clients, this.#import(), this.#deleteImport()]);
    this.#onAnswer = () => undefined;
  }

  async #writeForever(): Promise<void> {
    while (!this.#killed) {
      const dice = this.#random.below(100);
      if (dice < 30) await this.#createNode();
      else if (dice < 55) await this.#createGroup();
      else if (dice < 70) await this.#increment();
      else if (dice < 85) await this.#transfer();
      else await this.#deleteChange();
    }
  }

  async #create(lines: readonly Line[], send: () => Promise<boolean>, isDeletable = true): Promise<void> {
    const change = this.#history.begin(textsOf(lines));
    if (!(await send())) return;
    change.created = 'yes';
    if (isDeletable) this.#deletable.push(change);
  }

  async #createNode(): Promise<void> {
    const id = `n${this.#next++}`;
    const line = nodeLine(id, 'Single', { number: this.#next, text: 'y'.repeat(this.#random.below(300)) });
    const { labels, properties } = line;
    await this.#create([line], () => this.#write('POST', 'default/nodes', { id, labels, properties }));
  }

  /** A ring of nodes that lie in several partitions. */
  async #createGroup(): Promise<void> {
    const group = `g${this.#next++}`;
    const ids = Array.from({ length: 2 + this.#random.below(4) }, (_, i) => `${group}-${i}`);
    const nodes = ids.map((id, i) => nodeLine(id, 'Group', { i }));
    const ring = ids.map((id, i) => edgeLine(`${id}-e`, 'NEXT', [id, ids[i + 1] ?? `${group}-0`], { i }));
    const lines = [...nodes, ...ring];
    await this.#create(lines, () => this.#write('POST', 'default/batch', { operations: lines.map(creation) }));
  }

  async #increment(): Promise<void> {
    const index = this.#random.below(COUNTERS);
    const amount = 1 + this.#random.below(9);
    this.#counters[index]?.begin(amount);
    // KILL-6 is about every second counter.
    const increment = { index, amount, key: index % 2 === 0 ? undefined : `add-${this.#next++}` };
    if (!(await this.#add(increment)) && increment.key !== undefined) this.#unanswered.push(increment);
  }

  async #add({ index, amount, key }: Increment): Promise<boolean> {
    const properties = { count: { $inc: amount } };
    const isDone = await this.#write('PATCH', `default/nodes/counter-${index}`, { properties }, key);
    if (isDone) this.#counters[index]?.acknowledge(amount);
    return isDone;
  }

  /** Repeats increments with a key that got no answer: they took effect or not, and are to take effect once. */
  async retry(): Promise<void> {
    for (const increment of this.#unanswered.splice(0)) {
      if (!(await this.#add(increment))) throw new Error('the server that nobody killed did not answer');
      this.seen.retried++;
    }
  }

  /** Two balances and a receipt: the balances follow from the receipts, or the commit was torn. */
  async #transfer(): Promise<void> {
    const from = this.#random.below(ACCOUNTS);
    const to = (from + 1 + this.#random.below(ACCOUNTS - 1)) % ACCOUNTS;
    const amount = 1 + this.#random.below(99);
    const pay = (account: number, $inc: number) => ({
      op: 'patchNode',
      id: `account-${account}`,
      properties: { balance: { $inc } },
    });
    const receipt = edgeLine(`t${this.#next++}`, 'PAID', [`account-${from}`, `account-${to}`], { amount });
    const operations = [pay(from, -amount), creation(receipt), pay(to, amount)];
    await this.#create([receipt], () => this.#write('POST', 'default/batch', { operations }), false);
  }

  async #deleteChange(): Promise<void> {
    const [change] = this.#deletable.splice(this.#random.below(Math.max(1, this.#deletable.length)), 1);
    if (change === undefined) return this.#createNode();
    const ids = [...change.elements.keys()].filter((key) => key.startsWith('node ')).map((key) => key.slice(5));
    change.deleted = 'unknown';
    const isDone =
      ids.length === 1
        ? await this.#write('DELETE', `default/nodes/${ids[0]}`)
        : await this.#write('POST', 'default/batch', {
            operations: ids.map((id) => ({ op: 'deleteNode', id, detach: true })),
          });
    if (isDone) change.deleted = 'yes';
  }

  async #import(): Promise<void> {
    const graph = `import-${this.#next++}`;
    const lines = Array.from({ length: IMPORT_LINES }, (_, i) =>
      i % 4 < 3
        ? nodeLine(`i${i}`, 'Imported', { text: IMPORT_TEXT })
        : edgeLine(`i${i}`, 'LINKS', [`i${i - 1}`, `i${i - 2}`], { text: IMPORT_TEXT }),
    );
    if (!(await this.#write('PUT', graph))) return;
    const history = new History();
    const changes = lines.map((line) => history.begin(textsOf([line])));
    this.#imports.push({ graph, keys: lines.map(keyOf), history, deleted: 'no' });
    try {
      const { statusCode, body } = await this.#pool.request({
        method: 'POST',
        path: `/v1/graphs/${graph}/import`,
        headers: { 'content-type': 'application/x-ndjson' },
        body: Readable.from(this.#paced(lines)),
      });
      const text = await body.text().catch(() => '');
      if (statusCode !== 200) throw new Refused(`import: ${text}`);
      for (const change of changes) change.created = 'yes';
      this.seen.importsEnded++;
      this.#answered();
    } catch (error) {
      if (error instanceof Refused || !this.#killed) throw error;
      this.seen.importsCut++;
    }
  }

  async *#paced(lines: readonly Line[]): AsyncGenerator<string> {
    for (let at = 0; at < lines.length; at += IMPORT_CHUNK_LINES) {
      if (this.#killed) return;
      const chunk = lines.slice(at, at + IMPORT_CHUNK_LINES);
      yield chunk.map((line) => `${JSON.stringify(line)}\n`).join('');
      await new Promise<void>((resolve) => {
        this.#chunkGate = resolve;
      });
    }
  }

  /** Deletes the graph of an earlier round. */
  async #deleteImport(): Promise<void> {
    const old = this.#imports.find(({ deleted }) => deleted === 'no');
    if (old === undefined) return;
    old.deleted = 'unknown';
    if (await this.#write('DELETE', old.graph)) old.deleted = 'yes';
  }

  /** All that the server shows, compared with what the client knows: what is wrong. */
  async check(): Promise<string[]> {
    const elements = (await this.#elements('default')) ?? [];
    const wrong = [...this.#checkSums(elements), ...(await this.#checkIntegrity('default', elements.length))];
    const created = elements.filter(({ id }) => !/^(account|counter)-/.test(id));
    wrong.push(...this.#history.settle(new Map(created.map((element) => [keyOf(element), canonical(element)]))));
    for (const imported of this.#imports) wrong.push(...(await this.#checkImport(imported)));
    return wrong;
  }

  /** Undefined if there is no such graph. */
  async #elements(graph: string): Promise<Element[] | undefined> {
    const answer = await this.#call('GET', `${graph}/export`);
    if (answer === undefined || answer.status === 404) return undefined;
    const lines = answer.text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Element);
  }

  #checkSums(elements: readonly Element[]): string[] {
    const wrong: string[] = [];
    const balances = new Map<string, number>();
    for (const { label, start, end, properties } of elements) {
      if (label !== 'PAID' || start === undefined || end === undefined) continue;
      const amount = Number(properties.amount);
      balances.set(start.id, (balances.get(start.id) ?? 0) - amount);
      balances.set(end.id, (balances.get(end.id) ?? 0) + amount);
    }
    const nodes = new Map(elements.filter(({ type }) => type === 'node').map((node) => [node.id, node]));
    for (let i = 0; i < ACCOUNTS; i++) {
      const balance = nodes.get(`account-${i}`)?.properties.balance;
      const expected = balances.get(`account-${i}`) ?? 0;
      if (balance !== expected) wrong.push(`KILL-2: account-${i} has ${balance}, its receipts say ${expected}`);
    }
    this.#counters.forEach((counter, i) => {
      wrong.push(...counter.settle(Number(nodes.get(`counter-${i}`)?.properties.count)));
    });
    return wrong;
  }

  async #checkIntegrity(graph: string, elements: number): Promise<string[]> {
    const answer = await this.#call('GET', `${graph}/integrity`);
    const { nodes, edges, found, checked, ...faults } = JSON.parse(answer?.text ?? '{}');
    const clean = {
      hiddenEdges: [],
      orphanStubs: [],
      missingStubs: [],
      duplicateEdges: [],
      indexDifferences: [],
      constraintViolations: [],
      repaired: 0,
    };
    const wrong = canonical(faults) === canonical(clean) ? [] : [`integrity of ${graph}: ${answer?.text}`];
    return nodes + edges === elements ? wrong : [...wrong, `integrity of ${graph} counts ${nodes} + ${edges}`];
  }

  async #checkImport(imported: Imported): Promise<string[]> {
    const { graph, keys, history, deleted } = imported;
    const elements = await this.#elements(graph);
    if (elements === undefined) {
      imported.deleted = 'yes';
      return deleted === 'no' ? [`KILL-1: the graph ${graph} is lost`] : [];
    }
    if (deleted === 'yes') return [`KILL-1: the graph ${graph} was deleted and is there`];
    imported.deleted = 'no';
    const shown = new Map(elements.map((element) => [keyOf(element), canonical(element)]));
    if (shown.size > 0 && shown.size < keys.length) this.seen.importsPartial++;
    const wrong = [...history.settle(shown), ...prefixFaults(keys, new Set(shown.keys()))];
    return [...wrong, ...(await this.#checkIntegrity(graph, elements.length))].map((fault) => `${graph}: ${fault}`);
  }
}

/** The server answered, and not what it should have. */
class Refused extends Error {}

interface Element {
  readonly type: string;
  readonly id: string;
  readonly label?: string;
  readonly start?: { readonly id: string };
  readonly end?: { readonly id: string };
  readonly properties: Readonly<Record<string, unknown>>;
}
