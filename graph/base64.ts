/** Base64 of RFC 4648 with padding, the same in every runtime. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit.charCodeAt(0), value]));

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const group = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    text += digit(group >>> 18) + digit(group >>> 12);
    text += (b === undefined ? '=' : digit(group >>> 6)) + (c === undefined ? '=' : digit(group));
  }
  return text;
}

function digit(group: number): string {
  return DIGITS[group & 63] as string;
}

/** @param text well-formed: a multiple of four digits, with padding at the end only */
export function fromBase64(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const valueAt = (i: number) => VALUES.get(text.charCodeAt(i)) ?? 0;
  for (let i = 0, at = 0; i < text.length; i += 4) {
    const group = (valueAt(i) << 18) | (valueAt(i + 1) << 12) | (valueAt(i + 2) << 6) | valueAt(i + 3);
    bytes[at++] = group >>> 16;
    if (at < bytes.length) bytes[at++] = group >>> 8;
    if (at < bytes.length) bytes[at++] = group;
  }
  return bytes;
}
