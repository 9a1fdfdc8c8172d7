/** A body as lines of text, read only as fast as they are taken. */
import { fromUtf8 } from '../base/text.ts';
import type { BodyReader } from './platform.ts';

const NEWLINE = 0x0a;

/** Ending early cancels the body, and with it what the server does for it. */
export async function* linesOf(reader: BodyReader): AsyncGenerator<string> {
  let open: Uint8Array[] = [];
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value === undefined) continue;
      let start = 0;
      for (let end = value.indexOf(NEWLINE); end >= 0; end = value.indexOf(NEWLINE, start)) {
        yield lineOf(open, value.subarray(start, end));
        open = [];
        start = end + 1;
      }
      if (start < value.length) open.push(value.slice(start));
    }
    ended = true;
    if (open.length > 0) yield lineOf(open, new Uint8Array());
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}

function lineOf(open: readonly Uint8Array[], last: Uint8Array): string {
  if (open.length === 0) return fromUtf8(last);
  const parts = [...open, last];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return fromUtf8(bytes);
}
