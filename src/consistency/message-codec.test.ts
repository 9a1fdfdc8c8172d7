import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { configurationText, UNFOUNDED } from '../replication/configuration.ts';
import { cutShort } from '../replication/cut-short.model.ts';
import { NOTHING_ACCEPTED } from './acceptor.ts';
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

  test('what a list holds is wrong -> the refusal says what', () => {
    const vote = (known: unknown[]) => ['memory', known, [], 9];
    const accepted = (known: unknown[]) => [4, 'g', 1, 1, true, ...vote(known)];
    const accept = (patches: unknown[]) => [3, 'g', 1, 1, 1, 2, 1, [], patches];
    const nobody = configurationText(UNFOUNDED);
    const joined = (met: unknown[], held: unknown[]) => [8, 'of', nobody, 1, met, true, ...vote([]), held];
    const cases: readonly (readonly [fields: unknown[], fault: string])[] = [
      [accepted(['a', 5]), 'known must be text'],
      [joined([5], []), 'met must be text'],
      [joined([], ['g', 'no bytes']), 'state must be bytes'],
      [joined([], ['no graph!', encodeState(NOTHING_ACCEPTED)]), 'a graph key is malformed'],
      [accept(['g', '0', 5]), 'patch must be text'],
      [accept(['g', 5, 'a patch']), 'a partition id is malformed'],
      [[7, 'memory', 'nonsense', true], 'nonsense is no configuration'],
      [[9, 1, 'g', 5, '', 'guess'], 'unknown request guess'],
      [[10, 1, 'shrug'], 'unknown reply shrug'],
      [[99], 'unknown kind of message 99'],
      [[10, 1, 'stale', 5], '1 fields too many'],
    ];
    expect(cases.map(([fields]) => refused(encode(fields))?.message)).toEqual(
      cases.map(([, fault]) => `bad frame: ${fault}`),
    );
  });

  test('whom a vote knows, half a pair -> the pairs before it', () => {
    const message = decodeMessage(encode([4, 'g', 1, 1, true, 'memory', ['a', 'm', 'b'], [], 9]));
    expect(message).toMatchObject({ known: new Map([['a', 'm']]) });
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
