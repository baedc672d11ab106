/**
 * This module finds the caller whom a client certificate names. The caller's name is the first kind of name in
 * `identity` that the certificate has. During the TLS handshake Node has checked whether an authority of
 * `listen.tls.clientCa` signed the certificate; this module refuses a certificate that none of them signed.
 *
 *     URI:spiffe://example.com/orders, DNS:orders.internal    subject CN=orders
 *     identity [uri, dns, cn] → spiffe://example.com/orders
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { CERTIFICATE_ISSUER, identityMetadata, type Principal } from '../../call/principal.js';
import { gatewayError } from '../../status/status-error.js';

export type CertificateName = 'uri' | 'dns' | 'cn';

export interface CertificateSettings {
  readonly identity: readonly CertificateName[];
  readonly consumerToMetadata?: string | undefined;
  readonly issuerToMetadata?: string | undefined;
}

type Names = Readonly<Record<CertificateName, readonly string[]>>;

/**
 * Returns a function that finds the caller at the other end of a connection and remembers the result for each
 * connection. The function returns undefined when the client sent no certificate. It throws 401 when no authority
 * signed the certificate, when the certificate has no usable name, or when it has expired since the connection was
 * made.
 */
export function certificateReader(
  settings: CertificateSettings,
  clock: Clock,
): (socket: Socket) => Principal | undefined {
  const known = new WeakMap<Socket, { readonly principal: Principal | undefined }>();
  return function certificateOf(socket) {
    let found = known.get(socket);
    if (found === undefined) {
      found = { principal: socket instanceof TLSSocket ? principalOf(socket, settings) : undefined };
      known.set(socket, found);
    }
    const { principal } = found;
    if (clock.now() >= (principal?.credential.endsAtMs ?? Number.POSITIVE_INFINITY))
      throw refused('expected one that is still valid, got one that has expired');
    return principal;
  };
}

function principalOf(socket: TLSSocket, settings: CertificateSettings): Principal | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  if (!socket.authorized) throw refused('expected one that a trusted authority signed, got another one');
  const principal = certificatePrincipal(certificate, settings);
  if (principal === undefined)
    throw refused(`expected it to contain a name (${settings.identity.join(', ')}), got none`);
  return principal;
}

function refused(text: string): Error {
  return gatewayError('INVALID_CERTIFICATE', `client certificate: ${text}`);
}

/** Returns the caller whom a certificate names. Undefined when the certificate has none of the names in `identity`. */
export function certificatePrincipal(
  certificate: Pick<X509Certificate, 'subjectAltName' | 'subject' | 'validTo'>,
  { identity, consumerToMetadata, issuerToMetadata }: CertificateSettings,
): Principal | undefined {
  const names = namesOf(certificate);
  const subject = identity.map((kind) => names[kind][0]).find((name) => name !== undefined);
  if (subject === undefined) return undefined;
  return {
    subject,
    issuer: CERTIFICATE_ISSUER,
    consumer: subject,
    plan: undefined,
    scopes: new Set(),
    claims: { uri: names.uri, dns: names.dns, cn: names.cn[0] },
    credential: { endsAtMs: Date.parse(certificate.validTo), stands: () => true },
    metadata: identityMetadata([consumerToMetadata, subject], [issuerToMetadata, CERTIFICATE_ISSUER]),
  };
}

/**
 * Returns only the names that can be sent in a header: 1 to 256 characters of printable ASCII without a space at either end,
 * because such a space would be lost.
 */
function namesOf({ subjectAltName, subject }: Pick<X509Certificate, 'subjectAltName' | 'subject'>): Names {
  const alternatives = splitAlternatives(subjectAltName ?? '');
  const of = (prefix: string, entries: readonly string[]) =>
    entries
      .filter((entry) => entry.startsWith(prefix))
      .map((entry) => entry.slice(prefix.length))
      .filter((name) => /^[!-~](?:[ -~]{0,254}[!-~])?$/.test(name));
  const commonNames = of('CN=', subject.split('\n'));
  return { uri: of('URI:', alternatives), dns: of('DNS:', alternatives), cn: commonNames.slice(0, 1) };
}

/**
 * Splits the alternative names that Node writes as `KIND:value, KIND:value`. Node quotes a value as JSON if it contains
 * a comma or a quote (CVE-2021-44532): `DNS:"a, DNS:b"` is one name. Quoted names are left out.
 */
function splitAlternatives(text: string): string[] {
  const entries = text.match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return entries.map((entry) => entry.trimStart()).filter((entry) => !/^[A-Za-z ]+:"/.test(entry));
}
