import { Decoder, decode, Encoder, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { decodeValue } from '../graph/json-values.ts';
import { checkValue, Float, type Value, valuesEqual } from '../graph/value.ts';
import { parseMessagePack, printMessagePack } from './msgpack.ts';
import { arbitraryValue } from './values.model.ts';

const roundTrip = (value: Value): Value => {
  const tree = parseMessagePack(printMessagePack({ properties: { value } })) as { properties: { value: unknown } };
  return decodeValue(tree.properties.value, 'value');
};

function failure(bytes: Uint8Array): WeftError {
  try {
    decodeValue(parseMessagePack(bytes), 'value');
  } catch (error) {
    if (error instanceof WeftError) return error;
    throw error;
  }
  throw new Error('the bytes parsed');
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('msgpack', () => {
  test('msgpack: any value -> comes back equal, in its one representation', () => {
    fc.assert(
      fc.property(arbitraryValue, (value) => {
        const back = roundTrip(value);
        checkValue(back, 'back');
        expect(valuesEqual(back, value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[Value, string]>([
    [2, '02'],
    [new Float(2), 'cb4000000000000000'],
    [new Float(-0), 'cb8000000000000000'],
    [1.5, 'cb3ff8000000000000'],
    [2 ** 32, 'd30000000100000000'],
    [-(2 ** 32), 'd3ffffffff00000000'],
    [2n ** 63n - 1n, 'd37fffffffffffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
    [new Uint8Array([1, 2]), 'c4020102'],
  ])('msgpack: %o -> bytes %s and back', (value, bytes) => {
    expect(hex(printMessagePack({ properties: { v: value } }))).toBe(`81aa70726f7065727469657381a176${bytes}`);
    expect(valuesEqual(roundTrip(value), value)).toBe(true);
  });

  test('msgpack: written by the stock encoder -> integers and floats are told apart', () => {
    const tree = parseMessagePack(
      encode({ i: 2, b: 2n ** 60n, f: 2.5, bytes: new Uint8Array([7]) }, { useBigInt64: true }),
    );
    expect(tree).toEqual({ i: 2, b: 2n ** 60n, f: 2.5, bytes: new Uint8Array([7]) });
    expect(Object.getPrototypeOf((tree as { bytes: object }).bytes)).toBe(Uint8Array.prototype);
    expect(parseMessagePack(encode(3, { forceIntegerToFloat: true }))).toEqual(new Float(3));
    expect(parseMessagePack(encode(1.5, { forceFloat32: true }))).toBe(1.5);
    expect(parseMessagePack(Uint8Array.from([0xcf, 0, 0, 0, 0, 0, 0, 0, 9]))).toBe(9);
  });

  test('msgpack: read by the stock decoder -> plain documents', () => {
    const bytes = printMessagePack({ id: 'a', labels: ['L'], properties: { n: 1, $type: 'x' }, cursor: undefined });
    expect(decode(bytes)).toEqual({ id: 'a', labels: ['L'], properties: { n: 1, $type: 'x' } });
  });

  test('msgpack: key and text __proto__ -> ordinary data', () => {
    const tree = parseMessagePack(Buffer.from('82a95f5f70726f746f5f5fa95f5f70726f746f5f5fa16101', 'hex')) as object;
    expect(Object.entries(tree)).toEqual([
      ['__proto__', '__proto__'],
      ['a', 1],
    ]);
  });

  test.each([
    ['an integer above int64', 'cfffffffffffffffff', 'invalid-value'],
    ['a truncated map', '82a16101', 'malformed-request'],
    ['bytes after the end', '0102', 'malformed-request'],
    ['an array that claims 4 billion items', 'ddffffffff01', 'malformed-request'],
    ['nested claims of 60,000 items', `dcea60${'dcea60'.repeat(100)}`, 'malformed-request'],
    ['a map that claims 4 billion members', 'dfffffffff01', 'malformed-request'],
    ['a text longer than the body', 'dbffffffff61', 'malformed-request'],
    ['invalid UTF-8', 'a2c328', 'malformed-request'],
    ['a surrogate in UTF-8', 'a3eda080', 'malformed-request'],
    ['a number as key', '810101', 'malformed-request'],
    ['a list as key', '81900101', 'malformed-request'],
    ['a timestamp extension', 'd6ff00000000', 'malformed-request'],
    ['a byte that is never used', 'c1', 'malformed-request'],
    ['nothing', '', 'malformed-request'],
  ])('msgpack: %s -> an error that says where', (_what, bytes, code) => {
    const error = failure(Buffer.from(bytes, 'hex'));
    expect(error.code).toBe(code);
    if (code === 'malformed-request') expect(error.message).toMatch(/at byte \d+/);
    expect(parseMessagePack(Uint8Array.from([1]))).toBe(1);
  });

  test('msgpack: a replacement character that was really sent -> kept', () => {
    expect(parseMessagePack(encode('a\ufffdb'))).toBe('a\ufffdb');
  });

  test('msgpack: 5,000 levels -> payload-too-large, no overflow', () => {
    expect(failure(Buffer.from(`${'91'.repeat(5000)}01`, 'hex')).code).toBe('payload-too-large');
  });

  test('msgpack: the library still has the methods that the subclasses override', () => {
    const decoderParts = ['readF32', 'readF64', 'readU64AsBigInt', 'readI64AsBigInt', 'decodeBinary'];
    const moreDecoderParts = ['decodeUtf8String', 'pushArrayState', 'pushMapState'];
    for (const part of [...decoderParts, ...moreDecoderParts]) expect(Decoder.prototype).toHaveProperty(part);
    for (const part of ['doEncode', 'encodeNumberAsFloat', 'writeU8', 'writeBigInt64']) {
      expect(Encoder.prototype).toHaveProperty(part);
    }
  });
});
