/** `weft export`: streams a graph of a running server to a file or to standard output, in constant memory. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Transform, type Writable } from 'node:stream';
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
import { count, type Progress, startProgress } from './progress.ts';

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
  if (options.out === undefined) {
    await copy(answer, process.stdout, undefined);
    return;
  }
  const progress = startProgress('exporting', undefined);
  await writeWhole(answer, options.out, progress).finally(() => progress.stop());
  console.error(`exported ${count(progress.elements)} elements of ${options.graph} to ${options.out}`);
}

/** Writes beside the target and renames at the end, so that a broken export is never taken for a backup. */
async function writeWhole(answer: IncomingMessage, out: string, progress: Progress): Promise<void> {
  const partial = `${out}.partial`;
  try {
    await copy(answer, createWriteStream(partial, { flush: true }), progress);
    await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function copy(answer: IncomingMessage, target: Writable, progress: Progress | undefined): Promise<void> {
  const meter = new Transform({
    transform(chunk, _encoding, done) {
      progress?.add(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(answer, meter, target, { end: target !== process.stdout });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // The reader of the pipe has seen enough, as in `weft export | head`.
    if (code === 'EPIPE' && target === process.stdout) return;
    throw new OperationFailed(`the export broke off: ${message}`);
  }
}
