/** How Node is started for all that is measured, peers written for Node included: as `npm start` starts a server. */
import { readFileSync } from 'node:fs';

export function nodeFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly scripts: { readonly start: string };
  };
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}
