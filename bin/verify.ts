/**
 * `weft verify`: checks a data folder while no server uses it. It runs the verification that a server runs at its start
 * and then reads every partition whole, which a server does only on first use. It opens the database itself instead of
 * a store, because closing a store says "this was a clean stop", and only the server that stopped may say that.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Env } from '../base/env.ts';
import { vectorObject } from '../src/commits/version-vector.ts';
import { LOCATORS } from '../storage/keys.ts';
import { type Database, openDatabase } from '../storage/level-database.ts';
import type { LogIndex } from '../storage/log-index.ts';
import { LOST_KEYS, LostKeys, readLostKeys } from '../storage/lost-keys.ts';
import { readMark } from '../storage/mark-file.ts';
import { damagedLocators, readPartitionRows } from '../storage/partition-read.ts';
import { recover } from '../storage/recovery.ts';
import type { PartitionKey, Recovery } from '../storage/store.ts';
import { describeBackup, inspectFiles } from './backup-files.ts';
import { buildEnv } from './env.ts';
import { OperationFailed } from './exit.ts';
import { setting } from './options.ts';
import { count } from './progress.ts';

interface VerifyOptions {
  readonly data: string;
  readonly json?: boolean;
}

interface Finding extends PartitionKey {
  readonly reason: string;
}

interface Report {
  readonly data: string;
  /** Whether the last server stopped in an orderly way, rather than being killed. */
  readonly cleanStop: boolean;
  readonly lastLsn: number;
  readonly streams: Recovery['streams'];
  readonly partitions: number;
  readonly damaged: readonly Finding[];
  /** Edges that are found from their nodes, and by their id no more. */
  readonly damagedEdges: readonly { readonly graphKey: string; readonly edge: string }[];
  /** Keys, both included, between which rows of edges by their ids went with a damaged table: nothing there is found by its id. */
  readonly lostKeys: readonly { readonly from: string; readonly to: string }[];
}

const CACHE_BYTES = 8 * 1024 * 1024;

export function declareVerify(program: Command): void {
  program
    .command('verify [backups...]')
    .description('check a data folder, whose server must be stopped, or backups')
    .addOption(setting('data', '<folder>', 'the data folder').default('./data'))
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      `
Reads everything once: checksums, the chain of commits in each stream, every row and snapshot of every partition, and the
rows by which edges are found by their ids, those included that were lost when the server mended a table.
It repairs nothing. Exit code 0: all is well; 1: damage was found, and the output names it.

Examples:
  weft verify
  weft verify --data /var/lib/weft --json
  weft verify monday.weft tuesday.weft        a full backup and one that goes on from it`,
    )
    .action(async (backups: readonly string[], options: VerifyOptions) => {
      if (backups.length > 0) {
        await verifyBackups(backups, options);
        return;
      }
      const report = await verify(resolve(options.data), buildEnv('error'));
      console.log(options.json === true ? JSON.stringify(report, undefined, 2) : describeReport(report));
      const { damaged, damagedEdges, lostKeys } = report;
      if (damaged.length > 0) throw new OperationFailed(`${count(damaged.length)} damaged partitions`);
      if (damagedEdges.length > 0) throw new OperationFailed(`${count(damagedEdges.length)} damaged edge ids`);
      if (lostKeys.length > 0) throw new OperationFailed(`${count(lostKeys.length)} ranges of lost edge ids`);
    });
}

/** @throws OperationFailed, WeftError `data-corrupt`, `invalid-request` that names the file */
async function verifyBackups(files: readonly string[], { json }: VerifyOptions): Promise<void> {
  const contents = await inspectFiles(files);
  if (json !== true) {
    console.log([...contents.map(describeBackup), 'all is well'].join('\n'));
    return;
  }
  const printable = contents.map(({ header, ...rest }) => {
    const { vector, retired, ...head } = header;
    return { ...rest, header: { ...head, vector: vectorObject(vector), retired: vectorObject(retired) } };
  });
  console.log(JSON.stringify(printable, undefined, 2));
}

/** @throws WeftError `data-locked`, `data-format`, `data-corrupt`; OperationFailed if there is no such folder */
export async function verify(data: string, env: Env): Promise<Report> {
  const levelDirectory = join(data, 'level');
  const found = await stat(levelDirectory).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new OperationFailed(`${data} is not a data folder of weft; name one with --data`);
  const db = await openDatabase(
    { directory: levelDirectory, cacheBytes: CACHE_BYTES, writeBufferBytes: CACHE_BYTES },
    true,
  );
  try {
    const lostKeys = await lostLocators(data);
    const recovered = await recover(db, await readMark(join(data, 'mark')), env);
    if (recovered === undefined) {
      return {
        data,
        cleanStop: false,
        lastLsn: 0,
        streams: [],
        partitions: 0,
        damaged: [],
        damagedEdges: [],
        lostKeys,
      };
    }
    const { index, recovery } = recovered;
    const { clean: cleanStop, lastLsn, streams } = recovery;
    const partitions = await readPartitions(db, index);
    return { data, cleanStop, lastLsn, streams, ...partitions, damagedEdges: await damagedLocators(db), lostKeys };
  } finally {
    await db.close();
  }
}

/** Other rows that were lost are missed by what reads them. @throws WeftError `data-corrupt` if what names them is unreadable */
async function lostLocators(data: string): Promise<Report['lostKeys']> {
  const { ranges } = await readLostKeys(join(data, LOST_KEYS));
  return ranges
    .filter((range) => new LostKeys([range]).touches(LOCATORS))
    .map(({ from, to }) => ({ from: from.toString(), to: to.toString() }));
}

async function readPartitions(db: Database, index: LogIndex): Promise<Pick<Report, 'partitions' | 'damaged'>> {
  const damaged: Finding[] = [];
  let partitions = 0;
  for (const entry of index.entries()) {
    const { graphKey, partition } = entry;
    partitions++;
    try {
      if (entry.damage === undefined) await readPartitionRows(db, index, entry, { document: true });
      else damaged.push({ graphKey, partition, reason: entry.damage.reason });
    } catch (error) {
      damaged.push({ graphKey, partition, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { partitions, damaged };
}

/** The report as a page for people. */
export function describeReport(report: Report): string {
  const { data, cleanStop, lastLsn, streams, partitions, damaged, damagedEdges, lostKeys } = report;
  return [
    `data folder  ${data}`,
    `last stop    ${cleanStop ? 'clean' : 'not clean: killed or crashed'}`,
    `commits      ${count(lastLsn)}, every one verified`,
    ...streams.map(({ origin, seq }) => `  origin ${origin}: ${count(seq)}`),
    `partitions   ${count(partitions)}, of which ${count(damaged.length)} damaged`,
    ...damaged.map(({ graphKey, partition, reason }) => `  graph ${graphKey}, partition ${partition}: ${reason}`),
    ...damagedEdges.map(({ graphKey, edge }) => `  graph ${graphKey}, edge ${edge}: its row by id is damaged`),
    ...lostKeys.map(
      ({ from, to }) => `  rows of edges by id are lost: ${JSON.stringify(from)} to ${JSON.stringify(to)}`,
    ),
    ...(lostKeys.length === 0
      ? []
      : [
          'edges with such an id are refused by it, and found from their nodes: restore a backup, if you need them by id',
        ]),
    damaged.length + damagedEdges.length + lostKeys.length === 0
      ? 'all is well'
      : 'keep a copy of the folder before you do anything with it',
  ].join('\n');
}
