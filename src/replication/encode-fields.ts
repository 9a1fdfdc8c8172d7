/**
 * MessagePack bytes of the fields of a frame or message. The library's own function makes an encoder with two kilobytes of
 * its own for every call, of which the bytes are a view: what holds on to one small commit holds on to all of that.
 */
import { Encoder } from '@msgpack/msgpack';

/** What an encoder keeps between calls, in bytes; one that was enlarged for a part of a state is let go. */
const KEPT_BYTES_MAX = 64 * 1024;

let encoder = new Encoder();

/** Bytes with memory of their own. */
export function encodeFields(fields: readonly unknown[]): Uint8Array {
  const bytes = encoder.encode(fields);
  if (bytes.length > KEPT_BYTES_MAX) encoder = new Encoder();
  return bytes;
}
