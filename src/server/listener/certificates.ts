/**
 * Renews certificates while the gateway runs: the files are read again every second, and new connections get the changed
 * certificates. The files are polled, as API keys are, because files are often replaced, and so are the folders above them.
 */
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.js';
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

const POLL_MS = 1000;

/** Reads the files until the server closes. `read` throws while a file is missing. */
export function followCertificates(
  server: Server,
  first: TlsSettings | undefined,
  read: () => TlsSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): void {
  if (first === undefined || !(server instanceof TlsServer)) return;
  let served = first;
  /**
   * How many times in a row reading has failed. A problem is logged once, and only if it lasts: two files that are replaced
   * one after the other may not match for a second.
   */
  let problems = 0;
  let cancel = clock.after(POLL_MS, poll);
  server.once('close', () => cancel());

  function poll(): void {
    try {
      const next = read();
      if (!isSame(served, next)) {
        createSecureContext(secureContext(next)); // this throws if the key does not fit the certificate
        (server as TlsServer).setSecureContext(secureContext(next));
        served = next;
        log.info({}, 'the TLS certificates were reloaded');
      }
      problems = 0;
    } catch (error) {
      problems++;
      if (problems === 2)
        log.error({ err: error }, 'the new TLS certificates cannot be read; the old ones stay in use');
    }
    cancel = clock.after(POLL_MS, poll);
  }
}

function isSame(a: TlsSettings, b: TlsSettings): boolean {
  const same = (x: Buffer | undefined, y: Buffer | undefined) =>
    x === undefined || y === undefined ? x === y : x.equals(y);
  return same(a.cert, b.cert) && same(a.key, b.key) && same(a.clientCa, b.clientCa);
}
