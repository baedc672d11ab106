/**
 * Says in words why a connection to a server cannot be made, and how to correct that. The texts of OpenSSL and of grpc-js name
 * neither the side that is wrong nor the key of the config.
 */

/** A failure whose message says what to do. The original error is its cause. */
export class ExplainedFailure extends Error {
  readonly code: string | undefined;

  constructor(message: string, cause: unknown, code = (cause as NodeJS.ErrnoException).code) {
    super(message, { cause });
    this.code = code;
  }
}

const NO_HTTP2 = 'expected HTTP/2 from the upstream, got no HTTP/2 frame';
/** The advice for an upstream with TLS (`true`), without it (`false`), and for one of which that is not known (`undefined`). */
const MENDS = {
  true: 'check that the target is the port of a gRPC server, and that the server accepts the certificate in tls.cert',
  false:
    'if the server speaks TLS, add tls: {} to the upstream; otherwise check that the target is the port of a gRPC server',
  undefined: 'check that the target is the port of a gRPC server, and that TLS is on at both sides or at neither',
};
const NOT_TRUSTED = 'SELF_SIGNED|self.signed cert|UNABLE_TO_VERIFY|unable to verify|UNABLE_TO_GET_ISSUER|unable to get';
const NOT_ACCEPTED = 'UNKNOWN_CA|alert unknown ca|BAD_CERTIFICATE|alert bad certificate|alert certificate (?!required)';

/** The patterns that the code and the message of an error match, and the text for each. */
const WORDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /wrong.version.number/i,
    'expected TLS from the upstream, got plaintext; remove tls from the upstream, or turn on TLS at the server',
  ],
  [
    /certificate.required/i,
    'the server demands a certificate of the gateway; set tls.cert and tls.key of the upstream',
  ],
  [new RegExp(NOT_ACCEPTED, 'i'), 'the server does not accept the certificate of the gateway in tls.cert'],
  [
    /ALTNAME_INVALID/,
    'the certificate of the server is for other names; set tls.serverName of the upstream to one of them',
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/i, 'the certificate of the server has expired; renew it at the server'],
  [
    new RegExp(NOT_TRUSTED, 'i'),
    'the certificate of the server is signed by an authority that is not trusted; name the authority in tls.ca of the upstream',
  ],
  [
    /no.application.protocol|expected ALPN h2/i,
    'the server speaks TLS, but not HTTP/2; check that the target is the port of a gRPC server',
  ],
  [/Last error: (Failed to connect|Protocol error)/, `${NO_HTTP2}; ${MENDS.undefined}`],
];

/**
 * The explained failures by their cause. All calls that fail because of one connection have the same cause and share the text.
 */
const told = new WeakMap<object, ExplainedFailure>();

/** Returns the failure in words, or unchanged if there are none for it. */
export function inWords(cause: unknown): unknown {
  if (cause instanceof ExplainedFailure) return cause;
  const known = typeof cause === 'object' && cause !== null ? told.get(cause) : undefined;
  if (known !== undefined) return known;
  const text =
    cause instanceof Error ? `${(cause as NodeJS.ErrnoException).code ?? ''} ${cause.message}` : String(cause);
  const words = WORDS.find(([pattern]) => pattern.test(text))?.[1];
  if (words === undefined) return cause;
  // The names of a certificate are only in the message.
  const names = /is not in the cert's altnames: ([^\n]{1,200}?)\.?(?: Resolution note.*)?$/.exec(text)?.[1];
  const failure = new ExplainedFailure(names === undefined ? words : `${words} (${names})`, cause);
  if (typeof cause === 'object' && cause !== null) told.set(cause, failure);
  return failure;
}

/**
 * Returns the failure of a peer that has sent no frame of HTTP/2. `overTls` is true if the handshake of TLS has succeeded,
 * and undefined if that is not known.
 */
export function withoutHttp2(cause: unknown, overTls: boolean | undefined): ExplainedFailure {
  const words = inWords(cause);
  if (words instanceof ExplainedFailure) return words;
  return new ExplainedFailure(`${NO_HTTP2}; ${MENDS[`${overTls}`]}`, cause, 'NO_HTTP2');
}
