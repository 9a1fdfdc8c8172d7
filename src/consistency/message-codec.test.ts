import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { cutShort } from '../replication/cut-short.model.ts';
import { someMessage, someState } from './message.model.ts';
import type { Message } from './message.ts';
import { decodeMessage, decodeState, encodeMessage, encodeState } from './message-codec.ts';

/** What decoding throws; undefined if it decodes. */
function refused(bytes: Uint8Array): WeftError | undefined {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (error instanceof WeftError) return error;
    throw error;
  }
  return undefined;
}

const refusal = (bytes: Uint8Array): string | undefined => refused(bytes)?.code;

describe('messages between servers', () => {
  test('any message, encoded and decoded -> the same', () => {
    fc.assert(
      fc.property(someMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 1000 },
    );
  });

  test('a read is confirmed by a server of an earlier version -> it is not told what was seen for sure; from one: nothing was', () => {
    const request = {
      kind: 'confirm',
      place: { era: 1, changes: 2 },
      held: new Map([[3, 4]]),
      seen: new Map([[3, 5]]),
    };
    const ask = { kind: 'ask', id: 1, graph: 'g', patienceMs: 5, trace: '', request } as Message;
    expect(decodeMessage(encodeMessage(ask, 3))).toEqual(ask);
    expect(decodeMessage(encodeMessage(ask, 2))).toEqual({ ...ask, request: { ...request, held: new Map() } });
  });

  test('state of an acceptor, encoded and decoded -> the same', () => {
    fc.assert(
      fc.property(someState, (state) => {
        expect(decodeState(encodeState(state))).toEqual(state);
      }),
    );
  });

  test('a message with a byte changed, cut off or added -> another message, or malformed-request; nothing else', () => {
    fc.assert(
      fc.property(someMessage, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 2 }), (message, place, byte, how) => {
        const bytes = encodeMessage(message);
        const at = place % bytes.length;
        const damaged = how === 0 ? bytes.slice(0, at) : Uint8Array.from(how === 1 ? bytes : [...bytes, byte]);
        if (how === 1) damaged[at] = byte;
        expect([undefined, 'malformed-request']).toContain(refusal(damaged));
        if (how !== 1) expect(refusal(damaged)).toBe('malformed-request');
      }),
      { numRuns: 2000 },
    );
  });

  test('a field is missing -> the refusal names it', () => {
    fc.assert(
      fc.property(someMessage, (message) => {
        for (const fields of cutShort(decode(encodeMessage(message)))) {
          const missing = /^bad frame: (.*) is missing$/.exec(refused(encode(fields))?.message ?? '');
          if (missing !== null) expect(missing[1]).toMatch(/^[a-zA-Z]+$/);
        }
      }),
    );
  });

  test.each([
    ['nothing', []],
    ['no array', [0x01]],
    ['an unknown kind', [0x91, 0x7f]],
    ['an array that claims a billion elements', [0xdd, 0x3b, 0x9a, 0xca, 0x00, 0x01]],
  ])('%s -> malformed-request', (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes))).toBe('malformed-request');
  });
});
