/** What a database holds that was just opened: verified, without the log up to lost records if that may be, or made anew. */
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { type CutOptions, cutLog } from './cut-log.ts';
import { GroupWriter } from './group-writer.ts';
import { FORMAT_KEY } from './keys.ts';
import { type Database, isReadError } from './level-database.ts';
import { LogIndex } from './log-index.ts';
import type { LostKeys } from './lost-keys.ts';
import type { Mark } from './mark-file.ts';
import { FORMAT_VERSION, formatValue, type Recovered, recover } from './recovery.ts';
import { StateRows } from './state-rows.ts';

export interface ContentOptions {
  readonly mark: Mark | undefined;
  readonly lost: LostKeys;
  readonly env: Env;
  /** As of `LevelStoreOptions`. */
  readonly mustBeWhole?: boolean;
  readonly cutLogBy?: CutOptions['merge'] | undefined;
}

/** @throws WeftError `data-format`, `data-corrupt`; `partition-recovering` if all must be whole and is not */
export async function recoverOrCreate(
  db: Database,
  options: ContentOptions,
): Promise<{ readonly recovered: Recovered; readonly isNew: boolean }> {
  const found = await recoverOrCut(db, options);
  if (options.mustBeWhole && found?.hasAllRows === false) {
    throw new WeftError('partition-recovering', 'rows of partitions are damaged');
  }
  const recovered = found ?? (await create(db));
  recovered.index.lost = options.lost;
  return { recovered, isNew: found === undefined };
}

async function recoverOrCut(
  db: Database,
  { mark, lost, env, cutLogBy: merge }: ContentOptions,
): Promise<Recovered | undefined> {
  try {
    return await recover(db, mark, env);
  } catch (error) {
    if (merge === undefined || !(error instanceof WeftError) || error.code !== 'data-corrupt') throw error;
    // What cannot be read at all is what `error` says already.
    const cut = await cutLog({ db, mark, lost, env, merge }).catch((reason: unknown) => {
      throw isReadError(reason) ? error : reason;
    });
    if (cut === undefined) throw error;
    const fields = { reason: error.message, upToLsn: cut.lsn, lostCommits: cut.lostCommits };
    env.log.write(
      'error',
      'storage: records of commits are lost, and the log was let go of up to the last of them',
      fields,
    );
    return recover(db, mark, env);
  }
}

async function create(db: Database): Promise<Recovered> {
  const state = new StateRows();
  const index = new LogIndex();
  const writer = new GroupWriter({
    db,
    state,
    log: { write: () => undefined },
    syncAlways: true,
    batchBytesMax: 1,
    lastBatch: 0,
    lastStagedLsn: () => 0,
    syncEarlier: () => Promise.resolve(),
    beforeWrite: undefined,
    onFailed: () => undefined,
    onDurable: () => undefined,
  });
  await writer.enqueue({ bytes: 0, stage: (batch) => void batch.put(FORMAT_KEY, formatValue(FORMAT_VERSION)) });
  const seal = { batch: 1, lastLsn: 0, stateRows: 0, stateDigest: 0 };
  return { state, index, seal, hasAllRows: true, recovery: { clean: false, streams: [], lastLsn: 0, damaged: [] } };
}
