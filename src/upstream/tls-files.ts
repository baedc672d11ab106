/**
 * The TLS files of an upstream: the certificate authorities (CAs) that are trusted, and the gateway's own certificate. When the
 * content of a file changes, new connections use it, and the present connections are replaced.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import { RenewedFiles } from '../base/renewed-files.js';
import type { Resource } from '../base/resources.js';
import { checkAuthorities } from '../base/whole-pem.js';
import type { Log } from '../telemetry/log.js';
import type { TlsSettings } from './transport.js';

/**
 * The paths of the files, as the config has them. All files are in PEM. `serverName` is the name that the server's certificate
 * must be for.
 */
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

  /** Reads the files. Throws if a file cannot be read, or if the key does not belong to the certificate. */
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

  /** Calls `renewed` after each change of the files. The returned function ends this. */
  follow(renewed: () => void): () => void {
    this.followers.add(renewed);
    return () => this.followers.delete(renewed);
  }

  /** Checks the files for changes now. A reload of the config calls it. */
  check(): void {
    this.files.check();
  }

  /** Logs that a server accepts no connection with the new files. The old connections stay in use. */
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

/**
 * Returns the settings with a `context`. Throws if a file has invalid content, or if the key does not belong to the
 * certificate.
 */
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

/** The files in which operating systems keep the CAs that they trust: Debian and Alpine, Red Hat, SUSE, and macOS. */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Returns the certificates of the CAs that the system trusts, from the file in SSL_CERT_FILE or else the first file of the list
 * above, and those in NODE_EXTRA_CA_CERTS. Undefined when there is no such file: then Node trusts its built-in CAs and those in
 * NODE_EXTRA_CA_CERTS.
 */
function systemRoots(): Buffer | undefined {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = process.env;
  const file = (SSL_CERT_FILE ? [SSL_CERT_FILE] : SYSTEM_ROOTS).find((path) => existsSync(path));
  if (file === undefined) return undefined;
  const extra = NODE_EXTRA_CA_CERTS ? [readFileSync(NODE_EXTRA_CA_CERTS)] : [];
  return Buffer.concat([readFileSync(file), Buffer.from('\n'), ...extra]);
}
