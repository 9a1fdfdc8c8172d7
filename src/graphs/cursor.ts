/** Cursors: opaque to users, a JSON array of texts to us. They name the last element given, so they survive writes. */
import { WeftError } from '../../base/errors.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import { fromBase64, toBase64 } from '../../crdt/value-codec.ts';

export function encodeCursor(...parts: readonly string[]): string {
  return toBase64(toUtf8(JSON.stringify(parts)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** @throws WeftError `invalid-cursor`, definite */
export function decodeCursor(cursor: string, length: number): readonly string[] {
  try {
    const base64 = cursor.replaceAll('-', '+').replaceAll('_', '/');
    const parts: unknown = JSON.parse(fromUtf8(fromBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='))));
    if (Array.isArray(parts) && parts.length === length && parts.every((part) => typeof part === 'string'))
      return parts;
  } catch {
    // Whatever is wrong with it, the answer is the same.
  }
  throw new WeftError('invalid-cursor', 'the cursor was not issued by this call; start again without it');
}
