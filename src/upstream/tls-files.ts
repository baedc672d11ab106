/**
 * The TLS files of an upstream: the authorities that it trusts, and its own certificate. When their content changes, new
 * connections use it, and the present connections are replaced.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import { RenewedFiles } from '../base/renewed-files.js';
import type { Resource } from '../base/resources.js';
import { checkAuthorities } from '../base/whole-pem.js';
import type { Log } from '../telemetry/log.js';
import type { TlsSettings } from './transport.js';

/** The paths of the files, as the config has them. All are in PEM. */
export interface TlsPaths {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

export class TlsFiles implements Resource {
  private settings: TlsSettings;
  private readonly files: RenewedFiles<TlsSettings>;
  private readonly followers = new Set<() => void>();

  /** Throws if a file cannot be read. */
  constructor(
    paths: TlsPaths,
    private readonly log: Log,
    clock: Clock,
  ) {
    const read = () => contentOf(paths);
    const first = read();
    this.settings = withContext(first);
    this.files = new RenewedFiles({
      first,
      read,
      use: (next) => this.use(next),
      onProblem: (error) =>
        log.error({ err: error }, 'the new TLS files of an upstream cannot be used; the old ones stay in use'),
      clock,
    });
  }

  /** Returns the settings that new connections use. */
  current(): TlsSettings {
    return this.settings;
  }

  /** Calls `renewed` after each change, until the returned function is called. */
  follow(renewed: () => void): () => void {
    this.followers.add(renewed);
    return () => this.followers.delete(renewed);
  }

  /** Reads the files now, as a reload does. */
  check(): void {
    this.files.check();
  }

  /** Tells that a server takes no connection with the new files, while the old connections go on. */
  refused(error: unknown): void {
    this.log.warn({ err: error }, 'a server takes no connection with the renewed TLS files; the old one stays in use');
  }

  async close(): Promise<void> {
    this.files.stop();
  }

  private use(next: TlsSettings): void {
    if (next.ca !== undefined) checkAuthorities(next.ca);
    this.settings = withContext(next);
    this.log.info({}, 'the TLS files of an upstream were reloaded');
    for (const renewed of this.followers) renewed();
  }
}

/** Throws if the key does not fit the certificate. */
function withContext(settings: TlsSettings): TlsSettings {
  const { ca, cert, key } = settings;
  const context = createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  return { ...settings, context };
}

function contentOf({ ca: path, cert, key, serverName }: TlsPaths): TlsSettings {
  const ca = path === undefined ? systemRoots() : readFileSync(path);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** The files in which systems keep the authorities that they trust: Debian, Red Hat, SUSE, Alpine and macOS. */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Returns the authorities that the system trusts, and those of NODE_EXTRA_CA_CERTS. Undefined when the system has no such
 * file: then Node trusts the authorities that it brings, and those of NODE_EXTRA_CA_CERTS.
 */
function systemRoots(): Buffer | undefined {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = process.env;
  const file = (SSL_CERT_FILE ? [SSL_CERT_FILE] : SYSTEM_ROOTS).find((path) => existsSync(path));
  if (file === undefined) return undefined;
  const extra = NODE_EXTRA_CA_CERTS ? [readFileSync(NODE_EXTRA_CA_CERTS)] : [];
  return Buffer.concat([readFileSync(file), Buffer.from('\n'), ...extra]);
}
