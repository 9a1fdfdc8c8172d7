/** Which commits share a frame. */
import type { TailCommit } from './commit-tail.ts';
import { FRAGMENT_BYTES } from './fragments.ts';

/** Bytes of commits in one frame: large enough to share its cost, small enough not to delay what comes after, or to be cut up. */
const FRAME_BYTES = FRAGMENT_BYTES;

export interface SendCommits {
  readonly kind: 'send-commits';
  readonly commits: readonly TailCommit[];
}

/** One effect for each frame, in order. */
export function inFrames(commits: readonly TailCommit[]): SendCommits[] {
  const effects: SendCommits[] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < commits.length; i++) {
    bytes += (commits[i] as TailCommit).encoded.length;
    if (bytes < FRAME_BYTES && i < commits.length - 1) continue;
    effects.push({ kind: 'send-commits', commits: commits.slice(start, i + 1) });
    start = i + 1;
    bytes = 0;
  }
  return effects;
}
