/** What the runner tells the process of one benchmark, and where that may put its files. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Settings {
  readonly quick: boolean;
  /** A directory of this benchmark alone, removed when it ends. */
  readonly temporary: string;
  /** Where CPU profiles go, if they are wanted. */
  readonly profiles?: string;
}

let parsed: Settings | undefined;

export function settings(): Settings {
  const text = process.env.WEFT_BENCH;
  parsed ??=
    text === undefined
      ? { quick: false, temporary: mkdtempSync(join(tmpdir(), 'weft-bench-')) }
      : (JSON.parse(text) as Settings);
  return parsed;
}

/** A fresh directory that goes when the benchmark ends. */
export function temporaryDirectory(name: string): string {
  return mkdtempSync(join(settings().temporary, `${name}-`));
}
