/** Settings of `weft serve` that say who gets in: tokens, keys, certificates, and how often somebody may ask. */
import { resolve } from 'node:path';
import type { Option } from 'commander';
import { UsageError } from './exit.ts';
import { setting, wholeNumber } from './options.ts';

export interface AccessSettings {
  /** What may do everything. */
  readonly token: string | undefined;
  /** Absolute paths. */
  readonly tokensFile: string | undefined;
  readonly jwtKeysFile: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  /** Where the audit log goes; to the other events if undefined. */
  readonly auditLogFile: string | undefined;
  /** Requests a second that one principal may make; undefined for no limit. */
  readonly requestsPerSecond: number | undefined;
  readonly tls: TlsSettings | undefined;
}

/** Who must show a certificate of `caFile`: nobody, other servers, or everybody who connects. */
export type CertifiedClients = 'none' | 'servers' | 'all';

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** Whose certificates are believed; those of the system if undefined. */
  readonly caFile: string | undefined;
  readonly certifiedClients: CertifiedClients;
}

export interface AccessOptions {
  token?: string;
  tokens?: string;
  jwtKeys?: string;
  jwtIssuer?: string;
  jwtAudience?: string;
  auditLog?: string;
  rateLimit?: number;
  tlsCert?: string;
  tlsKey?: string;
  tlsCa?: string;
  tlsClients: CertifiedClients;
}

export function accessOptions(): readonly Option[] {
  return [
    setting('tokens', '<file>', 'tokens with the rights of each (docs/security.md); read again when it changes'),
    setting('jwt-keys', '<file>', 'keys (a JWK Set) whose JSON Web Tokens are taken; read again when it changes'),
    setting('jwt-issuer', '<name>', 'what `iss` of a JSON Web Token must be'),
    setting('jwt-audience', '<name>', 'what `aud` of a JSON Web Token must be'),
    setting('audit-log', '<file>', 'where acts of administration and refusals are noted; without, among other events'),
    setting('rate-limit', '<requests>', 'requests a second that one principal may make; without, any number').argParser(
      wholeNumber(1, 1_000_000),
    ),
    setting('tls-cert', '<file>', 'certificate with its chain (PEM); with it, everything is TLS'),
    setting('tls-key', '<file>', 'private key of the certificate (PEM)'),
    setting('tls-ca', '<file>', 'authorities (PEM) whose certificates are believed; without, those of the system'),
    setting('tls-clients', '<who>', 'who must show a certificate of --tls-ca to connect')
      .choices(['none', 'servers', 'all'])
      .default('none'),
  ];
}

/** @throws UsageError that names the flag */
export function accessSettings(options: AccessOptions): AccessSettings {
  const { jwtKeys, jwtIssuer, jwtAudience } = options;
  const issuer = jwtIssuer || undefined;
  const audience = jwtAudience || undefined;
  if (!jwtKeys && (issuer ?? audience) !== undefined) {
    throw new UsageError('--jwt-issuer and --jwt-audience say nothing without --jwt-keys');
  }
  return Object.freeze({
    token: options.token || undefined,
    tokensFile: pathOf(options.tokens),
    jwtKeysFile: pathOf(jwtKeys),
    jwtIssuer: issuer,
    jwtAudience: audience,
    auditLogFile: pathOf(options.auditLog),
    requestsPerSecond: options.rateLimit,
    tls: tlsSettings(options),
  });
}

/** Whether anybody is asked for a token. */
export function asksForTokens({ token, tokensFile, jwtKeysFile }: AccessSettings): boolean {
  return token !== undefined || tokensFile !== undefined || jwtKeysFile !== undefined;
}

function tlsSettings(options: AccessOptions): TlsSettings | undefined {
  const [certFile, keyFile, caFile] = [pathOf(options.tlsCert), pathOf(options.tlsKey), pathOf(options.tlsCa)];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UsageError('--tls-cert and --tls-key belong together');
  }
  if (options.tlsClients !== 'none' && caFile === undefined) {
    throw new UsageError(`--tls-clients ${options.tlsClients} needs --tls-ca, which says whose certificates count`);
  }
  if (certFile === undefined || keyFile === undefined) {
    if (caFile !== undefined) throw new UsageError('--tls-ca says nothing without --tls-cert and --tls-key');
    return undefined;
  }
  return Object.freeze({ certFile, keyFile, caFile, certifiedClients: options.tlsClients });
}

function pathOf(file: string | undefined): string | undefined {
  return file ? resolve(file) : undefined;
}
