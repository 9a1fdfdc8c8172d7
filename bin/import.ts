/** `weft import`: streams a file of newline-delimited JSON into a graph of a running server, in constant memory. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { pathName } from '../base/path-name.ts';
import {
  answerTo,
  type Connection,
  declareConnectionOptions,
  isSuccess,
  open,
  problemText,
  readJson,
} from './connection.ts';
import { OperationFailed } from './exit.ts';
import { whenInterrupted } from './interrupted.ts';
import { count, counting, duration, type Progress, startProgress } from './progress.ts';

interface ImportOptions extends Connection {
  readonly graph: string;
  readonly onError: 'stop' | 'continue';
}

interface Counts {
  readonly nodes: number;
  readonly edges: number;
}

/** What the server answers to an import: a report, or the problem that a bad line is. */
interface ImportAnswer extends Partial<Counts> {
  readonly failed?: number;
  readonly errors?: readonly { readonly line: number; readonly detail: string }[];
  readonly line?: number;
  readonly reason?: string;
  readonly applied?: Counts;
}

/** Bad lines that are printed one by one; the rest is counted. */
const BAD_LINES_SHOWN_MAX = 20;

export function declareImport(program: Command): void {
  const command = program
    .command('import')
    .description('load nodes and edges from a file into a graph of a running server')
    .argument('<file>', 'newline-delimited JSON, one element a line, nodes before edges; - reads standard input')
    .addOption(new Option('--graph <name>', 'the graph').default('default'))
    .addOption(
      new Option('--on-error <mode>', 'stop at the first bad line, or continue and report every bad line')
        .choices(['stop', 'continue'])
        .default('stop'),
    );
  declareConnectionOptions(command);
  command
    .addHelpText(
      'after',
      `
A line creates the element or replaces it, so importing a file again changes nothing.

Examples:
  weft import examples/night-trains.ndjson
  weft import --graph trains --on-error continue nodes.ndjson
  zcat dump.ndjson.gz | weft import - --url http://10.0.0.5:7400 --token "$TOKEN"

A line is one of:
  {"type":"node","id":"a","labels":["Station"],"properties":{"name":"Skarvøy"}}
  {"type":"relationship","id":"t","label":"TRACK","properties":{"km":64.0},"start":{"id":"a"},"end":{"id":"b"}}`,
    )
    .action(importFile);
}

/** @throws OperationFailed if the file cannot be read, the server cannot be reached, or a line is bad */
async function importFile(file: string, options: ImportOptions): Promise<void> {
  const source = await openSource(file);
  const progress = startProgress('importing', source.bytes);
  const forget = whenInterrupted(() => console.error(interrupted(options.graph)));
  const { answer, body } = await upload(source.stream, options, progress).finally(() => {
    progress.stop();
    forget();
  });
  report(file === '-' ? 'standard input' : file, options.graph, isSuccess(answer), body, progress, () =>
    problemText(answer, body),
  );
}

function interrupted(graph: string): string {
  return (
    `weft: interrupted; what the server had read by then is imported into ${graph}: import the file again for the rest ` +
    '(edges without ids are made once more)'
  );
}

async function openSource(file: string): Promise<{ stream: Readable; bytes: number | undefined }> {
  if (file === '-') return { stream: process.stdin, bytes: undefined };
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a folder');
    return { stream: createReadStream(file, { highWaterMark: 256 * 1024 }), bytes: found.size };
  } catch (cause) {
    throw new OperationFailed(`cannot read ${file}: ${(cause as Error).message}`);
  }
}

/** Sends the stream and reads the answer, which may come before the end of the stream if a line is bad. */
async function upload(stream: Readable, options: ImportOptions, progress: Progress) {
  const query = options.onError === 'continue' ? '?onError=continue' : '';
  const sent = open(options, `/v1/graphs/${pathName('graph name', options.graph)}/import${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', accept: 'application/json' },
  });
  let unreadable: Error | undefined;
  stream.once('error', (error) => {
    unreadable = error;
  });
  // The outcome is in the answer; that a refused upload breaks off is part of it.
  const sending = pipeline(stream, counting(progress), sent).catch(() => undefined);
  try {
    const answer = await answerTo(options, sent);
    const body = await readJson(answer);
    return { answer, body: (typeof body === 'object' && body !== null ? body : {}) as ImportAnswer };
  } catch (error) {
    throw unreadable === undefined ? error : new OperationFailed(`reading failed: ${unreadable.message}`);
  } finally {
    stream.destroy();
    await sending;
  }
}

function report(
  file: string,
  graph: string,
  succeeded: boolean,
  body: ImportAnswer,
  progress: Progress,
  refused: () => string,
): void {
  if (!succeeded) {
    if (body.applied === undefined) throw new OperationFailed(refused());
    const before = amount(body.applied.nodes, body.applied.edges);
    // Sent again, edges without ids would be there twice.
    if (body.line === undefined)
      throw new OperationFailed(`${refused()}\n${before} before that were imported into ${graph}`);
    throw new OperationFailed(
      `${file}, line ${body.line}: ${body.reason}\n${before} before it were imported into ${graph}`,
    );
  }
  const { nodes = 0, edges = 0, errors = [], failed = errors.length } = body;
  const seconds = progress.elapsedMs / 1000;
  const rate = Math.round((nodes + edges) / Math.max(seconds, 0.001));
  console.log(`imported ${amount(nodes, edges)} into ${graph} in ${duration(seconds)} (${count(rate)} elements/s)`);
  if (failed === 0) return;
  const shown = errors.slice(0, BAD_LINES_SHOWN_MAX).map(({ line, detail }) => `${file}, line ${line}: ${detail}`);
  if (failed > shown.length) shown.push(`and ${count(failed - shown.length)} more`);
  throw new OperationFailed(`bad lines that were left out: ${count(failed)}\n${shown.join('\n')}`);
}

function amount(nodes: number, edges: number): string {
  return `${count(nodes)} ${nodes === 1 ? 'node' : 'nodes'} and ${count(edges)} ${edges === 1 ? 'edge' : 'edges'}`;
}
