/** Frames of a WebSocket out of its bytes, wherever these are cut. */
import { describe, expect, test } from 'vitest';
import { type FramePiece, WebSocketCutter } from './web-socket-cutter.ts';

const REQUEST = 'GET /v1/replication HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const ANSWER = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** As RFC 6455, section 5.2. */
function frame(payload: Buffer, { first = 0x82, isMasked = false } = {}): Buffer {
  const masked = isMasked ? 0x80 : 0;
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([first, masked | length])
      : length < 65_536
        ? Buffer.from([first, masked | 126, length >> 8, length & 0xff])
        : Buffer.from([
            first,
            masked | 127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
          ]);
  if (!isMasked) return Buffer.concat([head, payload]);
  return Buffer.concat([head, Buffer.from(MASK), payload.map((byte, i) => byte ^ (MASK[i % 4] ?? 0))]);
}

const read = (chunks: readonly Buffer[]): { readonly cutter: WebSocketCutter; readonly pieces: FramePiece[] } => {
  const cutter = new WebSocketCutter();
  return { cutter, pieces: chunks.flatMap((chunk) => cutter.push(chunk)) };
};
const messages = (pieces: readonly FramePiece[]) =>
  pieces.flatMap(({ message }) => (message === undefined ? [] : [Buffer.from(message).toString('latin1')]));
const bytesOf = (pieces: readonly FramePiece[]) => Buffer.concat(pieces.map(({ bytes }) => bytes));

const LONG = 'x'.repeat(200);

describe.each([
  ['what the dialing end sends', REQUEST, true],
  ['what the other one answers', ANSWER, false],
])('web socket cutter: %s', (_, head, isMasked) => {
  const stream = Buffer.concat([
    Buffer.from(head),
    frame(Buffer.from('one'), { isMasked }),
    frame(Buffer.from('ping'), { first: 0x89, isMasked }),
    frame(Buffer.from(''), { isMasked }),
    frame(Buffer.from(LONG), { isMasked }),
    frame(Buffer.from('last'), { isMasked }),
  ]);
  const whole = ['one', '', LONG, 'last'];

  test('all at once -> the messages, unmasked, without the head and the ping', () => {
    expect(messages(read([stream]).pieces)).toEqual(whole);
  });

  test('cut in two at every place -> the same messages, and all bytes as they came', () => {
    for (let at = 0; at <= stream.length; at++) {
      const { pieces, cutter } = read([stream.subarray(0, at), stream.subarray(at)]);
      expect([messages(pieces), bytesOf(pieces).equals(stream), cutter.rest.length]).toEqual([whole, true, 0]);
    }
  });

  test('byte after byte -> the same', () => {
    const { pieces } = read(Array.from(stream, (byte) => Buffer.from([byte])));
    expect([messages(pieces), bytesOf(pieces).equals(stream)]).toEqual([whole, true]);
  });

  test('a piece is left out -> what remains is the other messages', () => {
    const { pieces } = read([stream]);
    const without = bytesOf(pieces.filter(({ message }) => message === undefined || message.length !== 3));
    expect(messages(read([without]).pieces)).toEqual(whole.slice(1));
  });

  test('a frame of more than 64 KiB -> whole, once its last byte is there', () => {
    const large = frame(Buffer.alloc(70_000, 'y'), { isMasked });
    const { cutter, pieces } = read([Buffer.from(head), large.subarray(0, -1)]);
    expect([messages(pieces), cutter.rest.length]).toEqual([[], large.length - 1]);
    expect(messages(cutter.push(large.subarray(-1)))[0]).toHaveLength(70_000);
  });

  test('compressed, or a message in several frames -> passes, unread', () => {
    const unread = [0xc2, 0x02, 0x80].map((first) => frame(Buffer.from('part'), { first, isMasked }));
    const all = Buffer.concat([Buffer.from(head), ...unread]);
    const { pieces } = read([all]);
    expect([messages(pieces), bytesOf(pieces).equals(all)]).toEqual([[], true]);
  });
});

test.each([
  ['a refusal', 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\n'],
  ['another request', 'POST /v1/graphs HTTP/1.1\r\nContent-Length: 6\r\n\r\n'],
])('%s in place of a WebSocket -> passes as it comes', (_, head) => {
  const body = frame(Buffer.from('none'));
  const { pieces } = read([Buffer.from(head), body]);
  expect([messages(pieces), bytesOf(pieces).equals(Buffer.concat([Buffer.from(head), body]))]).toEqual([[], true]);
});
