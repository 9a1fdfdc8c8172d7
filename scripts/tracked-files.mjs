/** The files of the project: those that git tracks, or without git those that a clone would hold. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const NOT_IN_A_CLONE = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage']);

/** @returns {string[]} paths relative to `root`, with `/`, sorted; files that were deleted but not yet committed are left out */
export function trackedFiles(root) {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed
      .toString()
      .split('\0')
      .filter((file) => file !== '' && existsSync(join(root, file)))
      .sort();
  } catch {
    return walk(root, root).sort();
  }
}

function walk(root, folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_IN_A_CLONE.has(entry.name)) return [];
    return entry.isDirectory() ? walk(root, path) : [relative(root, path).split(sep).join('/')];
  });
}
