/**
 * Files that operators replace while the server runs: tokens, keys, certificates. They are read anew every few seconds, and
 * at once on SIGHUP; only other content counts, so it does not matter how a file was replaced. What cannot be used is
 * logged, and what was read before stays.
 */
import { readFile } from 'node:fs/promises';
import type { Env, Timer } from '../base/env.ts';

/** Soon enough for a certificate, seldom enough for a disk. */
const LOOK_MS = 5_000;

export class WatchedFiles {
  readonly #env: Env;
  readonly #watched: { readonly paths: readonly string[]; readonly use: Use; contents: readonly string[] }[] = [];
  #timer: Timer | undefined;
  #isClosed = false;
  readonly #onSignal = (): void => void this.look();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Looks from now on. Not sooner, or a start that fails would not end the process. */
  begin(): void {
    process.on('SIGHUP', this.#onSignal);
    this.#arm();
  }

  /**
   * Reads the files and hands their contents over, now and whenever one of them changed.
   * @throws what reading or `use` throws at first
   */
  async add(paths: readonly string[], use: Use): Promise<void> {
    const contents = await read(paths);
    await use(contents);
    this.#watched.push({ paths, use, contents });
  }

  /** Looks at all of them now. */
  async look(): Promise<void> {
    for (const watched of this.#watched) {
      try {
        const contents = await read(watched.paths);
        if (contents.every((content, index) => content === watched.contents[index])) continue;
        await watched.use(contents);
        watched.contents = contents;
        this.#env.log.write('info', 'files were replaced', { paths: watched.paths });
      } catch (error) {
        this.#env.log.write('error', 'files cannot be used; what was read before stays', {
          paths: watched.paths,
          reason: (error as Error).message,
        });
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    process.off('SIGHUP', this.#onSignal);
  }

  #arm(): void {
    if (this.#isClosed) return;
    this.#timer = this.#env.scheduler.after(LOOK_MS, () => void this.look().then(() => this.#arm()));
  }
}

type Use = (contents: readonly string[]) => void | Promise<void>;

function read(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}
