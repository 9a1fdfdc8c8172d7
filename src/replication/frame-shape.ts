/**
 * Looks at the headers of a MessagePack value before anything is built of it. A decoder makes room for as many elements
 * as an array declares, so a frame of a few hundred bytes, from anybody who can connect, could cost gigabytes. Here a
 * declared length counts only if the bytes for it are there, and nothing is deeper than a frame has reason to be.
 */

/** Frame, commit, list in a commit. */
const DEPTH_MAX = 3;

/** Why these bytes are not one whole value as frames are made of; undefined if they are. */
export function shapeFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Elements that each open array still lacks. */
  const lacking: number[] = [1];
  let at = 0;
  while (lacking.length > 0) {
    const left = lacking.at(-1) as number;
    if (left === 0) {
      lacking.pop();
      continue;
    }
    lacking[lacking.length - 1] = left - 1;
    const length = lengthAt(view, at);
    if (length > 0) {
      at += length;
      if (at > bytes.length) return 'it ends too early';
      continue;
    }
    const arrayHead = arrayHeadAt(view, at);
    if (arrayHead === 0) return `nothing that belongs into a frame at byte ${at}`;
    const elements = elementsAt(view, at, arrayHead);
    at += arrayHead;
    // Every element has a byte at least.
    if (elements > bytes.length - at) return `an array of ${elements} elements in ${bytes.length} bytes`;
    if (lacking.length > DEPTH_MAX) return 'it is nested too deeply';
    lacking.push(elements);
  }
  return at < bytes.length ? `${bytes.length - at} bytes too many` : undefined;
}

/** Bytes of a value that is no array, its header included; 0 for arrays, maps, extensions and a header that is cut off. */
function lengthAt(view: DataView, at: number): number {
  const left = view.byteLength - at;
  if (left < 1) return 0;
  const head = view.getUint8(at);
  if (head < 0x80 || head >= 0xe0) return 1;
  if (head < 0xa0) return 0;
  if (head < 0xc0) return 1 + (head & 0x1f);
  switch (head) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return 1;
    case 0xcc: // unsigned and signed integers, then floats
    case 0xd0:
      return 2;
    case 0xcd:
    case 0xd1:
      return 3;
    case 0xce:
    case 0xd2:
    case 0xca:
      return 5;
    case 0xcf:
    case 0xd3:
    case 0xcb:
      return 9;
    case 0xc4: // bytes and text
    case 0xd9:
      return left < 2 ? 0 : 2 + view.getUint8(at + 1);
    case 0xc5:
    case 0xda:
      return left < 3 ? 0 : 3 + view.getUint16(at + 1);
    case 0xc6:
    case 0xdb:
      return left < 5 ? 0 : 5 + view.getUint32(at + 1);
    default:
      return 0;
  }
}

/** Bytes of the header of an array; 0 if none begins here, or its header is cut off. */
function arrayHeadAt(view: DataView, at: number): number {
  const left = view.byteLength - at;
  const head = left < 1 ? 0 : view.getUint8(at);
  if (head >= 0x90 && head < 0xa0) return 1;
  if (head === 0xdc && left >= 3) return 3;
  return head === 0xdd && left >= 5 ? 5 : 0;
}

/** Elements that the header of an array declares. */
function elementsAt(view: DataView, at: number, arrayHead: number): number {
  if (arrayHead === 1) return view.getUint8(at) & 0x0f;
  return arrayHead === 3 ? view.getUint16(at + 1) : view.getUint32(at + 1);
}
