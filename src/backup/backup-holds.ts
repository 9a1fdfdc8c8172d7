/**
 * Named positions in the log from which the next incremental backups go on. The log is kept from the oldest of them on, until
 * it is longer than it may be: then holds are broken, the oldest first, and the next backup of that name must be a full one. A
 * name moves on when a backup of it was sent whole, so that one that broke off can be made again from where the last one was.
 */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Lsn, Store } from '../../storage/store.ts';
import type { BackupHold } from '../engine-port.ts';

const META = 'backup-holds';

/** What is kept of a hold: `lsn`, all up to which is in the backup. */
interface KeptHold extends BackupHold {
  readonly lsn: Lsn;
}

/** A backup that is being sent. Whatever comes of it, `end` must be called. */
export interface SentBackup {
  /** All of it but its last piece was sent: durable when it resolves. */
  keep(id: string): Promise<void>;
  end(): void;
}

export class BackupHolds {
  readonly #env: Env;
  readonly #store: Store;
  readonly #holds: Map<string, KeptHold>;
  /** Positions of backups that are being sent. */
  readonly #sending = new Set<{ readonly lsn: Lsn; isBroken: boolean }>();

  private constructor(env: Env, store: Store, holds: readonly KeptHold[]) {
    this.#env = env;
    this.#store = store;
    this.#holds = new Map(holds.map((hold) => [hold.name, hold]));
  }

  static async read(env: Env, store: Store): Promise<BackupHolds> {
    const bytes = await store.getMeta(META);
    return new BackupHolds(env, store, bytes === undefined ? [] : (JSON.parse(fromUtf8(bytes)) as KeptHold[]));
  }

  list(): readonly BackupHold[] {
    const holds = [...this.#holds.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return holds.map(({ lsn: _, ...hold }) => hold);
  }

  /**
   * Begins a backup under a name. The log is kept from here on while it is sent.
   * @param lsn read before the state that is backed up was fixed
   * @throws WeftError `invalid-request` beyond `backupHoldsMax` names, definite
   */
  begin(name: string, lsn: Lsn): SentBackup {
    if (!this.#holds.has(name) && this.#holds.size >= LIMITS.backupHoldsMax) {
      const why = `there are ${LIMITS.backupHoldsMax} holds, as many as may be: let go of one first`;
      throw new WeftError('invalid-request', why, { limit: 'backup holds', max: LIMITS.backupHoldsMax });
    }
    const sending = { lsn, isBroken: false };
    const madeMs = Math.floor(this.#env.clock.wallMs());
    this.#sending.add(sending);
    return {
      keep: (id) => {
        this.#holds.set(name, { name, id, lsn, madeMs, isBroken: sending.isBroken });
        return this.#write();
      },
      end: () => void this.#sending.delete(sending),
    };
  }

  /** Idempotent. */
  async release(name: string): Promise<void> {
    if (this.#holds.delete(name)) await this.#write();
  }

  /** How far the log may be let go of, if all else allows it up to `lsn`. */
  allowed(lsn: Lsn): Lsn {
    const sending = [...this.#sending].filter(({ isBroken }) => !isBroken);
    return Math.min(lsn, ...[...sending, ...this.#held()].map((each) => each.lsn));
  }

  /** Gives up the hold that reaches furthest back. @returns false if there is none */
  async breakOldest(): Promise<boolean> {
    const [oldest] = this.#held().sort((a, b) => a.lsn - b.lsn);
    if (oldest === undefined) return this.#breakSending();
    this.#holds.set(oldest.name, { ...oldest, isBroken: true });
    await this.#write();
    this.#env.log.write('warn', 'the log is longer than it may be and is no longer kept for a backup', {
      hold: oldest.name,
      backup: oldest.id,
    });
    return true;
  }

  /** The log is gone: the state of another server was taken over. */
  async breakAll(): Promise<void> {
    while (await this.breakOldest());
  }

  /** A backup that is sent for so long can still be whole, but no other goes on from it. */
  #breakSending(): boolean {
    const sending = [...this.#sending].filter(({ isBroken }) => !isBroken);
    for (const each of sending) each.isBroken = true;
    return sending.length > 0;
  }

  #held(): KeptHold[] {
    return [...this.#holds.values()].filter(({ isBroken }) => !isBroken);
  }

  #write(): Promise<void> {
    return this.#store.setMeta(META, toUtf8(JSON.stringify([...this.#holds.values()])));
  }
}
