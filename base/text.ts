/** Text measures that need no platform: UTF-8 length and well-formedness, and a 32-bit hash for routing. */

/** Length of `text` in UTF-8 bytes, or -1 if it holds a lone surrogate. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else {
      const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (unit > 0xdbff || next < 0xdc00 || next > 0xdfff) return -1;
      bytes += 4;
      i++;
    }
  }
  return bytes;
}

/**
 * 32-bit FNV-1a over UTF-16 code units with a murmur3 finaliser, so that sequential ids spread over few buckets.
 * Part of the data format: it decides in which hash partition an id lives.
 * @param before hashed as if it came in front of `text`
 */
export function hashText(text: string, before = ''): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < before.length; i++) {
    hash = Math.imul(hash ^ before.charCodeAt(i), 0x01000193);
  }
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

// Both runtimes have these; the isomorphic folders compile without either's type library.
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, bytes: Uint8Array): { readonly written: number };
}
declare class TextDecoder {
  constructor(label: string, options: { readonly fatal: boolean; readonly ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Writes `text` to the begin of `bytes`, which has room for three bytes for each of its units. Returns how many it took. */
export function utf8Into(text: string, bytes: Uint8Array): number {
  return encoder.encodeInto(text, bytes).written;
}

/** @throws TypeError if `bytes` is not well-formed UTF-8 */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
