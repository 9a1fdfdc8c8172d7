/**
 * What `foreign-update.ts` accepts, said a second time over what `Y.decodeUpdate` reads: slow, and only for bytes that
 * are known to end. The property tests compare the two.
 */
import * as Y from 'yjs';
import * as LIMITS from '../base/limits.ts';
import { isOfCopies, patchesOfBlock } from './block.ts';
import { decodePatch } from './patch-codec.ts';

/** The patches of a commit's update, or undefined if it must be refused. */
export function acceptedTexts(update: Uint8Array, origin: number): readonly string[] | undefined {
  try {
    const canonical = Y.convertUpdateFormatV2ToV1(Y.convertUpdateFormatV1ToV2(update));
    if (canonical.length !== update.length || canonical.some((byte, i) => byte !== update[i])) return undefined;
    const { structs, ds } = Y.decodeUpdate(update);
    const items = structs.filter((struct) => struct instanceof Y.Item);
    if (items.length < structs.length || !items.every((item) => isPlain(item, origin))) return undefined;
    const last = items.at(-1);
    const end = last === undefined ? undefined : last.id.clock + last.length;
    if (end !== undefined && end > LIMITS.structClockMax) return undefined;
    if (!nests(items) || !deletionsAreSound(ds, origin, end)) return undefined;
    const blocks = items.flatMap(({ content }) => (content instanceof Y.ContentAny ? (content.arr as string[]) : []));
    // Copies come last.
    const kinds = blocks.map(isOfCopies);
    if (kinds.includes(true) && kinds.slice(kinds.indexOf(true)).includes(false)) return undefined;
    const texts = blocks.flatMap(patchesOfBlock);
    for (const text of texts) decodePatch(text);
    return texts;
  } catch {
    return undefined;
  }
}

function isPlain({ id, content, rightOrigin, parentSub, parent, origin }: Y.Item, writer: number): boolean {
  if (id.client !== writer || rightOrigin !== null || parentSub !== null) return false;
  if (typeof parent === 'string' && parent !== 'log') return false;
  if (origin !== null && (origin.client > 0xffff_ffff || origin.clock >= LIMITS.structClockMax)) return false;
  const above = parent as Y.ID | string | null;
  if (above instanceof Y.ID && (above.client !== writer || above.clock >= LIMITS.structClockMax)) return false;
  if (content instanceof Y.ContentAny) {
    return content.arr.length > 0 && content.arr.every((block) => typeof block === 'string');
  }
  return content instanceof Y.ContentType && content.type.constructor === Y.Array;
}

/** Whether there is a depth for every struct that its content and neighbours allow: chapters 1, segments 2, blocks 3. */
function nests(items: readonly Y.Item[]): boolean {
  const depths = items.map(({ content }) => new Set(content instanceof Y.ContentAny ? [3] : [1, 2]));
  const first = items[0]?.id.clock ?? 0;
  for (let pass = 0; pass <= 2 * items.length; pass++) {
    for (const [i, item] of items.entries()) {
      const mine = depths[i] as Set<number>;
      const above = item.parent as unknown as Y.ID | string | null;
      const to = item.origin ?? (above instanceof Y.ID ? above : undefined);
      const step = item.origin === null ? 1 : 0;
      if (to === undefined) keep(mine, (depth) => depth === 1);
      else if (to.client !== item.id.client) keep(mine, (depth) => depth === 1 && step === 0);
      else if (to.clock < first) keep(mine, (depth) => depth > step);
      else {
        const at = items.findIndex(({ id, length }) => id.clock + length - 1 === to.clock);
        if (at < 0 || at >= i) return false;
        const theirs = depths[at] as Set<number>;
        keep(mine, (depth) => theirs.has(depth - step));
        keep(theirs, (depth) => mine.has(depth + step));
      }
    }
    if (depths.some(({ size }) => size === 0)) return false;
  }
  return true;
}

function keep(depths: Set<number>, allowed: (depth: number) => boolean): void {
  for (const depth of depths) if (!allowed(depth)) depths.delete(depth);
}

type Deletions = ReturnType<typeof Y.decodeUpdate>['ds'];

function deletionsAreSound(ds: Deletions, origin: number, written: number | undefined): boolean {
  for (const [client, ranges] of ds.clients) {
    if (client > 0xffff_ffff) return false;
    let end = -1;
    for (const { clock, len } of ranges) {
      if (clock <= end || len < 1) return false;
      end = clock + len;
      if (end > LIMITS.structClockMax) return false;
    }
    if (client === origin && written !== undefined && end > written) return false;
  }
  return true;
}
