/**
 * `weft backup`: writes a backup of a running server to a file. What comes is verified while it is written, and the file gets
 * its name only when all of it is durable, so a file of that name is a whole backup.
 */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { inspectBackup } from '../src/backup/restore.ts';
import { vectorObject } from '../src/commits/version-vector.ts';
import { describeBackup, fileSource, requireReadable } from './backup-files.ts';
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
import { counting, type Progress, startProgress } from './progress.ts';
import { writeWhole } from './whole-file.ts';

interface BackupOptions extends Connection {
  readonly out: string;
  readonly since?: string;
  readonly keep?: string;
}

export function declareBackup(program: Command): void {
  const command = program
    .command('backup')
    .description('write all graphs of a running server, as they are at one moment, to a file')
    .addOption(new Option('--out <file>', 'the file, which must not exist').makeOptionMandatory())
    .addOption(new Option('--since <file>', 'an earlier backup: write only what was committed after it'))
    .addOption(
      new Option(
        '--keep <name>',
        'keep the log on the server for the next backup of this name; with --since, a full one if it is gone',
      ),
    );
  declareConnectionOptions(command);
  command
    .addHelpText(
      'after',
      `
The server goes on meanwhile. The token needs the right \`admin\` on the server. The log of a server reaches back only so far
(64 MB if it runs alone): a backup since an earlier one that is too old is refused, then make a full one. With --keep the log is
kept from one backup of a name to the next, up to a gigabyte of it; beyond that the next one says so, and is a full one.

Examples:
  weft backup --out monday.weft
  weft backup --since monday.weft --out tuesday.weft
  weft backup --since tuesday.weft --out wednesday.weft
  weft backup --keep nightly --since monday.weft --out tuesday.weft
  weft restore monday.weft tuesday.weft wednesday.weft --data ./restored`,
    )
    .action(backUp);
}

/** @throws OperationFailed if the server cannot be reached or refuses, or the file cannot be written */
async function backUp(options: BackupOptions): Promise<void> {
  const { out, since } = options;
  if ((await stat(out).catch(() => undefined)) !== undefined)
    throw new OperationFailed(`${out} exists already; give --out another name`);
  const answer = await ask(options, since === undefined ? undefined : await markOf(since));
  const progress = startProgress('backing up', undefined);
  const contents = await writeWhole(out, async (partial) => {
    await receive(answer, partial, progress).finally(() => progress.stop());
    return inspectBackup({ ...fileSource(partial), name: out });
  });
  console.error(describeBackup(contents));
}

/** @throws OperationFailed with what the server said, if it refused */
async function ask(options: BackupOptions, since: object | undefined): Promise<IncomingMessage> {
  const { keep } = options;
  const sent = open(options, '/v1/backup', { method: 'POST', headers: { 'content-type': 'application/json' } });
  sent.end(JSON.stringify({ ...(since && { since }), ...(keep !== undefined && { keep }) }));
  const answer = await answerTo(options, sent);
  if (isSuccess(answer)) return answer;
  const problem = await readJson(answer);
  if (keep === undefined || since === undefined || !isTooOld(problem)) {
    throw new OperationFailed(problemText(answer, problem));
  }
  console.error(`the log no longer reaches back to ${options.since}: this will be a full backup`);
  return ask(options, undefined);
}

const isTooOld = (problem: unknown): boolean =>
  typeof problem === 'object' && problem !== null && 'code' in problem && problem.code === 'must-refetch';

/** Of a file that is verified for it. @throws OperationFailed if it cannot be read; WeftError `data-corrupt` */
async function markOf(file: string): Promise<object> {
  await requireReadable(file);
  const contents = await inspectBackup(fileSource(file));
  const { id, vector } = contents.header;
  return { id, vector: vectorObject(vector) };
}

async function receive(answer: IncomingMessage, file: string, progress: Progress): Promise<void> {
  try {
    await pipeline(answer, counting(progress), createWriteStream(file, { flush: true }));
  } catch (cause) {
    throw new OperationFailed(`the backup broke off: ${(cause as Error).message}`);
  }
}
