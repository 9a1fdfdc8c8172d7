/** `weft/replica`: an offline replica, in a browser and in Node. */
import { loadAhead } from '../../base/part.ts';
import { PROPERTY_PACKS } from '../../crdt/parts.ts';
import { STATEMENT_PARTS } from '../../query/parts.ts';
import { type AmbientOptions, ambientPlatform, ambientTabs } from '../ambient.ts';
import { LevelLocalStore } from '../level-local-store.ts';
import { DIGEST } from '../parts.ts';
import { SharedReplica } from '../shared-replica.ts';
import { TABS_OF_ONE } from '../tabs-of-one.ts';
import type { WeftReplicaOptions } from '../weft-replica.ts';

export { type ErrorCode, WeftError } from '../../base/errors.ts';
export type { Edge, Node, Operation, OperationResult } from '../../graph/model.ts';
export { Float, Point, Temporal, type Value } from '../../graph/value.ts';
export { QueryError } from '../../query/query-error.ts';
export { type AmbientOptions, ambientPlatform } from '../ambient.ts';
export { LevelLocalStore } from '../level-local-store.ts';
export type { LocalStore } from '../local-store.ts';
export { MemoryLocalStore } from '../memory-local-store.ts';
export type { Refusal } from '../replica-rows.ts';
export { SharedReplica } from '../shared-replica.ts';
export type { Receipt, SyncState } from '../sync-link.ts';
export { type ReplicaStatus, WeftReplica, type WeftReplicaOptions } from '../weft-replica.ts';

export interface OpenReplicaOptions
  extends Partial<Pick<WeftReplicaOptions, 'token' | 'graph' | 'scopes' | 'uniqueKeys' | 'store' | 'platform'>>,
    AmbientOptions {
  /** Of the servers, `http://` or `https://`. */
  readonly urls: string | readonly string[];
  /** Where it keeps what it has: a folder in Node, the name of a database in a browser. `weft` if absent. */
  readonly name?: string;
  /**
   * Once it is open it loads what only some statements need, so that they run offline too; false loads each when a statement needs it, which fails offline
   * unless a service worker has kept it. True if absent.
   */
  readonly loadsAhead?: boolean;
}

/**
 * Opens what is kept under `name`, and begins to connect. Tabs of a browser that open the same name share it.
 * @throws WeftError `storage-failed`, `data-locked`, `data-format`, `data-corrupt`; `invalid-request`
 */
export async function openReplica(options: OpenReplicaOptions): Promise<SharedReplica> {
  const { urls, name = 'weft', store, platform = ambientPlatform(options), loadsAhead = true, ...rest } = options;
  const replica = await SharedReplica.open({
    ...rest,
    urls: typeof urls === 'string' ? [urls] : urls,
    name,
    platform,
    // A store that the application brings is its own.
    tabs: (store === undefined ? ambientTabs() : undefined) ?? TABS_OF_ONE,
    openStore: () => (store === undefined ? LevelLocalStore.open(name) : Promise.resolve(store)),
  });
  if (loadsAhead) void loadAhead([...STATEMENT_PARTS, PROPERTY_PACKS, DIGEST]);
  return replica;
}
