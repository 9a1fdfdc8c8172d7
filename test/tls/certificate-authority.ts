/**
 * An authority that makes certificates for tests, so that no private key lies in the repository and no tool but Node is
 * needed. X.509 (RFC 5280) in DER, by hand: just what TLS between two ends on one machine needs.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export class CertificateAuthority {
  readonly #name: string;
  readonly #key: KeyObject;
  readonly cert: string;
  #serial = 1;

  constructor(name: string) {
    this.#name = name;
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = pair.privateKey;
    const basicConstraints = extension('551d13', sequence(der(0x01, Buffer.from([0xff]))));
    this.cert = this.#signed(name, pair.publicKey, [basicConstraints]);
  }

  /** A certificate for localhost, for both ends. */
  issue(name: string): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
    return {
      cert: this.#signed(name, publicKey, [extension('551d11', names)]),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  #signed(name: string, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.from([this.#serial++])),
      ECDSA_WITH_SHA256,
      named(this.#name),
      sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z'))),
      named(name),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, createPrivateKey(this.#key.export(PEM)))]);
    const whole = sequence(body, ECDSA_WITH_SHA256, der(0x03, signature)).toString('base64');
    return `-----BEGIN CERTIFICATE-----\n${whole.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
  }
}

const PEM = { type: 'pkcs8', format: 'pem' } as const;

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = sequence(der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));

/** A name that consists of a common name, 2.5.4.3. */
function named(name: string): Buffer {
  return sequence(der(0x31, sequence(der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(name)))));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(der(0x06, Buffer.from(id, 'hex')), der(0x04, value));
}
