/**
 * Certificates are renewed while the gateway runs: the files are read again every second, and what has changed is served to
 * new connections. It polls for the reason that API keys do: files are replaced, and so are folders above them.
 */
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import type { Log } from '../../telemetry/log.js';

/** PEM, as it stands in the files. */
export interface TlsSettings {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who may sign client certificates; one is asked for and not demanded: that is for the routes to do. */
  readonly clientCa?: Buffer;
}

/** What may change while the server runs. RFC 9325: nothing older than TLS 1.2. */
export function secureContext({ cert, key, clientCa }: TlsSettings) {
  return { cert, key, minVersion: 'TLSv1.2' as const, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

const POLL_MS = 1000;

/** `read` throws while a file is missing. The returned function ends it; so does the server's close. */
export function followCertificates(
  server: Server,
  first: TlsSettings | undefined,
  read: () => TlsSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): void {
  if (first === undefined || !(server instanceof TlsServer)) return;
  let served = first;
  /** A problem that stays is told once; one second of it may be two files that are replaced one after the other. */
  let problems = 0;
  let cancel = clock.after(POLL_MS, poll);
  server.once('close', () => cancel());

  function poll(): void {
    try {
      const next = read();
      if (!isSame(served, next)) {
        createSecureContext(secureContext(next)); // throws for a key that is not the certificate's
        (server as TlsServer).setSecureContext(secureContext(next));
        served = next;
        log.info({}, 'new certificates are served');
      }
      problems = 0;
    } catch (error) {
      problems++;
      if (problems === 2) log.error({ err: error }, 'the new certificates can’t be read, the old ones are served');
    }
    cancel = clock.after(POLL_MS, poll);
  }
}

function isSame(a: TlsSettings, b: TlsSettings): boolean {
  const same = (x: Buffer | undefined, y: Buffer | undefined) =>
    x === undefined || y === undefined ? x === y : x.equals(y);
  return same(a.cert, b.cert) && same(a.key, b.key) && same(a.clientCa, b.clientCa);
}
