/** A cursor over what another one finds, less what is not wanted, and more behind it. */
import type { OrdinalCursor } from '../../graph/query-graph.ts';

export function narrowed(
  found: OrdinalCursor,
  keep: (ordinal: number) => boolean,
  more: readonly number[],
): OrdinalCursor {
  let ended = false;
  let at = 0;
  return {
    next: (into, start, limit) => {
      while (!ended) {
        const count = found.next(into, start, limit);
        if (count === 0) {
          ended = true;
          break;
        }
        let kept = 0;
        for (let i = 0; i < count; i++) {
          const ordinal = into[start + i] as number;
          if (keep(ordinal)) into[start + kept++] = ordinal;
        }
        if (kept > 0) return kept;
      }
      const count = Math.min(limit, more.length - at);
      for (let i = 0; i < count; i++) into[start + i] = more[at + i] as number;
      at += count;
      return count;
    },
  };
}
