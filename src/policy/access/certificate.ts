/**
 * Who a client certificate names: the first of the kinds in `identity` that it has. The listener has checked by then
 * that an authority of `listen.tls.clientCa` signed it.
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
 * Who is at the other end of a connection; a connection is asked once. Undefined: it brought no certificate. Throws 401
 * for one that no authority signed, that names nobody, or that has ended since the connection was made.
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
      throw refused('expected one that is valid, got one that has ended');
    return principal;
  };
}

function principalOf(socket: TLSSocket, settings: CertificateSettings): Principal | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  if (!socket.authorized) throw refused('expected one that a known authority signed');
  const principal = certificatePrincipal(certificate, settings);
  if (principal === undefined) throw refused(`expected a name (${settings.identity.join(', ')}), got none`);
  return principal;
}

function refused(text: string): Error {
  return gatewayError(401, 'INVALID_CERTIFICATE', `client certificate: ${text}`);
}

/** Undefined: the certificate has none of the names that count. */
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

/** Only names that may travel in a header: printable ASCII, not empty, no space around it, which would get lost. */
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
 * Node writes `KIND:value, KIND:value` and quotes a value as JSON where it holds a comma or a quote (CVE-2021-44532):
 * `DNS:"a, DNS:b"` is one name. A name that is quoted is nobody's.
 */
function splitAlternatives(text: string): string[] {
  const entries = text.match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return entries.map((entry) => entry.trimStart()).filter((entry) => !/^[A-Za-z ]+:"/.test(entry));
}
