/** The signatures are those of HMAC-SHA-256, which is what servers of other versions make and check. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SignedBytes } from './signed-bytes.ts';

/** A block of SHA-256 and more, and less. */
const bytes = fc.uint8Array({ maxLength: 200 });

test('any secret, domain and body -> signed by HMAC, and read by another server', () => {
  fc.assert(
    fc.property(bytes, fc.string(), fc.uint8Array({ minLength: 1, maxLength: 200 }), (secret, domain, body) => {
      const key = createHmac('sha256', secret).update(domain).digest();
      const mac = createHmac('sha256', key).update(body).digest().subarray(0, 16);
      const text = new SignedBytes(secret, domain).sign(body);
      expect(text).toBe(Buffer.concat([body, mac]).toString('base64url'));
      expect(new SignedBytes(secret, domain).verify(text)).toEqual(Buffer.from(body));
    }),
  );
});
