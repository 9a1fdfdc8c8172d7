/**
 * Where an offline replica keeps what it has: rows of bytes under text keys. Interfaces only; `level-local-store.ts` is LevelDB in
 * Node and IndexedDB in a browser, `memory-local-store.ts` is for tests and for whoever wants nothing kept. All of them pass
 * `local-store.conformance.ts`.
 */
export interface LocalStore {
  /** All rows whose key begins with `prefix`, by key. */
  read(prefix: string): Promise<readonly LocalRow[]>;
  /**
   * Applies all changes or none, after all that were given before, and resolves when they are durable.
   * @throws WeftError `disk-full`: nothing was written, and later calls may succeed; `storage-failed`, also for every call after the
   * first such failure
   */
  write(changes: readonly LocalChange[]): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface LocalRow {
  readonly key: string;
  readonly value: Uint8Array;
}

export type LocalChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string };
