/** Renews certificates while the gateway runs: new connections get the certificates of changed files. */
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { RenewedFiles } from '../../base/renewed-files.js';
import { checkAuthorities } from '../../base/whole-pem.js';
import type { Log } from '../../telemetry/log.js';

/** The content of the files, in PEM. */
export interface TlsSettings {
  readonly cert: Buffer;
  readonly key: Buffer;
  /**
   * The certificate authorities of client certificates. Every client is asked for a certificate and may send none: the
   * routes decide whether one is required.
   */
  readonly clientCa?: Buffer;
}

/** Returns the options that may change while the server runs. The lowest version is TLS 1.2 (RFC 9325). */
export function secureContext({ cert, key, clientCa }: TlsSettings) {
  return { cert, key, minVersion: 'TLSv1.2' as const, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

/**
 * Gives the server the new certificates whenever the files have changed, until it closes. `read` throws while a file is
 * missing.
 */
export function followCertificates(
  server: Server,
  first: TlsSettings | undefined,
  read: () => TlsSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): void {
  if (first === undefined || !(server instanceof TlsServer)) return;
  const files = new RenewedFiles({
    first,
    read,
    use(next) {
      if (next.clientCa !== undefined) checkAuthorities(next.clientCa);
      createSecureContext(secureContext(next)); // this throws if the key does not fit the certificate
      server.setSecureContext(secureContext(next));
      log.info({}, 'the TLS certificates were reloaded');
    },
    onProblem: (error) =>
      log.error({ err: error }, 'the new TLS certificates cannot be read; the old ones stay in use'),
    clock,
  });
  server.once('close', () => files.stop());
}
