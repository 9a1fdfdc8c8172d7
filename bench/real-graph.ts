/**
 * A graph of 109,694 nodes and 543,737 edges as import NDJSON: the dependencies of Debian packages, made from the apt
 * lists of this machine by a script that lies outside of the repository; where it cannot run, a made-up graph of the
 * same size. The data is never part of the repository.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Run } from './report.ts';
import { temporaryDirectory } from './settings.ts';

/** Relative to the project: data sets lie beside it. */
const SCRIPT = process.env.WEFT_BENCH_DEBIAN ?? '../shared/datasets/debian-packages/make.py';
const SYNTHETIC = { nodes: 109_694, edges: 543_737 };

export interface RealGraph {
  /** All nodes, then all edges. */
  readonly file: string;
  readonly nodesFile: string;
  readonly nodes: number;
  readonly edges: number;
  /** Id of one node that exists. */
  readonly anyId: string;
}

/** @param run hears where the graph came from */
export async function realGraph(run: Run): Promise<RealGraph> {
  const directory = temporaryDirectory('graph');
  const made = run.quick ? 'skipped with --quick' : makeDebian(directory);
  const graph = made === undefined ? await convert(directory) : await synthesize(directory, run.quick);
  const source = made === undefined ? 'Debian packages' : `made up, as the Debian one is not here (${made})`;
  run.remark(`graph: ${source}, ${graph.nodes} nodes, ${graph.edges} edges`);
  return graph;
}

/** Returns why there is no graph, or undefined if there is. */
function makeDebian(directory: string): string | undefined {
  const script = resolve(SCRIPT);
  if (!existsSync(script)) return 'no script';
  const { status, error, stderr } = spawnSync('python3', [script, directory], { encoding: 'utf8' });
  if (error !== undefined) return error.message;
  if (status !== 0) return stderr.trim().split('\n').at(-1) ?? 'the script failed';
  return existsSync(join(directory, 'nodes.ndjson')) ? undefined : 'the script wrote nothing';
}

interface RawEdge {
  readonly type: string;
  readonly start: string;
  readonly end: string;
  readonly properties: object;
}

async function convert(directory: string): Promise<RealGraph> {
  const writer = new GraphFiles(directory);
  for await (const line of lines(join(directory, 'nodes.ndjson'))) {
    await writer.node(JSON.parse(line) as { id: string });
  }
  for await (const line of lines(join(directory, 'edges.ndjson'))) await writer.edge(JSON.parse(line) as RawEdge);
  return writer.end();
}

async function synthesize(directory: string, quick: boolean): Promise<RealGraph> {
  const writer = new GraphFiles(directory);
  const share = quick ? 0.1 : 1;
  const count = Math.round(SYNTHETIC.nodes * share);
  const random = new SeededRandom(8);
  const draw = () => random.uint32() % count;
  for (let i = 0; i < count; i++) {
    const name = `package-${i}`;
    const description = `what package number ${i} is good for, in about as many words as people use`;
    const properties = {
      name,
      version: `1.${draw() % 40}-2`,
      architecture: 'amd64',
      priority: 'optional',
      description,
    };
    await writer.node({ id: name, labels: ['Package'], properties: { ...properties, installedKiB: draw() } });
  }
  for (let i = 0; i < SYNTHETIC.edges * share; i++) {
    // Popular packages are much more popular: the smaller of two draws, squared.
    const end = Math.floor((draw() / count) ** 3 * count);
    const type = ['DEPENDS', 'RECOMMENDS', 'SUGGESTS'][draw() % 3] as string;
    const properties = draw() % 2 === 0 ? { group: i % 12 } : { group: i % 12, constraint: `>= 1.${draw() % 40}` };
    await writer.edge({ type, start: `package-${draw()}`, end: `package-${end}`, properties });
  }
  return writer.end();
}

/** Writes the import form. */
class GraphFiles {
  readonly #file: string;
  readonly #nodesFile: string;
  readonly #all;
  readonly #onlyNodes;
  #nodes = 0;
  #edges = 0;
  #anyId = '';

  constructor(directory: string) {
    this.#file = join(directory, 'graph-import.ndjson');
    this.#nodesFile = join(directory, 'nodes-import.ndjson');
    this.#all = createWriteStream(this.#file, { highWaterMark: 1 << 20 });
    this.#onlyNodes = createWriteStream(this.#nodesFile, { highWaterMark: 1 << 20 });
  }

  async node(node: { readonly id: string; readonly labels?: readonly string[]; readonly properties?: object }) {
    this.#nodes++;
    if (this.#nodes === 1000) this.#anyId = node.id;
    const line = `${JSON.stringify({ type: 'node', ...node })}\n`;
    const hasRoom = this.#all.write(line) && this.#onlyNodes.write(line);
    if (!hasRoom) await this.#drained();
  }

  async edge({ type, start, end, properties }: RawEdge) {
    this.#edges++;
    const edge = { type: 'relationship', label: type, properties, start: { id: start }, end: { id: end } };
    if (!this.#all.write(`${JSON.stringify(edge)}\n`)) await this.#drained();
  }

  async #drained(): Promise<void> {
    for (const stream of [this.#all, this.#onlyNodes]) {
      if (stream.writableNeedDrain) await once(stream, 'drain');
    }
  }

  async end(): Promise<RealGraph> {
    for (const stream of [this.#all, this.#onlyNodes]) {
      stream.end();
      await finished(stream);
    }
    const [file, nodesFile, nodes, edges, anyId] = [this.#file, this.#nodesFile, this.#nodes, this.#edges, this.#anyId];
    return { file, nodesFile, nodes, edges, anyId };
  }
}

function lines(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
}
