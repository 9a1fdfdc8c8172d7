/**
 * TLS from files that are replaced while the server runs: certificates are short-lived. New connections use what the
 * files held last; open ones go on with what they began with.
 */
import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsSettings } from './access-settings.ts';
import { OperationFailed } from './exit.ts';
import type { WatchedFiles } from './watched-files.ts';

/** What a link to another server is opened with, and whether those that are accepted must show a certificate. */
export interface LinkSecurity {
  readonly asksForCertificates: boolean;
  clientOptions(): SecureContextOptions;
}

export interface ServerTls extends SecureContextOptions {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

export class TlsFiles implements LinkSecurity {
  readonly #settings: TlsSettings;
  #material: SecureContextOptions = {};
  #server: Server | undefined;

  private constructor(settings: TlsSettings) {
    this.#settings = settings;
  }

  /** @throws OperationFailed that names the files and what is wrong with them */
  static async open(settings: TlsSettings, files: WatchedFiles): Promise<TlsFiles> {
    const tls = new TlsFiles(settings);
    const { certFile, keyFile, caFile } = settings;
    const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    try {
      await files.add(paths, ([cert = '', key = '', ca]) =>
        tls.#use({ cert, key, ...(ca === undefined ? {} : { ca }) }),
      );
    } catch (error) {
      throw new OperationFailed(`${paths.join(', ')} cannot be used for TLS: ${(error as Error).message}`);
    }
    return tls;
  }

  get asksForCertificates(): boolean {
    return this.#settings.certifiedClients !== 'none';
  }

  serverOptions(): ServerTls {
    return { ...this.#material, ...this.#demands() };
  }

  /** Servers present their own certificate to each other. */
  clientOptions(): SecureContextOptions {
    return this.#material;
  }

  /** From now on the server follows the files. */
  attach(server: Server): void {
    this.#server = server;
  }

  #demands(): Omit<ServerTls, keyof SecureContextOptions> & { readonly minVersion: 'TLSv1.2' } {
    const { certifiedClients } = this.#settings;
    // With `servers`, whoever has none may still come, but opens no link (`web-socket-transport.ts`).
    return {
      requestCert: certifiedClients !== 'none',
      rejectUnauthorized: certifiedClients === 'all',
      minVersion: 'TLSv1.2',
    };
  }

  #use(material: SecureContextOptions): void {
    // Throws if certificate and key do not fit, before anything is replaced.
    createSecureContext(material);
    this.#material = material;
    this.#server?.setSecureContext({ ...material, minVersion: 'TLSv1.2' });
  }
}
