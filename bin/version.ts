/** The version of this program, read from package.json so that it is stated once. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { present } from '../base/assert.ts';

/** package.json lies one folder up from the source of this file and two up from its build. */
export function version(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const path = ['..', '../..'].map((up) => join(here, up, 'package.json')).find((candidate) => existsSync(candidate));
  const manifest: { version: string } = JSON.parse(
    readFileSync(present(path, 'the program has a package.json'), 'utf8'),
  );
  return manifest.version;
}
