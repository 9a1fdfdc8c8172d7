/**
 * Looks at the headers of a MessagePack value before anything is built of it. A decoder makes room for as many elements
 * as an array declares, so a frame of a few hundred bytes, from anybody who can connect, could cost gigabytes. Here a
 * declared length counts only if the bytes for it are there, and nothing is deeper than a frame has reason to be.
 */

/** Frame, commit, list in a commit. */
const DEPTH_MAX = 3;

/** What a header says: bytes until the next header, and elements that follow if it opens an array. */
interface Head {
  readonly bytes: number;
  readonly elements: number | undefined;
}

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
    const head = headAt(view, at);
    if (head === undefined) return `nothing that belongs into a frame at byte ${at}`;
    at += head.bytes;
    if (at > bytes.length) return 'it ends too early';
    if (head.elements === undefined) continue;
    // Every element has a byte at least.
    if (head.elements > bytes.length - at) return `an array of ${head.elements} elements in ${bytes.length} bytes`;
    if (lacking.length > DEPTH_MAX) return 'it is nested too deeply';
    lacking.push(head.elements);
  }
  return at < bytes.length ? `${bytes.length - at} bytes too many` : undefined;
}

const plain = (bytes: number): Head => ({ bytes, elements: undefined });
const ONE = plain(1);

/** Undefined for maps, extensions, and where the header itself is cut off. */
function headAt(view: DataView, at: number): Head | undefined {
  const left = view.byteLength - at;
  if (left < 1) return undefined;
  const head = view.getUint8(at);
  if (head < 0x80 || head >= 0xe0) return ONE;
  if (head < 0x90) return undefined;
  if (head < 0xa0) return { bytes: 1, elements: head & 0x0f };
  if (head < 0xc0) return plain(1 + (head & 0x1f));
  switch (head) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return ONE;
    case 0xcc: // unsigned and signed integers, then floats
    case 0xd0:
      return plain(2);
    case 0xcd:
    case 0xd1:
      return plain(3);
    case 0xce:
    case 0xd2:
    case 0xca:
      return plain(5);
    case 0xcf:
    case 0xd3:
    case 0xcb:
      return plain(9);
    case 0xc4: // bytes and text
    case 0xd9:
      return left < 2 ? undefined : plain(2 + view.getUint8(at + 1));
    case 0xc5:
    case 0xda:
      return left < 3 ? undefined : plain(3 + view.getUint16(at + 1));
    case 0xc6:
    case 0xdb:
      return left < 5 ? undefined : plain(5 + view.getUint32(at + 1));
    case 0xdc: // arrays
      return left < 3 ? undefined : { bytes: 3, elements: view.getUint16(at + 1) };
    case 0xdd:
      return left < 5 ? undefined : { bytes: 5, elements: view.getUint32(at + 1) };
    default:
      return undefined;
  }
}
