/** `weft export`: streams a graph of a running server to a file or to standard output, in constant memory. */
import { createWriteStream } from 'node:fs';
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
import { count, counting, startProgress } from './progress.ts';
import { writeWhole } from './whole-file.ts';

interface ExportOptions extends Connection {
  readonly graph: string;
  readonly out?: string;
}

export function declareExport(program: Command): void {
  const command = program
    .command('export')
    .description('write all nodes and edges of a graph as newline-delimited JSON')
    .addOption(new Option('--graph <name>', 'the graph').default('default'))
    .addOption(new Option('--out <file>', 'the file; standard output if it is left out'));
  declareConnectionOptions(command);
  command
    .addHelpText(
      'after',
      `
A file is complete or absent: it gets its name when the export has ended. weft import reads it back.

Examples:
  weft export --out backup.ndjson
  weft export --graph trains | gzip > trains.ndjson.gz`,
    )
    .action(exportGraph);
}

/** @throws OperationFailed if the server cannot be reached or refuses, or the file cannot be written */
async function exportGraph(options: ExportOptions): Promise<void> {
  const sent = open(options, `/v1/graphs/${pathName('graph name', options.graph)}/export`, {
    headers: { accept: 'application/x-ndjson' },
  });
  sent.end();
  const answer = await answerTo(options, sent);
  if (!isSuccess(answer)) throw new OperationFailed(problemText(answer, await readJson(answer)));
  const { out } = options;
  if (out === undefined) {
    await transfer(answer, process.stdout);
    return;
  }
  const progress = startProgress('exporting', undefined);
  await writeWhole(out, (partial) =>
    transfer(answer, counting(progress), createWriteStream(partial, { flush: true })),
  ).finally(() => progress.stop());
  console.error(`exported ${count(progress.elements)} elements of ${options.graph} to ${out}`);
}

/** Standard output stays open. */
async function transfer(
  ...streams: readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[], NodeJS.WritableStream]
) {
  try {
    await pipeline(streams, { end: streams.at(-1) !== process.stdout });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // The reader of the pipe has seen enough, as in `weft export | head`.
    if (code === 'EPIPE' && streams.at(-1) === process.stdout) return;
    throw new OperationFailed(`the export broke off: ${message}`);
  }
}
