/** Frames between an offline replica and a server: as docs/protocol.md writes them, and nothing else is believed. */
import { decode, encode } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import type { PartitionId } from '../base/ids.ts';
import {
  decodeReplicaFrame,
  decodeServerFrame,
  encodeReplicaFrame,
  encodeServerFrame,
  type ReplicaFrame,
  type ServerFrame,
} from './sync-frame.ts';

const at = (partition: string, ...bytes: number[]) => {
  return { partition: partition as PartitionId, bytes: Uint8Array.from(bytes) };
};
const HELLO = {
  kind: 'hello',
  version: 1,
  replica: 7,
  generation: 'g',
  syncedMs: 99,
  partitions: [at('0', 1), at('a!', 2, 3)],
} as const;

/** Each frame, and the fields that it has on the wire. */
const REPLICA: readonly (readonly [ReplicaFrame, readonly unknown[]])[] = [
  [HELLO, [1, 1, 7, 'g', 99, ['0', Uint8Array.of(1), 'a!', Uint8Array.of(2, 3)]]],
  [{ ...HELLO, partitions: [], known: [] }, [1, 1, 7, 'g', 99, [], []]],
  [{ ...HELLO, partitions: [], known: [at('1', 4)] }, [1, 1, 7, 'g', 99, [], ['1', Uint8Array.of(4)]]],
  [
    {
      kind: 'write',
      epoch: 2,
      number: 3,
      patches: [
        { partition: '0' as PartitionId, text: 'p' },
        { partition: 'a!' as PartitionId, text: 'q' },
      ],
    },
    [2, 2, 3, ['0', 'p', 'a!', 'q']],
  ],
  [{ kind: 'write', epoch: 0, number: 0, patches: [] }, [2, 0, 0, []]],
  [{ kind: 'ping' }, [3]],
];
const SERVER: readonly (readonly [ServerFrame, readonly unknown[]])[] = [
  [
    { kind: 'welcome', generation: 'g', partitions: 16, restoringTypes: ['T', 'U'], wallMs: 5, clock: 6 },
    [10, 'g', 16, ['T', 'U'], 5, 6],
  ],
  [{ kind: 'state', state: at('0', 1, 2) }, [11, '0', Uint8Array.of(1, 2)]],
  [{ kind: 'live' }, [12]],
  [{ kind: 'update', updates: [at('0', 1), at('1')] }, [13, ['0', Uint8Array.of(1), '1', Uint8Array.of()]]],
  [{ kind: 'receipt', epoch: 1, number: 2, durableOn: 3, of: 4 }, [14, 1, 2, 3, 4]],
  [{ kind: 'refused', epoch: 1, number: 2, code: 'c', detail: 'd' }, [15, 1, 2, 'c', 'd']],
  ...(['generation', 'too-old', 'replica-id'] as const).map((reason) => {
    return [{ kind: 'must-refetch', reason }, [16, reason]] as const;
  }),
  [{ kind: 'pong', wallMs: 8 }, [17, 8]],
  [{ kind: 'behind' }, [18]],
];

interface Direction {
  readonly decodeFrame: (bytes: Uint8Array) => unknown;
  readonly frames: readonly (readonly [unknown, readonly unknown[]])[];
}

describe.each<[string, Direction & { readonly encoded: readonly Uint8Array[] }]>([
  [
    'a replica',
    { decodeFrame: decodeReplicaFrame, frames: REPLICA, encoded: REPLICA.map(([frame]) => encodeReplicaFrame(frame)) },
  ],
  [
    'a server',
    { decodeFrame: decodeServerFrame, frames: SERVER, encoded: SERVER.map(([frame]) => encodeServerFrame(frame)) },
  ],
])('frames of %s', (_, { decodeFrame, frames, encoded }) => {
  const refusal = (fields: unknown): string => {
    try {
      decodeFrame(encode(fields));
    } catch (error) {
      expect(error).toMatchObject({ code: 'malformed-request' });
      return (error as Error).message;
    }
    return 'taken';
  };

  test('encoded -> the fields of the table in their order; decoded -> the same frame', () => {
    frames.forEach(([frame, fields], i) => {
      expect(decode(encoded[i] as Uint8Array)).toEqual(fields);
      expect(decodeFrame(encode(fields))).toEqual(frame);
    });
  });

  test('a field is missing, or one too many -> refused', () => {
    for (const [frame, fields] of frames) {
      // Without the last field of such a hello it is one of a replica that does not begin anew.
      const isWhole = (frame as ReplicaFrame).kind === 'hello' && fields.length === 7;
      for (let length = 0; length < fields.length; length++) {
        if (!(isWhole && length === 6)) expect(refusal(fields.slice(0, length)), String(fields)).toContain('malformed');
      }
      const isHello = (frame as ReplicaFrame).kind === 'hello' && fields.length === 6;
      expect(refusal([...fields, isHello ? 1 : []]), String(fields)).toContain(isHello ? 'a list' : 'too many');
    }
  });

  test('a field is of another kind -> refused, and the refusal says which kind is wanted', () => {
    for (const [, fields] of frames) {
      fields.forEach((field, i) => {
        const wrong = (value: unknown) => refusal(fields.with(i, value));
        if (typeof field === 'number') {
          for (const value of ['1', -1, 0.5, 2 ** 53, null, true]) expect(wrong(value)).toMatch(/integer/);
        } else if (typeof field === 'string') {
          for (const value of [1, null, Uint8Array.of(1)]) expect(wrong(value)).toMatch(/a text/);
        } else if (field instanceof Uint8Array) {
          for (const value of [1, 'x', [1]]) expect(wrong(value)).toMatch(/bytes/);
        } else {
          for (const value of [1, 'x', { 0: 'x' }]) expect(wrong(value)).toMatch(/a list/);
          const list = field as readonly unknown[];
          list.forEach((member, j) => {
            const kind = typeof member === 'string' ? /a text/ : /bytes/;
            expect(wrong(list.with(j, 5))).toMatch(kind);
          });
          if (list.length > 1 && list.length % 2 === 0 && i !== 3)
            expect(wrong(list.slice(1))).toMatch(/pairs|bytes|text/);
        }
      });
    }
  });

  test.each([
    ['no MessagePack', Uint8Array.of(0xc1)],
    ['cut off', Uint8Array.of(0x92, 3)],
    ['a number', encode(3)],
    ['a map', encode({ 0: 3 })],
    ['a kind that is not known', encode([99])],
    ['nothing', new Uint8Array()],
  ])('%s -> refused', (__, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(expect.objectContaining({ code: 'malformed-request' }));
  });
});

test('a list of pairs with an odd number of members -> refused', () => {
  for (const fields of [
    [2, 0, 0, ['0']],
    [1, 1, 7, 'g', 99, ['0']],
    [1, 1, 7, 'g', 99, [], ['0', Uint8Array.of(1), '1']],
  ]) {
    expect(() => decodeReplicaFrame(encode(fields))).toThrow('a list of pairs is wanted');
  }
  expect(() => decodeServerFrame(encode([13, ['0']]))).toThrow('a list of pairs is wanted');
});

test('a reason to begin anew that is not known -> refused', () => {
  expect(() => decodeServerFrame(encode([16, 'no reason']))).toThrow('reason no reason is not known');
});
