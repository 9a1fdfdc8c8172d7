/** `weft/replica`: an offline replica, in a browser and in Node. */
import { type AmbientOptions, ambientPlatform } from '../ambient.ts';
import { LevelLocalStore } from '../level-local-store.ts';
import { WeftReplica, type WeftReplicaOptions } from '../weft-replica.ts';

export { type ErrorCode, WeftError } from '../../base/errors.ts';
export type { Edge, Node, Operation, OperationResult } from '../../graph/model.ts';
export { Float, Point, Temporal, type Value } from '../../graph/value.ts';
export { QueryError } from '../../query/query-error.ts';
export { type AmbientOptions, ambientPlatform } from '../ambient.ts';
export { LevelLocalStore } from '../level-local-store.ts';
export type { LocalStore } from '../local-store.ts';
export { MemoryLocalStore } from '../memory-local-store.ts';
export type { Refusal } from '../replica-rows.ts';
export type { Receipt, SyncState } from '../sync-link.ts';
export { type ReplicaStatus, WeftReplica, type WeftReplicaOptions } from '../weft-replica.ts';

export interface OpenReplicaOptions
  extends Partial<Pick<WeftReplicaOptions, 'token' | 'graph' | 'scopes' | 'uniqueKeys' | 'store' | 'platform'>>,
    AmbientOptions {
  /** Of the servers, `http://` or `https://`. */
  readonly urls: string | readonly string[];
  /** Where it keeps what it has: a folder in Node, the name of a database in a browser. `weft` if absent. */
  readonly name?: string;
}

/** Opens what is kept under `name`, and begins to connect. */
export async function openReplica(options: OpenReplicaOptions): Promise<WeftReplica> {
  const { urls, name = 'weft', store, platform, ...rest } = options;
  const replica = await WeftReplica.open({
    ...rest,
    urls: typeof urls === 'string' ? [urls] : urls,
    store: store ?? (await LevelLocalStore.open(name)),
    platform: platform ?? ambientPlatform(options),
  });
  replica.connect();
  return replica;
}
